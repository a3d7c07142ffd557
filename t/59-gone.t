# A client that leaves, wherever its call stands: who is asked for it is left,
# nobody else is asked, nothing stays in flight, and it is counted once.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my @events = events_of('one');          # role, sixty words, finish, usage
my @same = events_of('two');            # the same in the second's name
s/"s(\d+) "/"p$1 "/ for @same;

sub begun { my ($n, @end) = @_;
    return [ stream([ @events[0 .. $n] ], done => 0, end => \@end) ] }

# The second's stream up to its n-th word, and no further.
sub again { [ stream([ @same[0 .. $_[0]], gate('here') ]) ] }

my %scripts = (
    held => [ gate('here') ],
    body => [ [ send => head(200, 'Content-Type' => 'application/json',
        'Content-Length' => 9999) . '{"choices":[' ], gate('here') ],
    error => [ [ send => head(500, 'Content-Type' => 'application/json',
        'Content-Length' => 9999) . '{"error":' ], gate('here') ],
    role => [ stream([ $events[0], gate('here') ]) ],
    words => begun(10, gate('here')),
    cut => begun(20, gate('begun'), ['close']),
    fails => [ fault(503) ],
    waits => [ fault(503, {}, 'Retry-After' => 20) ],
    behind => again(8),
    ahead => again(30),
);

# Where its call stands => { chain, streamed, at: where it was asked; seen:
# what its client has; asked: how often each of the chain was; rests: nobody is
# asked at that moment }
my %where = (
    'before the head' => { chain => 'held', asked => [1] },
    'before the head of a stream' => { chain => 'held', streamed => 1,
        asked => [1] },
    'after a sign of life' => { chain => 'held', streamed => 1, asked => [1],
        at => '/alive', seen => qr/\A: keep-alive\n/ },
    'within a whole answer' => { chain => 'body', asked => [1] },
    'within an error' => { chain => 'error', asked => [1] },
    'before the first word' => { chain => 'role', streamed => 1,
        asked => [1] },
    'held back' => { chain => 'words', streamed => 1, asked => [1],
        at => '/held' },
    'held back, after a sign of life' => { chain => 'words', streamed => 1,
        asked => [1], at => '/both', seen => qr/\A: keep-alive\n/ },
    'in the midst' => { chain => 'words', streamed => 1, asked => [1],
        seen => qr/"p10 "/ },
    'at the second' => { chain => 'fails held', asked => [ 2, 1 ] },
    'at the second, streamed' => { chain => 'fails held', streamed => 1,
        asked => [ 2, 1 ] },
    'in a back-off' => { chain => 'patient:waits', asked => [1], rests => 1 },
    'in a back-off, streamed' => { chain => 'patient:waits', streamed => 1,
        asked => [1], rests => 1 },
    'in a back-off, after a sign of life' => { chain => 'patient:waits',
        streamed => 1, asked => [1], rests => 1, at => '/alive',
        seen => qr/\A: keep-alive\n/ },
    'in recovery, before the head' => { chain => 'cut held', streamed => 1,
        asked => [ 1, 1 ], seen => qr/"p20 "/ },
    'in recovery, before what was said' => { chain => 'cut behind',
        streamed => 1, asked => [ 1, 1 ], seen => qr/"p20 "/ },
    'in recovery, beyond what was said' => { chain => 'cut ahead',
        streamed => 1, asked => [ 1, 1 ], seen => qr/p30 / },
    'in recovery, given what was said' => { chain => 'cut takes',
        streamed => 1, asked => [ 1, 1 ], seen => qr/"p20 "/ },
);
$scripts{takes} = $scripts{held};

