package Upstream;

# A scripted provider on a free port, in a process of its own, that speaks
# true HTTP/1.1 and the OpenAI wire format as well or as badly as a test
# wants, to any number of connections at once.
#
#     my $up = Upstream->start(
#         good => [ whole(completion()) ],
#         slow => [ gate('go'), whole(completion()) ],
#         once => sub { $_[0]{n} == 1 ? fault(429, ...) : whole(...) },
#     );
#     ... the model asked of the provider names the script ...
#     $up->await(requests => 1);
#     is $up->requests->[0]{body}, ...;
#     $up->release('go');
#
# A script is a list of steps, or a sub that gets the request and returns
# one (it runs in the provider's process; its variables live there):
#
#     [send => $bytes]    to the client, and the loop goes round once
#     [wait => $seconds]
#     [gate => $name]     until the test releases it
#     [close]             as HTTP/1.0 ends: FIN
#     [reset]             RST
#     [hang]              nothing, until the client has gone
#
# After the last step the connection is kept and the next request read.

use strict;
use warnings;
use Carp qw(croak);
use Errno qw(EAGAIN EINTR);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw(AF_UNIX IPPROTO_TCP PF_UNSPEC SOCK_STREAM SOL_SOCKET
    SO_LINGER SOMAXCONN TCP_NODELAY);
use Storable qw(freeze thaw);
use Time::HiRes qw(time);

our @EXPORT = qw(whole answer stream fault completion chunk usage_chunk
    deltas gate pieces head free_port);

our $PATIENCE = $ENV{LLM_PATIENCE} || 30;

my %reason = (200 => 'OK', 302 => 'Found', 400 => 'Bad Request',
    401 => 'Unauthorized', 429 => 'Too Many Requests',
    500 => 'Internal Server Error', 503 => 'Service Unavailable');

# --- what a provider says ------------------------------------------------

# The whole text of an answer's head; header values may be arrays.
sub head
{
    my ($status, %header) = @_;
    my $why = $reason{$status} || 'Odd';
    my $head = "HTTP/1.1 $status $why\r\n";
    for my $name (sort keys %header) {
        my $value = $header{$name};
        $head .= "$name: $_\r\n"
            for ref $value ? @$value : defined $value ? $value : ();
    }
    return "$head\r\n";
}

sub answer
{
    my ($status, $body, %header) = @_;
    return [ send => head($status, 'Content-Length' => length $body,
        'Content-Type' => 'application/json', %header) . $body ];
}

sub whole
{
    my ($body, %header) = @_;
    return answer(200, $body, 'x-request-id' => 'req_from_provider',
        %header);
}

# An error in OpenAI's shape.
sub fault
{
    my ($status, $error, %header) = @_;
    my %full = (message => 'the provider says no', type => 'some_error',
        param => undef, code => undef, %{ $error || {} });
    return answer($status, json({ error => \%full }), %header);
}

sub json { JSON::PP->new->utf8->canonical->encode($_[0]) }

# A whole answer. Its spelling (white space, order, numbers, members nobody
# knows) is deliberately unlike any JSON library's.
sub completion
{
    my (%what) = @_;
    my $text = exists $what{text} ? $what{text} : 'Hello.';
    my $usage = exists $what{usage} ? $what{usage}
        : '{"prompt_tokens": 7, "completion_tokens":5 ,"total_tokens":12,'
        . '"prompt_tokens_details":{"cached_tokens":3},'
        . '"completion_tokens_details":{"reasoning_tokens":2}}';
    my $content = JSON::PP->new->utf8->allow_nonref->encode($text);
    return qq({ "id":"chatcmpl-1",\t"object":"chat.completion",\n)
        . qq( "created": 1.7E9, "model":"from-provider",\r\n)
        . qq( "x_unknown" : {"b":[1,2.50,-0.0,1e-7], "a":"\\u00e9\\/"},\n)
        . qq( "choices":[{"index":0,"message":{"role":"assistant",)
        . qq("content":$content,"refusal":null},)
        . qq("logprobs":null,"finish_reason":"stop"}],\n)
        . (defined $usage ? qq( "usage": $usage,\n) : '')
        . qq( "system_fingerprint":"fp_1" }\n);
}

