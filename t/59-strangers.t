# Providers that no call can be trusted to: whose certificate nobody knows or
# is another's, who speak no TLS where it is due, whose name nobody knows. The
# next target answers; alone, the client is told what is wrong, and neither the
# address nor the key.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;
Gateway->need('openssl', Gateway::run(qw(openssl version)) =~ /\d/);

# Where nobody may mount, nobody's certificate can be made known.
my @mount = ('unshare', $> ? qw(--map-current-user --keep-caps) : (),
    '--mount', 'sh', '-c',
    'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"');

my $up = Upstream->start(good => sub { good(two => $_[0]) });
my $provider = Gateway->start(tls => 1, conf => "LLMModel * echo/*\n"
    . "<LLMProvider echo>\n</LLMProvider>\n");
Gateway::run(@mount, $provider->{ca}, 'true');
my $known = !$?;
ok $known, 'a mount namespace' if $ENV{CI};

# name => [ URL, status, code, fault, what is said ]
my %case = (
    stranger => [ $provider->tls_url, 502, 'provider_untrusted', 'untrusted',
        qr/certificate was not accepted/ ],
    plain => [ "https://127.0.0.1:$provider->{port}", 502,
        'provider_unreachable', 'unreachable',
        qr/could not be reached: SSL connect error/ ],
    mute => [ 'https://127.0.0.1:' . $up->port, 504, 'provider_timeout',
        'slow', qr/did not answer in time/ ],
    # A label that is too long to be asked for.
    nameless => [ 'https://' . 'x' x 64 . '.invalid', 502, 'provider_unreachable',
        'unreachable', qr/could not be reached: .*resolve host/ ],
);
my %known = (
    misnamed => [ "https://localhost:$provider->{tls_port}", 502,
        'provider_untrusted', 'untrusted', qr/certificate was not accepted/ ],
);

# Who connects first reads all certificates there are, which takes a sanitizer
# seconds.
sub conf
{
    my ($cases) = @_;
    return $up->section('two') . join '', map {
        my $may = $_ eq 'mute' ? '500ms' : '60s';
        <<"CONF" } sort keys %$cases;
<LLMProvider $_>
    LLMDialect openai
    LLMBaseURL $cases->{$_}[0]/llm/v1
    LLMKey env:FAKE_KEY
    LLMTimeout connect=$may
    LLMRetry attempts=1
    LLMBreaker off
</LLMProvider>
LLMModel $_ $_/any
LLMModel $_-two $_/any two/good
CONF
}

sub alone
{
    my ($gw, $name, $case, $streamed) = @_;
    my (undef, $status, $code, $fault, $said) = @$case;
    my $kind = $streamed ? 'streamed' : 'whole';
    my $answer = outcome($gw, $name, $streamed);
    is $answer->{status}, $status, "$kind: alone";
    is $answer->{error}{code}, $code, "$kind: its code";
    like $answer->{error}{message}, $said, "$kind: what is wrong";
    unlike $answer->{content}, qr/127\.0\.0\.1|localhost|\.invalid|:\d{4,5}/,
        "$kind: its address stays inside";
    is index($answer->{content}, $Gateway::CANARY), -1, "$kind: and the key";
    is $gw->logged($answer->{headers}{'x-request-id'})->{fault}, $fault,
        "$kind: the log";
}

sub rescued
{
    my ($gw, $name, $fault, $streamed) = @_;
    my $kind = $streamed ? 'streamed' : 'whole';
    my $before = counted($gw);
    my $answer = outcome($gw, "$name-two", $streamed);
    is_right($answer, two => $streamed);
    is $answer->{headers}{'x-llm-attempts'}, 2, "$kind: attempts";
    is $answer->{headers}{'x-llm-provider'}, 'two', "$kind: who answers";
    my $more = since($gw, $before);
    is $more->{"$name given_up $fault"}, 1, "$kind: given up";
    is $more->{'two calls'}, 1, "$kind: one call";
    is_deeply [ grep { /errors/ } keys %$more ], [], "$kind: no error";
}

sub strangers
{
    my ($cases, %how) = @_;
    my $gw = Gateway->start(%how, conf => conf($cases) . <<"CONF");
<LLMProvider friend>
    LLMBaseURL @{[ $provider->tls_url('/llm/v1') ]}
    LLMTimeout connect=60s
</LLMProvider>
LLMModel friend friend/any
CONF
    is $gw->chat('friend')->{status}, 200, "$how{mpm}: a friend answers"
        if $how{wrap};
    for my $name (sort keys %$cases) {
        subtest "$how{mpm}: $name" => sub {
            for my $streamed (0, 1) {
                alone($gw, $name, $cases->{$name}, $streamed);
                rescued($gw, $name, $cases->{$name}[3], $streamed);
            }
        };
    }
    my $all = join '|', keys %$cases;
    my $log = join "\n", $gw->error_log;
    like $log, qr/LLM0010: provider $_: .*\($cases->{$_}[3]: /,
        "$how{mpm}: an admin is told of $_"
        for grep { $_ ne 'mute' } sort keys %$cases;
    is index($gw->everything_written, $Gateway::CANARY), -1,
        "$how{mpm}: no key is written anywhere";
    $gw->log_clean(qr/LLM0010: provider (?:$all): /);
}

for my $mpm (qw(event prefork)) {
    strangers(\%case, mpm => $mpm, children => 1);
    next unless $known;
    strangers(\%known, mpm => $mpm, children => 1,
        wrap => [ @mount, $provider->{ca} ]);
}

is scalar(grep { $_->{url} =~ /chat/ } $provider->access_log), $known ? 2 : 0,
    'no request was sent to any but the friend';
$provider->log_clean(qr/AH0\d+: .*SSL/);

done_testing;
