# How long things may take: of a provider, of a single target.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use IO::Socket::INET;
use Outcome;
use Test::More;
use Time::HiRes qw(time);
use Upstream;

Gateway->need_module;

my @events = events_of('one');
my $half = [ send => head(200, 'Content-Type' => 'application/json',
    'Content-Length' => length body_of('one'))
    . substr body_of('one'), 0, 200 ];
my %scripts = (
    hangs => [ ['hang'] ],
    half => sub { $_[0]{json}{stream}
        ? stream([ @events[0 .. 9] ], done => 0, end => [ ['hang'] ])
        : ($half, ['hang']) },
    gated => sub { (gate('go'), good(one => $_[0])) },
    good => sub { good(two => $_[0]) },
);

# Bound and listening, but with a queue that is full: no answer to SYN.
my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
    Proto => 'tcp', LocalPort => free_port());
listen $deaf, 0;
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    Proto => 'tcp', PeerPort => $deaf->sockport, Blocking => 0) } 1 .. 8;

# --- of one target ---------------------------------------------------------

# name => [ the target with its time, how it is given up, whole and streamed;
# undef: it does not apply ]
my %short = (
    connect => [ 'deaf/x connect=200ms', qr/slow|unreachable/,
        qr/slow|unreachable/ ],
    first => [ 'one/hangs first=200ms', undef, qr/slow/ ],
    whole => [ 'one/hangs whole=200ms', qr/slow/, undef ],
    idle => [ 'one/half whole=1s idle=1s', qr/stalled/, undef ],
    stalls => [ 'one/half whole=20s idle=200ms', qr/stalled/, undef ],
);

sub short
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(mpm => $mpm, children => 1,
        conf => $up->section('one') . $up->section('two')
        . "<LLMProvider deaf>\n    LLMRetry attempts=1\n    LLMBreaker off\n"
        . "    LLMBaseURL http://127.0.0.1:@{[ $deaf->sockport ]}/v1\n"
        . "    LLMTimeout connect=20s\n</LLMProvider>\n"
        . join('', map { "LLMModel $_ $short{$_}[0] two/good\n" }
            sort keys %short)
        . "LLMModel total one/hangs total=300ms\n"
        . "LLMModel direct one/hangs first=200ms\n");
    for my $name (sort keys %short) {
        for my $streamed (0, 1) {
            my $fault = $short{$name}[ 1 + $streamed ] or next;
            my $before = counted($gw);
            my $from = time;
            is_right(outcome($gw, $name, $streamed), two => $streamed);
            cmp_ok time - $from, '<', 15, "$name: not the provider's time";
            my ($gave_up) = grep { / given_up / } keys %{ since($gw,
                $before) };
            like $gave_up, $fault, "$name: what was given up";
        }
    }
    for my $streamed (0, 1) {
        my $answer = outcome($gw, 'total', $streamed);
        is $answer->{status}, 504, 'total: refused';
        is $answer->{error}{code}, 'provider_timeout', 'total: code';
    }
    is outcome($gw, 'one/hangs', 1)->{status}, 504,
        'a target asked by its own name has its times';
    $gw->log_clean(qr/LLM0010: provider (?:deaf|one)/);
}

for my $mpm (qw(event prefork)) {
    subtest "$mpm: shorter than its provider's" => sub { short($mpm) };
}

# Of two calls the one whose target has more time outlives the other.
subtest 'longer than its provider\'s' => sub {
    for my $streamed (0, 1) {
        my $up = Upstream->start(%scripts);
        my $gw = Gateway->start(conf => $up->section('one',
            'LLMTimeout first=300ms whole=300ms')
            . "LLMModel long one/gated first=20s whole=20s\n"
            . "LLMModel short one/hangs\n");
        my $wire = $gw->wire;
        $wire->request(POST => $Gateway::CHAT, {}, Gateway::question('long',
            $streamed ? '"stream":true' : ()));
        ok $up->await(at_gate => 1), 'the one waits';
        is outcome($gw, 'short', $streamed)->{status}, 504,
            'the other is given up';
        $up->release('go');
        is $wire->answer->{status}, 200, 'the one is answered';
        is scalar asked($up, 'gated'), 1, 'by its first attempt';
        $gw->log_clean;
    }
};

done_testing;
