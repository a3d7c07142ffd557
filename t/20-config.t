# The configuration: what is right loads, what is wrong is named with its
# place and a way out, by `apachectl -t`, before anything runs.

use strict;
use warnings;
use lib 't/lib', 'lib';
use File::Temp ();
use Gateway;
use Test::More;

Gateway->need_module;

my $dir = File::Temp->newdir;
chmod 0755, "$dir";

sub file
{
    my ($name, $text, $mode) = @_;
    Gateway::write_file("$dir/$name", $text);
    chmod $mode, "$dir/$name";
    return "$dir/$name";
}

# Trouble in the line that ends with "# here" (which is taken away): the exit
# code, the place, and the words that help.
sub wrong
{
    my ($what, $conf, $words, %how) = @_;
    my $marked = $conf =~ s/ *# here$//m ? $` =~ tr/\n// + 1 : 1;
    my $line = (split /\n/, $conf)[ $marked - 1 ];
    my ($code, $said) = Gateway->check(conf => $conf, %how);
    subtest $what => sub {
        isnt $code, 0, 'it is refused';
        like $said, $words, 'with these words' if ref $words;
        my ($at) = $said =~ /line (\d+) of \S*httpd\.conf|httpd\.conf:(\d+)/
            ? defined $1 ? $1 : $2 : ();
        ok defined $at, 'with its place' or diag $said;
        is place($said, $at), $line, 'which is the right one'
            if defined $at;
        unlike $said, qr/exit signal|Segmentation/, 'without a crash';
    };
    return $said;
}

# What stands at that line of the configuration that was tried.
my $last_conf;
sub place
{
    my ($said, $n) = @_;
    my @lines = split /\n/, $last_conf;
    return $lines[ $n - 1 ];
}

{
    no warnings qw(redefine once);
    my $configure = Gateway->can('configure');
    *Gateway::configure = sub {
        $configure->(@_);
        $last_conf = Gateway::read_file("$_[0]{root}/conf/httpd.conf");
    };
}

sub right
{
    my ($what, $conf, %how) = @_;
    my ($code, $said) = Gateway->check(conf => $conf, %how);
    is $code, 0, $what or diag $said;
    return $said;
}

# A provider section with these lines.
sub section
{
    my (@lines) = @_;
    return join "\n", '<LLMProvider fake>',
        '    LLMBaseURL http://127.0.0.1:1/v1', (map { "    $_" } @lines),
        "</LLMProvider>\n";
}

# --- what is right -----------------------------------------------------------

right 'nothing but the module', '', locations => 0;
right 'a gateway without models', '';
right 'echo needs nothing', <<'CONF';
<LLMProvider echo>
</LLMProvider>
LLMModel echo echo/echo
CONF

my %key = map { $_ => uc "${_}_api_key" } qw(openai anthropic gemini mistral
    groq deepseek xai together fireworks openrouter);
for my $name (sort keys %key) {
    right "$name needs only a key", <<"CONF", env => { $key{$name} => 'k1' };
<LLMProvider $name>
    LLMKey env:$key{$name}
</LLMProvider>
LLMModel m $name/m
CONF
    wrong "$name needs a key", "<LLMProvider $name> # here\n</LLMProvider>\n",
        qr/LLMKey/;
}
right "$_ needs no key", "<LLMProvider $_>\n</LLMProvider>\n"
    for qw(ollama vllm);
right 'a known name at another address needs no key', <<'CONF';
<LLMProvider openai>
    LLMBaseURL http://127.0.0.1:1/v1
</LLMProvider>
CONF
right 'every directive', <<"CONF" . section(
LLMStateDir state
LLMMeterSize 1M
LLMMaxInFlight 100
LLMMaxBody 1M
LLMMaxAnswer 4M
LLMMaxDepth 32
CONF
    'LLMDialect openai', 'LLMKey env:FAKE_KEY', 'LLMHeader X-Team "a b"',
    'LLMHeader X-Secret env:FAKE_KEY',
    'LLMTimeout connect=250ms first=30s whole=5m idle=20s total=1h',
    'LLMRetry attempts=3 backoff=1s..4s wait=20s',
    'LLMBreaker window=1m calls=9 rate=30% rest=1s..1m slow=5s',
    'LLMProbe interval=10s path=/health timeout=1s')
    . <<'CONF';
