# Both sides speak the same dialect: what the client wrote reaches the
# provider, and what the provider wrote reaches the client, byte for byte,
# but for the model's name and the question about usage.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $chat = $Gateway::CHAT;
my $asks = '"stream_options":{"include_usage":true}';

my $up = Upstream->start(default => sub {
    my ($request) = @_;
    return $request->{json} && $request->{json}{stream}
        ? stream([ deltas(['Hi'], usage => 1) ]) : whole(completion());
}, huge => [ whole(completion(text => "x\x{e9}\n" x 400_000)) ]);
my $gw = Gateway->start(conf => $up->section('fake') . <<'CONF');
LLMModel m fake/other-name
LLMModel same fake/same
LLMModel quoted "fake/a'b\\c"
LLMModel huge fake/huge
CONF

# What the provider got for these bytes.
sub got
{
    my ($body) = @_;
    $up->forget;
    my $answer = $gw->post($chat, $body);
    is $answer->{status}, 200, 'answered' or diag $answer->{content};
    return $up->requests->[0]{body};
}

# --- requests ---------------------------------------------------------------

# %M% stands for the model's name; nothing else may change.
my %whole = (
    plain => '{"model":%M%,"messages":[]}',
    'model last' => '{"messages":[],"model":%M%}',
    'model alone' => '{"model":%M%}',
    'white space' => " \r\n{\t\"model\" \n:\t %M% ,\n\"messages\" : [ ] }\n\n",
    numbers => '{"temperature":1.50,"top_p":1e0,"seed":-0,"n":1.0E+0,'
        . '"big":123456789012345678901234567890,"small":1e-400,"model":%M%}',
    escapes => '{"messages":[{"content":"\u00e9\/\"\\\\\ud83d\ude00\b"}],'
        . '"model":%M%,"\u006e\u0061me":"x"}',
    'UTF-8' => "{\"user\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\","
        . '"model":%M%}',
    'unknown members' => '{"model":%M%,"tomorrow":{"x":[null,true,{}]},'
        . '"x-y.z":0,"":"empty name"}',
    'members twice' => '{"model":%M%,"user":"a","user":"b"}',
    'model inside' => '{"metadata":{"model":"inner","stream":true},'
        . '"messages":[{"model":"inner"}],"model":%M%}',
    'stream off' => '{"stream": false, "model":%M%,"stream_options":null}',
    'usage asked, no stream' => '{"model":%M%,"stream_options":'
        . '{"include_usage":false}}',
    'deep' => '{"model":%M%,"x":' . '[' x 60 . ']' x 60 . '}',
);

for my $name (sort keys %whole) {
    subtest "a request: $name" => sub {
        for my $case ([ '"m"', '"other-name"' ], [ '"same"', '"same"' ],
            [ '"\u006d"', '"other-name"' ]) {
            my ($ours, $theirs) = @$case;
            (my $sent = $whole{$name}) =~ s/%M%/$ours/;
            (my $due = $whole{$name}) =~ s/%M%/$theirs/;
            is got($sent), $due, "$ours becomes $theirs";
        }
    };
}
is got('{"mod\u0065l":"m","messages":[]}'),
    '{"mod\u0065l":"other-name","messages":[]}',
    'a member in disguise is still the model';
is got('{"model":"s\u0061me"}'), '{"model":"s\u0061me"}',
    'the same name stays as it was spelt';
