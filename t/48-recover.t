# A stream that ends too early after its client had some of it: another target
# goes on where it ended, or it ends in an error. Never does a part look whole.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my @words = map { "word$_ " } 1 .. 60;
my $text = join '', @words;
my $part = join '', @words[0 .. 39];
my @finish = ('{}', finish => 'stop');
my $role = '{"role":"assistant","content":""}';

sub word { '{"content":' . Gateway::encode($_[0]) . '}' }

# The chunks of these words as `who` has them, after the role.
sub said
{
    my ($who, @said) = @_;
    return signed($who, chunk($role), map { chunk(word($_)) } @said);
}

# A whole stream of these words.
sub told
{
    my ($who, @said) = @_;
    return stream([ said($who, @said), signed($who, chunk(@finish),
        usage_chunk(prompt_tokens => $is{$who}{in},
            completion_tokens => $is{$who}{out})) ]);
}

# The same, but what follows the first output comes when the client has that.
sub said_slowly
{
    my ($role, $first, @rest) = said(@_);
    return ($role, $first, gate('heard'), @rest);
}

# One that ends after these words, by these steps.
sub cut
{
    my ($steps, $who, @said) = @_;
    return stream([ said_slowly($who, @said) ], done => 0, end => $steps);
}

# The outcome of a stream whose provider waits for its client.
sub listened
{
    my ($gw, $up, @asked) = @_;
    $up->shut('heard');
    my ($wire, $head) = $gw->stream(@asked);
    $up->release('heard');
    return heard($wire, $head);
}

# What the assistant is to have said already; undef when it begins.
sub begun
{
    my ($request) = @_;
    my $last = $request->{json}{messages}[-1];
    return undef unless $last->{role} eq 'assistant';
    return ref $last->{content} ? $last->{content}[0]{text}
        : $last->{content};
}

# Goes on after what was said, if that is how its own text begins.
sub go_on
{
    my ($request) = @_;
    my $begun = begun($request);
    return told(two => @words) unless defined $begun;
    return fault(400, { message => 'that is not mine' })
        if index $text, $begun;
    my @left = split /(?<= )/, substr $text, length $begun;
    return told(two => @left);
}

my %scripts = (
    dies => [ cut([ ['close'] ], one => @words[0 .. 39]) ],
    resets => [ cut([ ['reset'] ], one => @words[0 .. 39]) ],
    silent => [ cut([ ['hang'] ], one => @words[0 .. 19]) ],
    says => [ stream([ said_slowly(one => @words[0 .. 39]),
        '{"error":{"message":"overheated","type":"server_error"}}' ],
        done => 0) ],
    letters => [ cut([ ['close'] ], one => split //,
        join '', @words[0 .. 9]) ],
    midword => [ cut([ [ send => "9\r\ndata: {\"c\r\n" ], ['close'] ],
        one => @words[0 .. 39]) ],
    tool => [ stream([ signed(one => chunk($role), chunk('{"content":"x"}')),
        gate('heard'), signed(one => chunk('{"tool_calls":[{"index":0,'
            . '"id":"c1","type":"function",'
            . '"function":{"name":"f","arguments":"{\"a"}}]}')) ],
        done => 0, end => [ ['close'] ]) ],
    finished => [ cut([ ['close'] ], one => @words) ],
    by_turns => sub { $_[0]{n} == 1
        ? cut([ ['close'] ], one => @words[0 .. 39]) : told(one => @words) },
    takes => \&go_on,
    same => sub { told(two => @words) },
    other => sub { told(two => map { "other$_ " } 1 .. 60) },
    shorter => sub { told(two => @words[0 .. 9]) },
    refuses => sub { defined begun($_[0])
        ? fault(400, { message => 'the last message must be the user\'s' })
        : told(two => @words) },
    refuses_other => sub { defined begun($_[0]) ? fault(400)
        : told(two => map { "other$_ " } 1 .. 60) },
    dies_too => sub {
        my $begun = begun($_[0]);
        my $n = defined $begun ? () = $begun =~ /\S+/g : 0;
        return cut([ ['close'] ], two => @words[ $n .. $n + 9 ]);
    },
    down => [ fault(503) ],
    down_once => sub { $_[0]{n} == 1 ? fault(503) : told(two => @words) },
    dies_again => sub { $_[0]{n} == 1 ? cut([ ['reset'] ],
        two => @words[0 .. 9]) : told(two => @words) },
    busy => [ fault(429, {}, 'Retry-After' => 30) ],
    refused => [ fault(401) ],
    small => [ fault(400, { code => 'context_length_exceeded' }) ],
    rejects => [ fault(422) ],
    scruple => [ fault(400, { code => 'content_policy_violation' }) ],
);
# Some of it and an error, in one piece.
$scripts{at_once} = [ do {
    my $all = join '', map { "data: $_\n\n" } said(one => @words[0 .. 9]),
        '{"error":{"message":"overheated","type":"server_error"}}';
    [ send => head(200, 'Content-Type' => 'text/event-stream',
        'Content-Length' => length $all) . $all ] } ];