sub conf
{
    my ($up) = @_;
    my $n = 0;
    my $conf = $up->section(one => 'LLMRetry attempts=2 backoff=1ms')
        . $up->section('two') . "LLMModelInfo takes prefill\n"
        . $up->section(patient => 'LLMRetry attempts=9 wait=30s');
    for my $where (sort keys %where) {
        my ($first, @more) = split ' ', $where{$where}{chain};
        $first = $first =~ /:/ ? $first =~ s/:/\//r : "one/$first";
        $where{$where}{model} = 'g' . ++$n;
        $conf .= "LLMModel g$n $first" . join('', map { " two/$_" } @more)
            . "\n";
    }
    my %at = (alive => 'LLMKeepAlive 50ms', held => 'LLMHold chars=9999',
        both => "LLMKeepAlive 50ms\nLLMHold chars=9999");
    $conf .= "<Location /$_>\nSetHandler llm\nRequire local\n$at{$_}\n"
        . "</Location>\n" for sort keys %at;
    return $conf;
}

sub ask
{
    my ($gw, $how) = @_;
    my $wire = $gw->wire;
    $wire->request(POST => ($how->{at} || '/llm') . '/v1/chat/completions',
        {}, Gateway::question($how->{model}, $how->{streamed}
        ? '"stream":true' : undef));
    return $wire;
}

# Until the call stands there, as far as that shows.
sub stands
{
    my ($up, $wire, $how) = @_;
    my $headed = $how->{chain} =~ /^cut/;
    if ($headed) {              # it has some of what is cut then
        $wire->head or return 0;
        $up->release('begun');
        $up->await(requests => 2) or return 0;
    }
    $up->await($how->{rests} ? 'answered' : 'at_gate', 1) or return 0;
    return 1 unless $how->{seen};
    $headed or $wire->head or return 0;
    while (defined(my $event = $wire->event)) {
        return 1 if $event =~ $how->{seen};
    }
    return 0;
}

sub leaves
{
    my ($gw, $up, $way, $how) = @_;
    $up->shut($_) for qw(here begun);
    $up->forget;
    my $before = counted($gw);
    my $wire = ask($gw, $how);
    ok stands($up, $wire, $how), 'there it is';
    is $gw->status->{in_flight}, 1, 'in flight';
    $wire->$way;
    ok $up->await(gone => 1), 'the provider is left' unless $how->{rests};
    my $more = since($gw, $before);
    my @chain = map { s/.*://r } split ' ', $how->{chain};
    is_deeply [ map { scalar asked($up, $_) } @chain ], $how->{asked},
        'how often each was asked';
    my %sum;
    for (keys %$more) {
        my ($what) = /\A\S+ (.*)/;
        $sum{$what} += $more->{$_};
    }
    is $sum{calls}, 1, 'one call';
    is $sum{errors}, 1, 'one error';
    is $sum{'faults client_gone'}, 1, 'as client_gone';
    is_deeply [ grep { /faults/ } keys %sum ], ['faults client_gone'],
        'and nothing else';
    is $sum{streams}, $how->{streamed}, 'streams';
    my %said = (one => scalar $how->{chain} =~ /words|cut/,
        two => scalar $how->{chain} =~ /behind|ahead/);
    for my $who (qw(one two)) {
        my ($in, $out, $estimated) = map { $more->{"$who tokens_$_"} || 0 }
            qw(in out estimated);
        is $estimated, $in + $out, "what $who took is estimated";
        is $out > 0, $said{$who}, 'if it has said anything';
        is $in > 0, $said{$who}, 'its prompt with it';
    }
}

for my $mpm (qw(event worker prefork)) {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(mpm => $mpm, children => 1, conf => conf($up));
    for my $where (sort keys %where) {
        for my $way (qw(close reset)) {
            subtest "$mpm, $where: $way" =>
                sub { leaves($gw, $up, $way, $where{$where}) };
        }
    }
    my @lines = grep { $_->{url} =~ /chat/ } $gw->access_log;
    is scalar @lines, 2 * keys %where, "$mpm: each is in the log once";
    is scalar(grep { $_->{fault} ne 'client_gone' } @lines), 0,
        "$mpm: as client_gone";
    is $gw->status->{in_flight}, 0, "$mpm: nothing is in flight";
    ok $up->await_most(at_gate => 0), "$mpm: nobody waits at the provider";
    $gw->log_clean(qr{LLM0010: provider (?:one|patient): });
}

done_testing;
