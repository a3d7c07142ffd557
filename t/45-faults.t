# Everything a provider can do wrong: what the client is told, what the next
# target of the chain is asked, and that the key stays at home.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use IO::Socket::INET;
use Test::More;
use Upstream;

Gateway->need_module;

my $key = $Gateway::CANARY;
my $good = '{"choices":[{"index":0,"message":{"role":"assistant",'
    . '"content":"spare"},"finish_reason":"stop"}]}';
my $first = chunk('{"role":"assistant","content":""}');
my $page = '<!DOCTYPE html><html><body>Bad gateway at backend7</body></html>';

sub error_text
{
    my (%error) = @_;
    my %full = (message => "inner words about $key and Bearer abc.def",
        type => 'inner_type', param => undef, code => undef, %error);
    return Gateway::encode({ error => \%full });
}

sub status { my ($n, %with) = @_;
    return [ answer($n, error_text(), %with) ] }

# name => [ script, status, code, fault's word, more ]
#   chain   1: the next target is asked
#   stream  a script of its own for streams, or 0: not tried
#   like    the client's message;  error: members of the client's error
#   header  of the client's answer
#   quiet   nothing is said in the error log
my %case = (
    'says 401' => [ status(401), 502, 'provider_key_refused', 'refused_key',
        chain => 1, unlike => qr/inner/ ],
    'says 402' => [ status(402), 502, 'provider_key_refused', 'refused_key',
        chain => 1, unlike => qr/inner/ ],
    'says 403' => [ status(403), 502, 'provider_key_refused', 'refused_key',
        chain => 1, unlike => qr/inner/ ],
    'says 429' => [ status(429, 'Retry-After' => 17), 429,
        'rate_limit_exceeded', 'limited', chain => 1,
        header => { 'retry-after' => 17 } ],
    'says 429 in ms' => [ status(429, 'retry-after-ms' => 1500), 429,
        'rate_limit_exceeded', 'limited', chain => 1,
        header => { 'retry-after' => 2, 'retry-after-ms' => 1500 } ],
    'says 429 and when, oddly' => [ status(429, 'Retry-After' => 'soon'),
        429, 'rate_limit_exceeded', 'limited', chain => 1,
        header => { 'retry-after' => undef } ],
    'says 429 with its own code' => [ [ answer(429, error_text(
        code => 'tokens_per_day')) ], 429, 'tokens_per_day', 'limited',
        chain => 1 ],
    'has no credit' => [ [ answer(429, error_text(
        code => 'insufficient_quota')) ], 502, 'provider_key_refused',
        'refused_key', chain => 1, like => qr/credit or quota is used up/ ],
    'says 500' => [ status(500), 502, 'provider_failed', 'failed',
        chain => 1 ],
    'says 500 in HTML' => [ [ answer(500, $page, 'Content-Type' =>
        'text/html') ], 502, 'provider_failed', 'failed', chain => 1,
        unlike => qr/backend7/ ],
    'says 500 and is cut' => [ [ [ send => head(500, 'Content-Length' =>
        999) . '{"er' ], ['close'] ], 502, 'provider_failed', 'failed',
        chain => 1 ],
    'says 502' => [ status(502), 502, 'provider_failed', 'failed',
        chain => 1 ],
    'says 503' => [ status(503, 'Retry-After' => 3), 503,
        'provider_overloaded', 'overloaded', chain => 1,
        header => { 'retry-after' => 3 } ],
    'says 529' => [ status(529), 503, 'provider_overloaded', 'overloaded',
        chain => 1 ],
    'says 504' => [ status(504), 504, 'provider_timeout', 'slow',
        chain => 1 ],
    'says 408' => [ status(408), 504, 'provider_timeout', 'slow',
        chain => 1 ],
    'says 400' => [ [ answer(400, error_text(message => "bad tool, $key",
        type => 'invalid_request_error', param => 'tools.0',
        code => 'unsupported_value')) ], 400, 'unsupported_value', 'rejected',
        chain => 0, error => { type => 'invalid_request_error',
        param => 'tools.0' }, like => qr/\Abad tool, \[key\]/ ],
    'says 404' => [ [ answer(404, error_text(code => 'model_not_found')) ],
        404, 'model_not_found', 'rejected', chain => 0 ],
    'says 413' => [ status(413), 413, 'rejected', 'rejected', chain => 0 ],
    'says 422 in its own way' => [ [ answer(422, '{"error":"just words"}') ],
        422, 'rejected', 'rejected', chain => 0, like => qr/just words/ ],
    'says 418 in HTML' => [ [ answer(418, $page, 'Content-Type' =>
        'text/html') ], 418, 'rejected', 'rejected', chain => 0,
        unlike => qr/backend7/ ],
    'says 400 and nothing' => [ [ answer(400, '') ], 400, 'rejected',
        'rejected', chain => 0 ],
    'says 400 in garbage' => [ [ answer(400, "{\"error\":{\"message\":\"\xff"
        . "\"}}") ], 400, 'rejected', 'rejected', chain => 0 ],
    'says 400 with control signs' => [ [ answer(400, error_text(
        message => "a\r\nSet-Cookie: x\x01", code => "c\r\nX: y",
        type => '<b>')) ], 400, 'rejected', 'rejected', chain => 0,
        error => { type => 'invalid_request_error' } ],
    'says 400 at length' => [ [ answer(400, error_text(
        message => 'y' x 300_000)) ], 400, 'rejected', 'rejected',
        chain => 0 ],
    'context' => [ [ answer(400, error_text(code =>
        'context_length_exceeded', param => 'messages',
        message => 'too many tokens')) ], 400, 'context_length_exceeded',
        'context', chain => 1, like => qr/too many tokens/,
        error => { param => 'messages' } ],
    'policy' => [ [ answer(400, error_text(code =>
        'content_policy_violation')) ], 400, 'content_policy_violation',
        'policy', chain => 0 ],
    'redirects' => [ [ answer(302, '', Location =>
        'http://127.0.0.1:1/elsewhere') ], 502, 'provider_garbage',
        'garbage', chain => 1 ],
    'redirects for good' => [ [ answer(308, '{}', Location =>
        'http://127.0.0.1:1/elsewhere') ], 502, 'provider_garbage',
        'garbage', chain => 1 ],
    'says 204' => [ [ [ send => head(204) ] ], 502,
        qr/\Aprovider_(?:garbage|failed)\z/, qr/\A(?:garbage|failed)\z/,
        chain => 1 ],
    'a page' => [ [ answer(200, $page, 'Content-Type' => 'text/html') ], 502,
        'provider_garbage', 'garbage', chain => 1, unlike => qr/backend7/ ],
    'no type' => [ [ [ send => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        . '{}' ] ], 502, 'provider_garbage', 'garbage', chain => 1 ],
    'not JSON' => [ [ answer(200, 'hello') ], 502, 'provider_garbage',
        'garbage', chain => 1, stream => [ stream(['hello', 'again'],
        done => 0) ] ],
    'empty' => [ [ answer(200, '') ], 502, 'provider_garbage', 'garbage',
        chain => 1, stream => 0 ],
    'JSON of another kind' => [ [ answer(200, '{"object":"list"}') ], 502,
        'provider_garbage', 'garbage', chain => 1,
        stream => [ stream(['[1]', '"x"'], done => 0) ] ],
    'not UTF-8' => [ [ answer(200, "{\"choices\":[],\"x\":\"\xff\xfe\"}") ],
        502, 'provider_garbage', 'garbage', chain => 1,
        stream => [ stream([ "{\"choices\":[],\"x\":\"\xff\xfe\"}" ],
            done => 0) ] ],
    'an error with 200' => [ [ answer(200, error_text()) ], 502,
        'provider_failed', 'failed', chain => 1,
        stream => [ stream([ error_text() ], done => 0) ] ],
    'compressed' => [ [ answer(200, "\x1f\x8b\x08garbage",
        'Content-Encoding' => 'gzip') ], 502, 'provider_garbage', 'garbage',
        chain => 1, stream => [ stream([$first], headers =>
            { 'Content-Encoding' => 'gzip' }) ] ],
    'the other kind' => [ [ stream([ deltas(['x']) ]) ], 502,
        'provider_garbage', 'garbage', chain => 1,
        stream => [ whole($good) ] ],
    'no HTTP' => [ [ [ send => "220 smtp ready\r\n" ], ['close'] ], 502,
        qr/\Aprovider_(?:garbage|reset)\z/, qr/\A(?:garbage|reset)\z/,
        chain => 1 ],
    'closes' => [ [ ['close'] ], 502, 'provider_reset', 'reset',
        chain => 1 ],
    'resets' => [ [ ['reset'] ], 502, 'provider_reset', 'reset',
        chain => 1 ],
    'resets within the head' => [ [ [ send => "HTTP/1.1 200 OK\r\nConte" ],
        ['reset'] ], 502, 'provider_reset', 'reset', chain => 1 ],
    'cut short' => [ [ [ send => head(200, 'Content-Type' =>
        'application/json', 'Content-Length' => 5000) . '{"choices":[' ],
        ['close'] ], 502, 'provider_cut', 'cut', chain => 1, stream => 0 ],
    'cut in chunks' => [ [ [ send => head(200, 'Content-Type' =>
        'application/json', 'Transfer-Encoding' => 'chunked')
        . "40\r\n{\"choices\":[" ], ['close'] ], 502, 'provider_cut', 'cut',
        chain => 1, stream => 0 ],
    'a chunk that is none' => [ [ [ send => head(200, 'Content-Type' =>
        'application/json', 'Transfer-Encoding' => 'chunked')
        . "zz\r\n{}\r\n" ], ['close'] ], 502, qr/\Aprovider_(?:cut|garbage)\z/,
        qr/\A(?:cut|garbage)\z/, chain => undef, stream => 0 ],
    'cut before its first word' => [ [ ['reset'] ], 502,
        qr/\Aprovider_(?:cut|reset)\z/, qr/\A(?:cut|reset)\z/,
        chain => undef, stream => [ stream([$first], done => 0,
        end => [ ['close'] ]) ] ],
    'a head without end' => [ [ [ send => "HTTP/1.1 200 OK\r\n" ],
        map { [ send => "X-Filler-$_: " . 'x' x 1000 . "\r\n" ] } 1 .. 400 ],
        502, qr/\Aprovider_(?:garbage|reset)\z/, qr/\A(?:garbage|reset)\z/,
        chain => 1 ],
    'a head with a line of 200 KB' => [ [ [ send => "HTTP/1.1 200 OK\r\nX: "
        . 'x' x 200_000 . "\r\n\r\n" ] ], 502,
        qr/\Aprovider_(?:garbage|reset)\z/, qr/\A(?:garbage|reset)\z/,
        chain => 1 ],
    'silent' => [ [ gate('never') ], 504, 'provider_timeout', 'slow',
        chain => 1, hasty => 1 ],
    'silent after its head' => [ [ [ send => head(200, 'Content-Type' =>
        'application/json', 'Content-Length' => 500) ], gate('never') ], 504,
        'provider_timeout', 'slow', chain => 1, hasty => 1,
        stream => [ [ send => head(200, 'Content-Type' => 'text/event-stream',
            'Transfer-Encoding' => 'chunked') ], gate('never') ] ],
    'silent after its role' => [ [ gate('never') ], 504, 'provider_timeout',
        'slow', chain => 1, hasty => 1,
        stream => [ stream([ $first, gate('never') ]) ] ],
    'only comments' => [ [ gate('never') ], 504, 'provider_timeout', 'slow',
        chain => 1, hasty => 1, stream => [ stream([ map { (\": wait\n\n",
        [ wait => 0.05 ]) } 1 .. 2000 ]) ] ],
);

