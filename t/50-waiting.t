# Waiting: on the event MPM it costs no thread, everywhere it ends when the
# client leaves, and what came before and after on the connection is right.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $chat = $Gateway::CHAT;
my $good = completion();
my @plain = deltas([qw(one two three)]);
my $done = "data: [DONE]\n\n";

sub provider
{
    return Upstream->start(held => [ gate('held'), whole($good) ],
        good => [ whole($good) ],
        twice => [ stream([ $plain[0], $plain[1], gate('held'),
            @plain[2 .. $#plain] ]) ],
        stream => sub { stream([ gate('held'), map { ($_, [ wait => 0.005 ]) }
            @plain ]) });
}

sub conf
{
    my ($up, @more) = @_;
    return $up->section('fake', @more) . "LLMModel held fake/held\n"
        . "LLMModel twice fake/twice\nLLMModel * fake/*\n";
}

sub ask
{
    my ($gw, $model, $stream) = @_;
    my $wire = $gw->wire;
    $wire->request(POST => $chat, {}, Gateway::question($model,
        $stream ? '"stream":true' : undef));
    return $wire;
}

# --- without a thread -----------------------------------------------------------

subtest 'event: 200 calls wait with 5 threads' => sub {
    my $up = provider();
    my $gw = Gateway->start(mpm => 'event', children => 1, threads => 5,
        conf => conf($up));
    my ($child) = $gw->children;
    $gw->chat('good') for 1 .. 3;       # it has what it needs
    my ($threads, $fds) = ($gw->threads($child), $gw->fds($child));
    my @whole = map { ask($gw, 'held') } 1 .. 120;
    my @streams = map { ask($gw, 'stream', 1) } 1 .. 40;
    my @begun = map { ask($gw, 'twice', 1) } 1 .. 40;
    ok $up->await(at_gate => 200), 'all have reached the provider';
    for my $wire (@begun) {
        $wire->head;
        push @{ $wire->{got} }, $wire->event, $wire->event;
    }
    is $gw->status->{in_flight}, 200, 'all are in flight';
    is $gw->threads($child), $threads, 'on as many threads as before';
    is $gw->chat('good')->{status}, 200, 'another one is answered at once'
        for 1 .. 5;
    is $gw->get('/index.html')->{content}, "plain\n", 'and so is a page';
    $up->release('held');
    is scalar(grep { $_->answer->{content} eq $good } @whole), 120,
        'every one is answered';
    my $due = join '', map { "data: $_\n\n" } @plain;
    my $right = grep { $_->head; join('', $_->events) eq "$due$done" }
        @streams;
    is $right, 40, 'every stream is whole';
    $right = grep { join('', @{ $_->{got} }, $_->events) eq "$due$done" }
        @begun;
    is $right, 40, 'also those that had begun';
    # The MPM closes idle connections when all of its threads are busy.
    my %after = (closed => 0, right => 0, wrong => 0);
    for my $wire (@whole, @streams, @begun) {
        $wire->request(POST => $chat, {}, Gateway::question('good'));
        my $answer = $wire->answer;
        $after{ !$answer ? 'closed' : $answer->{content} eq $good ? 'right'
            : 'wrong' }++;
    }
    is $after{wrong}, 0, 'their connections serve on';
    ok $gw->idle, 'nothing is left in flight';
    $_->close for @whole, @streams, @begun;
    ok Gateway::until_true(sub {
        $gw->fds($child) - $up->counts->{open} <= $fds + 12 }),
        'no descriptor is left but for kept connections to the provider';
    $gw->log_clean;
};

subtest 'event: again and again on the same connections' => sub {
    my $up = Upstream->start(default => sub { ([ wait => rand 0.02 ],
        $_[0]{json}{stream} ? stream([ map { ($_, [ wait => rand 0.005 ]) }
            @plain ]) : whole($good)) });
    my $gw = Gateway->start(mpm => 'event', children => 2, threads => 40,
        conf => conf($up));
    my @wires = map { $gw->wire } 1 .. 30;
    my $due = join '', map { "data: $_\n\n" } @plain;
    my $right = 0;
    for my $round (1 .. 10) {
        my $stream = $round % 2;
        $_->request(POST => $chat, {}, Gateway::question('any',
            $stream ? '"stream":true' : undef)) for @wires;
        for my $wire (@wires) {
            my $answer = $wire->answer or next;
            $right++ if $answer->{status} == 200
                && $answer->{content} eq ($stream ? "$due$done" : $good);
        }
    }
    is $right, 300, 'every answer is right';
    $gw->log_clean;
};

# --- on every MPM -----------------------------------------------------------------

sub waiting
{
    my ($mpm, %how) = @_;
    my $up = provider();
    my $gw = Gateway->start(mpm => $mpm, threads => 24, children => 1,
        conf => conf($up) . ($how{conf} || ''),
        modules => $how{modules});
    my $name = $how{name} || $mpm;
    subtest "$name: calls that wait at once" => sub { at_once($gw, $up) };
    subtest "$name: a client that leaves" => sub { leaves($gw, $up) };
    subtest "$name: what follows on the connection" =>
        sub { follows($gw, $up) };
    ok $gw->idle, "$name: nothing is left in flight";
    $gw->log_clean;
}

sub at_once
{
    my ($gw, $up) = @_;
    $up->shut('held');
    my @wires = map { ask($gw, 'held') } 1 .. 12;
    ok $up->await(at_gate => 12), 'twelve wait';
    is $gw->status->{in_flight}, 12, 'and are in flight';
    $up->release('held');
    is scalar(grep { $_->answer->{content} eq $good } @wires), 12,
        'all are answered';
}

# Before the first byte, within a stream, by FIN and by RST.
sub leaves
{
    my ($gw, $up) = @_;
    my $gone = sub {
        return $gw->status->{totals}{faults}{client_gone} || 0;
    };
    for my $how (qw(close reset)) {
        for my $case ([ 'held', 0 ], [ 'stream', 1 ], [ 'twice', 1 ]) {
            my ($model, $stream) = @$case;
            $up->shut('held');
            $up->forget;
            my $before = $gone->();
            my $wire = ask($gw, $model, $stream);
            $up->await(at_gate => 1);
            if ($model eq 'twice') {
                $wire->head;
                $wire->event for 1 .. 2;
            }
            $wire->$how;
            ok $up->await(gone => 1), "$model, $how: the provider is left";
            ok $gw->idle, "$model, $how: the call is settled";
            is $gone->(), $before + 1, "$model, $how: as client_gone";
        }
    }
    my ($line) = grep { $_->{fault} eq 'client_gone' } $gw->access_log;
    is $line->{status}, 499, 'the log says so';
}

# What a client sends while its call waits is not lost and not mixed up.
sub follows
{
    my ($gw, $up) = @_;
    $up->shut('held');
    my $wire = ask($gw, 'held');
    $up->await(at_gate => 1);
    $wire->request(POST => $chat, {}, Gateway::question('nothing/here'))
        for 1 .. 1;
    $wire->request(GET => '/llm/v1/models');
    $wire->request(GET => '/index.html');
    $up->release('held');
    is $wire->answer->{content}, $good, 'first the one that waited';
    is $wire->answer->{status}, 404, 'then a refusal that was sent meanwhile';
    is $wire->answer->{json} || 200, 200, 'then a list';
    is $wire->answer->{content}, "plain\n", 'then a page';
    $up->shut('held');
    $wire->request(POST => $chat, {}, Gateway::question('stream',
        '"stream":true'));
    $up->await(at_gate => 1);
    $wire->request(POST => $chat, {}, Gateway::question('good'));
    $up->release('held');
    $wire->head;
    is [ $wire->events ]->[-1], $done, 'a stream';
    is $wire->answer->{content}, $good, 'and what was sent meanwhile';
    $up->shut('held');
    $wire = ask($gw, 'held');
    $up->await(at_gate => 1);
    $wire->finish;
    $up->release('held');
    ok $wire->closes, 'a client that closes its half has left';
    ok $up->await_most(at_gate => 0), 'in time';
}

waiting($_) for qw(event worker prefork);
waiting('event', name => 'event with filters', modules => [qw(reqtimeout
    deflate filter headers logio)], conf => "RequestReadTimeout "
    . "header=5-10,MinRate=500 body=5,MinRate=500\n");

# --- Timeout ------------------------------------------------------------------------

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: Timeout is for the client, not for the answer" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 1,
            conf => conf($up) . "Timeout 2\n");
        my @wires = (ask($gw, 'held'), ask($gw, 'stream', 1),
            ask($gw, 'twice', 1));
        ok $up->await(at_gate => 3), 'three wait';
        $gw->chat('good') for 1 .. 2;
        Gateway::let_pass(4.6);
        is $gw->status->{in_flight}, 3, 'longer than Timeout, twice';
        $up->release('held');
        is $wires[0]->answer->{content}, $good, 'a whole answer';
        for my $wire (@wires[1, 2]) {
            $wire->head;
            is [ $wire->events ]->[-1], $done, 'a stream';
        }
        ok $gw->idle, 'nothing is left in flight';
        $gw->log_clean;
    };
}

# --- how many -------------------------------------------------------------------------

for my $mpm (qw(event worker)) {
    subtest "$mpm: LLMMaxInFlight" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 3, threads => 8,
            conf => "LLMMaxInFlight 6\n" . conf($up));
        my @wires = map { ask($gw, 'held') } 1 .. 6;
        ok $up->await(at_gate => 6), 'six wait, in whatever child';
        for my $more ('"stream":false', '"stream":true') {
            my $busy = $gw->chat('good', $more);
            is $busy->{status}, 503, "the seventh is refused: $more";
            is $busy->{json}{error}{code}, 'overloaded', 'with its code';
            like $busy->{headers}{'retry-after'}, qr/\A[1-9]\d*\z/,
                'and Retry-After';
        }
        is $gw->status->{in_flight}, 6, 'six in flight';
        is $gw->get('/llm/v1/models')->{status}, 200, 'a list is no call';
        $wires[0]->close;
        ok $up->await(gone => 1), 'one leaves';
        ok Gateway::until_true(sub { $gw->chat('good')->{status} == 200 }),
            'then there is room';
        $up->release('held');
        is scalar(grep { $_->answer->{status} == 200 } @wires[1 .. 5]), 5,
            'the others are answered';
        ok $gw->idle, 'and gone';
        cmp_ok $gw->status->{totals}{faults}{busy}, '>=', 2, 'counted';
        $gw->log_clean;
    };
}

