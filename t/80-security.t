# What must never come out, and what must never get in: keys and prompts,
# header fields of a provider, addresses chosen by a client.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use IO::Socket::INET;
use Test::More;
use Upstream;

Gateway->need_module;

my $key = $Gateway::CANARY;
my $prompt = 'my-secret-prompt-7f3a';
my $answer_word = 'my-secret-answer-91bc';
my $second = 'sk-second-c1a5b2d4e6f8';

sub question
{
    my ($model, $more) = @_;
    return qq({"model":"$model","messages":[{"role":"user",)
        . qq("content":"$prompt"}],"user":"$prompt")
        . ($more ? ",$more" : '') . '}';
}

# --- canaries -------------------------------------------------------------------

# Everything goes wrong that can, at the loudest log level; neither keys nor
# words are anywhere but where they belong.
for my $mpm (qw(event worker)) {
    subtest "$mpm: canaries" => sub {
        my $leak = "$prompt $answer_word Authorization: Bearer $key";
        my $dead = free_port();
        my %status = map { $_ => [ fault($_, { message => $leak,
            code => $key, type => $key, param => $key },
            'x-request-id' => $key) ] } 400, 401, 403, 404, 429, 500, 503;
        my $up = Upstream->start(%status,
            good => [ whole(completion(text => $answer_word)) ],
            stream => [ stream([ deltas([$answer_word], usage => 1) ]) ],
            garbage => [ answer(200, "$leak") ],
            page => [ answer(200, "<html>$leak</html>",
                'Content-Type' => "text/$key") ],
            malformed => [ stream([ chunk(qq({"content":"$answer_word"})),
                "not json $leak", chunk('{}', finish => 'stop') ]) ],
            cut => [ stream([ chunk(qq({"content":"$answer_word"})) ],
                done => 0, end => [ ['reset'] ]) ],
            error => [ stream([ chunk(qq({"content":"x"})),
                qq({"error":{"message":"$leak","code":"$key"}}) ]) ],
            redirect => [ answer(302, $leak, Location =>
                "http://$key.invalid/") ],
            reset => [ ['reset'] ], held => [ gate('held') ]);
        my $gw = Gateway->start(mpm => $mpm, log => 'trace8',
            modules => [qw(status info headers)],
            env => { SECOND => $second },
            conf => $up->section('fake', 'LLMHeader X-Second env:SECOND')
            . <<"CONF");
<LLMProvider dead>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://127.0.0.1:$dead/v1
    LLMKey env:SECOND
</LLMProvider>
<LLMProvider echo>
    LLMRetry attempts=1
    LLMBreaker off
</LLMProvider>
LLMModel dead dead/x
LLMModel chain fake/500 dead/x fake/401
LLMModel echo echo/echo
LLMModel * fake/*
ExtendedStatus On
<Location "/server-status">
    SetHandler server-status
</Location>
<Location "/server-info">
    SetHandler server-info
</Location>
LogFormat "%r %{Referer}i %{Authorization}o %{LLM_MODEL}e %{LLM_FAULT}e %{LLM_PROVIDER}e %{LLM_CUSTOMER}e %{LLM_REQUEST_ID}e %{LLM_TOKENS_IN}e" wide
CustomLog \@ROOT\@/logs/wide.log wide
CONF
        my $seen = '';
        my @models = (sort(keys %status), qw(garbage page malformed cut error
            redirect reset dead chain good stream echo none));
        for my $model (@models) {
            for my $more (undef, '"stream":true') {
                my $answer = $gw->post($Gateway::CHAT,
                    question($model, $more));
                my $told = join '', $answer->{content},
                    map { "$_: $answer->{headers}{$_}\n" }
                    keys %{ $answer->{headers} };
                is index($told, $key), -1, "$model: no key to the client";
                is index($told, $second), -1, "$model: nor the other";
                $seen .= $told;
            }
        }
        for my $bad ("{\"model\":\"none\",\"x\":\"$prompt\"", "{\"$prompt\"",
            "{\"model\":\"good\",\"x\":\"$prompt\\x\"}", "\"$prompt\"") {
            $gw->post($Gateway::CHAT, $bad);
        }
        my $wire = $gw->wire;
        $wire->request(POST => $Gateway::CHAT, {}, question('held'));
        $up->await(at_gate => 1);
        my $pages = join '', map { $gw->get($_)->{content} }
            '/llm-status', '/llm-status?auto', '/llm-status/status.json',
            '/server-status', '/server-status?auto', '/server-info',
            '/llm/v1/models';
        like $pages, qr/mod_llm|llm_module/, 'mod_info tells of the module';
        is index($pages, $key), -1, 'no key in any page';
        is index($pages, $second), -1, 'nor the other';
        is index($pages, $answer_word), -1, 'no answer in any page';
        $wire->reset;
        $up->await(gone => 1);
        $gw->idle;
        $gw->graceful;
        my $fed = grep { index($_->{head}, $key) >= 0 } @{ $up->requests };
        cmp_ok $fed, '>', 10, 'the provider is given its key';
        $gw->stop;
        my $written = $gw->everything_written;
        cmp_ok length $written, '>', 10_000, 'the logs are loud';
        is index($written, $key), -1, 'no key in any log';
        is index($written, $second), -1, 'nor the other';
        is index($written, $answer_word), -1, 'no answer in any log';
        my @lines = grep { /\Q$prompt\E/ } split /\n/, $written;
        is scalar(@lines), 0, 'no prompt in any log'
            or diag substr $lines[0], 0, 300;
        $gw->log_clean(qr/LLM0010|AH0004[567]:/, qr/\[(?!llm)[\w-]*:/);
    };
}

# What a CGI script or an SSI page would see.
subtest 'the environment' => sub {
    my $up = Upstream->start(good => [ whole(completion(
        text => $answer_word)) ]);
    my $gw = Gateway->start(modules => ['headers'], conf =>
        $up->section('fake') . "LLMModel good fake/good\n",
        location => 'Header always set X-Env "%{LLM_MODEL}e"');
    $gw->post($Gateway::CHAT, question('good'));
    my ($child) = $gw->children;
    for my $pid ($gw->{pid}, $gw->children) {
        my $command = Gateway::read_file("/proc/$pid/cmdline");
        is index($command, $key), -1, 'no key in a command line';
    }
    $gw->log_clean;
};

# --- from the provider into a head ---------------------------------------------

subtest 'a provider that writes into heads' => sub {
    my %evil = (
        'CR in a value' => "X-Request-Id: a\rSet-Cookie: evil=1\r\n",
        'LF in a value' => "X-Request-Id: a\nSet-Cookie: evil=1\r\n",
        'NUL' => "X-Request-Id: a\0b\r\n",
        'high bytes' => "X-Request-Id: \xff\xfe\r\n",
        'folded' => "X-Request-Id: a\r\n Set-Cookie: evil=1\r\n",
        'cookie' => "Set-Cookie: evil=1\r\nSet-Cookie2: evil=2\r\n",
        'hop by hop' => "Connection: X-Evil\r\nX-Evil: evil=1\r\n"
            . "Keep-Alive: evil=1\r\nUpgrade: evil=1\r\n",
        'location' => "Location: http://evil=1/\r\nRefresh: 0;evil=1\r\n",
        'internal' => "X-Sendfile: /etc/passwd\r\nX-Accel-Redirect: "
            . "/evil=1\r\nStatus: 307 evil=1\r\n",
        'type' => "Content-Type: application/json; x=\"evil=1\"\r\n",
        'retry' => "Retry-After: evil=1\r\nretry-after-ms: evil=1\r\n",
        'long' => 'X-Request-Id: ' . 'evil=1' x 500 . "\r\n",
    );
    my (%scripts, $n);
    my $body = completion();
    for my $name (sort keys %evil) {
        $n++;
        my $type = $name eq 'type' ? '' : "Content-Type: application/json\r\n";
        $scripts{"m$n"} = [ [ send => "HTTP/1.1 200 OK\r\n$type$evil{$name}"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body" ] ];
        my $error = '{"error":{"message":"no","code":"a\r\nX: evil=1"}}';
        $scripts{"e$n"} = [ [ send => "HTTP/1.1 429 Evil=1\r\n$type"
            . "$evil{$name}Content-Length: " . length($error)
            . "\r\n\r\n$error" ] ];
    }
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel * fake/*\n");
    $n = 0;
    for my $name (sort keys %evil) {
        $n++;
        for my $model ("m$n", "e$n") {
            my $wire = $gw->wire;
            $wire->request(POST => $Gateway::CHAT, {},
                Gateway::question($model));
            my $head = $wire->head;
            unlike $head->{raw}, qr/evil/i, "$name: $model";
            like $head->{status}, qr/\A(?:200|429|502)\z/,
                "$name: $model: status";
        }
    }
    is $gw->chat('m1')->{status} > 0, 1, 'and life goes on';
    $gw->log_clean(qr/LLM0010/);
};

# --- addresses -----------------------------------------------------------------

subtest 'a client does not choose where a request goes' => sub {
    my $trap = Upstream->start(default => [ whole(completion()) ]);
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(env => { http_proxy => $trap->url,
        https_proxy => $trap->url, ALL_PROXY => $trap->url,
        HTTP_PROXY => $trap->url }, conf => $up->section('fake')
        . "LLMModel good fake/good\nLLMModel pre-* fake/*\n");
    my $url = $trap->url;
    my $more = join ',', map { qq("$_":"$url") } qw(base_url api_base
        baseURL api_base_url endpoint host proxy url webhook target);
    my $sent = Gateway::question('good', $more);
    is $gw->post($Gateway::CHAT, $sent, 'X-Base-Url' => $url,
        'X-Portkey-Custom-Host' => $url, 'X-Forwarded-Host' => 'evil.test',
        'X-LLM-Base-URL' => $url, 'Helicone-Target-Url' => $url)->{status},
        200, 'by members and headers';
    is $up->requests->[-1]{body}, $sent, 'which pass on as they are';
    my @paths = ("$Gateway::CHAT?base_url=$url", "$Gateway::CHAT/../../x",
        '/llm/v1//chat/completions', "/llm/$url/chat/completions");
    $gw->post($_, $sent) for @paths;
    my $wire = $gw->wire;
    $wire->request(POST => "$url/chat/completions", {}, $sent);
    $wire->head;
    $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, { Host => '127.0.0.1:'
        . $trap->port }, $sent);
    is $wire->answer->{status}, 200, 'by the Host header';
    for my $name ('pre-/../../admin', "pre-\@evil", 'pre-?x=1', 'pre-#x',
        'pre-%2e%2e/x', "pre-\\r\\nHost: evil", 'pre-http://evil') {
        $gw->post($Gateway::CHAT,
            "{\"model\":\"$name\",\"messages\":[]}");
    }
    is $trap->counts->{connections}, 0, 'no connection went elsewhere';
    is scalar(grep { $_->{target} ne '/v1/chat/completions' }
        @{ $up->requests }), 0, 'and none to another path';
    is scalar(grep { $_->{head} =~ /evil/ } @{ $up->requests }), 0,
        'nor with another head';
    $gw->log_clean;
};

# --- what gets in ----------------------------------------------------------------

subtest 'requests that are no requests' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel * fake/*\nTimeout 5\n");
    my $body = Gateway::question('good');
    my $n = length $body;
    my $post = "POST $Gateway::CHAT HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\n";
    my $inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    my %raw = (
        'two lengths' => "${post}Content-Length: $n\r\nContent-Length: 5\r\n"
            . "\r\n$body",
        'length and chunks' => "${post}Content-Length: 5\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n"
            . sprintf("%x\r\n%s\r\n0\r\n\r\n", $n, $body),
        'chunks that are none' => "${post}Transfer-Encoding: chunked\r\n\r\n"
            . "zz\r\n$body",
        'negative length' => "${post}Content-Length: -1\r\n\r\n$body",
        'a length that is none' => "${post}Content-Length: 1e3\r\n\r\n$body",
        'a huge chunk' => "${post}Transfer-Encoding: chunked\r\n\r\n"
            . "ffffffffffffffff\r\n$body",
        'compressed' => "${post}Content-Encoding: gzip\r\nContent-Length: 4"
            . "\r\n\r\n\x1f\x8b\x08\x00",
        'upgrade' => "${post}Connection: Upgrade\r\nUpgrade: websocket\r\n"
            . "Content-Length: $n\r\n\r\n$body",
        'body of a GET' => "GET /llm/v1/models HTTP/1.1\r\nHost: x\r\n"
            . 'Content-Length: ' . length($inner) . "\r\n\r\n$inner",
        'body of a refused one' => "POST /llm/nowhere HTTP/1.1\r\nHost: x\r\n"
            . 'Content-Length: ' . length($inner) . "\r\n\r\n$inner",
        'body of a wrong method' => "PUT $Gateway::CHAT HTTP/1.1\r\n"
            . "Host: x\r\nContent-Length: " . length($inner)
            . "\r\n\r\n$inner",
        'body of a wrong type' => "POST $Gateway::CHAT HTTP/1.1\r\nHost: x"
            . "\r\nContent-Type: text/plain\r\nContent-Length: "
            . length($inner) . "\r\n\r\n$inner",
        'too large a body' => "${post}Content-Length: 99999999999\r\n\r\n"
            . $inner,
    );
    for my $name (sort keys %raw) {
        my $wire = $gw->wire;
        $wire->send($raw{$name} . "GET /index.html HTTP/1.1\r\nHost: x\r\n"
            . "Connection: close\r\n\r\n");
        my $answers = '';
        while (my $answer = eval { $wire->answer }) {
            $answers .= "$answer->{status} ";
            last if $answers =~ /(?:\d+ ){5}/;
        }
        ok length $answers, "$name: $answers";
    }
    my @smuggled = grep { $_->{url} =~ /smuggled/ } $gw->access_log;
    is scalar @smuggled, 0, 'no body was taken for a request';
    is $gw->chat('good')->{status}, 200, 'and life goes on';
    $gw->log_clean(qr/\[(?:core|http|llm):/);
};

subtest 'many names, long names, strange names' => sub {
    my $gw = Gateway->start(conf => "<LLMProvider echo>\n</LLMProvider>\n"
        . "LLMModel echo echo/echo\nLLMModel w-* echo/*\n");
    for my $name ('x' x 255, 'w-' . 'x' x 240, 'w-<script>alert(1)</script>',
        'w-\u0000', 'w-\n[llm:error] forged', 'w-%n%s%x', "w-\xe2\x80\xae",
        'w-', '../../etc/passwd', 'w-${jndi:ldap://x}') {
        my $answer = $gw->post($Gateway::CHAT,
            "{\"model\":\"$name\",\"messages\":[{\"role\":\"user\","
            . '"content":"x"}]}');
        like $answer->{status}, qr/\A(?:200|400|404)\z/,
            substr($name, 0, 24) . ": $answer->{status}";
        unlike join('', map { "$_$answer->{headers}{$_}" }
            keys %{ $answer->{headers} }), qr/[<>]|forged/, 'not in the head';
    }
    is scalar(grep { /forged/ } $gw->error_log,
        map { "@{[ %$_ ]}" } $gw->access_log), 0, 'nothing forged in a log';
    my $page = $gw->get('/llm-status')->{content};
    unlike $page, qr/<script>/, 'nor in the page';
    ok $gw->status, 'JSON stays JSON';
    $gw->log_clean;
};

# --- files and programs for keys --------------------------------------------------

subtest 'keys from files and programs' => sub {
    my $up = Upstream->start(default => [ whole(completion()) ]);
    my $dir = File::Temp->newdir;
    chmod 0700, "$dir";
    Gateway::write_file("$dir/key", "  sk-file-key-1  \nsecond line\n");
    chmod 0600, "$dir/key";
    # With a sanitizer's runtime in it a shell may crash.
    Gateway::write_file("$dir/program", "#!/usr/bin/env -S -u LD_PRELOAD sh\n"
        . "echo \"sk-\$1-\$2\"\necho noise >&2\n");
    chmod 0700, "$dir/program";
    my $url = $up->url;
    my $gw = Gateway->start(conf => <<"CONF");
<LLMProvider byfile>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL $url
    LLMKey file:$dir/key
</LLMProvider>
<LLMProvider byprogram>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL $url
    LLMKey "exec:$dir/program a;b \$(x)"
</LLMProvider>
<LLMProvider keyless>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL $url/
</LLMProvider>
LLMModel a byfile/a
LLMModel b byprogram/b
LLMModel c keyless/c
CONF
    my %due = (a => 'Bearer sk-file-key-1', b => 'Bearer sk-a;b-$(x)',
        c => undef);
    for my $model (sort keys %due) {
        is $gw->chat($model)->{status}, 200, "$model: answered";
        is $up->requests->[-1]{headers}{authorization}, $due{$model},
            "$model: its key";
        is $up->requests->[-1]{target}, '/v1/chat/completions',
            "$model: its path";
    }
    Gateway::write_file("$dir/key", "sk-file-key-2\n");
    $gw->graceful;
    ok Gateway::until_true(sub { $gw->chat('a');
        $up->requests->[-1]{headers}{authorization}
            eq 'Bearer sk-file-key-2' }), 'a reload reads it again';
    is index($gw->everything_written, 'sk-file-key'), -1, 'it is in no log';
    $gw->log_clean(qr/noise/, qr/AH0004[567]:/);
};

done_testing;