my (%scripts, %of);
my $n = 0;
for my $what (sort keys %case) {
    my ($script, $status, $code, $word, %more) = @{ $case{$what} };
    my $name = 'm' . ++$n;
    $of{$what} = $name;
    my $streamed = exists $more{stream} ? $more{stream} || $script : $script;
    $scripts{$name} = sub {
        return @{ $_[0]{json}{stream} ? $streamed : $script };
    };
}
$scripts{good} = sub { $_[0]{json}{stream}
    ? stream([ deltas(['spare']) ]) : whole($good) };

sub faults
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $conf = $up->section('fake', 'LLMTimeout first=20s')
        . $up->section('hasty', 'LLMTimeout first=250ms')
        . $up->section('spare');
    for my $what (sort keys %case) {
        my (undef, undef, undef, undef, %more) = @{ $case{$what} };
        my $at = ($more{hasty} ? 'hasty' : 'fake') . "/$of{$what}";
        $conf .= "LLMModel $of{$what} $at\n"
            . "LLMModel c-$of{$what} $at spare/good\n";
    }
    my $gw = Gateway->start(mpm => $mpm, children => 1, conf => $conf);
    for my $what (sort keys %case) {
        subtest "$mpm: a provider: $what" => sub { try($gw, $up, $what) };
    }
    ok $gw->idle, "$mpm: nothing is left in flight";
    ok $up->await_most(at_gate => 0), "$mpm: who is silent is left";
    is $gw->status->{totals}{faults}{internal}, undef,
        "$mpm: none of it is the gateway's own fault";
    $gw->log_clean(qr/LLM0010: provider (?:fake|hasty): /);
}

