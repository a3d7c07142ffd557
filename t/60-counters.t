# The counters are the truth: over many children, over restarts and reloads,
# when a child is killed, when the table is full, when its size is changed.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Load;
use Test::More;
use Upstream;

Gateway->need_module;

my $usage = '"stream_options":{"include_usage":true}';

sub provider
{
    return Upstream->start(good => [ whole(completion()) ],
        stream => [ stream([ deltas([qw(a b c)], usage => 1) ]) ],
        bad => [ fault(400) ],
        held => [ gate('held'), whole(completion()) ],
        slow => [ [ wait => 0.01 ], whole(completion()) ]);
}

my @names = qw(good stream bad held slow);

sub conf
{
    my ($up) = @_;
    return $up->section('fake') . join '', map { "LLMModel $_ fake/$_\n" }
        @names;
}

my @bodies = (Gateway::question('good'), Gateway::question('slow'),
    Gateway::question('stream', "\"stream\":true,$usage"));

sub ask
{
    my ($gw, $model) = @_;
    my $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {}, Gateway::question($model));
    return $wire;
}

# Nothing contradicts anything: rows add up to totals, faults to errors.
sub consistent
{
    my ($status, $what) = @_;
    my %sum;
    my $bad = 0;
    for my $row (@{ $status->{rows} }) {
        $sum{$_} += $row->{$_} for qw(calls streams errors failovers tokens_in
            tokens_out bytes_in bytes_out unmetered);
        my $faults = 0;
        $faults += $_ for values %{ $row->{faults} };
        $bad++ if $faults != $row->{errors};
        my $n = 0;
        $n += $_->[1] for @{ $row->{total}{buckets} };
        $bad++ if $n != $row->{total}{count} || $n != $row->{calls};
    }
    is $bad, 0, "$what: every row is of one piece";
    is_deeply { map { $_ => $status->{totals}{$_} } keys %sum }, \%sum,
        "$what: the rows are the totals";
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: exact over many children" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 4,
            conf => conf($up));
        my $load = Load->start($gw, clients => 6, calls => 99,
            body => [ @bodies, @bodies, Gateway::question('bad') ]);
        my $got = $load->finish;
        ok $gw->idle, 'idle';
        my $status = $gw->status;
        my $all = $status->{totals};
        is $got->{lost} + $got->{kept}, 0, 'nothing was lost';
        is $all->{calls}, $got->{sent}, 'calls';
        is $all->{errors}, $got->{refused}, 'errors';
        is $all->{faults}{rejected}, $got->{refused}, 'of one kind';
        is $all->{tokens_in}, $got->{in}, 'tokens in';
        is $all->{tokens_out}, $got->{out}, 'tokens out';
        is $all->{streams}, $gw->row('fake', 'stream')->{calls}, 'streams';
        is $all->{unmetered}, 0, 'all metered';
        is $gw->row('fake', 'good')->{tokens_cached},
            3 * $gw->row('fake', 'good')->{calls}, 'cached tokens';
        is $gw->row('fake', 'good')->{tokens_reasoning},
            2 * $gw->row('fake', 'good')->{calls}, 'reasoning tokens';
        is $gw->row('fake', 'good')->{bytes_in},
            length(Gateway::question('good'))
            * $gw->row('fake', 'good')->{calls}, 'bytes in';
        is $gw->row('fake', 'good')->{bytes_out}, length(completion())
            * $gw->row('fake', 'good')->{calls}, 'bytes out';
        cmp_ok $all->{first}{count}, '>=', $got->{answered}, 'first tokens';
        consistent($status, 'then');
        $gw->log_clean;
    };

    subtest "$mpm: a child is killed" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 3, threads => 24,
            conf => conf($up));
        my @wires = map { ask($gw, 'held') } 1 .. 12;
        ok $up->await(at_gate => 12), 'twelve wait';
        # The one that a provider's connection belongs to has calls for sure.
        my ($victim) = grep { fds_to($gw, $_, $up->port) } $gw->children;
        my $lost = fds_to($gw, $victim, $up->port);
        cmp_ok $lost, '>', 0, "the victim holds $lost of them";
        kill KILL => $victim;
        ok $up->await(gone => $lost), 'the provider sees them leave';
        ok Gateway::until_true(sub {
            $gw->status->{in_flight} == 12 - $lost }), 'they are settled';
        is $gw->status->{totals}{faults}{died}, $lost, 'as died';
        $up->release('held');
        my $answered = grep { ($_->answer || {})->{status} } @wires;
        is $answered, 12 - $lost, 'the others are answered';
        is $gw->chat('good')->{status}, 200, 'and life goes on';
        ok $gw->idle, 'idle';
        my $status = $gw->status;
        is $status->{totals}{calls}, 13, 'every call is counted once';
        is $status->{totals}{errors}, $lost, 'the lost ones as errors';
        is $status->{totals}{tokens_in}, 7 * (13 - $lost), 'tokens';
        $status = $gw->status;
        is $status->{totals}{calls}, 13, 'and not again';
        consistent($status, 'then');
        $gw->log_clean(qr/LLM0104/);
    };
}