# --- httpd goes on living -----------------------------------------------------------

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: a graceful restart while calls wait" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 2, threads => 24,
            conf => conf($up));
        my @wires = (map({ ask($gw, 'held') } 1 .. 4),
            map { ask($gw, 'stream', 1) } 1 .. 4);
        ok $up->await(at_gate => 8), 'eight wait';
        my @old = $gw->graceful;
        is $gw->chat('good')->{status}, 200, 'the new children serve';
        is $gw->status->{in_flight}, 8, 'and count the calls of the old';
        $up->release('held');
        my $whole = grep { (($_->answer || {})->{content} || '') eq $good }
            @wires[0 .. 3];
        is $whole, 4, 'who waited is answered';
        my $streams = grep { $_->head && ([ $_->events ]->[-1] || '') eq $done }
            @wires[4 .. 7];
        is $streams, 4, 'streams too';
        ok $gw->gone(@old), 'and the old children end';
        ok $gw->idle, 'nothing is left in flight';
        $gw->log_clean;
    };
    subtest "$mpm: a stop while calls wait" => sub {
        my $up = provider();
        my $gw = Gateway->start(mpm => $mpm, children => 2, threads => 24,
            conf => conf($up));
        my @wires = (map({ ask($gw, 'held') } 1 .. 4),
            map { ask($gw, 'stream', 1) } 1 .. 4);
        ok $up->await(at_gate => 8), 'eight wait';
        my @children = $gw->children;
        $gw->log_clean;
        ok $up->await_most(open => 0), 'the provider is left';
        is scalar(grep { $_->closes } @wires), 8, 'and so are the clients';
        ok Gateway::until_true(sub { !grep { -d "/proc/$_" } @children }),
            'no process stays';
    };
}