# One chunk of a stream as the provider spells it, "usage":null included
# when `usage` is asked.
sub chunk
{
    my ($delta, %what) = @_;
    my $finish = $what{finish} ? qq("$what{finish}") : 'null';
    return qq({"id":"chatcmpl-1","object":"chat.completion.chunk",)
        . qq("created":1700000000,"model":"from-provider",)
        . qq("x_unknown": 1.50,"choices":[{"index":0,"delta":)
        . $delta . qq(,"logprobs":null,"finish_reason":$finish}])
        . ($what{usage} ? ',"usage":null' : '') . '}';
}

sub usage_chunk
{
    my (%n) = (prompt_tokens => 7, completion_tokens => 5, @_);
    my $total = $n{prompt_tokens} + $n{completion_tokens};
    return qq({"id":"chatcmpl-1","object":"chat.completion.chunk",)
        . qq("created":1700000000,"model":"from-provider","choices":[],)
        . qq("usage":{"prompt_tokens":$n{prompt_tokens},)
        . qq("completion_tokens":$n{completion_tokens},)
        . qq("total_tokens":$total}});
}

# The chunks of an ordinary streamed answer of these words, the usage chunk
# last when `usage` is asked.
sub deltas
{
    my ($words, %what) = @_;
    my %null = (usage => $what{usage});
    my @chunks = chunk('{"role":"assistant","content":""}', %null);
    for my $word (@$words) {
        my $text = JSON::PP->new->utf8->allow_nonref->encode($word);
        push @chunks, chunk(qq({"content":$text}), %null);
    }
    push @chunks, chunk('{}', finish => 'stop', %null);
    push @chunks, usage_chunk() if $what{usage};
    return @chunks;
}

sub gate { [ gate => $_[0] ] }

# The steps of a streamed answer. `events` are the data of its events; a
# reference to a string is bytes that stand as they are; an array reference
# is a step between them.
#   eol      line ends, "\n"
#   done     0: without data: [DONE]
#   split    bytes in a piece; else one piece an event
#   wait     seconds between pieces
#   framing  chunked (default) | close | the Content-Length to claim
#   status, headers
#   end      steps instead of the true end of the body
sub stream
{
    my ($events, %how) = @_;
    my $eol = $how{eol} || "\n";
    my @parts = map { ref $_ eq 'ARRAY' ? $_ : ref $_ ? $$_
        : "data: $_$eol$eol" } @$events;
    push @parts, "data: [DONE]$eol$eol"
        unless exists $how{done} && !$how{done};
    my $framing = $how{framing} || 'chunked';
    my %header = ('Content-Type' => 'text/event-stream',
        $framing eq 'chunked' ? ('Transfer-Encoding' => 'chunked')
        : $framing eq 'close' ? (Connection => 'close')
        : ('Content-Length' => $framing), %{ $how{headers} || {} });
    return ([ send => head($how{status} || 200, %header) ],
        pieces(\@parts, %how, chunked => $framing eq 'chunked'),
        $how{end} ? @{ $how{end} }
        : $framing eq 'chunked' ? [ send => "0\r\n\r\n" ]
        : $framing eq 'close' ? ['close'] : ());
}

# Steps that send these strings (steps among them stay), cut and paced.
sub pieces
{
    my ($parts, %how) = @_;
    my @strings;
    for my $part (@$parts) {
        if (!ref $part && @strings && !ref $strings[-1] && $how{split}) {
            $strings[-1] .= $part;
        } else {
            push @strings, $part;
        }
    }
    my @steps;
    for my $part (@strings) {
        if (ref $part) {
            push @steps, $part;
            next;
        }
        my $size = $how{split} || length $part;
        for my $piece (unpack "(a$size)*", $part) {
            $piece = sprintf "%x\r\n%s\r\n", length $piece, $piece
                if $how{chunked};
            push @steps, [ send => $piece ];
            push @steps, [ wait => $how{wait} ] if $how{wait};
        }
    }
    return @steps;
}

my @taken;

# A port nobody listens on, below the kernel's own choices so that no
# client's socket is given it in the meantime; and nobody else's, as long as
# this test runs: at an address that is used for nothing else it is taken.
sub free_port
{
    for (1 .. 200) {
        my $port = 10000 + int rand 22000;
        my @local = (LocalPort => $port, Proto => 'tcp');
        my $mark = IO::Socket::INET->new(@local, LocalAddr => '127.0.0.2')
            or next;
        my $socket = IO::Socket::INET->new(@local, LocalAddr => '127.0.0.1',
            Listen => 1) or next;
        close $socket;
        push @taken, $mark;
        return $port;
    }
    croak 'no free port';
}

# --- the test's end ------------------------------------------------------

my @alive;

sub start
{
    my ($class, %scripts) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Proto => 'tcp', Listen => SOMAXCONN, ReuseAddr => 1,
        LocalPort => free_port())
        or croak "cannot listen: $@";
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or croak "socketpair: $!";
    my $pid = fork;
    croak "fork: $!" unless defined $pid;
    if (!$pid) {
        close $ours;
        eval { serve($listen, $theirs, \%scripts); 1 }
            or print STDERR "# the fake provider died: $@";
        POSIX::_exit(0);
    }
    close $theirs;
    my $self = bless { pid => $pid, owner => $$, control => $ours,
        port => $listen->sockport }, $class;
    close $listen;
    push @alive, $self;
    require Scalar::Util;
    Scalar::Util::weaken($alive[-1]);
    return $self;
}

