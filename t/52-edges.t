# Between a client and its call: clients that leave at the wrong moment or
# send too slowly, filters that wait, small buffers, names that nobody knows.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Upstream;

Gateway->need_module;

my $chat = $Gateway::CHAT;
my $good = completion();
my @plain = deltas([qw(one two three)]);
my $done = "data: [DONE]\n\n";

# --- a client that leaves ----------------------------------------------------

# The only thread waits for the rest of a body while the others come and go:
# what they sent is there when it looks, and they are not.
subtest 'gone before "100 Continue" could be sent' => sub {
    my $up = Upstream->start(held => [ gate('held'), whole($good) ],
        good => [ whole($good) ]);
    my $gw = Gateway->start(mpm => 'event', children => 1, threads => 1,
        conf => $up->section('fake') . "LLMModel * fake/*\n");
    my ($child) = $gw->children;
    $gw->chat('good') for 1 .. 3;       # it has what it needs
    ok $gw->idle, 'one thread, idle';
    my $before = $gw->fds($child);
    my $question = Gateway::question('good');
    my $first = $gw->wire;
    $first->request(POST => $chat, { Expect => '100-continue',
        'Content-Length' => length $question });
    is $first->head->{status}, 100, 'it waits for a body';
    for (1 .. 20) {
        my $wire = $gw->wire;
        $wire->request(POST => $chat, { Expect => '100-continue' },
            Gateway::question('held'));
        $wire->reset;
    }
    $first->send($question);
    is $first->answer->{status}, 200, 'which comes';
    $first->close;
    ok Gateway::until_true(sub {
        ($gw->status->{totals}{faults}{client_gone} || 0) == 20 }),
        'all are counted as gone';
    ok $gw->idle, 'nothing is left in flight';
    ok Gateway::until_true(sub {
        $gw->fds($child) - $up->counts->{open} <= $before }),
        'no descriptor is left';
    $gw->log_clean;
};

subtest 'a body that does not come in time' => sub {
    my $up = Upstream->start(good => [ whole($good) ]);
    for my $mpm (qw(event worker prefork)) {
        my $gw = Gateway->start(mpm => $mpm, modules => ['reqtimeout'],
            conf => $up->section('fake') . "LLMModel * fake/*\n"
            . "RequestReadTimeout header=0 body=1\n");
        my $question = Gateway::question('good');
        my $wire = $gw->wire;
        $wire->request(POST => $chat, { 'Content-Length' => length $question,
            'Content-Type' => 'application/json' });
        $wire->send(substr $question, 0, 10);
        my $answer = $wire->answer;
        is $answer->{status}, 408, "$mpm: 408";
        is Gateway::decode($answer->{content})->{error}{code},
            'request_timeout', "$mpm: in OpenAI's shape";
        ok $wire->closes, "$mpm: and the connection is closed";
        is $gw->status->{totals}{faults}{body_slow}, 1, "$mpm: counted";
        $gw->log_clean;
    }
};

subtest 'a Range is for files' => sub {
    my $up = Upstream->start(good => [ whole($good) ],
        stream => [ stream(\@plain) ]);
    my $gw = Gateway->start(conf => $up->section('fake')
        . "LLMModel * fake/*\n");
    for my $range ('bytes=0-4', 'bytes=-3', 'bytes=0-0,5-9', 'bytes=99999-') {
        my $answer = $gw->chat('good', undef, Range => $range);
        is $answer->{status}, 200, "$range: answered";
        is $answer->{content}, $good, "$range: whole";
        $answer = $gw->post($chat, '{', Range => $range);
        is $answer->{status}, 400, "$range: an error keeps its status";
        ok $answer->{json}, "$range: and is whole";
        my ($wire, $head) = $gw->stream('stream', undef, Range => $range);
        is $head->{status}, 200, "$range: a stream";
        is scalar($wire->events), @plain + 1, "$range: whole";
    }
    $gw->log_clean;
};

# --- what the engine must not wait for ---------------------------------------

# A stream that begins, waits at a gate until its call is parked, and then has
# `n` KB to say.
sub flood
{
    my ($n) = @_;
    return stream([ @plain[0, 1], gate('flood'), [ wait => 0.2 ],
        map { chunk('{"content":"' . 'x' x 1000 . '"}') } 1 .. $n ],
        split => 60_000);
}