# All of it but the end marker, and then this.
my @all_said = (said(one => @words), signed(one => chunk(@finish)));
$scripts{finished} = [ stream(\@all_said, done => 0, end => [ ['close'] ]) ];
$scripts{finished_silent} = [ stream(\@all_said, done => 0,
    end => [ ['hang'] ]) ];
$scripts{finished_says} = [ stream([ @all_said,
    '{"error":{"message":"overheated","type":"server_error"}}' ],
    done => 0) ];

# name => [ chain, what came: 'whole', or the text and the error's code; how
# often each was asked, in the order of the chain ]
my $cut = [ $part, 'provider_cut' ];
my $first = join '', @words[0 .. 19];
my %case = (
    'dies, the next goes on' => [ 'dies takes', 'whole', [1, 1] ],
    'is reset, the next goes on' => [ 'resets takes', 'whole', [1, 1] ],
    'dies, the next says it again' => [ 'dies same', 'whole', [1, 1] ],
    'dies in the midst of an event' => [ 'midword same', 'whole', [1, 1] ],
    'dies after single letters' => [ 'letters same', 'whole', [1, 1] ],
    'dies, the next says another thing' => [ 'dies other', $cut, [1, 1] ],
    'dies, the next says less' => [ 'dies shorter', $cut, [1, 1] ],
    'dies, the next is down, the third goes on' => [ 'dies down takes',
        'whole', [1, 1, 1] ],
    'dies, the next refuses the key, the third goes on' =>
        [ 'dies refused takes', 'whole', [1, 1, 1] ],
    'dies, the next takes less, the third goes on' => [ 'dies small takes',
        'whole', [1, 1, 1] ],
    'dies, the next rejects it, the third goes on' => [ 'dies rejects takes',
        'whole', [1, 1, 1] ],
    'dies, the next refuses the content' => [ 'dies scruple takes', $cut,
        [1, 1, 0] ],
    'dies, the next is down, and nobody else is there' => [ 'dies down',
        $cut, [1, 2] ],
    'dies, the next is down once, and nobody else is there' =>
        [ 'dies down_once', 'whole', [1, 2] ],
    'dies, the next dies while it repeats, and nobody else is there' =>
        [ 'dies dies_again', 'whole', [1, 2] ],
    'dies, the next is limited, and nobody else is there' => [ 'dies busy',
        $cut, [1, 1] ],
    'dies, the next is limited, the third goes on' => [ 'dies busy takes',
        'whole', [1, 1, 1] ],
    'dies, the next says another thing, the third the same' =>
        [ 'dies other same', 'whole', [1, 1, 1] ],
    'dies, and so does who goes on' => [ 'dies dies_too takes', 'whole',
        [1, 1, 1] ],
    'dies, and nobody else is there' => [ 'dies', $cut, [2] ],
    'dies once, and nobody else is there' => [ 'by_turns', 'whole', [2] ],
    'dies, the next refuses to go on' => [ 'dies refuses', 'whole', [1, 2] ],
    'dies, the next refuses, and says another thing' =>
        [ 'dies refuses_other', $cut, [1, 2] ],
    'dies, the next refuses and says another thing, the third goes on' =>
        [ 'dies refuses_other takes', 'whole', [1, 2, 1] ],
    'goes silent, the next goes on' => [ 'silent takes', 'whole', [1, 1] ],
    'goes silent, the next says it again' => [ 'silent same', 'whole',
        [1, 1] ],
    'goes silent, and nobody else is there' => [ 'silent',
        [ $first, 'provider_stalled' ], [1] ],
    'fails in its own words' => [ 'says takes', 'whole', [1, 1] ],
    'dies within a call of a tool' => [ 'tool same', [ 'x', 'provider_cut' ],
        [1, 0] ],
    'dies after its finish reason' => [ 'finished takes', 'whole', [1, 0] ],
    'goes silent after its finish reason' => [ 'finished_silent takes',
        'whole', [1, 0] ],
    'fails after its finish reason' => [ 'finished_says takes', 'whole',
        [1, 0] ],
);

