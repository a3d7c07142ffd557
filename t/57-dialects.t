# Who speaks one API and is answered by a provider of another: paths, ends of
# streams, what a chain of several dialects does.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

sub event { my ($name, $data) = @_; return \"event: $name\ndata: $data\n\n" }

my $claude = '{"id":"msg_1","type":"message","role":"assistant","model":"c",'
    . '"content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn",'
    . '"stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":5}}';
my @begun = (
    event(message_start => '{"type":"message_start","message":{"id":"msg_1",'
        . '"type":"message","role":"assistant","model":"c","content":[],'
        . '"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}}'),
    event(content_block_start => '{"type":"content_block_start","index":0,'
        . '"content_block":{"type":"text","text":""}}'),
    event(content_block_delta => '{"type":"content_block_delta","index":0,'
        . '"delta":{"type":"text_delta","text":"Hel"}}'));
my $gave_up = event(error => '{"type":"error","error":{"type":'
    . '"overloaded_error","message":"Overloaded"}}');
my $gemini = '{"candidates":[{"content":{"role":"model","parts":[{"text":'
    . '"Hello."}]},"finishReason":"STOP","index":0}],"usageMetadata":'
    . '{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":12},'
    . '"modelVersion":"g","responseId":"r1"}';

my $up = Upstream->start(
    good => [ whole(completion()) ],
    fails => [ stream([ @begun, gate('begun'), $gave_up ], done => 0) ],
    default => sub {
        my ($request) = @_;
        return $request->{target} =~ /count_tokens/
                ? whole('{"input_tokens":77}')
            : $request->{target} =~ /messages/ ? whole($claude)
            : whole($gemini);
    });
my $at = 'http://127.0.0.1:' . $up->port;
my $gw = Gateway->start(
    conf => $up->section('openai') . <<~"CONF");
        AllowEncodedSlashes NoDecode
        <LLMProvider claude>
            LLMRetry attempts=1
            LLMBreaker off
            LLMDialect anthropic
            LLMBaseURL $at/a
            LLMKey env:FAKE_KEY
        </LLMProvider>
        <LLMProvider google>
            LLMRetry attempts=1
            LLMBreaker off
            LLMDialect gemini
            LLMBaseURL $at/g
            LLMKey env:FAKE_KEY
        </LLMProvider>
        LLMModel echo echo/echo
        LLMModel fails claude/fails
        LLMModel counted claude/counted
        LLMModel pair claude/one openai/good
        LLMModel o-* openai/*
        LLMModel g-* google/*
        <LLMProvider echo>
        </LLMProvider>
        CONF

my $contents = '{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}';
sub ask_gemini { return $gw->post("/llm/v1beta/models/$_[0]", $contents) }
sub last_request { return $up->requests->[-1] }

# --- paths --------------------------------------------------------------------

is ask_gemini('g-a%2Fb:generateContent')->{status}, 200, 'a name with a slash';
is last_request()->{target}, '/g/models/g-a%2Fb:generateContent', 'is asked';
ask_gemini('g-a%252Fb%253f:generateContent');
is last_request()->{target}, '/g/models/g-a%2Fb%253f:generateContent',
    'but nothing else is decoded twice';

$up->forget;
for my $path ('g-x:predict', ':generateContent') {
    my $answer = ask_gemini($path);
    is $answer->{status}, 404, "$path: there is no such thing";
    is $answer->{json}{error}{status}, 'NOT_FOUND', "$path: said as Google does";
    ok !exists $answer->{headers}{allow}, "$path: and GET would be none either";
}
is_deeply $up->requests, [], 'nobody was asked';

my $head = $gw->http(HEAD => '/llm/api/complete?model=pair&prompt=Hi');
is $head->{status}, 405, 'a HEAD costs nothing';
is $head->{headers}{allow}, 'GET, POST', 'a GET might';
is_deeply $up->requests, [], 'nobody was asked';

# --- ends of streams ------------------------------------------------------------

my $wire = $gw->wire;
$wire->request(POST => '/llm/v1beta/models/'
    . 'fails:streamGenerateContent?pretty=alt=sse', {}, $contents);
my $broken = $wire->head;       # with the first of it
$up->release('begun');
$broken->{content} = $wire->body;
is $broken->{status}, 200, 'an array that goes wrong';
my $parsed = eval { Gateway::decode($broken->{content}) };
is ref $parsed, 'ARRAY', 'is one all the same' or diag $broken->{content};
is eval { $parsed->[-1]{error}{code} }, 503, 'with the error at its end';
ok !exists $broken->{headers}{'x-should-retry'},
    'what has status 200 says nothing about another try';

# --- chains -------------------------------------------------------------------

my $sound = $gw->post($Gateway::CHAT, '{"model":"pair","messages":[{"role":'
    . '"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA",'
    . '"format":"wav"}}]}]}');
is $sound->{status}, 200, 'who cannot hear is passed over';
is $sound->{headers}{'x-llm-provider'}, 'openai', 'for one who can';

# --- who answered ---------------------------------------------------------------

my $say = '"messages":[{"role":"user","content":"Hi"}]';
for my $case ([ 'pair', 'c' ], [ 'g-x', 'g' ]) {
    my ($alias, $name) = @$case;
    is $gw->post($Gateway::CHAT, qq({"model":"$alias",$say}))->{json}{model},
        $name, "$alias: chat completions name who answered";
    is $gw->post('/llm/v1/responses', qq({"model":"$alias","input":"Hi"}))
        ->{json}{model}, $name, "$alias: so do responses";
    is $gw->post('/llm/api/complete', qq({"model":"$alias","prompt":"Hi"}))
        ->{json}{result}{model}, $name, "$alias: and plain HTTP";
}

# --- what is counted ----------------------------------------------------------

my $said = $gw->post('/llm/v1/messages/count_tokens',
    '{"model":"counted","messages":[{"role":"user","content":"Hi"}]}');
is $said->{json}{input_tokens}, 77, 'tokens are counted';
is $gw->row(claude => 'counted')->{tokens_in}, 0, 'and not used';
$said = $gw->post('/llm/v1/messages/count_tokens',
    '{"model":"o-made-up","messages":[{"role":"user","content":"Hi"}]}');
is $said->{headers}{'x-llm-estimated'}, 'true', 'nobody was asked';
is $said->{headers}{'x-llm-attempts'}, undef, 'not even once';
ok !%{ $gw->row(openai => 'o-made-up') }, 'the name is nobody\'s';

$gw->log_clean;
done_testing;