# How many connections to that port a process holds.
sub fds_to
{
    my ($gw, $pid, $port) = @_;
    my $hex = sprintf ':%04X', $port;
    my %inode;
    for my $line (split /\n/, Gateway::read_file("/proc/$pid/net/tcp")) {
        my @field = split ' ', $line;
        $inode{ $field[9] } = 1 if $field[2] =~ /$hex\z/ && $field[3] eq '01';
    }
    my $n = 0;
    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd;
        $n++ if defined $to && $to =~ /^socket:\[(\d+)\]/ && $inode{$1};
    }
    return $n;
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: graceful restarts under load" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 2, threads => 24,
            conf => conf($up));
        my $load = Load->start($gw, clients => 4, body => \@bodies);
        for (1 .. 3) {
            $up->await(answered => $up->counts->{answered} + 60);
            $gw->graceful;
        }
        $up->await(answered => $up->counts->{answered} + 60);
        my $got = $load->stop;
        ok $gw->idle, 'idle';
        my $status = $gw->status;
        cmp_ok $got->{answered}, '>=', 240, "$got->{answered} calls";
        is $got->{lost}, 0, 'none was lost';
        is $got->{refused}, 0, 'none was refused';
        is $status->{totals}{calls}, $got->{answered}, 'every one is counted';
        is $status->{totals}{tokens_in}, $got->{in}, 'with its tokens';
        is $status->{totals}{errors}, 0, 'no errors';
        consistent($status, 'then');
        $gw->log_clean;
    };
}

subtest 'event: a killed child and three restarts under load' => sub {
    my $up = provider();
    my $gw = Gateway->start(mpm => 'event', children => 3,
        conf => conf($up));
    my $load = Load->start($gw, clients => 6, body => \@bodies);
    my $some = sub { $up->await(answered => $up->counts->{answered} + 60) };
    $some->();
    $gw->graceful;
    $some->();
    kill KILL => ($gw->children)[0];
    $some->();
    $gw->graceful for 1 .. 2;
    $some->();
    kill KILL => ($gw->children)[-1];
    $some->();
    my $got = $load->stop;
    ok $gw->idle, 'idle';
    my $status = $gw->status;
    my $all = $status->{totals};
    my $died = $all->{faults}{died} || 0;
    diag "$got->{sent} sent, $got->{answered} answered, $died died";
    is $got->{refused}, 0, 'none was refused';
    cmp_ok $died, '<=', $got->{lost} + $got->{kept}, 'who died was lost';
    is $all->{errors}, $died, 'no other error';
    cmp_ok $all->{calls}, '>=', $got->{answered},
        'every answered call is counted';
    cmp_ok $all->{calls}, '<=', $got->{answered} + $got->{lost}
        + $got->{kept}, 'and no other, but those on their way';
    is $all->{tokens_in}, 7 * ($all->{calls} - $died), 'with its tokens';
    consistent($status, 'then');
    # httpd may miss a child of a generation that was born a moment ago when
    # it stops, with or without this module, and then says so.
    $gw->log_clean(qr/LLM0104/, qr/AH0004[567]:/);
};

# --- reload ------------------------------------------------------------------------

