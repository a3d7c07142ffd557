# TLS, HTTP/2 and compression in front of the gateway, and behind it: the
# same answers, event by event, the same care for clients that leave.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;
my $version = Gateway::run(qw(curl --version));
Gateway->need('curl with HTTP/2', $version =~ /HTTP2/);
Gateway->need('mod_http2', -e Gateway->modules_dir . '/mod_http2.so');
Gateway->need('openssl', Gateway::run(qw(openssl version)) =~ /\d/);

my $good = completion();
my @words = map { chunk(qq({"content":"w$_"})) } 0 .. 5;
my $done = "data: [DONE]\n\n";

sub provider
{
    return Upstream->start(good => [ whole($good) ],
        held => [ gate('held'), whole($good) ],
        stream => [ stream(\@words) ],
        late => [ stream([ gate('late'), @words ]) ],
        gates => [ stream([ map { ($_, gate('each')) } @words ]) ]);
}

# curl, running: { pid, pipe }; what it gets comes unbuffered.
sub curl
{
    my ($gw, $base, $body, @options) = @_;
    my @command = ('curl', '--silent', '--show-error', '--no-buffer',
        '--cacert', $gw->{ca}, '--max-time', $Gateway::PATIENCE,
        '--header', 'Content-Type: application/json', '--data', $body,
        @options, $base . $Gateway::CHAT);
    my $pid = open my $pipe, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    return { pid => $pid, pipe => $pipe, in => '' };
}

sub until_like
{
    my ($curl, $what) = @_;
    while ($curl->{in} !~ $what) {
        IO::Select->new($curl->{pipe})->can_read($Gateway::PATIENCE)
            or return 0;
        sysread $curl->{pipe}, $curl->{in}, 4096, length $curl->{in}
            or return $curl->{in} =~ $what ? 1 : 0;
    }
    return 1;
}

sub rest
{
    my ($curl) = @_;
    1 while sysread $curl->{pipe}, $curl->{in}, 65536, length $curl->{in};
    close $curl->{pipe};
    return $curl->{in};
}

sub body { my ($model, $stream) = @_;
    return Gateway::question($model, $stream ? '"stream":true' : undef) }

sub check
{
    my ($name, $gw, $up, $base, $protocol, @options) = @_;
    my $whole = rest(curl($gw, $base, body('good'), @options));
    is $whole, $good, 'a whole answer';
    my $line = Gateway::until_true(sub {
        [ grep { $_->{url} =~ /chat/ } $gw->access_log ]->[-1] });
    is $line->{proto}, $protocol, "by $protocol";
    my $due = join '', (map { "data: $_\n\n" } @words), $done;
    is rest(curl($gw, $base, body('stream', 1), @options)), $due, 'a stream';

    $up->shut('each');
    my $curl = curl($gw, $base, body('gates', 1), @options);
    for my $n (0 .. $#words) {
        ok until_like($curl, qr/"w$n"/),
            "event $n is there before the next is made";
        $up->release('each', 1);
    }
    is rest($curl), $due, 'and all together';

    $up->shut('late');
    $curl = curl($gw, "$base/alive", body('late', 1), @options);
    ok until_like($curl, qr/\A(?:: keep-alive\n\n){2}/),
        'signs of life for a client that waits';
    $up->release('late');
    is rest($curl) =~ s/^: keep-alive\n\n//gmr, $due, 'and the stream';

    $up->shut('held');
    my @waiting = map { curl($gw, $base, body('held'), @options) } 1 .. 6;
    ok $up->await(at_gate => 6), 'six wait';
    $up->release('held');
    is scalar(grep { rest($_) eq $good } @waiting), 6, 'and are answered';

    for my $case ([ 'held', 0 ], [ 'gates', 1 ]) {
        $up->shut($_) for 'held', 'each';
        $up->forget;
        my ($model, $stream) = @$case;
        my $curl = curl($gw, $base, body($model, $stream), @options);
        $up->await(at_gate => 1);
        until_like($curl, qr/"w0"/) if $stream;
        kill KILL => $curl->{pid};
        rest($curl);
        ok $up->await(gone => 1), "$model: a client that leaves ends it";
        ok $gw->idle, "$model: settled";
    }
    my $error = rest(curl($gw, $base, body('nothing-here'), @options));
    like $error, qr/"code":"model_not_found"/, 'an error';
}

my %with = (
    tls => [ tls => 1 ],
    'HTTP/2' => [ tls => 1, http2 => 1 ],
    deflate => [ tls => 1, modules => [qw(deflate filter)],
        location => 'SetOutputFilter DEFLATE' ],
);

for my $mpm (qw(event worker prefork)) {
    for my $name (sort keys %with) {
        next if $name ne 'tls' && $mpm eq 'prefork';
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, @{ $with{$name} },
            conf => $up->section('fake') . "LLMModel held fake/held\n"
            . "LLMModel gates fake/gates\nLLMModel good fake/good\n"
            . "LLMModel stream fake/stream\nLLMModel late fake/late\n"
            . "<Location /alive>\n    SetHandler llm\n    Require local\n"
            . "    LLMKeepAlive 100ms\n</Location>\n");
        my @options = $name eq 'HTTP/2' ? '--http2' : '--http1.1';
        push @options, '--compressed' if $name eq 'deflate';
        my $protocol = $name eq 'HTTP/2' ? 'HTTP/2.0' : 'HTTP/1.1';
        subtest "$mpm: $name" => sub {
            check($name, $gw, $up, $gw->tls_url, $protocol, @options);
        };
        subtest "$mpm: HTTP/2 without TLS" => sub {
            check($name, $gw, $up, $gw->url, $protocol,
                '--http2-prior-knowledge');
        } if $name eq 'HTTP/2';
        subtest "$mpm: compressed without TLS" => sub {
            check($name, $gw, $up, $gw->url, $protocol, @options);
            my $head = rest(curl($gw, $gw->url, body('stream', 1),
                qw(--dump-header - --output /dev/null --http1.1),
                '--header', 'Accept-Encoding: gzip'));
            like $head, qr/Content-Encoding: gzip/i, 'it is';
        } if $name eq 'deflate';
        is $gw->status->{totals}{faults}{client_gone},
            $name eq 'tls' ? 2 : 4, "$mpm: $name: the gone are counted";
        $gw->log_clean(qr/AH10400|h2.*prefork/);
    }
}

