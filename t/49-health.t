# Who is left alone, and who comes back: slow targets, and providers that are
# asked whether they are well before a client's call is.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $good = completion();

# Who answers the model, and after how many attempts.
sub who
{
    my ($gw, $streamed) = @_;
    my $answer = $gw->chat('m', $streamed ? '"stream":true' : undef);
    return join ' ', $answer->{status},
        map { defined $_ ? $_ : '-' }
        @{ $answer->{headers} }{qw(x-llm-provider x-llm-attempts)};
}

# --- slow ones -----------------------------------------------------------

for my $streamed (0, 1) {
    my $kind = $streamed ? 'streamed' : 'whole';
    subtest "a target that is slow is left alone, $kind" => sub {
        my @says = $streamed ? stream([ deltas(['hi']) ]) : whole($good);
        my $up = Upstream->start(m => [ [ wait => 0.5 ], @says ],
            s => [ @says ]);
        my $conf = sub {
            return $up->section('one', 'LLMBreaker window=1h calls=2 rate=50%'
                . " rest=1h $_[0]") . $up->section('two')
                . "LLMModel m one/m two/s\n";
        };
        my $gw = Gateway->start(conf => $conf->('slow=100ms'));
        is who($gw, $streamed), '200 one 1', 'its answer is passed on'
            for 1, 2;
        is who($gw, $streamed), '200 two 1', 'then the next is asked';
        $gw->log_clean;
        $gw = Gateway->start(conf => $conf->(''));
        is who($gw, $streamed), '200 one 1', 'unless nobody said so'
            for 1 .. 3;
        $gw->log_clean;
    };
}

# --- probes --------------------------------------------------------------

# A chain whose first target is open after two calls, for an hour if nobody
# does anything about it.
sub chain
{
    my ($up, @lines) = @_;
    unshift @lines, 'LLMBreaker window=1h calls=2 rate=50% rest=1h'
        unless grep { /LLMBreaker/ } @lines;
    return $up->section('one', @lines) . $up->section('two')
        . "LLMModel m one/m two/s\nLLMModel tick two/tick\n";
}

sub fake
{
    my (%scripts) = @_;
    return Upstream->start(m => [ fault(500) ], s => [ whole($good) ],
        tick => [ [ wait => 0.05 ], whole($good) ], %scripts);
}

sub probes_of { grep { $_->{method} eq 'GET' } @{ $_[0]->requests } }

sub probed
{
    my ($up, $n) = @_;
    return Gateway::until_true(sub { probes_of($up) >= $n });
}

sub state_of
{
    my ($gw, $name) = @_;
    my ($row) = grep { $_->{name} eq $name } @{ $gw->status->{health} };
    return $row->{state};
}

sub open_it
{
    my ($gw) = @_;
    who($gw) for 1, 2;
    is state_of($gw, 'one/m'), 'open', 'it is left alone';
}

# No more probes than one in `every` seconds, but for the first, which may be
# seen late; of ten, each of three children would have made one in that time.
sub seldom
{
    my ($every, @probes) = @_;
    my $span = $probes[-1]{at} - $probes[0]{at};
    return cmp_ok $#probes, '<=', $span / $every + 3,
        'one an interval, whatever children there are';
}

for my $mpm (qw(event prefork)) {
    subtest "$mpm: a probe brings a target back" => sub {
        my $up = fake('/v1/models' => [ fault(503) ]);
        my $gw = Gateway->start(mpm => $mpm, children => 3,
            conf => chain($up, 'LLMProbe interval=300ms'));
        ok Gateway::let_pass(0.7), 'a while';
        is probes_of($up), 0, 'nobody is probed as long as all are well';
        open_it($gw);
        ok probed($up, 10), 'then it is';
        is who($gw), '200 two 1', 'no client has to find out';
        my @probes = probes_of($up);
        is $probes[0]{target}, '/v1/models', 'where it says';
        is $probes[0]{headers}{authorization}, "Bearer $Gateway::CANARY",
            'with the key';
        is $probes[0]{body}, '', 'and no body';
        seldom(0.3, @probes);
        $up->script(m => whole($good));
        $up->script('/v1/models' => answer(200, '{"data":[]}'));
        ok Gateway::until_true(sub { state_of($gw, 'one/m') eq 'half-open' }),
            'a good one ends its rest';
        is who($gw), '200 one 1', 'the next call goes there';
        is state_of($gw, 'one/m'), 'well', 'and closes it';
        $up->forget;
        ok Gateway::let_pass(0.7), 'a while';
        is probes_of($up), 0, 'then nobody is probed any more';
        is $gw->total('calls'), 4, 'a probe is no call';
        $gw->log_clean(qr/LLM0010/);
    };
}

