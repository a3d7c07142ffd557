# The official SDKs in front of the gateway, and behind it the echo provider,
# the aimock of npm and a fake of our own. `make clients` installs them.

use strict;
use warnings;
use lib 't/lib', 'lib';
use File::Copy qw(copy);
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $at = $ENV{LLM_CLIENTS} || "$Gateway::TOP/build/clients";
my $node = Gateway::run(qw(node --version));
Gateway->need('node 18 or later', $node =~ /^v(\d+)/ && $1 >= 18);
Gateway->need("$at/node_modules (make clients)",
    -d "$at/node_modules/openai");

# A module is looked for beside the file that imports it.
for my $file (glob "$Gateway::TOP/t/clients/{openai.mjs,fixtures.json}") {
    copy($file, $at) or die "$file: $!";
}

# --- who answers -----------------------------------------------------------------

sub aimock
{
    my $port = free_port();
    my $pid = open my $out, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        $ENV{AIMOCK_API_KEYS} = $Gateway::CANARY;
        open STDERR, '>&', \*STDOUT;
        exec 'node', "$at/node_modules/\@copilotkit/aimock/dist/cli.cjs",
            '-p', $port, '-f', "$at/fixtures.json" or POSIX::_exit(127);
    }
    my $said = '';
    while (my $line = <$out>) {
        $said .= $line;
        return { pid => $pid, port => $port, out => $out }
            if $line =~ /listening/;
    }
    BAIL_OUT("aimock does not start: $said");
}

my $last = [ whole(completion(text => 'at last')) ];
my $last_stream = [ stream([ deltas([ 'at ', 'last' ]) ]) ];
my %scripts = (
    held => [ gate('never') ],
    half => [ stream([ map({ chunk(qq({"content":"$_"})) } 1 .. 2),
        gate('never') ]) ],
    mistaken => [ fault(400, { message => 'no', type =>
        'invalid_request_error' }) ],
    'limited-twice-whole' => sub { $_[0]{n} <= 2
        ? fault(429, {}, 'retry-after-ms' => 20) : @$last },
    'limited-twice-streamed' => sub { $_[0]{n} <= 2
        ? fault(429, {}, 'retry-after-ms' => 20) : @$last_stream },
    'failing-once-whole' => sub { $_[0]{n} <= 1 ? fault(500) : @$last },
    'failing-once-streamed' => sub { $_[0]{n} <= 1 ? fault(500)
        : @$last_stream },
);

my $mock = aimock();
END { kill TERM => $mock->{pid} if $mock }

for my $sdk ('openai', 'openai6') {
    my $up = Upstream->start(%scripts);
    # Threads enough that the MPM closes no kept connection under a client.
    my $gw = Gateway->start(children => 2, threads => 64, conf => $up->section('fake')
        . join('', map { "LLMModel $_ fake/$_\n" } keys %scripts) . <<"CONF");
<LLMProvider mock>
    LLMRetry attempts=1
    LLMBreaker off
    LLMBaseURL http://127.0.0.1:$mock->{port}/v1
    LLMKey env:FAKE_KEY
</LLMProvider>
<LLMProvider echo>
    LLMRetry attempts=1
    LLMBreaker off
</LLMProvider>
LLMModel mock mock/gpt-4o
LLMModel echo echo/echo
CONF
    subtest $sdk => sub { client($gw, $sdk, 'openai.mjs') };
    ok $up->await(gone => 5), "$sdk: five left, the provider was told";
    ok $gw->idle, "$sdk: nothing is left in flight";
    is $gw->status->{totals}{faults}{client_gone}, 5, "$sdk: and counted";
    my %asked;
    $asked{ $_->{model} }++ for @{ $up->requests };
    is $asked{"limited-twice-$_"}, 3, "$sdk: three tries, $_"
        for 'whole', 'streamed';
    is $asked{mistaken}, 1, "$sdk: one try of a mistake";
    is scalar(grep { $_->{head} =~ /sk-of-the-client/ } @{ $up->requests }),
        0, "$sdk: the client's key went nowhere";
    $gw->log_clean(qr/LLM0010: provider (?:fake|mock|echo)/);
}

# node's own TAP, test by test.
sub client
{
    my ($gw, $sdk, $file) = @_;
    my $pid = open my $tap, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        $ENV{GATEWAY} = $gw->url('/llm/v1');
        $ENV{SDK} = $sdk;
        delete @ENV{ grep { /^OPENAI_/ } keys %ENV };
        chdir $at;
        exec 'node', '--test-reporter=tap', $file or POSIX::_exit(127);
    }
    my ($why, $failed) = ('', 0);
    my $report = sub {
        diag $why if $failed && length $why;
        ($why, $failed) = ('', 0);
    };
    while (my $line = <$tap>) {
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            $report->();
            $failed = $1 ? 1 : 0;
            ok !$failed, $2;
        } elsif ($failed && $line =~ /^\s+(?:error|stack|code|expected|actual|    at|')/) {
            $why .= $line;
        }
    }
    $report->();
    close $tap;
    is $?, 0, 'node ends well';
}

done_testing;