subtest 'the module is enabled by a reload, taken away and brought back' => sub {
    my $up = provider();
    my $gw = Gateway->start(module => 0, conf => '');
    is $gw->get('/llm/v1/models')->{status}, 404, 'it is not there';
    my %with = (module => 1, conf => conf($up));
    my $turn = sub {
        my ($on) = @_;
        $gw->{module} = $on;
        $gw->{conf} = $on ? conf($up) : '';
        $gw->configure;
        my @old = $gw->graceful;
        ok $gw->gone(@old), $on ? 'it is there' : 'it has gone';
    };
    for my $round (1 .. 2) {
        $turn->(1);
        is $gw->chat('good')->{status}, 200, 'and answers' for 1 .. 5;
        my ($wire) = $gw->stream('stream');
        is scalar(() = $wire->events), 6, 'and streams';
        ok $gw->idle, 'idle';
        is $gw->status->{totals}{calls}, 6 * $round, 'and counts on';
        $turn->(0);
        is $gw->get('/index.html')->{content}, "plain\n", 'httpd serves on';
    }
    $gw->log_clean;
};

subtest 'the size of the meter is changed while calls are in flight' => sub {
    my $up = provider();
    my $gw = Gateway->start(conf => "LLMMeterSize 1M\n" . conf($up));
    $gw->chat('good') for 1 .. 7;
    my @wires = map { ask($gw, 'held') } 1 .. 5;
    ok $up->await(at_gate => 5), 'five wait';
    for my $size (4, 2, 1, 1) {
        $gw->{conf} = "LLMMeterSize ${size}M\n" . conf($up);
        $gw->configure;
        $gw->graceful;
        $gw->chat('good');
        ok Gateway::until_true(sub {
            $gw->status->{totals}{calls} >= 7 }), "$size: nothing is lost";
        is $gw->status->{in_flight}, 5, "$size: five in flight";
        is $gw->status->{meter}{bytes}, $size * 1048576, "$size: it is";
    }
    $up->release('held');
    is scalar(grep { $_->answer->{status} == 200 } @wires), 5, 'all answered';
    ok $gw->idle, 'idle';
    ok Gateway::until_true(sub { $gw->status->{totals}{calls} == 16 }),
        'and every one is counted' or diag $gw->status->{totals}{calls};
    is $gw->status->{totals}{tokens_in}, 16 * 7, 'with its tokens';
    consistent($gw->status, 'then');
    $gw->log_clean;
};

# --- full --------------------------------------------------------------------------

subtest 'a full table' => sub {
    my (undef, $said) = Gateway->check(conf => "LLMMeterSize 1K\n");
    my ($least) = $said =~ /from (\d+) to/;
    ok $least, "the smallest has $least bytes";
    my $conf = "LLMMeterSize $least\n<LLMProvider echo>\n</LLMProvider>\n";
    my $gw = Gateway->start(conf => $conf . join '', map {
        "LLMModel m$_ echo/echo\n" } 1 .. 300);
    my $rows = $gw->status->{meter}{rows};
    cmp_ok $rows, '<', 250, "$rows rows";
    my $load = Load->start($gw, clients => 3, calls => 300,
        body => [ map { Gateway::question("m$_") } 1 .. 300 ]);
    my $got = $load->finish;
    is $got->{answered}, 900, 'all are answered';
    ok $gw->idle, 'idle';
    my $status = $gw->status;
    is $status->{totals}{calls}, 900, 'all are counted';
    ok $status->{meter}{full}, 'the table is full';
    is $gw->row('echo', 'm1')->{calls}, 3, 'who came first has a row';
    my ($other) = grep { $_->{model} eq 'other' || $_->{provider} eq 'other' }
        @{ $status->{rows} };
    cmp_ok $other->{calls}, '>=', 900 - 3 * $rows, 'the rest is "other"';
    consistent($status, 'then');
    like $gw->get('/llm-status')->{content}, qr/other/, 'the page says so';
    $gw->log_clean(qr/LLM\d+:.*(?:meter|row)/);
};

subtest 'names that only clients made up take no rows' => sub {
    my $up = Upstream->start(default => [ fault(404) ]);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel * fake/*\n");
    my $before = $gw->status->{meter}{rows_used};
    $gw->chat("made-up-$_") for 1 .. 20;
    $gw->chat("made up $_") for 1 .. 5;
    ok $gw->idle, 'idle';
    cmp_ok $gw->status->{meter}{rows_used}, '<=', $before + 2, 'not one each';
    is $gw->status->{totals}{calls}, 25, 'but all are counted';
    $gw->log_clean;
};

done_testing;