sub try
{
    my ($gw, $up, $what) = @_;
    my ($script, $status, $code, $word, %more) = @{ $case{$what} };
    my $name = $of{$what};
    check($gw, $gw->chat($name), $what, 'whole');
    if (!exists $more{stream} || $more{stream}) {
        check($gw, streamed($gw, $name), $what, 'streamed');
    }
    return unless defined $more{chain};
    for my $kind ('whole', 'streamed') {
        next if $kind eq 'streamed' && exists $more{stream}
            && !$more{stream};
        $up->forget;
        my $answer = $kind eq 'whole' ? $gw->chat("c-$name")
            : streamed($gw, "c-$name");
        is $answer->{status}, $more{chain} ? 200 : $status,
            "$kind: the chain";
        is $answer->{headers}{'x-llm-attempts'}, $more{chain} ? 2 : 1,
            "$kind: attempts";
        like $answer->{content}, qr/spare/, "$kind: the spare's words"
            if $more{chain};
    }
}

# A refusal of a stream is an answer like any other.
sub streamed
{
    my ($gw, $name) = @_;
    my ($wire, $head) = $gw->stream($name);
    $head->{content} = $wire->body;
    $head->{json} = eval { Gateway::decode($head->{content}) }
        if $head->{headers}{'content-type'} =~ m{^application/json};
    return $head;
}