LLMModel one fake/one
LLMModel two fake/two fake/three
LLMModel vendor/name fake/a/b
LLMModel pre-* fake/*
LLMModel * fake/*
<LLMProvider echo>
    LLMEcho delay=10ms length=5
</LLMProvider>
LLMModel echo echo/echo
<Location "/small">
    LLMMaxBody 2K
    LLMMaxAnswer 2K
    LLMMaxDepth 4
</Location>
CONF
right 'models are declared before their providers',
    "LLMModel m fake/m\n" . section();
right 'providers and models of a virtual host', section() . <<'CONF';
<VirtualHost *:1>
    <LLMProvider inner>
        LLMBaseURL https://example.invalid/v1
    </LLMProvider>
    LLMModel a inner/a
    LLMModel b fake/b
</VirtualHost>
CONF
right 'a key from a file', section('LLMKey file:'
    . file('key', "sk-from-file\n", 0600));
# With a sanitizer's runtime in it a shell may crash, and perl leaks.
my $sh = '#!/usr/bin/env -S -u LD_PRELOAD sh';
right 'a key from a program', section('LLMKey "exec:'
    . file('program', "$sh\necho sk-from-\$1\n", 0755) . ' program"');

# --- models -----------------------------------------------------------------

wrong 'a model of an unknown provider',
    section() . "LLMModel m nowhere/x # here\n", qr/nowhere.*<LLMProvider nowhere>/;
wrong 'an unknown provider behind a known one',
    section() . "LLMModel m fake/x nowhere/y # here\n", qr/nowhere/;
wrong 'a target without a slash', section() . "LLMModel m fake # here\n",
    qr{LLMModel m: "fake".*provider/model};
wrong 'a target without a model', section() . "LLMModel m fake/ # here\n",
    qr{"fake/"};
wrong 'a target without a provider', section() . "LLMModel m /x # here\n",
    qr{"/x"};
wrong 'a model without a target', section() . "LLMModel m # here\n",
    qr/LLMModel/;
wrong "a target's $_", section() . "LLMModel m fake/x $_ # here\n",
    qr/LLMModel m: "\Q$_\E" needs a duration/
    for qw(first=soon idle=0 total= whole=25h connect=-1s);
wrong "a target's $_", section() . "LLMModel m fake/x $_ # here\n",
    qr/LLMModel m: "\Q$_\E" needs characters/
    for qw(min-rate=100 min-rate=fast/5s min-rate=100/soon);
wrong 'a time before any target', section() . "LLMModel m first=1s # here\n",
    qr/"first=1s" stands before any target/;
wrong "a target's misspelt time",
    section() . "LLMModel m fake/x frist=1s # here\n",
    qr/"frist=1s".*weight=.*first=/;
right 'targets with times of their own', section() . 'LLMModel m fake/x '
    . 'connect=1s first=2s whole=3m idle=4s total=5m weight=1 fake/y '
    . "weight=1 first=500ms min-rate=100/5s fake/z min-rate=off\n";
wrong 'a model twice',
    section() . "LLMModel m fake/x\nLLMModel m fake/y # here\n",
    qr/LLMModel m stands twice/;
wrong 'a model that cannot be a name',
    section() . qq(LLMModel "a b" fake/x # here\n), qr/a b/;
wrong 'a misspelt directive', "LLMModle m fake/x # here\n", qr/LLMModle/;

# --- what is known of models --------------------------------------------------

right 'the table that comes with the module',
    "Include \@TOP\@/conf/llm-models.conf\n";
right 'the whole of conf/llm.conf', <<'CONF', locations => 0;
Define LLM_KEYS @ROOT@/keys
Define LLM_STATE @ROOT@/state
Define LLM_MODELS @TOP@/conf/llm-models.conf
Include @TOP@/conf/llm.conf
CONF
{
    my (%known, %alias);
    for (split /\n/,
        Gateway::read_file("$Gateway::TOP/conf/llm-models.conf")) {
        my ($name, $words) = /\A\s*LLMModelInfo\s+(\S+)\s+(.*)/ or next;
        ok !$known{$name}++, "$name stands once";
        $alias{$name} = $1 if $words =~ /\balias=(\S+)/;
    }
    cmp_ok scalar keys %known, '>', 50, 'many models are known';
    # Whose line answers a name, as src/wire/facts.c has it.
    my $line = sub {
        my ($name) = @_;
        return $name if $known{$name};
        my ($best) = sort { length $b <=> length $a }
            grep { /\A(.*)\*\z/ && index($name, $1) == 0 } keys %known;
        return $best;
    };
    for my $name (sort keys %alias) {
        my $living = $line->($alias{$name});
        ok defined $living && !$alias{$living},
            "$name goes to $alias{$name}, which is known and alive";
    }
    ok defined $alias{ $line->($_) || '' }
        || $line->($_) && !$alias{ $line->($_) }, "$_ has an answer"
        for qw(claude-3-opus claude-3-sonnet claude-3-haiku gpt-4
            gpt-4-turbo gpt-3.5-turbo gemini-pro gemini-ultra);
}
wrong "LLMModelInfo $_", "LLMModelInfo $_ # here\n", qr/LLMModelInfo/
    for '', 'm context=lots', 'm thinking=hard', 'm no-thing',
        'm context=1K sampling', '"a b" context=1K';
wrong 'LLMModelInfo in a virtual host', "<VirtualHost *:1>\n"
    . "LLMModelInfo m context=1K # here\n</VirtualHost>\n", qr/cannot occur/;

# --- providers -----------------------------------------------------------------

wrong 'an unknown name without an address',
    "<LLMProvider mine> # here\n</LLMProvider>\n", qr/mine.*LLMBaseURL/;
wrong 'a provider twice', section() . "<LLMProvider fake> # here\n"
    . "    LLMBaseURL http://127.0.0.1:2/v1\n</LLMProvider>\n",
    qr/fake.*twice/;
wrong 'a provider without a name', "<LLMProvider> # here\n</LLMProvider>\n",
    qr/LLMProvider/;
wrong 'a provider with a slash', "<LLMProvider a/b> # here\n</LLMProvider>\n",
    qr/name/;
wrong 'a provider in a Location',
    "<Location /x>\n<LLMProvider fake> # here\n</LLMProvider>\n</Location>\n",
    qr/LLMProvider.*not allowed|not allowed.*LLMProvider/s;
wrong 'an unknown dialect', section('LLMDialect klingon # here'),
    qr/klingon.*openai/;
for my $url ('ftp://127.0.0.1/v1', 'file:///etc/passwd', '127.0.0.1:80/v1',
    'http://', 'http:///v1', 'https:/host/v1', 'javascript:alert(1)') {
    wrong "the address $url",
        "<LLMProvider mine>\n    LLMBaseURL $url # here\n</LLMProvider>\n",
        qr/\Q$url\E.*http/;
}
my $said = wrong 'an address with a password',
    "<LLMProvider mine>\n    LLMBaseURL http://u:hunter2\@h/v1 # here\n"
    . "</LLMProvider>\n", qr/LLMBaseURL/;
unlike $said, qr/hunter2/, 'which is not repeated';
wrong 'an address with a query',
    "<LLMProvider mine>\n    LLMBaseURL http://h/v1?key=1 # here\n"
    . "</LLMProvider>\n", qr/query/;
wrong 'echo with an address', "<LLMProvider echo>\n"
    . "    LLMBaseURL http://h/v1 # here\n</LLMProvider>\n", qr/echo/;
wrong 'LLMEcho of another provider', section('LLMEcho delay=1s # here'),
    qr/echo/;
wrong "LLMEcho $_", "<LLMProvider echo>\n    LLMEcho $_ # here\n"
    . "</LLMProvider>\n", qr/\Q$_\E/
    for qw(dealy=1s delay=soon fault=nothing length=-1 pace);
wrong "LLMHeader $_", section("LLMHeader $_ # here"), qr/LLMHeader/
    for '"a b" c', 'Host x', 'content-length 5', 'Transfer-Encoding chunked',
        qq(X-A "a\x01b");
for my $name (qw(LLMDialect LLMService LLMBaseURL LLMKey LLMTimeout LLMEcho)) {
    wrong "$name outside of a provider", "$name x=1s # here\n",
        qr/$name.*<LLMProvider/;
}
wrong 'LLMHeader outside of a provider', "LLMHeader A b # here\n",
    qr/LLMHeader.*<LLMProvider/;
wrong "LLMTimeout $_", section("LLMTimeout $_ # here"), qr/\Q$_\E/
    for qw(first=soon first=-1s first= first=0 fisrt=1s 30s connect=9999d
        min-rate= min-rate=5s min-rate=0/5s min-rate=100/0 min-rate=100/11m
        min-rate=/5s min-rate=100/ min-rate=1/2/3s min-rate=1e3/5s);
right "LLMTimeout $_", section("LLMTimeout $_")
    for qw(min-rate=100/5s min-rate=1/10m min-rate=off);

# --- services ------------------------------------------------------------------

sub service
{
    my (@lines) = @_;
    return join "\n", '<LLMProvider cloud>', (map { "    $_" } @lines),
        "</LLMProvider>\n";
}
my $key = 'LLMKey env:FAKE_KEY';
my $url = 'LLMBaseURL https://example.invalid';
right "the service @$_", service(@$_, $key) for
    [ 'LLMService azure', $url ],
    [ 'LLMService azure api-version=2025-04-01-preview', $url ],
    [ 'LLMService azure', "$url/openai/v1" ],
    [ 'LLMService bedrock region=eu-central-1' ],
    [ 'LLMService bedrock region=eu-central-1', $url ],
    [ 'LLMDialect anthropic', 'LLMService bedrock region=eu-central-1' ],
    [ 'LLMService vertex', $url ],
    [ 'LLMService vertex', 'LLMDialect anthropic', $url ],
    [ 'LLMDialect anthropic', 'LLMService vertex', $url ];
wrong "LLMService $_->[0]", service("LLMService $_->[0] # here", $url, $key),
    $_->[1] for
    [ 'cloud', qr/"cloud".*azure, bedrock or vertex/ ],
    [ 'azure region=x', qr/azure is not told "region=x".*api-version=/ ],
    [ 'azure api-version=', qr/api-version=2024/ ],
    [ 'azure api-version=a&b', qr/api-version=2024/ ],
    [ 'bedrock api-version=x', qr/region=us-east-1/ ],
    [ 'bedrock region=EU', qr/region=us-east-1/ ],
    [ 'vertex region=x', qr/its name alone/ ];
wrong "what is missing: $_->[0]", "<LLMProvider cloud> # here\n"
    . join('', map { "    $_\n" } @$_[1 .. $#$_ - 1]) . "</LLMProvider>\n",
    $_->[-1] for
    [ 'azure\'s address', 'LLMService azure', $key, qr/LLMBaseURL.*openai/ ],
    [ 'vertex\'s address', 'LLMService vertex', $key,
        qr/LLMBaseURL.*aiplatform/ ],
    [ 'bedrock\'s region', 'LLMService bedrock', $key, qr/region=us-east-1/ ],
    [ 'a key', 'LLMService bedrock region=x', qr/LLMKey/ ],
    [ 'a dialect of its own', 'LLMService bedrock region=x',
        'LLMDialect openai', $key, qr/bedrock does not speak openai/ ],
    [ 'a dialect azure has', 'LLMService azure', $url, $key,
        'LLMDialect gemini', qr/azure does not speak gemini/ ];

# --- keys ------------------------------------------------------------------

wrong 'a key whose variable is not set', section('LLMKey env:NO_KEY # here'),
    qr/NO_KEY/;
wrong 'a key whose variable is empty', section('LLMKey env:EMPTY # here'),
    qr/EMPTY/, env => { EMPTY => '' };
wrong 'a key whose file is missing',
    section("LLMKey file:$dir/nothing # here"), qr{\Q$dir\E/nothing};
my $open = file('open', "sk-world-readable\n", 0644);
$said = wrong 'a key whose file everyone can read',
    section("LLMKey file:$open # here"), qr/\Q$open\E/;
unlike $said, qr/sk-world/, 'which is not repeated';
wrong 'a key from an empty file', section('LLMKey file:'
    . file('empty', '', 0600) . ' # here'), qr/empty/;
wrong 'a key from a directory', section("LLMKey file:$dir # here"),
    qr/\Q$dir\E/;
wrong 'a key from a program that is missing',
    section("LLMKey exec:$dir/missing # here"), qr/missing/;
$said = wrong 'a key from a program that fails',
    section('LLMKey exec:' . file('fails', "#!/bin/sh\necho sk-half\nexit 3\n",
    0755) . ' # here'), qr/fails/;
unlike $said, qr/sk-half/, 'which is not repeated';
$said = wrong 'a key in plain text', section('LLMKey sk-oh-dear-1234 # here'),
    qr/env:.*file:.*exec:/;
unlike $said, qr/oh-dear/, 'which is not repeated';
$said = wrong 'a key with a control character',
    section('LLMKey file:' . file('control', "sk-\x01-x\n", 0600)
    . ' # here'), qr/control/;
unlike $said, qr/sk-\x01/, 'which is not repeated';
right 'two keys, one for more calls than the other',
    section('LLMKey env:FAKE_KEY weight=3', 'LLMKey env:FAKE_KEY');
wrong 'an LLMHeader whose variable is not set',
    section('LLMHeader X-K env:NO_KEY # here'), qr/NO_KEY/;

# --- numbers -----------------------------------------------------------------

wrong "LLMMeterSize $_", "LLMMeterSize $_ # here\n", qr/LLMMeterSize.*"$_"/
    for qw(1K 0 -5 many 100G);
wrong "LLMMaxInFlight $_", "LLMMaxInFlight $_ # here\n",
    qr/LLMMaxInFlight.*"$_"/ for qw(0 -1 x 1e9);
for my $name (qw(LLMMaxBody LLMMaxAnswer)) {
    wrong "$name $_", "$name $_ # here\n", qr/$name.*"$_"/
        for qw(0 10 x -1 99999999999999999999);
}
wrong "LLMKeepAlive $_", "LLMKeepAlive $_ # here\n",
    qr/LLMKeepAlive: "$_" is neither off nor a duration/
    for qw(0 on 9ms 2h soon -1s);
right "LLMKeepAlive $_", "<Location /llm>\n    LLMKeepAlive $_\n</Location>\n"
    for qw(off 10ms 15s 1h);
wrong "LLMHold $_", "LLMHold $_ # here\n", qr/LLMHold: "$_" (?:needs|is none)/
    for qw(chars=0 chars=-1 chars=many chars=1000001 chars= time=0 time=11m
        time=soon 80 on char=5);
wrong 'LLMHold with one wrong word', "LLMHold chars=5 tim=1s # here\n",
    qr/LLMHold: "tim=1s" is none of chars=, time=, off/;
right "LLMHold $_", "<Location /llm>\n    LLMHold $_\n</Location>\n"
    for 'off', 'chars=80', 'time=500ms', 'chars=80 time=500ms';
wrong "LLMDirect $_", "LLMDirect $_ # here\n",
    qr/LLMDirect: "$_" is neither on nor off/ for qw(1 any default);
right "LLMDirect $_", "<Location /llm>\n    LLMDirect $_\n</Location>\n"
    for qw(on off);
wrong "LLMMaxDepth $_", "LLMMaxDepth $_ # here\n", qr/LLMMaxDepth.*"$_"/
    for qw(0 1 x 100000);
wrong "$_ in a virtual host", "<VirtualHost *:1>\n$_ # here\n</VirtualHost>\n",
    qr/not allowed|cannot/ for 'LLMMeterSize 1M', 'LLMMaxInFlight 5',
    'LLMStateDir state';

# --- who may use it -----------------------------------------------------------

my $keyed = section('LLMKey env:FAKE_KEY') . "LLMModel m fake/m\n";

# How often `-t` warns of a gateway that is open to everybody.
sub open_to_all
{
    my ($what, $conf, $times, %how) = @_;
    my $said = right $what, $conf, locations => 0, %how;
    my @warned = $said =~ /LLM0006: (\S+):(\d+): /g;
    is @warned / 2, $times, "$what: warned $times times" or diag $said;
    while (my (undef, $line) = splice @warned, 0, 2) {
        like place($said, $line), qr/^<Location/,
            "$what: of a Location";
    }
    return $said;
}

sub location
{
    my ($path, @lines) = @_;
    my $kind = $path =~ s/^match // ? 'LocationMatch' : 'Location';
    return join "\n", "<$kind $path>", @lines, "</$kind>\n";
}

my $handler = 'SetHandler llm';
my $user = 'Require ip 10.0.0.0/8';
$said = open_to_all 'an open gateway', $keyed . location('/llm', $handler), 1;
like $said, qr{LLM0006.*provider fake.*<Location /llm>.*Require all granted},
    'with its name and a way out';
open_to_all 'with a Require', $keyed . location('/llm', $handler, $user), 0;
open_to_all 'open, and said so', $keyed
    . location('/llm', $handler, 'Require all granted'), 0;
open_to_all 'with one of several', $keyed . location('/llm', $handler,
    '<RequireAny>', $user, 'Require local', '</RequireAny>'), 0;
open_to_all 'with one around it', $keyed . location('/', $user)
    . location('/llm', $handler), 0;
open_to_all 'with one around it that comes later', $keyed
    . location('/api/llm', $handler) . location('"/api"', $user), 0;
open_to_all 'with one beside it', $keyed . location('/ll', $user)
    . location('/llmx', $user) . location('/llm/x', $user)
    . location('/llm', $handler), 1;
open_to_all 'with an expression around it', $keyed
    . location('match ^/(llm|status)', $user) . location('/llm', $handler), 0;
open_to_all 'with another expression', $keyed
    . location('~ ^/status', $user) . location('/llm', $handler), 1;
open_to_all 'with a pattern around it', $keyed . location('/l*', $user)
    . location('/llm', $handler), 0;
open_to_all 'as an expression', $keyed . location('match ^/(a|b)', $handler),
    1;
open_to_all 'as an expression that is guarded', $keyed
    . location('match ^/(a|b)', $handler) . location('~ ^/(a|b)', $user), 0;
open_to_all 'two of them', $keyed . location('/a', $handler)
    . location('/b', 'sethandler "LLM"') . location('/c', $handler, $user), 2;
open_to_all 'another handler', $keyed . location('/llm',
    'SetHandler llm-status'), 0;
open_to_all 'without a key', section() . "LLMModel m fake/m\n"
    . location('/llm', $handler), 0;
open_to_all 'with a key that no model spends', section('LLMKey env:FAKE_KEY')
    . location('/llm', $handler), 0;
open_to_all 'with a key in a header field', section(
    'LLMHeader X-Key env:FAKE_KEY') . "LLMModel m fake/m\n"
    . location('/llm', $handler), 1;
open_to_all 'with a key to sign with', "<LLMProvider aws>\n"
    . "LLMService bedrock region=eu-central-1\nLLMKey env:PAIR\n"
    . "</LLMProvider>\nLLMModel m aws/m\n" . location('/llm', $handler), 1,
    env => { PAIR => 'AKIDEXAMPLE:secret' };
open_to_all 'in a virtual host', $keyed . "<VirtualHost *:1>\n"
    . location('/llm', $handler) . "</VirtualHost>\n", 1;
open_to_all 'in a virtual host, guarded there', $keyed . "<VirtualHost *:1>\n"
    . location('/llm', $handler) . location('/', $user) . "</VirtualHost>\n",
    0;
open_to_all 'in a virtual host, guarded from outside', $keyed
    . location('/', $user) . "<VirtualHost *:1>\n"
    . location('/llm', $handler) . "</VirtualHost>\n", 0;
open_to_all 'guarded in another virtual host', $keyed . "<VirtualHost *:1>\n"
    . location('/llm', $handler) . "</VirtualHost>\n<VirtualHost *:2>\n"
    . location('/', $user) . "</VirtualHost>\n", 1;
open_to_all 'for a key of a virtual host', location('/llm', $handler)
    . "<VirtualHost *:1>\n$keyed</VirtualHost>\n", 1;
open_to_all 'beside a virtual host with a key', "<VirtualHost *:1>\n"
    . "$keyed</VirtualHost>\n<VirtualHost *:2>\n"
    . location('/llm', $handler) . "</VirtualHost>\n", 0;

my $open_gw = Gateway->start(locations => 0,
    conf => $keyed . location('/llm', $handler));
is scalar(grep { /LLM0006/ } $open_gw->error_log), 1, 'once at a start';
$open_gw->graceful;
is scalar(grep { /LLM0006/ } $open_gw->error_log), 2, 'once at a restart';
$open_gw->log_clean(qr/LLM0006/);

# --- .htaccess ----------------------------------------------------------------

my $gw = Gateway->start(conf => <<'CONF', locations => 0);
<Directory "@ROOT@/htdocs">
    AllowOverride All
</Directory>
CONF
my @names = Gateway::read_file("$Gateway::TOP/src/httpd/settings.def")
    =~ /"(<?LLM[A-Z]\w*)"/g;
for my $name (@names) {
    my $path = "$gw->{root}/htdocs/" . ($name =~ /(\w+)/)[0];
    mkdir $path;
    Gateway::write_file("$path/index.html", "x\n");
    Gateway::write_file("$path/.htaccess", $name =~ /^</
        ? "$name x>\n</LLMProvider>\n" : "$name 5 6\n");
    is $gw->get('/' . ($name =~ /(\w+)/)[0] . '/index.html')->{status}, 500,
        "$name is refused in .htaccess";
}
is scalar(grep { /not allowed here/ } $gw->error_log), scalar @names,
    'because it is not allowed there';
$gw->log_clean(qr/not allowed here/);

done_testing;
