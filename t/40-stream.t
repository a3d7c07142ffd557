# Streams: whatever way the provider writes its events, the client gets each
# of them, whole, in order and at once, and an end that tells the truth.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $done = "data: [DONE]\n\n";
my $with_usage = '"stream_options":{"include_usage":true}';

sub events_of { return map { "data: $_\n\n" } @_ }

# The events that a client gets of a model, and the head.
sub ask
{
    my ($gw, $model, $more) = @_;
    my ($wire, $head) = $gw->stream($model, $more);
    my @events = $wire->events;
    push @events, "left over: $wire->{tail}" if length $wire->{tail};
    push @events, 'broken: ' . $wire->broken if $wire->broken;
    return (\@events, $head);
}

# The same of a stream that goes on when its client has some of it.
sub ask_slowly
{
    my ($gw, $up, $model) = @_;
    $up->shut('begun');
    my ($wire, $head) = $gw->stream($model);
    my @events = map { $wire->event } 1 .. 2;
    $up->release('begun');
    return ([ @events, $wire->events ], $head);
}

# Ends in an error event that names `code`, without [DONE].
sub ends_with_error
{
    my ($events, $code, $what) = @_;
    my $last = @$events ? $events->[-1] : '';
    my ($json) = $last =~ /\Adata: (.*)\n\n\z/;
    my $error = eval { Gateway::decode($json)->{error} };
    is ref $error ? $error->{code} : $last, $code, "$what: $code";
    is join(' ', sort keys %{ ref $error ? $error : {} }),
        'code message param type', "$what: in OpenAI's shape";
    is scalar(grep { $_ eq $done } @$events), 0, "$what: no [DONE]";
}

my @words = ('Hel', 'lo ', "w\x{f6}rld", " \x{1f600}", '', ' "quoted"',
    "\n", '.');
my @plain = deltas(\@words);
my @usage = deltas(\@words, usage => 1);

# Every way to write the same events.
my %ways = (
    'event by event' => {}, 'in one piece' => { split => 1 << 20 },
    'byte by byte' => { split => 1 }, 'two by two' => { split => 2 },
    'seven by seven' => { split => 7 },
    'CRLF' => { eol => "\r\n" }, 'CRLF, byte by byte' =>
        { eol => "\r\n", split => 1 },
    'CR' => { eol => "\r" }, 'CR, byte by byte' => { eol => "\r", split => 1 },
    'CR, three by three' => { eol => "\r", split => 3 },
    'without length' => { framing => 'close' },
    'slowly' => { wait => 0.002, split => 40 },
);

sub scripts
{
    my %scripts;
    for my $way (keys %ways) {
        (my $name = $way) =~ s/\W+/-/g;
        $scripts{$name} = [ stream(\@usage, %{ $ways{$way} }) ];
    }
    return %scripts;
}

my $first = chunk('{"role":"assistant","content":""}');
my $token = chunk('{"content":"tok"}');
my $stop = chunk('{}', finish => 'stop');
# What follows comes when the client has this.
my @begun = ($first, $token, gate('begun'));