# --- many streams on one connection ------------------------------------------

subtest 'HTTP/2: forty calls on one connection' => sub {
    my $up = provider();
    my $gw = Gateway->start(mpm => 'event', tls => 1, http2 => 1,
        children => 1, threads => 64, conf => $up->section('fake')
        . "LLMModel held fake/held\nLLMModel stream fake/stream\n"
        . "H2MaxWorkers 64\nH2MaxSessionStreams 100\n");
    my @one = ('--cacert', $gw->{ca}, '--http2', '--silent', '--no-progress-meter',
        '--header', 'Content-Type: application/json');
    my @command = ('curl', '--parallel', '--parallel-max', 50);
    for my $n (1 .. 40) {
        my $model = $n % 2 ? 'held' : 'stream';
        push @command, $n > 1 ? '--next' : (), @one, '--output',
            "$gw->{root}/out$n", '--data', body($model, $model eq 'stream'),
            $gw->tls_url($Gateway::CHAT);
    }
    my $pid = open my $pipe, '-|', @command, '--no-progress-meter';
    # mod_http2 begins with six at once, and more only once these are served.
    ok $up->await(at_gate => 4), 'some wait';
    $up->release('held');
    close $pipe;
    my $due = join '', (map { "data: $_\n\n" } @words), $done;
    my $right = grep { Gateway::read_file("$gw->{root}/out$_")
        eq ($_ % 2 ? $good : $due) } 1 .. 40;
    is $right, 40, 'and every one is right';
    my %by = map { $_->{proto} => 1 } $gw->access_log;
    is join(' ', keys %by), 'HTTP/2.0', 'all by HTTP/2';
    $gw->log_clean;
};

# --- the provider's side --------------------------------------------------------

# Who connects first reads all certificates there are, which takes a sanitizer
# seconds.

subtest 'a provider whose certificate nobody knows' => sub {
    my $up = provider();
    my $provider = Gateway->start(tls => 1, http2 => 1,
        conf => "<LLMProvider echo>\n</LLMProvider>\nLLMModel m echo/m\n");
    my $url = $provider->tls_url('/llm/v1');
    my $gw = Gateway->start(conf => $up->section('spare') . <<"CONF");
<LLMProvider stranger>
    LLMBaseURL $url
    LLMTimeout connect=60s
</LLMProvider>
LLMModel m stranger/m
LLMModel c stranger/m spare/good
CONF
    my $answer = $gw->chat('m');
    is $answer->{status}, 502, 'is not believed';
    is $answer->{json}{error}{code}, 'provider_untrusted', 'and it is said';
    is $gw->chat('c')->{status}, 200, 'the next one is asked';
    is scalar(grep { $_->{url} =~ /chat/ } $provider->access_log), 0,
        'no request was sent there';
    $gw->log_clean(qr/LLM0010: provider stranger/);
    $provider->log_clean;
};

# Where nobody may mount, nobody's certificate can be made known.
my @mount = ('unshare', $> ? qw(--map-current-user --keep-caps) : (),
    '--mount', 'sh', '-c',
    'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"');
subtest 'a provider by HTTP/2' => sub {
    my $provider = Gateway->start(tls => 1, http2 => 1, threads => 64,
        children => 1, conf => "<LLMProvider echo>\n</LLMProvider>\n"
        . "LLMModel m echo/m\nH2MaxWorkers 64\n");
    Gateway::run(@mount, $provider->{ca}, 'true');
    if ($?) {
        $provider->log_clean;
        plan(skip_all => 'no mount namespace') unless $ENV{CI};
        return fail('no mount namespace');
    }
    my $url = $provider->tls_url('/llm/v1');
    my $gw = Gateway->start(wrap => [ @mount, $provider->{ca} ],
        children => 1, threads => 64, conf => <<"CONF");
<LLMProvider second>
    LLMBaseURL $url
    LLMTimeout connect=60s
</LLMProvider>
LLMModel m second/m
LLMModel slow second/m?delay=200ms
CONF
    my $answer = $gw->chat('m');
    is $answer->{status}, 200, 'is believed and answers'
        or diag $answer->{content};
    my ($wire) = $gw->stream('m');
    is [ $wire->events ]->[-1], $done, 'a stream';
    my @wires = map { my $wire = $gw->wire; $wire->request(POST =>
        $Gateway::CHAT, {}, body('slow')); $wire } 1 .. 30;
    is scalar(grep { $_->answer->{status} == 200 } @wires), 30,
        'thirty at once';
    my @log = grep { $_->{url} =~ /chat/ } $provider->access_log;
    is scalar(grep { $_->{proto} ne 'HTTP/2.0' } @log), 0, 'all by HTTP/2';
    $gw->log_clean;
    $provider->log_clean;
};

done_testing;
