package Wire;

# The client's end of one HTTP/1.1 connection, read as slowly and written as
# badly as a test wants. What HTTP::Tiny hides can be seen here: the head's
# own bytes, each piece of a body as it comes, whether the peer has closed.
#
#     my $wire = Wire->new(port => $port);
#     $wire->request(POST => '/llm/v1/chat/completions', {}, $body);
#     is $wire->head->{status}, 200;
#     while (defined(my $event = $wire->event)) { ... }

use strict;
use warnings;
use Carp qw(croak);
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER SO_RCVBUF TCP_NODELAY);
use Time::HiRes qw(time);

# Seconds that anything may take before a test gives up; never a measure.
our $PATIENCE = $ENV{LLM_PATIENCE} || 30;

sub new
{
    my ($class, %how) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $how{port}, Proto => 'tcp',
        Timeout => $PATIENCE)
        or croak "cannot connect to port $how{port}: $@";
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
    setsockopt($socket, SOL_SOCKET, SO_RCVBUF, $how{rcvbuf}) if $how{rcvbuf};
    $socket->blocking(0);
    return bless { socket => $socket, in => '', left => undef }, $class;
}

sub local_port { $_[0]{socket}->sockport }

sub send
{
    my ($self, $bytes) = @_;
    my $deadline = time + $PATIENCE;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;
        if (defined $n) {
            substr($bytes, 0, $n) = '';
            next;
        }
        return 0 unless $!{EAGAIN} || $!{EINTR};
        croak 'the peer does not read' if time > $deadline;
        IO::Select->new($self->{socket})->can_write(0.5);
    }
    return 1;
}

# Header values may be arrays; an undefined one takes a default header away.
sub request
{
    my ($self, $method, $path, $headers, $body) = @_;
    my %header = (Host => '127.0.0.1', %{ $headers || {} });
    if (defined $body) {
        $header{'Content-Type'} = 'application/json'
            unless exists $header{'Content-Type'};
        $header{'Content-Length'} = length $body
            unless exists $header{'Content-Length'}
            or $header{'Transfer-Encoding'};
    }
    my $head = "$method $path HTTP/1.1\r\n";
    for my $name (sort keys %header) {
        my $value = $header{$name};
        $head .= "$name: $_\r\n"
            for ref $value ? @$value : defined $value ? $value : ();
    }
    return $self->send("$head\r\n" . (defined $body ? $body : ''));
}

# More bytes from the peer; 0 when it has closed (or reset: `broken`).
sub more
{
    my ($self, $patience) = @_;
    my $deadline = time + ($patience || $PATIENCE);
    while (1) {
        my $n = sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};
        return $n if $n;
        return 0 if defined $n;
        if (!$!{EAGAIN} && !$!{EINTR}) {
            $self->{broken} = "$!";
            return 0;
        }
        croak 'nothing came for ' . ($patience || $PATIENCE) . ' seconds'
            if time > $deadline;
        IO::Select->new($self->{socket})->can_read(0.5);
    }
}

# The next head: { status, reason, raw, headers => { lower-case => value } }
# (repeated fields joined by ", "), or undef when the peer closed instead.
# Heads of 1xx are handed out too.
sub head
{
    my ($self) = @_;
    while ($self->{in} !~ /\r\n\r\n/) {
        $self->more or return undef;
    }
    $self->{in} =~ s/\A(.*?\r\n)\r\n//s;
    my $raw = $1;
    my ($line, @fields) = split /\r\n/, $raw;
    my ($status, $reason) = $line =~ m{\AHTTP/1\.[01] (\d{3})(?: (.*))?\z}
        or croak "not a status line: $line";
    my %header;
    for (@fields) {
        my ($name, $value) = /\A([^:\s]+):[ \t]*(.*?)[ \t]*\z/s
            or croak "not a header line: $_";
        $name = lc $name;
        $header{$name} = exists $header{$name}
            ? "$header{$name}, $value" : $value;
    }
    $self->{left} = $status < 200 || $status == 204 || $status == 304 ? 0
        : lc($header{'transfer-encoding'} || '') eq 'chunked' ? 'chunked'
        : exists $header{'content-length'} ? $header{'content-length'}
        : 'close';
    $self->{broken} = undef;
    return { status => $status, reason => $reason, raw => $raw,
        headers => \%header };
}

# The next piece of the body as the wire had it (one chunk, or what was
# there); undef at its end. `broken` says whether the end was a true one.
sub piece
{
    my ($self) = @_;
    my $left = $self->{left};
    return $self->chunk if $left eq 'chunked';
    return undef if $left eq '0';
    if (!length $self->{in} && !$self->more) {
        $self->{broken} ||= 'the connection ended early' if $left ne 'close';
        $self->{left} = 0;
        return undef;
    }
    my $n = length $self->{in};
    $n = $left if $left ne 'close' && $left < $n;
    $self->{left} -= $n if $left ne 'close';
    return substr $self->{in}, 0, $n, '';
}

sub chunk
{
    my ($self) = @_;
    while ($self->{in} !~ /\r\n/) {
        $self->more or return $self->cut;
    }
    $self->{in} =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/
        or croak 'not a chunk: ' . substr $self->{in}, 0, 40;
    my ($line, $size) = ($+[0], hex $1);
    if (!$size) {
        my $end = qr/\A0+[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/;
        while ($self->{in} !~ $end) {
            $self->more or return $self->cut;
        }
        $self->{in} =~ s/$end//;
        $self->{left} = 0;
        return undef;
    }
    while (length $self->{in} < $line + $size + 2) {
        $self->more or return $self->cut;
    }
    my $piece = substr $self->{in}, $line, $size;
    substr($self->{in}, 0, $line + $size + 2) = '';
    return $piece;
}

sub cut
{
    my ($self) = @_;
    $self->{broken} ||= 'the connection ended early';
    $self->{left} = 0;
    return undef;
}

sub body
{
    my ($self) = @_;
    my $body = '';
    while (defined(my $piece = $self->piece)) {
        $body .= $piece;
    }
    return $body;
}

# Head and body in one.
sub answer
{
    my ($self) = @_;
    my $head = $self->head or return undef;
    $head->{content} = $self->body;
    return $head;
}

# The next event of a stream with its blank line, byte for byte; undef at the
# end. What follows the last blank line stays in `tail`.
sub event
{
    my ($self) = @_;
    $self->{tail} = '' unless defined $self->{tail};
    while ($self->{tail} !~ /\n\n/) {
        my $piece = $self->piece;
        return undef unless defined $piece;
        $self->{tail} .= $piece;
    }
    $self->{tail} =~ s/\A(.*?\n\n)//s;
    return $1;
}

sub events
{
    my ($self) = @_;
    my @events;
    while (defined(my $event = $self->event)) {
        push @events, $event;
    }
    return @events;
}

# 1 when the peer closes; what it sends before that is kept.
sub closes
{
    my ($self, $patience) = @_;
    my $closed = eval { 1 while $self->more($patience); 1 };
    return $closed ? 1 : 0;
}

sub broken { $_[0]{broken} }

# No more from this end, but it goes on reading.
sub finish { shutdown $_[0]{socket}, 1 }

sub close { CORE::close $_[0]{socket} }

# Away without a goodbye: RST.
sub reset
{
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    return CORE::close $self->{socket};
}

1;