subtest 'a filter that sleeps holds up its own stream only' => sub {
    my $up = Upstream->start(flood => [ flood(200) ],
        stream => [ stream(\@plain) ]);
    my $gw = Gateway->start(mpm => 'event', children => 1, threads => 4,
        modules => [qw(ratelimit env)], conf => $up->section('fake')
        . "LLMModel * fake/*\n<Location /slow>\nSetHandler llm\n"
        . "Require local\nSetOutputFilter RATE_LIMIT\n"
        . "SetEnv rate-limit 1\n</Location>\n");
    my $wire = $gw->wire;
    $wire->request(POST => '/slow/v1/chat/completions', {},
        Gateway::question('flood', '"stream":true'));
    is $wire->head->{status}, 200, 'a stream that takes minutes';
    ok $wire->event && $wire->event, 'begins';
    $up->release('flood');
    ok $wire->more, 'goes on';
    is + ($gw->stream('stream'))[0]->events, @plain + 1,
        'and another one is whole' for 1 .. 3;
    $wire->reset;
    ok $gw->idle, 'a client that leaves ends it';
    $gw->log_clean;
};

subtest 'a small send buffer, and a client that does not read yet' => sub {
    my $up = Upstream->start(flood => [ flood(500) ],
        stream => [ stream(\@plain) ]);
    my $gw = Gateway->start(mpm => 'event', children => 1, threads => 4,
        conf => $up->section('fake') . "LLMModel * fake/*\n"
        . "SendBufferSize 4096\n");
    my @wires = map { my $wire = $gw->wire(rcvbuf => 16384);
        $wire->request(POST => $chat, {},
            Gateway::question('flood', '"stream":true')); $wire } 1 .. 4;
    for my $wire (@wires) {
        $wire->head;
        $wire->event for 1, 2;
    }
    $up->release('flood');
    $_->more for @wires;
    is + ($gw->stream('stream'))[0]->events, @plain + 1,
        'others are served' for 1 .. 20;
    for my $wire (@wires) {
        my @events = $wire->events;
        is scalar @events, 501, 'read at last, every event is there';
        is $events[-1], $done, 'with its end';
    }
    ok $gw->idle, 'nothing is left in flight';
    $gw->log_clean;
};

# --- a name that nobody knows ------------------------------------------------

# A name server that hears and says nothing, for httpd alone.
subtest 'a stop while a name is looked up' => sub {
    my $address = join '.', 127, map { 1 + int rand 250 } 1 .. 3;
    my $deaf = IO::Socket::INET->new(LocalAddr => $address,
        LocalPort => 53, Proto => 'udp');
    my @mount = ('unshare', '--mount', 'sh', '-c',
        'mount --bind "$0" /etc/resolv.conf && exec "$@"');
    my $file = File::Temp->new;
    print $file "nameserver $address\noptions timeout:30 attempts:1\n";
    close $file;
    chmod 0644, "$file";
    Gateway::run(@mount, "$file", 'true');
    if (!$deaf || $?) {
        plan(skip_all => 'no port 53 or mount namespace') unless $ENV{CI};
        return fail('no port 53 or mount namespace');
    }
    my $gw = Gateway->start(mpm => 'event', children => 1,
        wrap => [ @mount, "$file" ], conf => <<'CONF');
<LLMProvider nowhere>
    LLMBaseURL http://provider.nowhere.example/v1
    LLMTimeout connect=60s
</LLMProvider>
LLMModel * nowhere/*
CONF
    my @wires = map { my $wire = $gw->wire;
        $wire->request(POST => $chat, {}, Gateway::question('any')); $wire }
        1 .. 3;
    ok(IO::Select->new($deaf)->can_read($Gateway::PATIENCE),
        'the name is asked for');
    $wires[0]->reset;
    ok Gateway::until_true(sub {
        $gw->status->{totals}{faults}{client_gone} }),
        'a client that leaves does not wait for it';
    $gw->log_clean;                     # nobody had to be killed
};

# A connection that is kept may belong to another customer's call next.
for my $mpm (qw(event prefork)) {
    subtest "$mpm: what comes after an answer's end is nobody's answer" => sub {
        my $late = whole(completion(text => 'poison'))->[1];
        my $up = Upstream->start(
            m => [ whole(completion(text => 'first')), [ gate => 'late' ],
                [ send => $late ], [ gate => 'never' ] ],
            g => [ whole(completion(text => 'good')) ]);
        my $gw = Gateway->start(mpm => $mpm, children => 1,
            conf => $up->section('fake') . "LLMModel * fake/*\n");
        for (1 .. 3) {
            is $gw->chat('m')->{json}{choices}[0]{message}{content}, 'first',
                'an answer';
            ok $up->await(at_gate => 1), 'has ended';
            $up->release(late => 1);
            ok Gateway::until_true(sub { $up->await(at_gate => 1) }),
                'and something follows it';
            Gateway::let_pass(0.05);
            is $gw->chat('g')->{json}{choices}[0]{message}{content}, 'good',
                'the next call has its own';
        }
        $gw->log_clean;
    };
}

done_testing;