sub check
{
    my ($gw, $answer, $what, $kind) = @_;
    my (undef, $status, $code, $word, %more) = @{ $case{$what} };
    is $answer->{status}, $status, "$kind: status";
    my $error = $answer->{json} ? $answer->{json}{error} : undef;
    is ref $error, 'HASH', "$kind: OpenAI's shape"
        or return diag substr $answer->{content}, 0, 300;
    is join(' ', sort keys %$error), 'code message param type',
        "$kind: all four members";
    my $match = ref $code ? \&like : \&is;
    $match->($error->{code}, $code, "$kind: code");
    like $error->{message}, $more{like}, "$kind: message" if $more{like};
    unlike $answer->{content}, $more{unlike}, "$kind: nothing of it inside"
        if $more{unlike};
    is $error->{$_}, $more{error}{$_}, "$kind: $_"
        for sort keys %{ $more{error} || {} };
    is $answer->{headers}{$_}, $more{header}{$_}, "$kind: $_"
        for sort keys %{ $more{header} || {} };
    is index($answer->{content}, $key), -1, "$kind: no key";
    unlike $answer->{content}, qr/abc\.def/, "$kind: nor another";
    cmp_ok length $answer->{content}, '<', 10_000, "$kind: short";
    ok !exists $answer->{headers}{$_}, "$kind: no $_"
        for qw(location set-cookie x);
    my $line = $gw->logged($answer->{headers}{'x-request-id'});
    $match = ref $word ? \&like : \&is;
    $match->($line->{fault}, $word, "$kind: the log");
}