my %odd = (
    comments => [ stream([ \": hello\n\n", $plain[0], \":\n:x\n\n",
        @plain[1 .. 3], \": keep-alive\n\n: again\n\n",
        @plain[4 .. $#plain] ]) ],
    fields => [ stream([ map { \("event: message\nid: 7\nretry: 5\nodd: x\n"
        . "data: $_\n\n") } @plain ]) ],
    tight => [ stream([ map { \"data:$_\n\n" } @plain ]) ],
    bom => [ stream([ \"\xef\xbb\xbf", @plain ]) ],
    empty => [ stream([ \"\n\n\ndata\n\nevent: x\n\n", @plain ]) ],
    lines => [ stream([ $first, \(qq(data: {"choices":[{"index":0,\n)
        . qq(data: "delta":{"content":"x"}}]}\n\n)), $stop ]) ],
    malformed => [ stream([ @plain[0 .. 2], '{"choices":[{"del', 'garbage',
        '[1,2]', "{\"x\":\"\xff\"}", @plain[3 .. $#plain] ]) ],
    'usage-late' => [ stream([ @usage, \"" ]) ],
    'usage-in-last' => [ stream([ $first, $token,
        '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
        . '"usage":{"prompt_tokens":7,"completion_tokens":5}}' ]) ],
    nousage => [ stream(\@plain) ],
    noend => [ stream(\@plain, done => 0) ],
    'noend-usage' => [ stream(\@usage, done => 0) ],
    'noend-close' => [ stream(\@plain, done => 0, framing => 'close') ],
    'noend-blank' => [ stream([ @plain[0 .. $#plain - 1],
        \"data: $plain[-1]\n" ], done => 0) ],
    after => [ stream([ @plain ], end => [ [ send => sprintf "%x\r\n%s\r\n",
        length "data: $token\n\nrubbish", "data: $token\n\nrubbish" ],
        [ send => "0\r\n\r\n" ] ]) ],
    'after-hang' => [ stream([ @plain ], end => [ ['hang'] ]) ],
    'after-reset' => [ stream([ @plain ], end => [ ['reset'] ]) ],
    cut => [ stream([ @begun, $token ], done => 0,
        end => [ ['close'] ]) ],
    'cut-reset' => [ stream([ $first, $token, $token, gate('cut') ],
        done => 0, end => [ ['reset'] ]) ],
    'cut-inside' => [ stream([ @begun, \substr "data: $token", 0, 60 ],
        done => 0, end => [ ['close'] ]) ],
    'cut-clean' => [ stream([ @begun, $token ], done => 0,
        framing => 'close') ],
    'cut-framed' => [ stream([ @begun, $token ], done => 0) ],
    'cut-length' => [ stream([ @begun ], done => 0,
        framing => 5000, end => [ ['close'] ]) ],
    stall => [ stream([ $first, $token, gate('never') ]) ],
    error => [ stream([ @begun,
        '{"error":{"message":"on fire","type":"server_error","param":null,'
        . '"code":"flames"}}', $token ]) ],
    tools => [ stream([ chunk('{"role":"assistant","content":null}'),
        chunk('{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
        . '"function":{"name":"f","arguments":""}}]}'),
        chunk('{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}'),
        chunk('{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}'),
        chunk('{}', finish => 'tool_calls') ]) ],
    long => [ stream([ map { chunk(qq({"content":"$_"})) } 1 .. 5000 ],
        split => 30_000) ],
    wide => [ stream([ $first, chunk('{"content":"' . 'x' x 1_000_000
        . '"}'), $stop ], split => 65536) ],
    gates => [ stream([ map { ($_, gate('each')) } $first, map {
        chunk(qq({"content":"$_"})) } 1 .. 10 ]) ],
    type => [ stream(\@plain, headers => { 'Content-Type' =>
        'Text/Event-Stream;charset=UTF-8' }) ],
);

my @cut = qw(cut cut-inside cut-length cut-clean cut-framed);

sub streams
{
    my ($mpm) = @_;
    my $up = Upstream->start(scripts(), %odd);
    my $gw = Gateway->start(mpm => $mpm, conf =>
        $up->section('fake', 'LLMTimeout idle=10s')
        . $up->section('hasty', 'LLMTimeout idle=200ms')
        . "LLMModel stalled hasty/stall\nLLMModel * fake/*\n"
        . join('', map { "LLMModel $_ fake/$_\n" } @cut)
        . "<LLMProvider echo>\n</LLMProvider>\nLLMModel echo echo/echo\n");
    subtest "$mpm: every way to write them" => sub { ways($gw) };
    subtest "$mpm: the head" => sub { heads($gw) };
    subtest "$mpm: usage" => sub { usage($gw) };
    subtest "$mpm: odd but right" => sub { right($gw, $up) };
    subtest "$mpm: ends" => sub { ends($gw, $up) };
    subtest "$mpm: event by event" => sub { at_once($gw, $up) };
    subtest "$mpm: echo" => sub { echo($gw) };
    subtest "$mpm: one connection" => sub { connection($gw) };
    ok $gw->idle, "$mpm: nothing is left in flight";
    $gw->log_clean(qr{LLM0010: provider fake});
}

sub ways
{
    my ($gw) = @_;
    my @due = (events_of(@plain), $done);
    my @full = (events_of(@usage), $done);
    for my $way (sort keys %ways) {
        (my $name = $way) =~ s/\W+/-/g;
        my ($events) = ask($gw, $name);
        is_deeply $events, \@due, $way;
        ($events) = ask($gw, $name, $with_usage);
        is_deeply $events, \@full, "$way, with usage";
    }
}

sub heads
{
    my ($gw) = @_;
    my ($events, $answer) = ask($gw, 'event-by-event');
    my $head = $answer->{headers};
    is $answer->{status}, 200, 'answered';
    like $head->{'content-type'}, qr{\Atext/event-stream}, 'content-type';
    is $head->{'cache-control'}, 'no-cache', 'cache-control';
    is $head->{'x-accel-buffering'}, 'no', 'x-accel-buffering';
    is $head->{'x-llm-model'}, 'event-by-event', 'x-llm-model';
    is $head->{'x-llm-provider'}, 'fake', 'x-llm-provider';
    is $head->{'x-llm-attempts'}, 1, 'x-llm-attempts';
    ok length $head->{'x-request-id'}, 'x-request-id';
    my $line = $gw->logged($head->{'x-request-id'});
    is "$line->{in} $line->{out} $line->{fault}", '7 5 ok',
        'the log has the tokens';
    is $line->{bytes}, length join('', @$events), 'and the bytes';
}

sub usage
{
    my ($gw) = @_;
    my ($events) = ask($gw, 'usage-in-last');
    like $events->[-2], qr/"finish_reason":"stop"\}\],"usage":\{/,
        'usage beside a finish reason stays, asked or not';
    is $gw->row('fake', 'usage-in-last')->{tokens_in}, 7, 'and is counted';
    ($events) = ask($gw, 'nousage');
    is_deeply $events, [ events_of(@plain), $done ], 'none is none';
    ok $gw->idle, 'settled';
    is $gw->row('fake', 'nousage')->{unmetered}, 1, 'and is counted so';
    ($events) = ask($gw, 'event-by-event', '"stream_options":'
        . '{"include_usage":false}');
    is_deeply $events, [ events_of(@plain), $done ],
        'include_usage: false is no';
}

sub right
{
    my ($gw, $up) = @_;
    my @due = (events_of(@plain), $done);
    for my $name (qw(comments fields tight bom empty malformed noend
        noend-close after after-hang after-reset type)) {
        my ($events) = ask($gw, $name);
        is_deeply $events, \@due, $name;
    }
    my ($events) = ask($gw, 'noend-usage');
    is_deeply $events, \@due, 'noend-usage';
    ($events) = ask($gw, 'noend-usage', $with_usage);
    is_deeply $events, [ events_of(@usage), $done ], 'noend, usage asked';
    ($events) = ask($gw, 'lines');
    is $events->[1], qq(data: {"choices":[{"index":0,\n)
        . qq(data: "delta":{"content":"x"}}]}\n\n), 'data of several lines';
    ($events) = ask($gw, 'tools');
    is scalar @$events, 6, 'tool calls';
    ($events) = ask($gw, 'long');
    is_deeply $events, [ events_of(map { chunk(qq({"content":"$_"})) }
        1 .. 5000), $done ], 'five thousand events';
    ($events) = ask($gw, 'wide');
    is length $events->[1], length(chunk('{"content":""}')) + 1_000_008,
        'an event of a million bytes';
    ok $up->await_most(open => 40), 'connections are given back';
}

sub ends
{
    my ($gw, $up) = @_;
    for my $name (@cut) {
        my ($events) = ask_slowly($gw, $up, $name);
        is_deeply [ @$events[0, 1] ], [ events_of($first, $token) ],
            "$name: what came, came";
        ends_with_error($events, 'provider_cut', $name);
        is $gw->row('fake', $name)->{faults}{cut}, 1, "$name: counted"
            if $gw->idle;
    }
    $up->shut('cut');
    my ($wire) = $gw->stream('cut-reset');
    my @events = map { $wire->event } 1 .. 3;
    $up->release('cut');        # also for who is asked to go on
    push @events, $wire->events;
    ends_with_error(\@events, 'provider_cut', 'cut-reset');
    my ($events) = ask($gw, 'stalled');
    ends_with_error($events, 'provider_stalled', 'stalled');
    ok $up->await(gone => 1), 'and the provider is left';
    ($events, my $head) = ask_slowly($gw, $up, 'error');
    is scalar @$events, 3, 'error: nothing after it';
    like $events->[-1], qr/on fire/, 'error: its words';
    is scalar(grep { $_ eq $done } @$events), 0, 'error: no [DONE]';
    my $line = $gw->logged($head->{headers}{'x-request-id'});
    isnt $line->{fault}, 'ok', 'error: the log knows';
    is $line->{status}, 200, 'error: though the status was sent';
}

# Each event is with the client before the provider makes the next.
sub at_once
{
    my ($gw, $up) = @_;
    my ($wire, @seen);
    $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {},
        Gateway::question('gates', '"stream":true'));
    $up->await(at_gate => 1);
    $up->release('each', 1);
    $wire->head;
    push @seen, $wire->event;
    for my $n (1 .. 10) {
        my $event = $wire->event;
        like $event, qr/"content":"$n"/, "event $n";
        $up->release('each', 1);
    }
    is $wire->event, $done, 'and the end';
}

sub echo
{
    my ($gw) = @_;
    my ($events, $head) = ask($gw, 'echo', $with_usage);
    is $head->{status}, 200, 'answered';
    is pop @$events, $done, 'ends with [DONE]';
    my @chunks = map { /\Adata: (.*)\n\n\z/s; Gateway::decode($1) } @$events;
    my $usage = (pop @chunks)->{usage};
    my $text = join '', map { $_->{choices}[0]{delta}{content} // '' }
        @chunks;
    my $whole = $gw->chat('echo')->{json};
    is $text, $whole->{choices}[0]{message}{content},
        'says the same streamed and whole';
    is_deeply $usage, $whole->{usage}, 'and counts the same';
    ($events) = ask($gw, 'echo?length=50');
    cmp_ok scalar @$events, '>=', 50, 'length=50';
    ($events) = ask($gw, 'echo?tools=2');
    my %names = map { /"name":"(\w+)"/ ? ($1 => 1) : () } @$events;
    ok scalar(grep { /"tool_calls"/ } @$events), 'tools=2';
    ($events) = ask($gw, 'echo?fault=cut&at=1&pace=2s');
    ends_with_error($events, 'provider_cut', 'fault=cut');
    ($events) = ask($gw, 'echo?fault=noend');
    is $events->[-1], $done, 'fault=noend';
    ($events) = ask($gw, 'echo?fault=malformed');
    is $events->[-1], $done, 'fault=malformed';
    is scalar(grep { /broken/ } @$events), 0, 'skipped';
}

sub connection
{
    my ($gw) = @_;
    my $wire = $gw->wire;
    my @due = (events_of(@plain), $done);
    for my $n (1 .. 3) {
        $wire->request(POST => $Gateway::CHAT, {},
            Gateway::question('event-by-event', '"stream":true'));
        is $wire->head->{status}, 200, "stream $n on one connection";
        is_deeply [ $wire->events ], \@due, 'whole';
    }
    my $question = Gateway::question('event-by-event', '"stream":true');
    $wire->send(join '', ("POST $Gateway::CHAT HTTP/1.1\r\nHost: x\r\n"
        . 'Content-Length: ' . length($question) . "\r\n\r\n$question") x 3);
    for my $n (1 .. 3) {
        $wire->head;
        is_deeply [ $wire->events ], \@due, "stream $n of three at once";
    }
    $wire = $gw->wire;
    $wire->send("POST $Gateway::CHAT HTTP/1.0\r\nContent-Length: "
        . length($question) . "\r\n\r\n$question");
    my $head = $wire->head;
    ok !exists $head->{headers}{'transfer-encoding'}, 'HTTP/1.0: no chunks';
    is_deeply [ $wire->events ], \@due, 'HTTP/1.0: whole';
}

streams($_) for qw(event worker prefork);

# --- a slow reader -----------------------------------------------------------

subtest 'a client that does not read holds up its own stream only' => sub {
    my $up = Upstream->start(flood => [ stream([ map {
        chunk('{"content":"' . 'x' x 1000 . '"}') } 1 .. 10_000 ],
        split => 60_000) ], small => [ stream(\@plain) ]);
    my $gw = Gateway->start(mpm => 'event', children => 1, threads => 8,
        conf => $up->section('fake') . "LLMModel * fake/*\nLLMModel flood fake/flood\n");
    my $before = $gw->rss(($gw->children)[0]);
    my @slow = map { my $wire = $gw->wire(rcvbuf => 65536);
        $wire->request(POST => $Gateway::CHAT, {},
            Gateway::question('flood', '"stream":true')); $wire } 1 .. 20;
    $_->head for @slow;
    for (1 .. 5) {
        my ($events) = ask($gw, 'small');
        is $events->[-1], $done, 'others are served';
    }
    cmp_ok $gw->rss(($gw->children)[0]) - $before, '<', 100 << 20,
        'and its stream is not kept in memory'
        unless Gateway::sanitized();
    $_->close for @slow[ 1 .. 19 ];
    my $n = () = $slow[0]->events;
    is $n, 10_001, 'read at last, it is whole';
    ok $gw->idle, 'those who left are settled';
    is $gw->row('fake', 'flood')->{faults}{client_gone}, 19,
        'and counted as gone';
    $gw->log_clean;
};

done_testing;