sub conf
{
    my ($up) = @_;
    my $conf = $up->section('one') . $up->section('two') . join '', map { "LLMModelInfo $_ prefill\n" }
        qw(takes refuses refuses_other dies_too);
    my $n = 0;
    for my $what (sort keys %case) {
        my ($first, @more) = split ' ', $case{$what}[0];
        $case{$what}[3] = 'r' . ++$n;
        $first .= ' idle=400ms' if $first =~ /silent/;
        $conf .= "LLMModel r$n one/$first" . join('', map { " two/$_" } @more)
            . "\n";
    }
    return $conf;
}

sub is_whole
{
    my ($answer) = @_;
    is $answer->{text}, $text, 'its text, all of it and once';
    is $answer->{roles}, 1, 'one role';
    is $answer->{finish}, 1, 'one finish reason';
    is $answer->{done}, 1, 'one end marker';
    is $answer->{after}, 0, 'nothing after it';
    is $answer->{errors}, 0, 'no error';
    is $answer->{bad}, undef, 'nothing malformed';
    is $answer->{broken}, undef, 'a true end';
}

sub is_part
{
    my ($answer, $had, $code) = @_;
    is $answer->{text}, $had, 'what came, and no more';
    is $answer->{errors}, 1, 'an error in the stream';
    is $answer->{error}{code}, $code, 'its code';
    is $answer->{done}, 0, 'no end marker';
    is $answer->{finish}, 0, 'no finish reason';
}

sub try
{
    my ($gw, $up, $what) = @_;
    my ($chain, $due, $often, $model) = @{ $case{$what} };
    $up->forget;
    my $before = counted($gw);
    my $answer = listened($gw, $up, $model);
    is $answer->{status}, 200, 'status';
    ref $due ? is_part($answer, @$due) : is_whole($answer);
    is_deeply [ map { scalar asked($up, $_) } split ' ', $chain ], $often,
        'how often each was asked';
    my $more = since($gw, $before);
    my ($calls, $errors) = (0, 0);
    $calls += $more->{"$_ calls"} || 0 for qw(one two);
    $errors += $more->{"$_ errors"} || 0 for qw(one two);
    is $calls, 1, 'one call';
    is $errors, ref $due ? 1 : 0, 'errors';
    my %ids = map { $_ => 1 } $answer->{content} =~ /"id":"(chat[^"]*)"/g;
    is keys %ids, 1, 'one id' or diag explain \%ids;
    return if ref $due;
    my $attempts = 0;
    $attempts += $_ for @$often;
    my $line = $gw->logged($answer->{headers}{'x-request-id'});
    is $line->{attempts}, $attempts, 'attempts in the log';
    return said_it_all($more, $line) if $what =~ /finish reason/;
    is $line->{provider}, @$often > 1 ? 'two' : 'one', 'who finished';
    my $end = $line->{provider};
    is $more->{"$end calls"}, 1, 'is who is counted';
    is $more->{'one given_up ' . ($what =~ /silent/ ? 'stalled'
        : $what =~ /own words/ ? 'failed' : 'cut')}, 1, 'given up once';
    paid($more, $line);
}

# What the first said before it was cut is on its row, as far as can be known,
# and what the last took on its own.
sub paid
{
    my ($more, $line) = @_;
    my $end = $line->{provider};
    cmp_ok $more->{'one tokens_out'}, '>', 0, 'what was cut is paid';
    cmp_ok $more->{'one tokens_out'}, '<', 5 * @words, 'but not twice';
    cmp_ok $more->{"$end tokens_out"}, '>=', $is{$end}{out},
        'and so is the rest';
    my ($in, $out) = (0, 0);
    $in += $more->{"$_ tokens_in"} || 0, $out += $more->{"$_ tokens_out"} || 0
        for qw(one two);
    is $line->{in}, $in, 'the log has the sum of input';
    is $line->{out}, $out, 'and of output';
}

