# Services that serve the models of others: Azure's addresses and key,
# Bedrock's signature and framing, Vertex's addresses and token.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use Gateway;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Upstream;
use Wire;

Gateway->need_module;

my $json = JSON::PP->new->utf8->canonical;

# --- Amazon's side -----------------------------------------------------------

my $id = 'AKIDEXAMPLE';
my $secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
my $token = 'FwoGZXIvYXdzEBYaDH+/=';

sub encoded
{
    my ($path) = @_;
    $path =~ s{([^A-Za-z0-9._~/-])}{sprintf '%%%02X', ord $1}ge;
    return $path;
}

# What is wrong with a request's signature; '' if nothing is.
sub unsigned
{
    my ($request) = @_;
    my %field = %{ $request->{headers} };
    my ($who, $names, $signature) = ($field{authorization} || '') =~
        /\AAWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})\z/
        or return 'no signature';
    my ($user, $date, $region, $service, $end) = split m{/}, $who;
    return "scope $who" unless "$user $region $service $end"
        eq "$id eu-west-1 bedrock aws4_request";
    return 'not its date' unless ($field{'x-amz-date'} || '') =~ /\A${date}T\d{6}Z\z/;
    my @names = split /;/, $names;
    return "order of $names" unless "@names" eq join ' ', sort @names;
    for (qw(host x-amz-date), grep { /\Ax-amz-/ } keys %field) {
        my $name = $_;
        return "$name is not signed" unless grep { $_ eq $name } @names;
    }
    my ($sent) = grep { !exists $field{$_} } @names;
    return "$sent is signed and was not sent" if defined $sent;
    my ($path, $query) = split /\?/, $request->{target}, 2;
    my $canonical = join "\n", $request->{method}, encoded($path),
        defined $query ? $query : '',
        (map { "$_:$field{$_}" } @names), '', $names,
        sha256_hex($request->{body});
    my $key = "AWS4$secret";
    $key = hmac_sha256($_, $key)
        for $date, $region, $service, 'aws4_request';
    my $right = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256',
        $field{'x-amz-date'}, "$date/$region/$service/aws4_request",
        sha256_hex($canonical)), $key);
    return $right eq $signature ? '' : 'the signature is wrong';
}

sub crc
{
    my ($bytes) = @_;
    my $sum = 0xffffffff;
    for my $byte (unpack 'C*', $bytes) {
        $sum ^= $byte;
        $sum = $sum & 1 ? $sum >> 1 ^ 0xedb88320 : $sum >> 1 for 1 .. 8;
    }
    return ~$sum & 0xffffffff;
}

sub message
{
    my ($payload, %header) = @_;
    my $headers = join '', map { pack 'C/a C n/a', $_, 7, $header{$_} }
        sort keys %header;
    my $all = pack 'NN', 16 + length($headers) + length $payload,
        length $headers;
    $all .= pack('N', crc($all)) . $headers . $payload;
    return $all . pack 'N', crc($all);
}

sub framed
{
    my ($event) = @_;
    return message($json->encode({ bytes => encode_base64($event, ''),
        p => 'abcdefgh' }), ':event-type' => 'chunk',
        ':message-type' => 'event', ':content-type' => 'application/json');
}

sub exception
{
    my ($type, $text) = @_;
    return message($json->encode({ message => $text }),
        ':exception-type' => $type, ':message-type' => 'exception');
}

# The steps of a streamed answer in that framing.
sub eventstream
{
    my ($parts, %how) = @_;
    return ([ send => head(200, 'Transfer-Encoding' => 'chunked',
            'Content-Type' => 'application/vnd.amazon.eventstream') ],
        pieces($parts, chunked => 1, %how),
        $how{end} ? @{ $how{end} } : [ send => "0\r\n\r\n" ]);
}

# --- what is said --------------------------------------------------------------

my $message = '{"id":"msg_1","type":"message","role":"assistant",'
    . '"model":"claude","content":[{"type":"text","text":"Hello."}],'
    . '"stop_reason":"end_turn","stop_sequence":null,'
    . '"usage":{"input_tokens":7,"output_tokens":5}}';
