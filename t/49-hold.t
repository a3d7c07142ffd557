# A stream that is held back until it is proven: up to then its client knows
# nothing of it, and whatever goes wrong is made good by the next target.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my @events = events_of('one');
my $error = '{"error":{"message":"overheated","type":"server_error"}}';

# Ten words, which are some thirty characters, and then this.
sub begun
{
    my ($more, @end) = @_;
    return stream([ @events[0 .. 10], @$more ], done => 0,
        @end ? (end => \@end) : ());
}

my %scripts = (
    dies => [ begun([], ['close']) ],
    resets => [ begun([], ['reset']) ],
    silent => [ begun([], ['hang']) ],
    says => [ begun([$error]) ],
    garbage => [ begun([], [ send => "zz\r\nnot a chunk\r\n" ], ['close']) ],
    broken => [ begun([], [ send => "9\r\ndata: {\"c\r\n" ], ['close']) ],
    pauses => [ begun([ gate('rest'), @events[11 .. $#events] ]) ],
    short => [ begun([ @events[ $#events - 1 .. $#events ] ]) ],
    tool => [ stream([ signed(one => chunk('{"role":"assistant",'
        . '"tool_calls":[{"index":0,"id":"c1","type":"function","function":'
        . '{"name":"f","arguments":""}}]}'), map { chunk('{"tool_calls":[{'
        . '"index":0,"function":{"arguments":' . Gateway::encode($_) . '}}]}')
        } '{"city":', '"' . 'x' x 100 . '"}') ], done => 0,
        end => [ ['hang'] ]) ],
    ok => sub { good(one => $_[0]) },
    good => sub { good(two => $_[0]) },
    hurt => sub { $_[0]{json}{stream} ? begun([], ['close'])
        : good(one => $_[0]) },
);
my @faults = qw(dies resets silent says garbage broken);

sub start
{
    my ($up, $hold, @more) = @_;
    return Gateway->start(children => 1, @more, location => $hold,
        conf => $up->section('one') . $up->section('two')
        . "LLMModel * one/*\n" . join '', map { my $idle = $_ eq 'silent'
            ? 'idle=400ms' : ''; "LLMModel $_-good one/$_ $idle two/good\n" }
            @faults, 'hurt');
}

sub anthropic
{
    my ($gw, $model) = @_;
    my $wire = $gw->wire;
    $wire->request(POST => '/llm/v1/messages',
        { 'anthropic-version' => '2023-06-01' }, Gateway::encode({
        model => $model, max_tokens => 500, stream => JSON::PP::true(),
        messages => [ { role => 'user', content => 'Say hello.' } ] }));
    return ($wire, $wire->head);
}

# --- what goes wrong -----------------------------------------------------------

sub invisible
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = start($up, 'LLMHold chars=60 time=20s', mpm => $mpm);
    for my $fault (@faults) {
        $up->forget;
        my $before = counted($gw);
        my $answer = outcome($gw, "$fault-good", 1);
        is $answer->{headers}{'x-llm-provider'}, 'two', "$fault: who answers";
        is_right($answer, two => 1);
        is $answer->{headers}{'x-llm-attempts'}, 2, "$fault: attempts";
        my $more = since($gw, $before);
        is $more->{'two calls'}, 1, "$fault: one call";
        is $more->{'two errors'}, undef, "$fault: no error";
        is_deeply [ grep { /given_up/ } keys %$more ],
            [ 'one given_up ' . ($fault eq 'silent' ? 'stalled'
                : $fault eq 'says' ? 'failed' : 'cut') ], "$fault: given up"
            or diag explain $more;
    }
    my ($wire) = anthropic($gw, 'dies-good');
    my $body = $wire->body;
    is scalar(() = $body =~ /^event: message_start$/mg), 1,
        'translated: one beginning';
    unlike $body, qr/"p\d+ "/, 'nothing of the first';
    like $body, qr/"s60 ".*^event: message_stop$/ms, 'all of the second';

    my $answer = outcome($gw, 'dies', 1);
    is $answer->{status}, 502, 'nobody is left: the status says so';
    is $answer->{error}{code}, 'provider_cut', 'and the error';
    is_right(outcome($gw, 'hurt-good', 0), one => 0);
    $gw->log_clean(qr/LLM0010/);
}

# --- until when ----------------------------------------------------------------

sub proven
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    for ([ 'chars=30' => 'pauses' ], [ 'time=200ms' => 'pauses' ],
        [ 'chars=90 time=200ms' => 'pauses' ],
        [ 'chars=30 time=20s' => 'pauses' ]) {
        my ($hold, $model) = @$_;
        my $gw = start($up, "LLMHold $hold", mpm => $mpm);
        $up->shut('rest');
        my ($wire, $head) = $gw->stream($model);
        is $head->{headers}{'x-llm-provider'}, 'one',
            "$hold: it is sent while the rest is awaited";
        $up->release('rest');
        is_right(heard($wire, $head), one => 1);
        $gw->log_clean;
    }
    my $gw = start($up, 'LLMHold chars=50000', mpm => $mpm);
    is_right(outcome($gw, 'ok', 1), one => 1);
    my $short = outcome($gw, 'short', 1);
    is $short->{finish}, 1, 'a short stream is sent when it is finished';
    is $short->{usage}{prompt_tokens}, undef, 'as it is';
    $gw->log_clean;

    $gw = start($up, 'LLMHold chars=100', mpm => $mpm);
    my ($wire, $head) = $gw->stream('tool');
    is $head->{status}, 200, 'the arguments of a call are output';
    like $wire->event, qr/tool_calls/, 'and sent';
    $wire->close;
    ok $gw->idle, 'settled';
    $gw->log_clean;
}

# --- min-rate= -------------------------------------------------------------------

sub quick
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(mpm => $mpm, children => 1,
        conf => $up->section('one', 'LLMTimeout idle=20s min-rate=1000/300ms')
        . $up->section('two') . "LLMModel slow one/pauses two/good\n"
        . "LLMModel last two/dies one/pauses\n"
        . "LLMModel quick one/pauses min-rate=20/20s two/good\n"
        . "LLMModel free one/pauses min-rate=off two/good\n",
        location => 'LLMRecover off');
    my $before = counted($gw);
    my $answer = outcome($gw, 'slow', 1);
    is_right($answer, two => 1);
    is $answer->{headers}{'x-llm-attempts'}, 2, 'too slow, given up';
    ok $up->await(gone => 1), 'and cancelled';
    my $more = since($gw, $before);
    is $more->{'one given_up sluggish'}, 1, 'as sluggish';
    is $more->{'two calls'}, 1, 'one call';
    for my $model (qw(last quick free)) {
        $up->shut('rest');
        $up->script('dies', ['close']) if $model eq 'last';
        my ($wire, $head) = $gw->stream($model);
        is $head->{headers}{'x-llm-provider'}, 'one', "$model: it is sent";
        $up->release('rest');
        is_right(heard($wire, $head), one => 1);
    }
    $up->shut('rest');
    my ($wire) = anthropic($gw, 'slow');
    my $body = $wire->body;
    unlike $body, qr/"p\d+ "/, 'translated: nothing of the first';
    like $body, qr/"s60 ".*^event: message_stop$/ms, 'all of the second';
    is_right(outcome($gw, 'slow', 1), two => 1);
    $gw->log_clean;
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: too slow" => sub { quick($mpm) };
    subtest "$mpm: what goes wrong" => sub { invisible($mpm) };
    subtest "$mpm: until when" => sub { proven($mpm) };
}

subtest 'how often each is asked' => sub {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(location => 'LLMHold chars=60', conf =>
        $up->section('one', 'LLMRetry attempts=2 backoff=10ms',
            'LLMTimeout idle=20s') . $up->section('two')
        . "LLMModel cut one/dies two/good\n"
        . "LLMModel slow one/silent min-rate=60/200ms two/good\n");
    for (['cut', 'dies', 2], ['slow', 'silent', 1]) {
        my ($model, $script, $often) = @$_;
        $up->forget;
        is_right(outcome($gw, $model, 1), two => 1);
        is scalar asked($up, $script), $often, "$model: the first";
        is scalar asked($up, 'good'), 1, "$model: the second";
    }
    $gw->log_clean;
};

subtest 'where it is said' => sub {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(location => 'LLMHold off', conf =>
        "LLMHold chars=60\n" . $up->section('one', 'LLMTimeout idle=2s')
        . $up->section('two') . "LLMModel m one/silent two/good\n"
        . "<Location /held>\n    SetHandler llm\n    Require local\n"
        . "</Location>\n");
    my ($wire, $head) = $gw->stream('m');
    is $head->{headers}{'x-llm-provider'}, 'one', 'off where it is off';
    $wire->close;
    $wire = $gw->wire;
    $wire->request(POST => '/held/v1/chat/completions', {},
        Gateway::question('m', '"stream":true'));
    is $wire->head->{headers}{'x-llm-provider'}, 'two', 'as the server has it';
    $wire->close;
    ok $gw->idle, 'settled';
    $gw->log_clean;
};

done_testing;
