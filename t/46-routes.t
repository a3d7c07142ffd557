# The faults that a gateway is there for, one by one: who is asked how often,
# what the client has of it, and what it is counted as. Whole and streamed,
# parked and in the thread.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

# By turns: the first time this, then that.
sub once
{
    my @bad = @_;
    return sub { $_[0]{n} == 1 ? @bad : good(one => $_[0]) };
}

sub ever { my @bad = @_; return sub { @bad } }

sub either
{
    my ($whole, $streamed) = @_;
    return sub { $_[0]{json}{stream} ? @$streamed : @$whole };
}

sub all_at_once
{
    return [ send => head(200, 'Content-Type' => 'text/event-stream',
        'Content-Length' => length $_[0]) . $_[0] ];
}

my $half = [ send => head(200, 'Content-Type' => 'application/json',
    'Content-Length' => length body_of('one'))
    . substr body_of('one'), 0, 200 ];
my $streamed_head = [ send => head(200, 'Content-Type' =>
    'text/event-stream', 'Transfer-Encoding' => 'chunked') ];
my @events = events_of('one');

# What happens to a call whose first target does this and whose second is
# well:
#   asked     how often each was, the first and the second
#   who       answers: its words, usage and model reach the client
#   status    or a refusal, with its `code`
#   gave_up   by fault: attempts at the first that were given up
#   fresh     every connection is new: of one that was kept and is reset
#             libcurl by itself asks again on another
#   after     seconds from the first request to the second, at least
#   times     how long the first may take: short for who says nothing, whom
#             nothing can make slower
#   alone     the status without a second target, and its `retry`-after
#   whole, streamed   what differs, or 0: does not apply
my %case = (
    '01 429 with Retry-After, once' => { script => once(fault(429, {},
        'Retry-After' => 1)), asked => [2, 0], who => 'one',
        gave_up => { limited => 1 }, after => 0.9 },
    '02 429 for ever, and says when' => { script => ever(fault(429, {},
        'Retry-After' => 30)), asked => [1, 1], who => 'two',
        gave_up => { limited => 1 }, alone => 429, retry => 30 },
    '02 429 for ever' => { script => ever(fault(429)), asked => [2, 1],
        who => 'two', gave_up => { limited => 2 }, alone => 429 },
    '02 429 for ever, short waits' => { script => ever(fault(429, {},
        'retry-after-ms' => 50)), asked => [2, 1], who => 'two',
        gave_up => { limited => 2 }, alone => 429, retry => 1,
        after => 0.04 },
    '03 500 once' => { script => once(fault(500)), asked => [2, 0],
        who => 'one', gave_up => { failed => 1 } },
    '03 500 for ever' => { script => ever(fault(500)), asked => [2, 1],
        who => 'two', gave_up => { failed => 2 }, alone => 502 },
    '04 503 for ever' => { script => ever(fault(503)), asked => [2, 1],
        who => 'two', gave_up => { overloaded => 2 }, alone => 503 },
    '04 503, back in half a minute' => { script => ever(fault(503, {},
        'Retry-After' => 30)), asked => [1, 1], who => 'two',
        gave_up => { overloaded => 1 }, alone => 503, retry => 30 },
    '05 reset before the head' => { script => ever(['reset']),
        asked => [2, 1], who => 'two', gave_up => { reset => 2 },
        alone => 502, fresh => 1 },
    '05 reset once' => { script => once(['reset']), asked => [2, 0],
        who => 'one', gave_up => { reset => 1 }, fresh => 1 },
    '05 closed before the head' => { script => ever(['close']),
        asked => [2, 1], who => 'two', gave_up => { reset => 2 },
        alone => 502, fresh => 1 },
    '06 never answers' => { script => ever(['hang']), asked => [1, 1],
        who => 'two', gave_up => { slow => 1 }, alone => 504, gone => 1,
        times => 'first=400ms whole=400ms' },
    '07 head, then the first token after 20 s' => { script => either(
        [ [ send => head(200, 'Content-Type' => 'application/json',
            'Content-Length' => length body_of('one')) ], [ wait => 20 ],
            [ send => body_of('one') ] ],
        [ stream([ $events[0], [ wait => 20 ], @events[1 .. $#events] ]) ]),
        asked => [1, 1], who => 'two', gave_up => { slow => 1 },
        alone => 504, gone => 1, times => 'first=400ms whole=400ms' },
    '08 dies in the midst' => { script => ever($half, ['close']),
        asked => [2, 1], who => 'two', gave_up => { cut => 2 },
        alone => 502, streamed => 0 },
    '09 goes silent in the midst' => { script => ever($half, ['hang']),
        asked => [1, 1], who => 'two', gave_up => { stalled => 1 },
        alone => 504, streamed => 0, gone => 1, times => 'idle=400ms' },
    '10 one malformed event' => { script => either(
        [ whole(substr body_of('one'), 0, -30) ],
        [ stream([ @events[0 .. 9], '{"choices":[{"ind', "\x{1}",
            @events[10 .. $#events] ]) ]),
        asked => [1, 1], who => 'two', gave_up => { garbage => 1 },
        streamed => { asked => [1, 0], who => 'one', gave_up => {} } },
    '11 no end marker' => { script => either(
        [ [ send => head(200, 'Content-Type' => 'application/json',
            Connection => 'close') . body_of('one') ], ['close'] ],
        [ stream(\@events, done => 0) ]),
        asked => [1, 0], who => 'one', gave_up => {} },
    '11 no end marker, no framing' => { script => either([],
        [ stream(\@events, done => 0, framing => 'close') ]),
        asked => [1, 0], who => 'one', gave_up => {}, whole => 0 },
    '12 context_length_exceeded' => { script => ever(fault(400,
        { code => 'context_length_exceeded', message => 'too long' })),
        asked => [1, 1], who => 'two', gave_up => { context => 1 },
        alone => 400 },
    '13 content_policy_violation' => { script => ever(fault(400,
        { code => 'content_policy_violation', message => 'not this' })),
        asked => [1, 0], status => 400, gave_up => {},
        code => 'content_policy_violation', text => qr/not this/ },
    'key refused' => { script => ever(fault(401)), asked => [1, 1],
        who => 'two', gave_up => { refused_key => 1 }, alone => 502 },
    'the credit is used up' => { script => ever(fault(429,
        { type => 'insufficient_quota', code => 'insufficient_quota' },
        'Retry-After' => 1)), asked => [1, 1], who => 'two',
        gave_up => { refused_key => 1 }, alone => 502, retry => 1 },
    'the request is wrong' => { script => ever(fault(422, { code => 'odd' })),
        asked => [1, 0], status => 422, gave_up => {}, code => 'odd' },
    'a page' => { script => ever(answer(200, '<html>', 'Content-Type' =>
        'text/html')), asked => [1, 1], who => 'two',
        gave_up => { garbage => 1 }, alone => 502 },
    '1xx before the answer' => { script => sub { ([ send => "HTTP/1.1 103 "
        . "Early Hints\r\nLink: </x>\r\n\r\n" ], good(one => $_[0])) },
        asked => [1, 0], who => 'one', gave_up => {} },
    'an error first, and the end with it' => { script => either([],
        [ all_at_once("data: $events[0]\n\ndata: "
            . '{"error":{"message":"no","type":"x"}}' . "\n\n") ]),
        asked => [2, 1], who => 'two', gave_up => { failed => 2 },
        alone => 502, whole => 0 },
    'an error first, in the stream' => { script => either([],
        [ stream([ $events[0], '{"error":{"message":"no","type":"x"}}' ],
            done => 0) ]), asked => [2, 1], who => 'two',
        gave_up => { failed => 2 }, alone => 502, whole => 0 },
    'a stream without output' => { script => either([],
        [ stream([ $events[0] ], done => 0) ]), asked => [2, 1],
        who => 'two', gave_up => { cut => 2 }, alone => 502, whole => 0 },
);

my (%model, %scripts);
my $n = 0;
for my $what (sort keys %case) {
    $model{$what} = 'f' . ++$n;
    $scripts{ $model{$what} } = $case{$what}{script};
}
$scripts{spare} = sub { good(two => $_[0]) };

# Answers that end with their connection.
sub closing
{
    my ($script) = @_;
    return sub {
        my @steps = ref $script eq 'CODE' ? $script->($_[0]) : @$script;
        s/^(HTTP.*\r\n)/$1Connection: close\r\n/
            for map { $_->[0] eq 'send' ? $_->[1] : () } @steps;
        return (@steps, ['close']);
    };
}

my @retry = 'LLMRetry attempts=2 backoff=1ms..5ms wait=3s';

sub conf
{
    my ($up) = @_;
    my $conf = $up->section('one', @retry) . $up->section('two', @retry);
    for my $what (sort keys %model) {
        my $model = $model{$what};
        my $times = $case{$what}{times} || '';
        $conf .= "LLMModel $model one/$model $times two/spare\n"
            . "LLMModel alone-$model one/$model $times\n";
    }
    return $conf;
}

# What must have been counted for a call that `who` answered.
sub due
{
    my ($who, $streamed, $gave_up) = @_;
    my %due = ("$who calls" => 1, "$who tokens_in" => $is{$who}{in},
        "$who tokens_out" => $is{$who}{out},
        $streamed ? ("$who streams" => 1) : ());
    my $n = 0;
    for my $fault (keys %$gave_up) {
        $due{"one given_up $fault"} = $gave_up->{$fault};
        $n += $gave_up->{$fault};
    }
    $due{'one failovers'} = $n if $n;
    return \%due;
}

# --- one by one ----------------------------------------------------------

sub try
{
    my ($gw, $up, $what, $streamed) = @_;
    my $kind = $streamed ? 'streamed' : 'whole';
    my %due = %{ $case{$what} };
    my $differs = $due{$kind};
    return if defined $differs && !$differs;
    %due = (%due, %{ $differs || {} });
    $up->forget;
    my $before = counted($gw);
    my $answer = outcome($gw, $model{$what}, $streamed);
    my @one = asked($up, $model{$what});
    is_deeply [ scalar @one, scalar asked($up, 'spare') ], $due{asked},
        "$kind: how often each was asked";
    cmp_ok $one[1]{at} - $one[0]{at}, '>=', $due{after},
        "$kind: not before it may" if $due{after} && @one > 1;
    is $answer->{headers}{'x-llm-attempts'}, $due{asked}[0] + $due{asked}[1],
        "$kind: x-llm-attempts";
    is $answer->{headers}{'x-llm-provider'}, $due{who} || 'one',
        "$kind: x-llm-provider";
    ok $up->await(gone => 1), "$kind: who is silent is left" if $due{gone};
    return refused($gw, $answer, $kind, $before, %due) if !$due{who};
    is $answer->{status}, 200, "$kind: rescued";
    is_right($answer, $due{who}, $streamed);
    is_deeply since($gw, $before), due($due{who}, $streamed, $due{gave_up}),
        "$kind: counted once, and billed by who answered";
    alone($gw, $up, $what, $streamed, %due) if $due{alone};
}

sub refused
{
    my ($gw, $answer, $kind, $before, %due) = @_;
    is $answer->{status}, $due{status}, "$kind: refused";
    is $answer->{error}{code}, $due{code}, "$kind: for its reason";
    like $answer->{error}{message}, $due{text}, "$kind: in its words"
        if $due{text};
    is $answer->{headers}{'x-should-retry'}, 'false',
        "$kind: not worth another try";
    my $more = since($gw, $before);
    is $more->{'one errors'}, 1, "$kind: counted as an error";
    ok !grep({ /tokens|failovers|^two/ } keys %$more),
        "$kind: and as nothing else" or diag explain $more;
}

# Nobody is there to help.
sub alone
{
    my ($gw, $up, $what, $streamed, %due) = @_;
    my $kind = ($streamed ? 'streamed' : 'whole') . ', alone';
    $up->forget;
    my $before = counted($gw);
    my $answer = outcome($gw, "alone-$model{$what}", $streamed);
    is $answer->{status}, $due{alone}, "$kind: status";
    is scalar asked($up, $model{$what}), $due{asked}[0], "$kind: as often";
    is $answer->{headers}{'x-llm-attempts'}, $due{asked}[0],
        "$kind: x-llm-attempts";
    is $answer->{headers}{'retry-after'}, $due{retry}, "$kind: Retry-After";
    my $more = since($gw, $before);
    is $more->{'one calls'}, 1, "$kind: one call";
    is $more->{'one errors'}, 1, "$kind: one error";
    is $more->{'one failovers'} || 0, $due{asked}[0] - 1, "$kind: failovers";
    is $more->{'one tokens_in'}, undef, "$kind: nothing to pay";
}

for my $mpm (qw(event prefork)) {
    for my $fresh (0, 1) {
        my @what = grep { !$case{$_}{fresh} == !$fresh } sort keys %case;
        my $up = Upstream->start(map { $_ => $fresh ? closing($scripts{$_})
            : $scripts{$_} } keys %scripts);
        my $gw = Gateway->start(mpm => $mpm, children => 1,
            conf => conf($up));
        for my $what (@what) {
            subtest "$mpm: $what" => sub {
                try($gw, $up, $what, $_) for 0, 1;
            };
        }
        is $gw->status->{totals}{faults}{internal}, undef,
            "$mpm: none of it is the gateway's own fault";
        $gw->log_clean(qr/LLM0010: provider one: /);
    }
}

done_testing;