sub port { $_[0]{port} }
sub url { "http://127.0.0.1:$_[0]{port}/v1" }

# The configuration section that makes this a provider: one that is asked once
# and never left alone, unless the lines say otherwise.
sub section
{
    my ($self, $name, @lines) = @_;
    unshift @lines, 'LLMRetry attempts=1' unless grep { /LLMRetry/ } @lines;
    unshift @lines, 'LLMBreaker off' unless grep { /LLMBreaker/ } @lines;
    return join "\n", "<LLMProvider $name>",
        '    LLMDialect openai', '    LLMBaseURL ' . $self->url,
        '    LLMKey env:FAKE_KEY', (map { "    $_" } @lines),
        "</LLMProvider>\n";
}

sub ask
{
    my ($self, %question) = @_;
    my $bytes = freeze \%question;
    my $message = pack('N', length $bytes) . $bytes;
    syswrite($self->{control}, $message) == length $message
        or croak "the fake provider has gone: $!";
    my $patience = $PATIENCE + 5;
    return take($self->{control}, $patience)
        || croak "the fake provider does not answer: $question{do}";
}

sub take
{
    my ($socket, $patience) = @_;
    my $in = '';
    while (length $in < 4 || length $in < 4 + unpack 'N', $in) {
        return undef unless IO::Select->new($socket)->can_read($patience);
        my $want = length $in < 4 ? 4 - length $in
            : 4 + unpack('N', $in) - length $in;
        my $n = sysread $socket, $in, $want, length $in;
        return undef unless $n;
    }
    return thaw substr $in, 4;
}

# What was asked so far, oldest first: { method, target, headers, head, body,
# conn, n, model, at }; `head` is its bytes, `headers` lower-cased, `at` when
# it was there, by this clock.
sub requests { $_[0]->ask(do => 'requests')->{requests} }

sub forget { $_[0]->ask(do => 'forget') }

# The numbers: connections (ever), open (now), requests, answered (whole),
# gone (the client left an answer unfinished), at_gate (waiting there now).
sub counts { $_[0]->ask(do => 'counts') }

# Until a number of `counts` is at least n; 1, or 0 when patience is over.
sub await
{
    my ($self, $what, $n) = @_;
    return $self->ask(do => 'await', what => $what, n => $n, most => 0)
        ->{ok};
}

# Until it is at most n.
sub await_most
{
    my ($self, $what, $n) = @_;
    return $self->ask(do => 'await', what => $what, n => $n, most => 1)
        ->{ok};
}

# Opens a gate for good, or lets `n` calls through.
sub release
{
    my ($self, $gate, $n) = @_;
    $self->ask(do => 'release', gate => $gate, n => $n);
    return $self;
}

sub shut { $_[0]->ask(do => 'shut', gate => $_[1]) }

# Another script from now on; steps only.
sub script
{
    my ($self, $name, @steps) = @_;
    $self->ask(do => 'script', name => $name, steps => \@steps);
    return $self;
}

sub stop
{
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill KILL => $self->{pid};
    local ($?, $!);
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
    return;
}

sub DESTROY { $_[0]->stop }
END { $_ && $_->stop for @alive }

# --- the provider's process ----------------------------------------------

my (%scripts, %conns, %gates, %count, @requests, @waiters, $next_conn);

sub serve
{
    my ($listen, $control, $given) = @_;
    %scripts = %$given;
    %count = map { $_ => 0 } qw(connections open requests answered gone
        at_gate);
    $SIG{PIPE} = 'IGNORE';
    $SIG{$_} = 'DEFAULT' for qw(INT TERM);
    $listen->blocking(0);
    while (1) {
        my ($readable, $writable) = wait_for($listen, $control);
        for my $socket (@$readable) {
            if ($socket == $listen) {
                accept_all($listen);
            } elsif ($socket == $control) {
                obey($control) or return;
            } elsif (my $conn = $conns{ fileno $socket }) {
                read_some($conn);
            }
        }
        for my $socket (@$writable) {
            my $conn = defined fileno $socket && $conns{ fileno $socket };
            flush_out($conn) if $conn;
        }
        run($_) for values %conns;
        settle_waiters($control);
    }
}