# All was said: it is the first's call, who did not tell what it took.
sub said_it_all
{
    my ($more, $line) = @_;
    is $line->{provider}, 'one', 'who finished';
    is $line->{fault}, 'ok', 'well';
    is $more->{'one unmetered'}, 1, 'without usage';
    cmp_ok $more->{'one tokens_out'}, '>', @words, 'which is estimated';
    is $more->{'one tokens_estimated'},
        $more->{'one tokens_in'} + $more->{'one tokens_out'}, 'and marked';
    is $line->{out}, $more->{'one tokens_out'}, 'so it is in the log';
    ok !grep({ /two|failovers|given_up/ } keys %$more),
        'and nothing else' or diag explain $more;
}

for my $mpm (qw(event prefork)) {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(mpm => $mpm, children => 1, conf => conf($up));
    for my $what (sort keys %case) {
        subtest "$mpm: $what" => sub { try($gw, $up, $what) };
    }
    is $gw->status->{totals}{faults}{internal}, undef,
        "$mpm: none of it is the gateway's own fault";
    $gw->log_clean(qr/LLM0010: provider (?:one|two): /);
}

subtest 'what is asked of who goes on' => sub {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . "LLMModelInfo takes prefill\nLLMModel m one/dies two/takes\n"
        . "LLMModel n one/dies two/same\n");
    for my $model (qw(m n)) {
        $up->forget;
        listened($gw, $up, $model, '"temperature":0.25,"max_tokens":500');
        my ($one, $two) = map { Gateway::decode($_->{body}) }
            @{ $up->requests };
        is $two->{temperature}, 0.25, "$model: its settings";
        is $two->{max_tokens} || $two->{max_completion_tokens}, 500,
            "$model: its ceiling";
        is $two->{stream}, JSON::PP::true(), "$model: streamed";
        is $two->{messages}[0]{content}, 'Say hello.', "$model: the question";
        is scalar @{ $two->{messages} }, $model eq 'm' ? 2 : 1,
            "$model: messages";
    }
    $up->forget;
    listened($gw, $up, 'm');
    is begun({ json => Gateway::decode($up->requests->[1]{body}) }) . ' ',
        $part, 'what was said, without white space at its end, as the '
        . 'assistant\'s last words';
    $gw->log_clean;
};

subtest 'the usage that a client is told of is what was counted' => sub {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . "LLMModelInfo takes prefill\nLLMModel m one/dies two/takes\n"
        . "LLMModel n one/dies two/same\n");
    for my $model (qw(m n)) {
        my $before = counted($gw);
        my $answer = listened($gw, $up, $model,
            '"stream_options":{"include_usage":true}');
        is_whole($answer);
        my $more = since($gw, $before);
        is $answer->{usage}{prompt_tokens},
            $more->{'one tokens_in'} + $more->{'two tokens_in'},
            "$model: input of both";
        is $answer->{usage}{completion_tokens},
            $more->{'one tokens_out'} + $more->{'two tokens_out'},
            "$model: output of both";
        is $more->{"two tokens_$_"}, $is{two}{$_},
            "$model: ${_}put of the second is its own" for qw(in out);
    }
    $gw->log_clean;
};

# Its client was given nothing: it is as if it had failed before its first
# word, but for what that took.
for my $mpm (qw(event prefork)) {
    subtest "$mpm: it breaks off together with its first words" => sub {
        my $up = Upstream->start(%scripts);
        my $gw = Gateway->start(mpm => $mpm, conf =>
            $up->section('one', 'LLMRetry attempts=2 backoff=1ms..5ms')
            . $up->section('two') . "LLMModelInfo takes prefill\n"
            . "LLMModel m one/at_once two/takes\nLLMModel n one/at_once\n");
        for my $alone (0, 1) {
            my $before = counted($gw);
            $up->forget;
            my $answer = outcome($gw, $alone ? 'n' : 'm', 1);
            is_deeply [ map { scalar asked($up, $_) } qw(at_once takes) ],
                [ 2, 1 - $alone ], 'how often each was asked';
            if ($alone) {
                is $answer->{status}, 502, 'nobody is left: the status';
                is $answer->{headers}{'content-type'}, 'application/json',
                    'no stream';
                is $answer->{error}{message}, 'overheated (tried: one)',
                    'the error';
            } else {
                is $answer->{status}, 200, 'status';
                is_whole($answer);
                is $answer->{headers}{'x-llm-provider'}, 'two',
                    'by another alone';
                ok !defined begun({ json => Gateway::decode(
                    $up->requests->[2]{body}) }), 'who begins';
            }
            is $answer->{headers}{'x-llm-attempts'}, 3 - $alone, 'attempts';
            my $more = since($gw, $before);
            is $more->{'one given_up failed'}, 2 - $alone, 'given up';
            cmp_ok $more->{'one tokens_out'}, '>=', 2 * 10, 'what came of it';
            is $more->{'one tokens_estimated'}, $more->{'one tokens_in'}
                + $more->{'one tokens_out'}, 'is counted, and marked';
            is $more->{'two tokens_out'}, $alone ? undef : $is{two}{out},
                'the other\'s is its own';
        }
        $gw->log_clean(qr/LLM0010: provider one: /);
    };
}

