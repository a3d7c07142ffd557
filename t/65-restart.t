# Fifty graceful restarts, and nothing grows: not the parent's memory, not its
# descriptors, not the mappings, not the processes.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

# What the parent has: bytes, descriptors, mappings, shared segments.
sub held
{
    my ($gw) = @_;
    my @maps = split /\n/, Gateway::read_file("/proc/$gw->{pid}/maps");
    my $rollup = Gateway::read_file("/proc/$gw->{pid}/smaps_rollup");
    my ($private) = $rollup =~ /^Anonymous:\s+(\d+)/m;
    return { rss => $gw->rss, fds => $gw->fds, maps => scalar @maps,
        private => ($private || 0) * 1024,
        threads => $gw->threads($gw->{pid}),
        shared => scalar grep { m{/dev/zero|/dev/shm|/SYSV} } @maps };
}

# Segments of System V that this httpd has made.
sub ipc
{
    my ($gw) = @_;
    return scalar grep { (split)[4] eq $gw->{pid} }
        split /\n/, Gateway::read_file('/proc/sysvipc/shm');
}

my $times = Gateway::sanitized() ? 10 : 50;

my %conf = (
    whole => "LLMModel good fake/good\n<LLMProvider echo>\n</LLMProvider>\n"
        . "LLMModel echo echo/echo\n"
        . join('', map { "LLMModel m$_ fake/m$_\n" } 1 .. 50),
    none => undef,
);

for my $case (sort keys %conf) {
    subtest $case eq 'whole' ? 'the module' : 'httpd alone' => sub {
        my $up = Upstream->start(good => [ whole(completion()) ]);
        my $gw = Gateway->start(children => 1, threads => 4,
            $case eq 'whole' ? (conf => $up->section('fake') . $conf{whole})
            : (module => 0, conf => ''));
        my ($first, $last, $answered) = (undef, undef, 0);
        for my $n (1 .. $times) {
            my @old = again($gw);
            $answered++ if $case eq 'none'
                || $gw->chat('good')->{status} == 200;
            $first = held($gw) if $n == int $times / 5;
        }
        $last = held($gw);
        is $answered, $times, 'every generation answers';
        cmp_ok $last->{private} - $first->{private}, '<', 400_000,
            'memory: ' . ($last->{private} - $first->{private})
            . ' bytes more'
            unless Gateway::sanitized();
        is $last->{fds}, $first->{fds}, "descriptors: $last->{fds}";
        cmp_ok $last->{maps}, '<=', $first->{maps} + 4,
            "mappings: $last->{maps}" unless Gateway::sanitized();
        is $last->{shared}, $first->{shared},
            "shared segments: $last->{shared}";
        is $last->{threads}, 1, 'one thread';
        is ipc($gw), 0, 'no segment of System V';
        ok Gateway::until_true(sub { $gw->children == 1 }), 'one child';
        if ($case eq 'whole') {
            ok $gw->idle, 'idle';
            is $gw->status->{totals}{calls}, $times, 'and all are counted';
        }
        my $pid = $gw->{pid};
        $gw->log_clean(qr/AH0004[567]:/);
        ok !grep({ -d "/proc/$_" } $pid), 'it ends';
    };
}

# Without the second that httpd takes to make a child of the new generation.
sub again
{
    my ($gw) = @_;
    my $times = $gw->resumed;
    kill USR1 => $gw->{pid};
    Gateway::until_true(sub { $gw->resumed > $times })
        or die 'no restart';
}

subtest 'hard restarts keep the counters' => sub {
    my $up = Upstream->start(good => [ whole(completion()) ]);
    my $gw = Gateway->start(children => 2, conf => $up->section('fake')
        . "LLMModel good fake/good\n");
    for my $n (1 .. 5) {
        is $gw->chat('good')->{status}, 200, "answered before restart $n";
        $gw->settled;
        my $times = $gw->resumed;
        kill HUP => $gw->{pid};
        Gateway::until_true(sub { $gw->resumed > $times });
    }
    ok $gw->idle, 'idle';
    is $gw->status->{totals}{calls}, 5, 'five calls';
    ok $gw->settled, 'all children are there';
    $gw->log_clean(qr/AH0004[567]:/, qr/AH03092:/);
};

subtest 'a new configuration is what the next generation has' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel old fake/old\n");
    is $gw->chat('old')->{status}, 200, 'the old model';
    $gw->{conf} = $up->section('fake', 'LLMHeader X-New yes')
        . "LLMModel new fake/new\n";
    $gw->configure;
    my @old = $gw->graceful;
    ok $gw->gone(@old), 'restarted';
    is $gw->chat('old')->{status}, 404, 'has gone';
    is $gw->chat('new')->{status}, 200, 'the new model is there';
    is $up->requests->[-1]{headers}{'x-new'}, 'yes', 'with its header';
    $gw->{conf} = $up->section('fake') . "LLMModel broken nowhere/x\n";
    $gw->configure;
    my ($code) = Gateway->check(conf => $gw->{conf});
    isnt $code, 0, 'a wrong one is seen beforehand';
    $gw->log_clean(qr/AH0004[567]:/);
};

done_testing;