sub wait_for
{
    my ($listen, $control) = @_;
    my $reads = IO::Select->new($listen, $control);
    my $writes = IO::Select->new;
    my ($now, $wake) = (time, time + 1);
    for my $conn (values %conns) {
        $reads->add($conn->{socket});
        $writes->add($conn->{socket}) if length $conn->{out};
        next if length $conn->{out} || !$conn->{steps};
        my $step = $conn->{steps}[0];
        my $at = $conn->{wake} ? $conn->{wake}
            : $step && ($step->[0] eq 'hang' || $conn->{at_gate}
                && !opens($conn, $step)) ? $wake : $now;
        $wake = $at if $at < $wake;
    }
    for (@waiters) {
        $wake = $_->{until} if $_->{until} < $wake;
    }
    my $timeout = $wake > $now ? $wake - $now : 0;
    my ($r, $w) = IO::Select->select($reads, $writes, undef, $timeout);
    return ($r || [], $w || []);
}

sub accept_all
{
    my ($listen) = @_;
    while (my $socket = $listen->accept) {
        $socket->blocking(0);
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
        $conns{ fileno $socket } = { socket => $socket, in => '',
            out => '', number => ++$next_conn };
        $count{connections}++;
        $count{open}++;
    }
}

sub drop
{
    my ($conn) = @_;
    leave_gate($conn);
    delete $conns{ fileno $conn->{socket} };
    close $conn->{socket};
    $count{open}--;
}

sub read_some
{
    my ($conn) = @_;
    my $n = sysread $conn->{socket}, $conn->{in}, 262144, length $conn->{in};
    return if $n || !defined $n && ($!{EAGAIN} || $!{EINTR});
    $count{gone}++ if $conn->{steps};
    drop($conn);
}

sub flush_out
{
    my ($conn) = @_;
    my $n = syswrite $conn->{socket}, $conn->{out};
    if (defined $n) {
        substr($conn->{out}, 0, $n) = '';
    } elsif (!$!{EAGAIN} && !$!{EINTR}) {
        $count{gone}++ if $conn->{steps};
        drop($conn);
    }
}

# One step at most for each connection and round: what was sent in two steps
# is read in two pieces, if the client is as quick.
sub run
{
    my ($conn) = @_;
    if (!$conn->{steps}) {
        my $request = parse($conn) or return;
        $conn->{steps} = script_for($request);
    }
    return if length $conn->{out};
    if ($conn->{wake}) {
        return if time < $conn->{wake};
        $conn->{wake} = undef;
    }
    my $step = $conn->{steps}[0] or return next_request($conn);
    my ($what, $with) = @$step;
    if ($what eq 'gate') {
        return unless opens($conn, $step, 1);
    } elsif ($what eq 'hang') {
        return;
    } elsif ($what eq 'reset') {
        setsockopt $conn->{socket}, SOL_SOCKET, SO_LINGER,
            pack('ii', 1, 0);
        return drop($conn);
    } elsif ($what eq 'close') {
        return drop($conn);
    } elsif ($what eq 'wait') {
        $conn->{wake} = time + $with;
    } elsif ($what eq 'send') {
        $conn->{out} = $with;
        flush_out($conn);
    } else {
        die "unknown step $what";
    }
    shift @{ $conn->{steps} };
    next_request($conn) if !@{ $conn->{steps} } && !$conn->{wake}
        && !length $conn->{out};
}

sub next_request
{
    my ($conn) = @_;
    $conn->{steps} = undef;
    $count{answered}++;
}

sub opens
{
    my ($conn, $step, $enter) = @_;
    return 0 if $step->[0] ne 'gate';
    my $gate = $gates{ $step->[1] } ||= { open => 0, tickets => 0 };
    if ($gate->{open} || $gate->{tickets} > 0) {
        return 1 unless $enter;
        $gate->{tickets}-- unless $gate->{open};
        leave_gate($conn);
        return 1;
    }
    if ($enter && !$conn->{at_gate}) {
        $conn->{at_gate} = 1;
        $count{at_gate}++;
    }
    return 0;
}

