package Load;

# Clients in processes of their own that call without pause, and tell at the
# end what they got.
#
#     my $load = Load->start($gw, clients => 6, body => [...]);
#     ... restart, kill ...
#     my $got = $load->stop;      # { sent, answered, lost, refused, in, out }

use strict;
use warnings;
use Carp qw(croak);
use Gateway;
use POSIX ();
use Storable qw(freeze thaw);
use Wire;

# body     what is asked, in turn
# calls    how many each client makes; else until it is told to stop
sub start
{
    my ($class, $gw, %how) = @_;
    my $self = bless { clients => [], owner => $$ }, $class;
    for (1 .. $how{clients}) {
        pipe my $out, my $in or croak "pipe: $!";
        my $pid = fork;
        croak "fork: $!" unless defined $pid;
        if (!$pid) {
            close $out;
            my $got = eval { client($gw, %how) } || { error => $@ };
            print $in freeze $got;
            close $in;
            POSIX::_exit(0);
        }
        close $in;
        push @{ $self->{clients} }, { pid => $pid, out => $out };
    }
    return $self;
}

# The sums of what all of them got.
sub stop
{
    my ($self) = @_;
    kill TERM => map { $_->{pid} } @{ $self->{clients} };
    return $self->finish;
}

# The same, once they have made all their calls.
sub finish
{
    my ($self) = @_;
    my %sum;
    for my $client (@{ delete $self->{clients} }) {
        local $/;
        my $out = $client->{out};
        my $got = thaw scalar <$out>;
        waitpid $client->{pid}, 0;
        croak $got->{error} if $got->{error};
        $sum{$_} += $got->{$_} for keys %$got;
    }
    return \%sum;
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    for my $client (@{ $self->{clients} || [] }) {
        kill KILL => $client->{pid};
        waitpid $client->{pid}, 0;
    }
}

# --- a client's process ----------------------------------------------------

sub client
{
    my ($gw, %how) = @_;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    my %got = map { $_ => 0 } qw(sent answered lost refused in out kept);
    my ($wire, $on);
    for (my $n = 0; !$stop && (!$how{calls} || $n < $how{calls}); $n++) {
        my $body = $how{body}[ $n % @{ $how{body} } ];
        $on = defined $wire;
        $wire ||= connected($gw) or next;
        $got{sent}++;
        $wire->request(POST => $Gateway::CHAT, {}, $body);
        my $answer = eval { $wire->answer };
        if (!$answer && $on) {
            # A kept connection may end before it takes another request:
            # nobody has seen this one, unless the child died with it.
            $got{kept}++;
            $wire = undef;
            next;
        }
        count(\%got, $answer, $wire);
        $wire = undef if !$answer || $wire->broken
            || ($answer->{headers}{connection} || '') =~ /close/i;
    }
    return \%got;
}

sub connected
{
    my ($gw) = @_;
    return eval { $gw->wire };
}

sub count
{
    my ($got, $answer, $wire) = @_;
    if (!$answer || $wire->broken) {
        $got->{lost}++;
    } elsif ($answer->{status} != 200) {
        $got->{refused}++;
    } else {
        $got->{answered}++;
        if ($answer->{content} =~ /"prompt_tokens": *(\d+)/) {
            $got->{in} += $1;
        }
        if ($answer->{content} =~ /"completion_tokens": *(\d+)/) {
            $got->{out} += $1;
        }
    }
}

1;