my @events = (
    '{"type":"message_start","message":{"id":"msg_1","type":"message",'
        . '"role":"assistant","model":"claude","content":[],'
        . '"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}}',
    '{"type":"content_block_start","index":0,'
        . '"content_block":{"type":"text","text":""}}',
    (map { '{"type":"content_block_delta","index":0,'
        . qq("delta":{"type":"text_delta","text":"$_"}}) } 'Hel', 'lo.'),
    '{"type":"content_block_stop","index":0}',
    '{"type":"message_delta","delta":{"stop_reason":"end_turn"},'
        . '"usage":{"output_tokens":5}}',
    '{"type":"message_stop","amazon-bedrock-invocationMetrics":'
        . '{"inputTokenCount":7,"outputTokenCount":5}}');
my $gemini = '{"candidates":[{"content":{"role":"model","parts":[{"text":'
    . '"Hello."}]},"finishReason":"STOP","index":0}],"usageMetadata":'
    . '{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":12},'
    . '"modelVersion":"gemini","responseId":"r1"}';
my @framed = map { framed($_) } @events;
my @begun = (@framed[0 .. 3], gate('begun'));   # its client has some of it

# Scripts go by the whole target: there is no model in these bodies.
my $up = Upstream->start(
    default => sub {
        my ($request) = @_;
        my $target = $request->{target};
        return $target =~ /embeddings/ ? whole('{"object":"list","data":[{'
                . '"object":"embedding","index":0,"embedding":[0.5]}],'
                . '"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}')
            : $target =~ m{/openai} ? whole(completion())
            : $target =~ /refused/ ? answer(403, '{"message":"The security '
                . 'token included in the request is invalid"}')
            : $target =~ /wrong/ ? answer(400, '{"message":"messages: at '
                . 'least one is needed"}')
            : $target =~ /failing/ ? answer(424, '{"message":"it failed"}')
            : $target =~ /throttled/ ? eventstream([ exception(
                'throttlingException', 'Too many tokens') ])
            : $target =~ /broken/ ? eventstream([ @begun,
                exception('modelStreamErrorException', 'It broke') ])
            : $target =~ /cut-inside/ ? eventstream([ @begun,
                substr $framed[4], 0, 30 ])
            : $target =~ /cut-off/ ? eventstream([ @begun ],
                end => [ ['reset'] ])
            : $target =~ /garbled/ ? eventstream([ @begun,
                'x' . substr $framed[4], 1 ])
            : $target =~ /odd/ ? eventstream([ @framed[0 .. 3],
                framed('nonsense'), @framed[4 .. $#framed] ])
            : $target =~ /split/ ? eventstream([ join '', @framed ],
                split => 7)
            : $target =~ /unframed/ ? stream(\@events)
            : $target =~ /with-response-stream/ ? eventstream(\@framed)
            : $target =~ /:streamRawPredict/ ? stream([ map { my ($type) =
                /"type":"(\w+)"/; \"event: $type\ndata: $_\n\n" } @events ],
                done => 0)
            : $target =~ /:streamGenerateContent/
                ? stream([$gemini], done => 0)
            : $target =~ /:countTokens/ ? whole('{"totalTokens":7}')
            : $target =~ /:generateContent/ ? whole($gemini)
            : whole($message);
    });
my $base = 'http://127.0.0.1:' . $up->port;

sub provider
{
    my ($name, @lines) = @_;
    return join "\n", "<LLMProvider $name>", (map { "    $_" }
        'LLMRetry attempts=1', 'LLMBreaker off', @lines),
        "</LLMProvider>\nLLMModel $name/* $name/*\n";
}

my $claude = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
my $arn = "arn:aws:bedrock:eu-west-1:123:inference-profile/$claude";
my @bedrock = ('LLMService bedrock region=eu-west-1', "LLMBaseURL $base");
my $gw = Gateway->start(
    env => { PAIR => "$id:$secret", THREE => "$id:$secret:$token" },
    conf => "Include \@TOP\@/conf/llm-models.conf\nLLMRecover off\n"
    . provider('azure', 'LLMService azure', "LLMBaseURL $base",
        'LLMKey env:FAKE_KEY')
    . provider('azure1', 'LLMService azure', "LLMBaseURL $base/openai/v1",
        'LLMKey env:FAKE_KEY')
    . provider('azure2', 'LLMService azure api-version=2025-04-01-preview',
        'LLMDialect openai', 'LLMDialect responses', "LLMBaseURL $base",
        'LLMKey env:FAKE_KEY')
    . provider('pair', @bedrock, 'LLMKey env:PAIR')
    . provider('inner', 'LLMService bedrock region=eu-west-1',
        "LLMBaseURL $base/in:ner", 'LLMKey env:PAIR')
    . provider('three', @bedrock, 'LLMKey env:THREE')
    . provider('bearer', @bedrock, 'LLMKey env:FAKE_KEY')
    . provider('vertex', 'LLMService vertex',
        "LLMBaseURL $base/v1/projects/p/locations/eu",
        "LLMKey 'exec:/bin/sh -c \"echo ya29.token\"'")
    . provider('garden', 'LLMService vertex', 'LLMDialect anthropic',
        "LLMBaseURL $base/v1/projects/p/locations/eu",
        'LLMKey env:FAKE_KEY')
    . join '', map { "LLMModel $_->[0] $_->[1]\n" }
        [ 'gpt-4', 'azure/gpt-4' ], [ 'gpt-old', 'azure/gpt 4/x' =~ s/ /%/r ],
        [ one => 'azure1/gpt-4' ], [ two => 'azure2/gpt-4' ],
        [ signed => "pair/$claude" ], [ arn => "pair/$arn" ],
        [ plain => 'pair/anthropic.claude-opus-5' ],
        [ inner => "inner/$claude" ], [ token => "three/$claude" ],
        [ bearer => "bearer/$claude" ], [ gem => 'vertex/gemini-3.8-flash' ],
        [ garden => 'garden/claude-sonnet-4-5@20250929' ],
        [ old => 'garden/claude-3-opus' ],
        [ next => "pair/failing pair/$claude" ],
        map { [ $_ => "pair/$_" ] } qw(refused wrong throttled broken
            cut-inside cut-off garbled odd split unframed));

my $asked;
sub last_request { return $asked = $up->requests->[-1] }

sub post
{
    my ($path, $body, %headers) = @_;
    return $gw->post("/llm$path", $body, %headers);
}

sub chat
{
    my ($model, %more) = @_;
    return post('/v1/chat/completions', $json->encode({ model => $model,
        messages => [ { role => 'user', content => 'Hi' } ], %more }));
}

sub question
{
    my ($model, %more) = @_;
    return $json->encode({ model => $model, max_tokens => 50, messages =>
        [ { role => 'user', content => "caf\x{e9}" } ], %more });
}

sub messages
{
    my ($model, %more) = @_;
    my $headers = delete $more{headers} || {};
    return post('/v1/messages', question($model, %more),
        'anthropic-version' => '2023-06-01', %$headers);
}

# A stream that goes on when its client has some of it.
sub messages_slowly
{
    my ($model) = @_;
    my $wire = $gw->wire;
    $up->shut('begun');
    $wire->request(POST => '/llm/v1/messages',
        { 'anthropic-version' => '2023-06-01' },
        question($model, stream => JSON::PP::true));
    my $answer = $wire->head;
    $up->release('begun');
    $answer->{content} = $wire->body;
    return $answer;
}

sub text_of
{
    my ($content) = @_;
    return join '', map { /"text_delta","text":"([^"]*)"/ } split /\n/,
        $content;
}

# --- Azure -----------------------------------------------------------------------

is chat('gpt-4')->{status}, 200, 'a deployment answers';
is last_request()->{target},
    '/openai/deployments/gpt-4/chat/completions?api-version=2024-10-21',
    'at its own address, whatever a table knows of its name';
is $asked->{headers}{'api-key'}, $Gateway::CANARY, 'with the key';
ok !exists $asked->{headers}{authorization}, 'and nothing else';
chat('gpt-old');
is last_request()->{target}, '/openai/deployments/gpt%254%2Fx/'
    . 'chat/completions?api-version=2024-10-21', 'a name is one segment';
chat('one');
is last_request()->{target}, '/openai/v1/chat/completions',
    'the newer API has plain paths';
is $json->decode($asked->{body})->{model}, 'gpt-4', 'and names its model';
is $asked->{headers}{'api-key'}, $Gateway::CANARY, 'with the same key';
chat('two');
is last_request()->{target}, '/openai/deployments/gpt-4/chat/completions'
    . '?api-version=2025-04-01-preview', 'another version';
is post('/v1/embeddings', '{"model":"gpt-4","input":"x"}')->{status}, 200,
    'embeddings';
is last_request()->{target},
    '/openai/deployments/gpt-4/embeddings?api-version=2024-10-21', 'have one';

# --- Bedrock, whole ----------------------------------------------------------------

my $res = messages('signed', temperature => 0.5);
is $res->{status}, 200, 'a signed call is answered';
is $res->{content}, $message, 'with the bytes of the provider';
is last_request()->{target}, "/model/$claude/invoke", 'at its address';
is unsigned($asked), '', 'the signature is right';
is_deeply $json->decode($asked->{body}), {
    anthropic_version => 'bedrock-2023-05-31', max_tokens => 50,
    messages => [ { role => 'user', content => "caf\x{e9}" } ],
    temperature => 0.5 }, 'the body says the version, and not the model';
ok !exists $asked->{headers}{'anthropic-version'}, 'no field does';
ok !exists $asked->{headers}{'x-request-id'}, 'what is signed has no more';
for my $model (qw(arn plain inner token)) {
    is messages($model)->{status}, 200, "$model is answered";
    is unsigned(last_request()), '', 'and its signature right';
}
is $asked->{headers}{'x-amz-security-token'}, $token, 'with its token';
messages('arn');
(my $segment = $arn) =~ s{/}{%2F}g;
is last_request()->{target}, "/model/$segment/invoke",
    'a name with a slash is one segment';
messages('signed', system => 'x' x 2_000_000);
is unsigned(last_request()), '', 'a long body is signed as well';
is length $asked->{body} > 2_000_000, 1, 'and sent whole';
messages('signed', headers => { 'anthropic-beta' => 'a-1, b-2' });
is_deeply $json->decode(last_request()->{body})->{anthropic_beta},
    [ 'a-1', 'b-2' ], 'betas are in the body';
is unsigned($asked), '', 'and signed with it';
messages('bearer');
is last_request()->{headers}{authorization}, "Bearer $Gateway::CANARY",
    'a key that is no pair is shown';
$res = chat('signed');
is $res->{status}, 200, 'an OpenAI client';
is $json->decode($res->{content})->{choices}[0]{message}{content}, 'Hello.',
    'gets its own dialect';
is unsigned(last_request()), '', 'the signature is right';
is $json->decode($asked->{body})->{anthropic_version}, 'bedrock-2023-05-31',
    'and so is the body';

# --- Bedrock, errors -------------------------------------------------------------

$res = messages('refused');
is $res->{status}, 502, 'a refused signature is the gateway\'s trouble'
    or diag $res->{content};
$res = messages('wrong');
is $res->{status}, 400, 'a wrong request is the client\'s';
like $res->{content}, qr/at least one is needed/, 'with Amazon\'s words';
$res = messages('next');
is $res->{status}, 200, 'a model that fails is passed over';
is $res->{headers}{'x-llm-attempts'}, 2, 'for the next';

# --- Bedrock, streamed -----------------------------------------------------------

for my $model (qw(signed split odd)) {
    $res = messages($model, stream => JSON::PP::true);
    is $res->{status}, 200, "$model: streamed";
    is $res->{headers}{'content-type'}, 'text/event-stream',
        "$model: as an event stream";
    is text_of($res->{content}), 'Hello.', "$model: the text";
    is join(' ', $res->{content} =~ /^event: (\S+)$/mg), 'message_start '
        . 'content_block_start content_block_delta content_block_delta '
        . 'content_block_stop message_delta message_stop', "$model: named";
    ok index($res->{content}, "data: $events[2]\n\n") > 0,
        "$model: the model's bytes";
    last_request();
    like $asked->{target}, qr{/invoke-with-response-stream\z},
        "$model: asked for by the path";
    ok !exists $json->decode($asked->{body})->{stream},
        "$model: and not in the body";
    is unsigned($asked), '', "$model: the signature";
}
$res = chat('signed', stream => JSON::PP::true,
    stream_options => { include_usage => JSON::PP::true });
is join('', $res->{content} =~ /"content":"([^"]+)"/g), 'Hello.',
    'an OpenAI client streams its own dialect';
like $res->{content}, qr/"prompt_tokens":7,"completion_tokens":5/,
    'with its usage';
like $res->{content}, qr/data: \[DONE\]\n\n\z/, 'to its end';

$res = messages('throttled', stream => JSON::PP::true);
is $res->{status}, 429, 'an exception before any output is an error';
like $res->{content}, qr/Too many tokens/, 'with its words';
for my $model (qw(broken cut-inside cut-off garbled)) {
    $res = messages_slowly($model);
    is $res->{status}, 200, "$model: began well";
    is text_of($res->{content}), 'Hello.', "$model: what came";
    like $res->{content}, qr/^event: error\ndata: .*"error".*\n\n\z/m,
        "$model: and then an error";
    unlike $res->{content}, qr/message_stop/, "$model: not an end";
}
is messages('unframed', stream => JSON::PP::true)->{status}, 502,
    'an event stream is not Amazon\'s';

# --- Vertex ----------------------------------------------------------------------

my $place = '/v1/projects/p/locations/eu/publishers';
$res = chat('gem');
is $res->{status}, 200, 'Gemini on Vertex' or diag $res->{content};
is last_request()->{target},
    "$place/google/models/gemini-3.8-flash:generateContent", 'at its address';
is $asked->{headers}{authorization}, 'Bearer ya29.token',
    'with the token of a program';
ok !exists $asked->{headers}{'x-goog-api-key'}, 'and no other key';
$res = chat('gem', stream => JSON::PP::true);
like $res->{content}, qr/"content":"Hello\."/, 'streamed';
is last_request()->{target}, "$place/google/models/gemini-3.8-flash:"
    . 'streamGenerateContent?alt=sse', 'at its address';
is post('/v1/embeddings', '{"model":"gem","input":"x"}')->{status}, 400,
    'it has no embeddings of this kind';

$res = messages('garden');
is $res->{content}, $message, 'Claude on Vertex';
is last_request()->{target}, "$place/anthropic/models/"
    . 'claude-sonnet-4-5@20250929:rawPredict', 'at its address';
is_deeply $json->decode($asked->{body}), {
    anthropic_version => 'vertex-2023-10-16', max_tokens => 50,
    messages => [ { role => 'user', content => "caf\x{e9}" } ] },
    'the body says the version, and not the model';
is $asked->{headers}{authorization}, "Bearer $Gateway::CANARY",
    'the token is shown';
messages('garden', stream => JSON::PP::true,
    headers => { 'anthropic-beta' => 'a-1' });
like last_request()->{target}, qr/:streamRawPredict\z/, 'streamed';
ok $json->decode($asked->{body})->{stream}, 'as the body says too';
is $asked->{headers}{'anthropic-beta'}, 'a-1', 'betas are in their field';
messages('old');
like last_request()->{target}, qr{/models/claude-opus-5-5:rawPredict\z},
    'a name of yesterday goes to a living one';

$gw->log_clean(qr{LLM0010: provider pair: });
done_testing;