# The last connection that a child takes: httpd may have ended the polling
# before a worker takes it up, and nobody would look at what is parked then.
subtest 'event: the last call of a child that stops' => sub {
    my $up = Upstream->start(held => [ gate('held'), whole($good) ],
        stream => [ stream([ $plain[0], gate('held'),
            @plain[1 .. $#plain] ]) ],
        huge => [ gate('held'),
            whole(completion(text => 'x' x 3_000_000)) ]);
    my $gw = Gateway->start(mpm => 'event', children => 4,
        threads => 8, conf => conf($up));
    # A child that is told to end in the moment of its birth may not hear it,
    # with or without this module: nobody knocks at these until they are there.
    $gw->{mpm_conf} = 'MaxConnectionsPerChild 2';
    $gw->configure;
    $gw->gone($gw->graceful);
    my @first = $gw->children;
    my %right = (held => sub { $_[0]->answer->{content} eq $good },
        stream => sub { $_[0]->head; [ $_[0]->events ]->[-1] eq $done },
        huge => sub { $up->await(answered => $_[1]);
            length $_[0]->answer->{content} > 3_000_000 });
    for my $n (1 .. 18) {
        my $model = (qw(held stream huge))[ $n % 3 ];
        my $wire = $gw->wire(rcvbuf => 16384);
        $wire->request(POST => $chat, {}, Gateway::question($model,
            $model eq 'stream' ? '"stream":true' : undef));
        ok $up->await(at_gate => 1), "$model: it waits";
        $up->release('held', 1);
        ok eval { $right{$model}->($wire, $n) }, "$model: and is answered";
        $wire->close;
    }
    ok $gw->idle, 'nothing is left in flight';
    is $gw->status->{totals}{errors}, 0, 'no call was lost';
    isnt join(' ', $gw->children), join(' ', @first), 'though children ended';
    $gw->log_clean(qr/AH0004[567]:/);
};

done_testing;