faults($_) for qw(event worker prefork);

# --- who is not there --------------------------------------------------------

subtest 'a provider that cannot be reached' => sub {
    my $dead = free_port();
    my $nameless = 'x' x 64;            # too long to be asked for
    my $up = Upstream->start(good => $scripts{good});
    # Bound and listening, but with a queue that is full: no answer to SYN.
    my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
        Proto => 'tcp', LocalPort => free_port());
    listen $deaf, 0;
    my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        Proto => 'tcp', PeerPort => $deaf->sockport, Blocking => 0) } 1 .. 8;
    my $gw = Gateway->start(conf => $up->section('spare') . <<"CONF");
<LLMProvider dead>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://127.0.0.1:$dead/v1
</LLMProvider>
<LLMProvider nameless>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://$nameless.invalid/v1
    LLMTimeout connect=5s
</LLMProvider>
<LLMProvider deaf>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://127.0.0.1:@{[ $deaf->sockport ]}/v1
    LLMTimeout connect=300ms
</LLMProvider>
LLMModel dead dead/x
LLMModel nameless nameless/x
LLMModel deaf deaf/x
LLMModel rescued dead/x nameless/x deaf/x spare/good
CONF
    for my $name (qw(dead nameless deaf)) {
        for my $more ('"stream":false', '"stream":true') {
            my $answer = $gw->chat($name, $more);
            is $answer->{json}{error}{code}, 'provider_unreachable',
                "$name: code" if $name ne 'deaf';
            like $answer->{json}{error}{code},
                qr/\Aprovider_(?:unreachable|timeout)\z/, "$name: $more";
            like $answer->{status}, qr/\A50[24]\z/, "$name: status";
            unlike $answer->{content}, qr/127\.0\.0\.1|$nameless|$dead/,
                "$name: its address stays inside";
        }
    }
    my $answer = $gw->chat('rescued');
    is $answer->{status}, 200, 'the fourth of four answers';
    is $answer->{headers}{'x-llm-attempts'}, 4, 'attempts';
    $gw->log_clean(qr/LLM0010: provider (?:dead|nameless|deaf)/);
};

subtest 'a provider that drips' => sub {
    my $up = Upstream->start(drip => [ [ send => head(200, 'Content-Type' =>
        'application/json', 'Content-Length' => 9999) ],
        map { ([ send => ' ' ], [ wait => 0.05 ]) } 1 .. 9000 ]);
    my $gw = Gateway->start(conf => $up->section('fake',
        'LLMTimeout first=10s idle=10s total=600ms') . "LLMModel drip fake/drip\n");
    my $answer = $gw->chat('drip');
    is $answer->{status}, 504, 'is not waited for beyond total=';
    ok $up->await(gone => 1), 'and left';
    $gw->log_clean;
};

