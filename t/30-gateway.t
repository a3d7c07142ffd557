# What a client sees of the gateway, whichever MPM runs it: answers, models,
# refusals, headers, the access log.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Digest::SHA qw(sha1_base64);
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $chat = $Gateway::CHAT;

sub conf
{
    my ($up) = @_;
    my $dead = free_port();
    return $up->section('fake', 'LLMHeader X-Team "red ones"',
        'LLMHeader X-Second env:FAKE_KEY')
        . $up->section('spare') . <<"CONF";
<LLMProvider dead>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://127.0.0.1:$dead/v1
</LLMProvider>
<LLMProvider echo>
    LLMRetry attempts=1
    LLMBreaker off
</LLMProvider>
LLMModel good fake/good-at-provider
LLMModel vendor/name fake/good-at-provider
LLMModel chain fake/broken dead/any spare/good-at-provider
LLMModel hopeless fake/broken dead/any
LLMModel pre-* fake/*
LLMModel held fake/held
LLMModel echo echo/echo
CONF
}

sub wants_error
{
    my ($answer, $status, $code, $what, %more) = @_;
    my $error = $answer->{json} ? $answer->{json}{error} : undef;
    is $answer->{status}, $status, "$what: $status";
    is ref $error, 'HASH', "$what: an error in OpenAI's shape"
        or return diag $answer->{content};
    is join(' ', sort keys %$error), 'code message param type',
        "$what: with its four members";
    is $error->{code}, $code, "$what: $code";
    ok length $error->{message}, "$what: a message";
    ok length $error->{type}, "$what: a type";
    is $error->{param}, $more{param}, "$what: the parameter"
        if exists $more{param};
    like $error->{message}, $more{like}, "$what: the words" if $more{like};
    ok length($answer->{headers}{'x-request-id'} || ''),
        "$what: a request id";
    return;
}

sub gateway
{
    my ($mpm) = @_;
    my $up = Upstream->start(
        'good-at-provider' => [ whole(completion()) ],
        'pre-fix' => [ whole(completion()) ],
        broken => [ fault(500, { message => 'broken inside' }) ],
        held => [ gate('held'), whole(completion()) ]);
    my $gw = Gateway->start(mpm => $mpm, conf => conf($up));

    subtest "$mpm: an answer" => sub { answers($gw, $up) };
    subtest "$mpm: what the provider is sent" => sub { sends($gw, $up) };
    subtest "$mpm: models" => sub { models($gw) };
    subtest "$mpm: refusals" => sub { refuses($gw, $up) };
    subtest "$mpm: request ids" => sub { ids($gw) };
    subtest "$mpm: bodies" => sub { bodies($gw, $up) };
    subtest "$mpm: one connection" => sub { connection($gw) };
    subtest "$mpm: chains" => sub { chains($gw, $up) };
    subtest "$mpm: the access log" => sub { logs($gw) };
    ok $gw->idle, "$mpm: nothing is left in flight";
    $gw->log_clean(qr/LLM0010: provider (?:dead|fake)/);
}

sub answers
{
    my ($gw, $up) = @_;
    my $answer = $gw->chat('good');
    my $head = $answer->{headers};
    is $answer->{status}, 200, 'answered';
    is $answer->{content}, completion(), 'the very bytes of the provider';
    is $head->{'content-type'}, 'application/json', 'content-type';
    is $head->{'content-length'}, length completion(), 'content-length';
    is $head->{'x-llm-model'}, 'good', 'x-llm-model is what was asked for';
    is $head->{'x-llm-provider'}, 'fake', 'x-llm-provider';
    is $head->{'x-llm-attempts'}, 1, 'x-llm-attempts';
    like $head->{'x-llm-overhead-ms'}, qr/\A\d+(?:\.\d+)?\z/,
        'x-llm-overhead-ms';
    ok !exists $head->{'transfer-encoding'}, 'one length, not two';
    ok !exists $head->{'set-cookie'}, 'nothing of the provider in the head';
    is $gw->chat('pre-fix')->{status}, 200, 'a name that a wildcard fits';
    is $gw->post("$chat?x=1", Gateway::question('good'))->{status}, 200,
        'a query is nothing to us';
    is $gw->chat('good', '"stream":false')->{status}, 200, 'stream: false';
    is $gw->chat('good', '"stream":null')->{status}, 200, 'stream: null';
    my $echo = $gw->chat('echo');
    is $echo->{status}, 200, 'echo: 200';
    like $echo->{json}{choices}[0]{message}{content}, qr/Say hello\./,
        'echo: says what it was told';
    cmp_ok $echo->{json}{usage}{completion_tokens}, '>', 0, 'echo: usage';
    is $gw->chat('echo')->{json}{choices}[0]{message}{content},
        $echo->{json}{choices}[0]{message}{content}, 'echo: the same again';
}

sub sends
{
    my ($gw, $up) = @_;
    $up->forget;
    $gw->chat('good', '"user":"u1"', 'Authorization' => 'Bearer sk-client',
        'Cookie' => 'a=b', 'X-Forwarded-For' => '1.2.3.4',
        'X-Api-Key' => 'sk-other', 'Accept-Encoding' => 'gzip, br',
        'X-Stainless-Lang' => 'js', 'Referer' => 'http://secret/');
    my ($asked, @more) = @{ $up->requests };
    is scalar @more, 0, 'one request';
    is $asked->{method}, 'POST', 'POST';
    is $asked->{target}, '/v1/chat/completions', 'the path';
    my $head = $asked->{headers};
    is $head->{host}, '127.0.0.1:' . $up->port, 'Host';
    is $head->{authorization}, "Bearer $Gateway::CANARY", "the gateway's key";
    is $head->{'content-type'}, 'application/json', 'Content-Type';
    is $head->{'content-length'}, length $asked->{body}, 'Content-Length';
    is $head->{'x-team'}, 'red ones', 'LLMHeader';
    is $head->{'x-second'}, $Gateway::CANARY, 'LLMHeader with a secret';
    ok !exists $head->{$_}, "no $_" for qw(cookie x-forwarded-for x-api-key
        referer expect transfer-encoding x-stainless-lang);
    unlike $asked->{head}, qr/sk-client|sk-other|gzip/,
        'nothing of the client in it';
    $gw->chat('good');
    is $up->requests->[1]{conn}, $asked->{conn}, 'on a kept connection'
        if $gw->children == 1;
    $gw->chat('pre-fix');
    is $up->requests->[-1]{model}, 'pre-fix', 'provider/*: by its own name';
}

sub models
{
    my ($gw) = @_;
    my $list = $gw->get('/llm/v1/models');
    is $list->{status}, 200, 'answered';
    is $list->{headers}{'content-type'}, 'application/json', 'JSON';
    is $list->{json}{object}, 'list', 'a list';
    is join(',', sort map { $_->{id} } @{ $list->{json}{data} }),
        "chain,echo,good,held,hopeless,vendor/name",
        'of all but wildcards';
    for my $model (@{ $list->{json}{data} }) {
        is $model->{object}, 'model', "$model->{id}: object";
        like $model->{created}, qr/\A[1-9]\d{8,}\z/, 'created';
    }
    my ($good) = grep { $_->{id} eq 'good' } @{ $list->{json}{data} };
    is $good->{owned_by}, 'fake', 'owned_by';
    my $one = $gw->get('/llm/v1/models/good');
    is_deeply $one->{json}, $good, 'one of them';
    is $gw->get('/llm/v1/models/vendor/name')->{json}{id}, 'vendor/name',
        'a name with a slash';
    is $gw->get('/llm/v1/models/pre-any')->{json}{id}, 'pre-any',
        'a name that a wildcard fits';
    wants_error($gw->get('/llm/v1/models/nothing'), 404, 'model_not_found',
        'no such model', param => 'model', like => qr/nothing/);
    my $wire = $gw->wire;
    $wire->request(HEAD => '/llm/v1/models', { Connection => 'close' });
    is $wire->head->{status}, 200, 'HEAD';
    is $wire->more, 0, 'has no body';
}

sub refuses
{
    my ($gw, $up) = @_;
    $up->forget;
    my $question = Gateway::question('good');
    wants_error($gw->chat('gpt-99'), 404, 'model_not_found', 'no such model',
        param => 'model', like => qr/gpt-99/);
    for my $bad ('', '{', 'x', '[]', '"text"', '42', 'null', '{"model":}',
        '{"model":"good",}', '{"model":"good"} x', "{\"model\":\"go\nod\"}",
        '{"model":"good","x":01}', "{'model':'good'}",
        "{\"model\":\"good\",\"x\":\"\xff\"}", '{"model":"good"',
        '{"model":"good","x":"\ud800"}', '{"model":"good","x":NaN}',
        "\xef\xbb\xbf{\"model\":\"good\"}") {
        wants_error($gw->post($chat, $bad), 400, 'invalid_json',
            'bad JSON ' . substr $bad, 0, 24);
    }
    like $gw->post($chat, '{"model":"good",,}')->{json}{error}{message},
        qr/\b16\b/, 'bad JSON: its place';
    wants_error($gw->post($chat, '{"model":"good","x":' . '[' x 70
        . ']' x 70 . '}'), 400, 'json_too_deep', 'too deep');
    is $gw->post($chat, '{"model":"good","messages":' . '[' x 60 . ']' x 60
        . '}')->{status}, 200, 'deep, but not too deep';
    wants_error($gw->post($chat, '{"messages":[]}'), 400, 'invalid_request',
        'no model', param => 'model');
    for my $bad ('7', 'null', '""', '["good"]', '{}', 'true',
        '"' . 'x' x 300 . '"', '"a\u0000b"') {
        wants_error($gw->post($chat, qq({"model":$bad,"messages":[]})), 400,
            'invalid_request', 'the model ' . substr($bad, 0, 12),
            param => 'model');
    }
    for my $twice ('model', 'stream', 'stream_options') {
        my %value = (model => '"good"', stream => 'true',
            stream_options => '{}');
        my $body = '{"messages":[],' . ($twice eq 'model' ? ''
            : '"model":"good",') . join(',', map { qq("$_":$value{$twice}) }
            $twice, $twice) . '}';
        wants_error($gw->post($chat, $body), 400, 'invalid_request',
            "$twice twice", param => $twice);
    }
    my $escaped = '{"model":"good","\u006dodel":"echo","messages":[]}';
    wants_error($gw->post($chat, $escaped), 400, 'invalid_request',
        'model twice, once in disguise', param => 'model');
    wants_error($gw->post($chat, '{"model":"good","stream":"yes"}'), 400,
        'invalid_request', 'stream is no flag', param => 'stream');
    wants_error($gw->post($chat,
        '{"model":"good","stream":true,"stream_options":[]}'), 400,
        'invalid_request', 'stream_options is no object',
        param => 'stream_options');

    wants_error($gw->get($_), 404, 'unknown_url', "nothing at $_")
        for '/llm/v1', '/llm/v1/', '/llm/v1/chat', '/llm/x/',
            '/llm/v1/chat/completions/x', '/llm/v1/modelsx', '/llm/v2/models',
            '/llm/%3Cscript%3E';
    is_deeply $gw->get($_)->{json}{transports}, ['rest'], "what there is at $_"
        for '/llm', '/llm/';
    wants_error($gw->get('/llm/v1/embeddings'), 405, 'method_not_supported',
        'embeddings are asked for with POST');
    is $gw->get('/llmx/v1/models')->{status}, 404, 'another path is not ours';
    for my $method (qw(GET PUT DELETE PATCH)) {
        my $answer = $gw->http($method, $chat);
        wants_error($answer, 405, 'method_not_supported', "$method chat");
        is $answer->{headers}{allow}, 'POST', "$method chat: Allow";
    }
    my $answer = $gw->post('/llm/v1/models', '{}');
    wants_error($answer, 405, 'method_not_supported', 'POST models');
    like $answer->{headers}{allow}, qr/\AGET(?:, *HEAD)?\z/,
        'POST models: Allow';
    for my $type ('text/plain', 'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x', 'application/jsonl') {
        wants_error($gw->post($chat, $question, 'Content-Type' => $type),
            415, 'unsupported_media_type', $type);
    }
    is $gw->post($chat, $question, 'Content-Type' => $_)->{status}, 200, $_
        for 'application/json; charset=utf-8', 'Application/JSON';
    is_deeply [ grep { $_->{model} ne 'good-at-provider' }
        @{ $up->requests } ], [], 'nothing refused reached the provider';
}

sub ids
{
    my ($gw) = @_;
    my %seen;
    for (1 .. 20) {
        my $id = $gw->chat('good')->{headers}{'x-request-id'};
        like $id, qr/\A[\x21-\x7e]{8,64}\z/, 'a request id' if $_ == 1;
        $seen{$id}++;
    }
    is scalar keys %seen, 20, 'each its own';
    for my $id ('abc-123', 'req_' . 'x' x 40) {
        is $gw->chat('good', undef, 'X-Request-Id' => $id)
            ->{headers}{'x-request-id'}, $id, "the client's $id";
    }
    for my $id ('a b', 'x' x 200, 'a"b', 'a,b', "caf\xe9", '<b>', '') {
        my $wire = $gw->wire;
        $wire->request(POST => $chat, { 'X-Request-Id' => $id },
            Gateway::question('good'));
        my $got = $wire->head->{headers}{'x-request-id'};
        isnt $got, $id, 'not the client\'s ' . substr $id, 0, 20;
        like $got, qr/\A[\x21-\x7e]{8,64}\z/, 'but one of ours';
    }
}

sub bodies
{
    my ($gw, $up) = @_;
    my $question = Gateway::question('good');
    my $wire = $gw->wire;
    $wire->request(POST => $chat, { 'Content-Length' => undef,
        'Transfer-Encoding' => 'chunked' }, join '', map {
        sprintf "%x\r\n%s\r\n", length, $_ } unpack('(a7)*', $question), '');
    is $wire->answer->{status}, 200, 'in chunks';
    $wire->request(POST => $chat, { 'Content-Type' => undef }, $question);
    is $wire->answer->{status}, 200, 'without a content type';
    $wire->request(POST => $chat, { Expect => '100-continue',
        'Content-Length' => length $question });
    is $wire->head->{status}, 100, '100 Continue';
    $wire->send($question);
    is $wire->answer->{status}, 200, 'and then the answer';
    $wire = $gw->wire;
    $wire->request(POST => $chat, { 'Content-Type' => 'application/json',
        'Content-Length' => length $question });
    for my $byte (unpack '(a1)*', $question) {
        $wire->send($byte);
    }
    is $wire->answer->{status}, 200, 'byte by byte';
    $up->forget;
    my $large = Gateway::question('good', '"pad":"' . 'x' x 3_000_000 . '"');
    is $gw->post($chat, $large)->{status}, 200, 'three million bytes';
    is length $up->requests->[0]{body},
        length($large) + length('-at-provider'), 'all of them';
    $up->forget;
    $wire = $gw->wire;
    $wire->request(POST => $chat, { 'Content-Type' => 'application/json',
        'Content-Length' => 1000 }, substr $question, 0, 20);
    $wire->finish;
    my $answer = $wire->answer;
    is $answer->{status}, 400, 'a body that ends early' if $answer;
    ok $wire->closes, 'and the connection';
    is $up->counts->{requests}, 0, 'reaches no provider';
}

sub connection
{
    my ($gw) = @_;
    my $question = Gateway::question('good');
    my $wire = $gw->wire;
    for (1 .. 3) {
        $wire->request(POST => $chat, {}, $question);
        is $wire->answer->{content}, completion(), "call $_ on one";
    }
    $wire->request(POST => $chat, {}, Gateway::question('nothing'));
    is $wire->answer->{status}, 404, 'a refusal';
    $wire->request(GET => '/llm/v1/models');
    is $wire->answer->{status}, 200, 'after a refusal';
    my $one = "POST $chat HTTP/1.1\r\nHost: x\r\nContent-Type: "
        . "application/json\r\nContent-Length: " . length($question)
        . "\r\n\r\n$question";
    $wire->send($one x 5 . "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n");
    is join(' ', map { $wire->answer->{status} } 1 .. 6),
        '200 200 200 200 200 200', 'six at once';
    $wire = $gw->wire;
    $wire->send("POST $chat HTTP/1.0\r\nContent-Length: "
        . length($question) . "\r\n\r\n$question");
    my $answer = $wire->answer;
    is $answer->{content}, completion(), 'HTTP/1.0';
    ok $wire->closes, 'and the end of the connection';
}

sub chains
{
    my ($gw, $up) = @_;
    $up->forget;
    my $answer = $gw->chat('chain');
    is $answer->{status}, 200, 'the third of three answers';
    is $answer->{headers}{'x-llm-provider'}, 'spare', 'it is named';
    is $answer->{headers}{'x-llm-attempts'}, 3, 'attempts are counted';
    is join(' ', map { $_->{model} } @{ $up->requests }),
        'broken good-at-provider', 'each was asked by its own name';
    $answer = $gw->chat('hopeless');
    wants_error($answer, 502, 'provider_failed', 'nobody answers',
        like => qr/fake, dead/);
    is $answer->{headers}{'x-llm-attempts'}, 2, 'two were tried';
    is $gw->row('fake', 'chain')->{failovers}, 1, 'failovers are counted';
}

sub logs
{
    my ($gw) = @_;
    my $line = $gw->logged($gw->chat('good')->{headers}{'x-request-id'});
    my %want = (status => 200, model => 'good', provider => 'fake',
        customer => '-', in => 7, out => 5, attempts => 1, fault => 'ok',
        bytes => length completion());
    is $line->{$_}, $want{$_}, $_ for sort keys %want;
    like $line->{ttft}, qr/\A\d+\z/, 'ttft';
    $line = $gw->logged($gw->chat('nothing')->{headers}{'x-request-id'});
    %want = (status => 404, provider => '-', in => '-', fault => 'no_model');
    is $line->{$_}, $want{$_}, "refused: $_" for sort keys %want;
    $line = $gw->logged($gw->chat('chain')->{headers}{'x-request-id'});
    is $line->{attempts}, 3, 'chain: attempts';
    is $line->{provider}, 'spare', 'chain: provider';
    my ($wire, $head) = $gw->stream('echo');
    $wire->events;
    $line = $gw->logged($head->{headers}{'x-request-id'});
    is $line->{fault}, 'ok', 'stream: fault';
    cmp_ok $line->{out}, '>', 0, 'stream: tokens';
}

gateway($_) for qw(event worker prefork);

# --- settings of one place ----------------------------------------------------

subtest 'limits' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ],
        huge => [ whole(completion(text => 'x' x 20_000)) ],
        stream => [ stream([ map { $_ || gate('begun') }
            map { $_ && chunk(qq({"content":"$_"})) } 1, 0, 2 .. 1000 ]) ]);
    my $gw = Gateway->start(conf => $up->section('fake') . <<'CONF',
LLMModel * fake/*
LLMMaxDepth 10
CONF
        location => "LLMMaxBody 2K\nLLMMaxAnswer 10K\nLLMMaxDepth 5");
    is $gw->chat('good', '"pad":"' . 'x' x 1800 . '"')->{status}, 200,
        'a body below LLMMaxBody';
    wants_error($gw->chat('good', '"pad":"' . 'x' x 2000 . '"'), 413,
        'request_too_large', 'a body above', like => qr/2048/);
    my $wire = $gw->wire;
    $wire->request(POST => $chat, { 'Content-Length' => undef,
        'Content-Type' => 'application/json',
        'Transfer-Encoding' => 'chunked' });
    $wire->send(sprintf "400\r\n%s\r\n", 'x' x 1024) for 1 .. 4;
    is $wire->head->{status}, 413, 'a body above in chunks, before its end';
    $wire = $gw->wire;
    $wire->request(POST => $chat, { 'Content-Type' => 'application/json',
        'Content-Length' => '99999999999' });
    is $wire->head->{status}, 413, 'a body announced as larger';
    is $gw->post($chat, '{"model":"m","x":[[[[1]]]]}')->{status}, 200,
        'as deep as LLMMaxDepth';
    wants_error($gw->post($chat, '{"model":"m","x":[[[[[1]]]]]}'), 400,
        'json_too_deep', 'deeper', like => qr/5/);
    wants_error($gw->chat('huge'), 502, 'answer_too_large',
        'an answer above LLMMaxAnswer');
    ($wire) = $gw->stream('stream');
    $up->release('begun');
    my @events = $wire->events;
    like $events[-1], qr/"code":"answer_too_large"/,
        'a stream above LLMMaxAnswer ends with an error';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'customers' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel m fake/m\n", locations => 1,
        modules => [qw(auth_basic authn_core authn_file authz_user)],
        location => "AuthType Basic\nAuthName x\nAuthUserFile "
            . "\@ROOT\@/conf/users\nRequire valid-user\n");
    Gateway::write_file("$gw->{root}/conf/users", join '', map {
        "$_:{SHA}" . sha1_base64('pw') . "=\n" } 'alice', 'bob');
    my $as = sub { 'Authorization' => 'Basic ' . Gateway::base64("$_[0]:pw") };
    my $answer = $gw->chat('m', undef, $as->('alice'));
    is $answer->{status}, 200, 'who has a password is answered';
    is $gw->logged($answer->{headers}{'x-request-id'})->{customer}, 'alice',
        'and named in the log';
    $gw->chat('m', undef, $as->('bob')) for 1 .. 2;
    ok $gw->idle, 'all settled';
    is $gw->row('fake', 'm', 'alice')->{calls}, 1, 'and counted';
    is $gw->row('fake', 'm', 'bob')->{calls}, 2, 'each by himself';
    unlike $up->requests->[0]{head}, qr/Basic/,
        'his password does not reach the provider';
    $gw->log_clean;
};

subtest 'virtual hosts' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(conf => $up->section('outer') . <<"CONF");
LLMModel common outer/common
<VirtualHost *:\@PORT\@>
    ServerName 127.0.0.1
</VirtualHost>
<VirtualHost *:\@PORT\@>
    ServerName other.test
    @{[ $up->section('inner') ]}
    LLMModel own inner/own
    LLMModel common inner/shadow
</VirtualHost>
CONF
    is $gw->chat('common')->{status}, 200, "the server's model";
    is $gw->chat('own')->{status}, 404, "not another host's";
    my @host = (Host => 'other.test');
    for my $case ([ own => 'own', 'inner' ], [ common => 'shadow', 'inner' ]) {
        my ($model, $at, $provider) = @$case;
        my $wire = $gw->wire;
        $wire->request(POST => $chat, {@host}, Gateway::question($model));
        my $answer = $wire->answer;
        is $answer->{status}, 200, "the host's $model";
        is $answer->{headers}{'x-llm-provider'}, $provider, 'of its provider';
        is $up->requests->[-1]{model}, $at, 'as it says';
    }
    $gw->log_clean;
};

# By it an attempt is found in the provider's log.
subtest 'an id for each attempt' => sub {
    my $up = Upstream->start(bad => [ fault(500) ],
        default => sub { $_[0]{json}{stream} ? stream([ deltas(['hi']) ])
            : whole(completion()) });
    my $gw = Gateway->start(conf =>
        $up->section('fake', 'LLMRetry attempts=2 backoff=1ms')
        . $up->section('claude', 'LLMDialect anthropic')
        . $up->section('named', 'LLMHeader X-Request-ID ours')
        . <<'CONF');
LLMModel good fake/good
LLMModel chain fake/bad named/bad claude/bad fake/good
CONF
    my $seen = sub {
        my ($ask) = @_;
        $up->forget;
        my $id = $ask->()->{headers}{'x-request-id'};
        return join ' ', map { s/\A\Q$id\E/ID/r }
            map { $_->{headers}{'x-request-id'} } @{ $up->requests };
    };
    my @id = ('X-Request-Id' => 'abc-123');
    is $seen->(sub { $gw->chat('good') }), 'ID-1', 'of one attempt';
    is $seen->(sub { $gw->chat('chain') }), 'ID-1 ID-2 ours ID-4 ID-5',
        'of each of five, but where the configuration gives one';
    is $seen->(sub { my $is = $gw->chat('chain', undef, @id);
        is $is->{headers}{'x-request-id'}, 'abc-123',
            'what the client sent comes back to it as it was';
        return $is }), 'ID-1 ID-2 ours ID-4 ID-5', 'and goes on with a number';
    is $seen->(sub { my ($wire, $head) = $gw->stream('chain', undef, @id);
        $wire->events; return $head }),
        'ID-1 ID-2 ours ID-4 ID-5', 'of a stream, too';
    is $gw->chat('good', undef, 'X-Request-Id' => "a\"b")->{status}, 200,
        'one that is not fit';
    like $up->requests->[-1]{headers}{'x-request-id'}, qr/\Allm-[-\w]+-1\z/,
        'goes nowhere';
    $gw->log_clean(qr/LLM0010/);
};

# libcurl asks again by itself when a connection that was kept proves dead.
subtest 'a request that was sent twice' => sub {
    my (%kept, $bad);
    my $up = Upstream->start(
        good => sub { $kept{ $_[0]{conn} }++ && !$bad++ ? ['reset']
            : whole(completion()) });
    my $gw = Gateway->start(log => 'warn llm:info', children => 1,
        conf => $up->section('fake') . "LLMModel good fake/good\n");
    my ($asked, @answers) = 0;
    for (1 .. 50) {
        push @answers, $gw->chat('good');
        last if ($asked = @{ $up->requests }) > @answers;
    }
    is $asked, @answers + 1, 'the provider saw one more';
    is_deeply [ grep { $_->{status} != 200
        || $_->{headers}{'x-llm-attempts'} != 1 } @answers ], [],
        'than the gateway made attempts';
    my $id = "$answers[-1]{headers}{'x-request-id'}-1";
    is_deeply [ map { $_->{headers}{'x-request-id'} }
        @{ $up->requests }[-2, -1] ], [ $id, $id ], 'with the same id';
    my @said = grep { /LLM0017/ } $gw->error_log;
    like $said[0], qr/LLM0017: \Q$id\E: sent 2 times to provider fake/,
        'the log says so';
    is scalar @said, 1, 'once';
    $gw->log_clean(qr/LLM0017/);
};

subtest 'at the root' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(locations => 0, conf => $up->section('fake')
        . <<'CONF');
LLMModel m fake/m
<Location "/">
    SetHandler llm
    Require local
</Location>
<Location "/deep/er/">
    SetHandler llm
</Location>
CONF
    is $gw->get("$_/v1/models")->{status}, 200, "at '$_'"
        for '', '/deep/er';
    $gw->log_clean;
};

done_testing;