subtest 'LLMRecover off' => sub {
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . "LLMModel m one/dies two/same\n", location => 'LLMRecover off');
    my $answer = listened($gw, $up, 'm');
    is_part($answer, @$cut);
    is scalar @{ $up->requests }, 1, 'nobody else is asked';
    $gw->idle;
    my $row = $gw->row(one => 'm');
    cmp_ok $row->{tokens_out}, '>', 40, 'what came is counted';
    is $row->{tokens_estimated}, $row->{tokens_in} + $row->{tokens_out},
        'and marked';
    $gw->log_clean;
};

# A client of Anthropic's and one of Responses: theirs is another grammar.
for my $mpm (qw(event prefork)) {
    subtest "$mpm: other dialects" => sub {
        my $up = Upstream->start(%scripts);
        my $gw = Gateway->start(mpm => $mpm, conf => $up->section('one')
            . $up->section('two') . "LLMModelInfo takes prefill\n"
            . join '', map { "LLMModel $_ one/dies two/$_\n" }
                qw(takes same other));
        for my $model (qw(takes same other)) {
            my $whole = $model ne 'other';
            my $seen = anthropic($gw, $up, $model);
            is $seen->{text}, $whole ? $text : $part, "$model: Anthropic";
            is $seen->{message_start}, 1, "$model: one message_start";
            is $seen->{content_block_start}, 1, "$model: one block";
            is $seen->{message_stop} || 0, $whole ? 1 : 0,
                "$model: message_stop";
            is $seen->{error} || 0, $whole ? 0 : 1, "$model: error";
            $seen = responses($gw, $up, $model);
            is $seen->{text}, $whole ? $text : $part, "$model: Responses";
            is $seen->{'response.created'}, 1, "$model: created";
            is $seen->{model}, 'model-of-' . ($whole ? 'two' : 'one'),
                "$model: Responses: who finished";
            is $seen->{'response.completed'} || 0, $whole ? 1 : 0,
                "$model: completed";
            is_deeply $seen->{numbers}, [ 0 .. $#{ $seen->{numbers} } ],
                "$model: numbered without a gap";
        }
        $gw->log_clean(qr/LLM0010: provider one: /);
    };
}

sub events_at
{
    my ($gw, $up, $path, $body, %headers) = @_;
    my $wire = $gw->wire;
    my @events;
    $up->shut('heard');
    $wire->request(POST => $path, \%headers, $body);
    $wire->head;
    $up->release('heard');
    for my $event (split /\n\n/, $wire->body) {
        my ($name) = $event =~ /^event: (.*)$/m;
        my ($data) = $event =~ /^data: (.*)$/m;
        push @events, [ $name, eval { Gateway::decode($data) } || {} ];
    }
    return @events;
}

sub anthropic
{
    my ($gw, $up, $model) = @_;
    my %seen = (text => '');
    for (events_at($gw, $up, '/llm/v1/messages', Gateway::encode({
        model => $model, max_tokens => 500, stream => JSON::PP::true(),
        messages => [ { role => 'user', content => 'Say hello.' } ] }),
        'anthropic-version' => '2023-06-01')) {
        my ($name, $data) = @$_;
        $seen{$name}++;
        $seen{text} .= $data->{delta}{text}
            if $name eq 'content_block_delta';
    }
    return \%seen;
}

sub responses
{
    my ($gw, $up, $model) = @_;
    my %seen = (text => '', numbers => []);
    for (events_at($gw, $up, '/llm/v1/responses', Gateway::encode({
        model => $model, stream => JSON::PP::true(),
        input => 'Say hello.' }))) {
        my ($name, $data) = @$_;
        $seen{ $name || '-' }++;
        $seen{text} .= $data->{delta}
            if $data->{type} && $data->{type} eq 'response.output_text.delta';
        $seen{model} = $data->{response}{model} if $data->{response};
        push @{ $seen{numbers} }, $data->{sequence_number}
            if defined $data->{sequence_number};
    }
    return \%seen;
}

done_testing;