is Gateway::decode(got('{"model":"quoted"}'))->{model}, q(a'b\\c),
    'a name that needs escapes';

# --- requests for a stream ----------------------------------------------------

# The body without our question, put in one of the ways there are; the one
# that makes it what it should be, if any does.
sub without_question
{
    my ($body, $due) = @_;
    for my $ours ('"include_usage":true,', ',"include_usage":true',
        '"include_usage":true', ",$asks", "$asks,", $asks) {
        my $at = index $body, $ours;
        next if $at < 0;
        my $rest = $body;
        substr($rest, $at, length $ours) = '';
        return $rest if $rest eq $due;
    }
    return $body;
}

my %stream = (
    plain => '{"model":"m","stream":true,"messages":[]}',
    'white space' => "{ \"stream\" : true ,\n \"model\" : \"m\" }\n",
    'an escaped name' => '{"str\u0065am":true,"model":"m"}',
    'other options' => '{"model":"m","stream":true,"stream_options":'
        . '{"include_obfuscation":false, "x":1.50}}',
    'other options first' => '{"stream_options": { "x" : [1] } ,'
        . '"model":"m","stream":true}',
    'empty options' => '{"model":"m","stream_options":{},"stream":true}',
    'blank options' => '{"model":"m","stream_options":{ },"stream":true}',
);
for my $name (sort keys %stream) {
    subtest "a stream: $name" => sub {
        my $body = got($stream{$name});
        (my $due = $stream{$name}) =~ s/"m"/"other-name"/;
        ok eval { Gateway::decode($body)->{stream_options}{include_usage} },
            'usage is asked for' or diag $body;
        is without_question($body, $due), $due, 'and nothing else has changed';
    };
}
for my $name ('null', '{"include_usage":false}', '{"include_usage":null}',
    '{"include_usage": false ,"x":1}') {
    subtest "a stream: stream_options $name" => sub {
        my $sent = qq({"a":[1.0],"stream":true,"model":"m",)
            . qq("stream_options":$name,"b" : 2});
        my $body = got($sent);
        my $tree = Gateway::decode($body);
        is $tree->{stream_options}{include_usage}, JSON::PP::true(),
            'usage is asked for';
        is $tree->{stream_options}{x}, 1, 'beside what was there'
            if $name =~ /x/;
        like $body, qr/\A\Q{"a":[1.0],"stream":true,"model":"other-name",\E
            "stream_options":\{.*\}\Q,"b" : 2}\E\z/x,
            'and nothing else has changed';
    };
}
for my $asked ('{"include_usage":true}', "{ \"include_usage\"\n: true , \"x\":1}",
    '{"include_\u0075sage":true}') {
    my $sent = qq({"model":"m","stream_options":$asked,"stream":true});
    (my $due = $sent) =~ s/"m"/"other-name"/;
    is got($sent), $due, "usage asked by the client: $asked";
}

# --- answers -----------------------------------------------------------------

is $gw->chat('m')->{content}, completion(), 'an answer as it came';
my $huge = $gw->chat('huge');
ok $huge->{content} eq completion(text => "x\x{e9}\n" x 400_000),
    'a large one too';

my %odd = (
    'white space before' => "\n\n  " . completion(),
    'no line end' => '{"choices":[]}',
    'members twice' => '{"choices":[],"choices":[{"x":1}],"usage":null}',
    'an error that is null' => '{"error":null,"choices":[]}',
    'a usage nobody knows' => '{"choices":[],"usage":[1,"x"]}',
    'negative usage' => '{"choices":[],"usage":{"prompt_tokens":-5}}',
    'large numbers' => '{"choices":[],"usage":{"prompt_tokens":1e300,'
        . '"completion_tokens":99999999999999999999}}',
    'model escaped' => '{"model":"\u0078","choices":[]}',
    'deep' => '{"choices":[],"x":' . '[' x 200 . ']' x 200 . '}',
);
for my $name (sort keys %odd) {
    $up->script('other-name', whole($odd{$name}));
    is $gw->chat('m')->{content}, $odd{$name}, "an answer: $name";
}
for my $framing ('chunked', 'close', 'charset') {
    my $body = completion();
    my @steps = $framing eq 'charset'
        ? whole($body, 'Content-Type' => 'Application/JSON; charset=utf-8')
        : ([ send => head(200, 'Content-Type' => 'application/json',
            $framing eq 'close' ? (Connection => 'close')
            : ('Transfer-Encoding' => 'chunked')) ],
            pieces([$body], split => 7, chunked => $framing eq 'chunked'),
            $framing eq 'close' ? ['close'] : [ send => "0\r\n\r\n" ]);
    $up->script('other-name', @steps);
    my $answer = $gw->chat('m');
    is $answer->{content}, $body, "an answer: $framing";
    is $answer->{headers}{'content-length'}, length $body,
        "an answer: $framing: its length";
}
my $slow_head = (whole(completion()))[0][1];
$up->script('other-name', map { ([ send => $_ ], [ wait => 0.002 ]) }
    unpack '(a9)*', $slow_head);
is $gw->chat('m')->{content}, completion(), 'an answer whose head is slow';
$up->script('other-name', [ send => "HTTP/1.1 103 Early Hints\r\n"
    . "Link: <x>\r\n\r\n" ], whole(completion()));
my $early = $gw->chat('m');
is $early->{content}, completion(), 'an answer after 103';
ok !exists $early->{headers}{link}, 'without its head';

$gw->log_clean;
done_testing;