subtest 'a bad probe keeps clients away' => sub {
    my $up = fake('/v1/models' => [ ['reset'] ]);
    my $gw = Gateway->start(conf => chain($up, 'LLMProbe interval=200ms',
        'LLMBreaker window=1h calls=2 rate=50% rest=2s..2s'));
    open_it($gw);
    my $wire = $gw->wire;
    ok Gateway::until_true(sub {
        for my $model (qw(m tick)) {
            $wire->request(POST => $Gateway::CHAT, {},
                Gateway::question($model));
            $wire->answer;
        }
        return probes_of($up) >= 25;
    }), 'much longer than its rest';
    is scalar(grep { $_->{model} eq 'm' } @{ $up->requests }), 2,
        'it is asked no more';
    $wire->close;
    $gw->log_clean(qr/LLM0010/);
};

subtest 'a probe that nobody answers' => sub {
    my $up = fake('/v1/models' => [ ['hang'] ]);
    my $gw = Gateway->start(conf => chain($up,
        'LLMProbe interval=200ms timeout=300ms'));
    open_it($gw);
    ok $up->await(gone => 3), 'is given up, and tried anew';
    is state_of($gw, 'one/m'), 'open', 'and is a bad one';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'an answer that says nothing' => sub {
    my $up = fake('/v1/health' => [ fault(404) ]);
    my $gw = Gateway->start(conf => chain($up,
        'LLMProbe interval=200ms path=/health',
        'LLMBreaker window=1h calls=2 rate=50% rest=1500ms'));
    open_it($gw);
    ok probed($up, 3), 'probes';
    is scalar(grep { /LLM0131/ } $gw->error_log), 1, 'are complained of once';
    ok Gateway::until_true(sub { state_of($gw, 'one/m') eq 'half-open' }),
        'its rest is as long as ever';
    $gw->log_clean(qr/LLM0010/, qr/LLM0131: provider one answers .* 404/);
};

subtest 'a long answer' => sub {
    my $up = fake('/v1/models' => [ whole('x' x 2_000_000) ]);
    my $gw = Gateway->start(conf => chain($up, 'LLMProbe interval=200ms'));
    open_it($gw);
    $up->script(m => whole($good));
    ok Gateway::until_true(sub { state_of($gw, 'one/m') eq 'half-open' }),
        'is a good one';
    is who($gw), '200 one 1', 'and it is back';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'keys that rest' => sub {
    my $up = fake('/v1/models' => sub {
        return $_[0]{headers}{authorization} =~ /bad/ ? fault(401)
            : $_[0]{n} < 5 ? fault(503) : answer(200, '{}');
    }, m => sub {
        return $_[0]{headers}{authorization} =~ /bad/ ? fault(401)
            : fault(500);
    });
    my $conf = chain($up, 'LLMKey env:BAD_KEY weight=1000',
        'LLMProbe interval=200ms');
    my $gw = Gateway->start(env => { BAD_KEY => 'bad' }, conf => $conf);
    Gateway::until_true(sub { who($gw); state_of($gw, 'one/m') eq 'open' });
    is state_of($gw, 'one key 2'), 'resting', 'one key is refused';
    ok probed($up, 5), 'probes';
    ok Gateway::until_true(sub { state_of($gw, 'one/m') eq 'half-open' }),
        'are made with the other';
    is scalar(grep { $_->{headers}{authorization} =~ /bad/ } probes_of($up)),
        0, 'and not with that';
    is state_of($gw, 'one key 2'), 'resting', 'which rests on';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'who probes may go' => sub {
    my $up = fake('/v1/models' => [ fault(503) ]);
    my $gw = Gateway->start(children => 3,
        conf => chain($up, 'LLMProbe interval=300ms'));
    open_it($gw);
    ok probed($up, 2), 'probes';
    my @old = $gw->graceful;
    ok $gw->gone(@old), 'a graceful restart';
    $up->forget;
    ok probed($up, 10), 'they go on';
    seldom(0.3, probes_of($up));
    $gw->settled;
    kill KILL => $gw->children;
    $up->forget;
    ok probed($up, 10), 'when all children are killed, too';
    seldom(0.3, probes_of($up));
    $up->script('/v1/models' => [ 'hang' ]);
    $up->forget;
    ok probed($up, 1), 'one is out';
    $gw->stop;
    ok !grep({ /AH0004[567]:/ } $gw->error_log), 'httpd does not wait for it';
    $up->forget;
    ok Gateway::let_pass(0.7), 'a while';
    is scalar @{ $up->requests }, 0, 'and nothing is asked after its end';
    $gw->log_clean(qr/LLM0010/, qr/exit signal Killed/,
        qr/AH10392:/);
};

for my $bad ('interval=10ms', 'interval=2h', 'timeout=0s',
    'path=models', 'path="/a b"', 'path=', 'every=3s') {
    my ($code, $said) = Gateway->check(conf => chain(fake(), "LLMProbe $bad"));
    ok $code && $said =~ /LLMProbe: .*(?:duration|LLMBaseURL|none of)/,
        "LLMProbe $bad is refused" or diag $said;
}

done_testing;