subtest 'the log says once that a provider is down, and once that it is up'
    => sub {
    my $up = Upstream->start(m => sub { $_[0]{n} <= 5 ? fault(401)
        : whole($good) });
    my $gw = Gateway->start(children => 1, conf => $up->section('fake')
        . "LLMModel m fake/m\n");
    $gw->chat('m') for 1 .. 10;
    is scalar(grep { /LLM0010.*fake/ } $gw->error_log), 1, 'down';
    is scalar(grep { /LLM0011.*fake/ } $gw->error_log), 1, 'up';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'the log names a provider whose calls another answers' => sub {
    my $up = Upstream->start(refuses => [ fault(401) ], broke => [ fault(429,
            { type => 'insufficient_quota', message => 'sorry, none left' }) ],
        down => [ fault(503) ], once => sub { $_[0]{n} % 5 ? fault(500)
            : whole($good) }, default => [ whole($good) ]);
    my $gw = Gateway->start(children => 1, conf => join('',
        map { $up->section($_, 'LLMBreaker off') . "LLMModel $_ $_/$_ well/m\n" }
        qw(refuses broke down once)) . $up->section('well'));
    my $said = sub {
        my @lines = grep { /$_[0]/ } $gw->error_log;
        return [ map { /(LLM.*)/ ? $1 =~ s/, referer.*//r : () } @lines ];
    };
    for my $name (qw(refuses broke down once)) {
        $gw->chat($name) for 1 .. 4;
    }
    is_deeply $said->('LLM0010.*provider refuses'), [ 'LLM0010: provider '
        . 'refuses: The provider refused the gateway\'s key (refused_key, '
        . 'HTTP 401)' ], 'a key that is refused, once';
    is_deeply $said->('LLM0010.*provider broke'), [ 'LLM0010: provider broke: '
        . 'The provider refused the gateway\'s key, whose credit or quota is '
        . 'used up (refused_key, HTTP 429)' ], 'why';
    is_deeply $said->('LLM0010.*provider down'), [], 'a few failures are not';
    $gw->chat('down') for 1 .. 4;
    is_deeply $said->('LLM0010.*provider down'), [ 'LLM0010: provider down: '
        . 'The provider is overloaded (overloaded, HTTP 503)' ], 'many are';
    $gw->chat('once') for 1 .. 16;
    is_deeply $said->('LLM001.*provider once'), [], 'nor one now and then';
    is_deeply $said->('sorry'), [], 'what it says is not';
    $gw->log_clean(qr/LLM0010/);
};

# It fails in two ways, and answers between.
subtest 'one that does this and that does not fill the log' => sub {
    my $up = Upstream->start(m => sub { $_[0]{n} % 3 == 0 ? whole($good)
        : $_[0]{n} % 3 == 1 ? fault(401) : answer(200, 'what?') },
        s => [ whole($good) ]);
    my $gw = Gateway->start(children => 1, conf => $up->section('one',
        'LLMBreaker off') . $up->section('two') . "LLMModel m one/m two/s\n");
    $gw->chat('m') for 1 .. 20;
    is scalar(grep { /LLM0010/ } $gw->error_log), 2, 'each trouble once';
    is scalar(grep { /LLM0011/ } $gw->error_log), 1, 'and that it was over';
    $gw->log_clean(qr/LLM0010/);
};

subtest "every fault of echo" => sub {
    my $gw = Gateway->start(conf => <<'CONF');
<LLMProvider echo>
    LLMRetry attempts=1
    LLMBreaker off
</LLMProvider>
LLMModel echo echo/echo
LLMModel hasty echo/echo first=400ms whole=400ms idle=400ms
CONF
    my %due = (usage => 200, refuse => 502, reset => 502, silent => 504,
        late => 504, cut => 502, stall => 504, noend => 200, malformed => 502,
        html => 502, context => 400, policy => 400, nousage => 200,
        earlyerror => 502, huge => 200, 400 => 400, 401 => 502, 402 => 502,
        403 => 502, 404 => 404, 408 => 504, 429 => 429, 500 => 502,
        502 => 502, 503 => 503, 504 => 504, 529 => 503);
    for my $word (sort keys %due) {
        my $model = $word =~ /^(?:silent|late|stall)$/ ? 'hasty' : 'echo';
        my $answer = $gw->chat("$model?fault=$word&size=100K&retry=9");
        is $answer->{status}, $due{$word}, "fault=$word";
        is $answer->{headers}{'retry-after'}, 9, "fault=$word: Retry-After"
            if $word =~ /^(?:429|503)$/;
    }
    my $bad = $gw->chat('echo?fualt=500');
    is $bad->{status}, 400, 'a misspelt option is refused';
    like $bad->{json}{error}{message}, qr/fualt/, 'and named';
    is $gw->chat("echo?delay=$_")->{status}, 400, "delay=$_ is refused"
        for qw(x -1 99999999h);
    $gw->log_clean(qr/LLM0010: provider echo/);
};

done_testing;