sub leave_gate
{
    my ($conn) = @_;
    $count{at_gate}-- if $conn->{at_gate};
    $conn->{at_gate} = 0;
}

# The next whole request of the connection, recorded.
sub parse
{
    my ($conn) = @_;
    return unless $conn->{in} =~ /\r\n\r\n/;
    my ($end, $head) = ($+[0], substr $conn->{in}, 0, $+[0]);
    my ($line, @fields) = split /\r\n/, $head;
    my ($method, $target) = $line =~ m{\A(\S+) (\S+) HTTP/1\.[01]\z}
        or die "not a request: $line";
    my %header;
    for (@fields) {
        my ($name, $value) = /\A([^:]+):\s*(.*?)\s*\z/s or next;
        $name = lc $name;
        $header{$name} = exists $header{$name}
            ? "$header{$name}, $value" : $value;
    }
    if (delete $conn->{expects} || ($header{expect} || '') =~ /100-c/i) {
        $conn->{out} .= "HTTP/1.1 100 Continue\r\n\r\n"
            unless $conn->{continued}++;
    }
    my ($body, $used) = body_of($conn->{in}, $end, \%header);
    return unless defined $body;
    substr($conn->{in}, 0, $used) = '';
    $conn->{continued} = 0;
    my $request = { method => $method, target => $target, head => $head,
        headers => \%header, body => $body, conn => $conn->{number},
        at => time };
    push @requests, $request;
    $count{requests}++;
    return $request;
}

sub body_of
{
    my ($in, $at, $header) = @_;
    if (lc($header->{'transfer-encoding'} || '') ne 'chunked') {
        my $n = $header->{'content-length'} || 0;
        return if length $in < $at + $n;
        return (substr($in, $at, $n), $at + $n);
    }
    my $body = '';
    while (1) {
        pos($in) = $at;
        $in =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/g or return;
        my ($size, $from) = (hex $1, pos $in);
        return if length $in < $from + $size + 2;
        return ($body, $from + 2) if !$size;
        $body .= substr $in, $from, $size;
        $at = $from + $size + 2;
    }
}

my %seen;

sub script_for
{
    my ($request) = @_;
    my $json = eval { JSON::PP->new->utf8->decode($request->{body}) };
    my $model = ref $json eq 'HASH' ? $json->{model} : undef;
    $model = '' unless defined $model;
    $request->{model} = $model;
    $request->{n} = ++$seen{$model};
    my $script = $scripts{$model} || $scripts{ $request->{target} }
        || $scripts{default}
        || [ fault(404, { message => "no script for $model" }) ];
    if (ref $script eq 'CODE') {
        local $request->{json} = $json;
        return [ $script->($request) ];
    }
    return [@$script];
}

sub reply
{
    my ($control, $what) = @_;
    my $bytes = freeze $what;
    my $message = pack('N', length $bytes) . $bytes;
    while (length $message) {
        my $n = syswrite $control, $message;
        return unless defined $n;
        substr($message, 0, $n) = '';
    }
}

# One command of the test; 0 when it has gone.
sub obey
{
    my ($control) = @_;
    my $order = take($control, 1) or return 0;
    my $do = $order->{do};
    if ($do eq 'await') {
        push @waiters, { %$order, until => time + $PATIENCE };
        return 1;
    }
    if ($do eq 'release') {
        my $gate = $gates{ $order->{gate} } ||= { open => 0, tickets => 0 };
        $order->{n} ? ($gate->{tickets} += $order->{n}) : ($gate->{open} = 1);
    } elsif ($do eq 'shut') {
        $gates{ $order->{gate} } = { open => 0, tickets => 0 };
    } elsif ($do eq 'script') {
        $scripts{ $order->{name} } = $order->{steps};
    } elsif ($do eq 'forget') {
        @requests = ();
        %seen = ();
        $count{$_} = 0 for qw(requests answered gone);
    }
    reply($control, $do eq 'requests' ? { requests => \@requests }
        : { %count });
    return 1;
}

sub settle_waiters
{
    my ($control) = @_;
    my @rest;
    for my $waiter (@waiters) {
        my $is = $count{ $waiter->{what} };
        die "no such count: $waiter->{what}" unless defined $is;
        my $met = $waiter->{most} ? $is <= $waiter->{n}
            : $is >= $waiter->{n};
        if ($met || time >= $waiter->{until}) {
            reply($control, { ok => $met ? 1 : 0, %count });
        } else {
            push @rest, $waiter;
        }
    }
    @waiters = @rest;
}

1;
