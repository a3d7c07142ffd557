# Several keys of one provider: how they share the calls, and which of them
# rests when it is refused or limited.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my $good = completion();
# How time passes: a provider that takes a moment, in seconds.
sub takes { return [ [ wait => $_[0] ], whole($good) ] }

my %say = (good => sub { $_[0]{json}{stream} ? stream([ deltas(['hi']) ])
    : whole($good) });

sub keys_of
{
    my ($up) = @_;
    my %n;
    for my $request (@{ $up->requests }) {
        my $key = $request->{headers}{authorization} || '-';
        $key =~ s/\ABearer //;
        $n{$key}++;
    }
    return \%n;
}

# A question on a connection of its own that is kept: in prefork each wire
# that is open has a process of its own.
sub over
{
    my ($wire, $model) = @_;
    $wire->request(POST => $Gateway::CHAT, {}, Gateway::question($model));
    return $wire->answer;
}

# name => what it says, as the key has it; `keys` by the names of the
# environment, all of them for LLMProvider pool.
sub with_keys
{
    my ($up, $mpm, $more, %by) = @_;
    my $conf = $up->section('pool', @{ $by{lines} || [] });
    $conf =~ s/^ *LLMKey .*\n//m;
    my $keys = join '', map { "    LLMKey env:\U$_->[0]\E weight=$_->[1]\n" }
        @{ $by{keys} };
    $conf =~ s{(?=</LLMProvider>)}{$keys};
    return Gateway->start(mpm => $mpm, children => $by{children} || 2,
        env => { map { uc $_->[0] => $_->[0] } @{ $by{keys} } },
        conf => $conf . $up->section('spare') . $more);
}

sub by_key
{
    my (%of) = @_;
    return sub {
        my ($key) = $_[0]{headers}{authorization} =~ /\ABearer (.*)\z/;
        my $says = $of{$key};
        return $says ? ref $says eq 'CODE' ? $says->($_[0]) : @$says
            : $say{good}->($_[0]);
    };
}

my %refuses = (map({ $_ => [ fault($_) ] } 401, 402, 403),
    'insufficient_quota' => [ fault(429, { type => 'insufficient_quota',
        code => 'insufficient_quota', message =>
        'You exceeded your current quota, please check your plan.' }) ],
    'a hard limit' => [ fault(400, { type => 'invalid_request_error',
        code => 'billing_hard_limit_reached' }) ]);

for my $how (sort keys %refuses) {
    subtest "a key that is refused with $how rests in all children" => sub {
        my $up = Upstream->start(m => by_key(bad => $refuses{$how}));
        my $gw = with_keys($up, 'prefork', "LLMModel m pool/m\n",
            keys => [ [ bad => 1000 ], [ good => 1 ] ], children => 3);
        my @wires = map { $gw->wire } 1 .. 3;
        my $answer;
        for (1 .. 50) {
            $answer = over($wires[0], 'm');
            last if keys_of($up)->{bad};
        }
        is $answer->{status}, 200, 'answered all the same';
        is $answer->{headers}{'x-llm-attempts'}, 2, 'with another key';
        is_deeply [ map { over($_, 'm')->{headers}{'x-llm-attempts'} }
            (@wires) x 4 ], [ (1) x 12 ], 'one attempt each from then on';
        is keys_of($up)->{bad}, 1, 'it was asked with once';
        $_->close for @wires;
        $gw->log_clean(qr/LLM0010/);
    };
}

subtest 'weights of keys' => sub {
    my $up = Upstream->start(m => by_key());
    my $gw = with_keys($up, 'event', "LLMModel m pool/m\n",
        keys => [ [ heavy => 3 ], [ light => 1 ] ]);
    my $wire = $gw->wire;
    over($wire, 'm') for 1 .. 200;
    my $n = keys_of($up);
    cmp_ok $n->{heavy}, '>', 110, "three of four: $n->{heavy} of 200";
    cmp_ok $n->{light}, '>', 15, "and the other: $n->{light}";
    $gw->log_clean;
};

subtest 'all keys are bad' => sub {
    my $up = Upstream->start(m => by_key(k1 => [ fault(401) ],
        k2 => [ fault(403) ], k3 => [ fault(402) ]), s => $say{good});
    my $gw = with_keys($up, 'event', "LLMModel m pool/m spare/s\n"
        . "LLMModel alone pool/m\n",
        keys => [ [ k1 => 1 ], [ k2 => 1 ], [ k3 => 1 ] ]);
    my $before = counted($gw);
    my $answer = $gw->chat('m');
    is $answer->{status}, 200, 'the next target';
    is $answer->{headers}{'x-llm-attempts'}, 4, 'after all three';
    my $canary = $Gateway::CANARY;
    is_deeply keys_of($up), { k1 => 1, k2 => 1, k3 => 1, $canary => 1 },
        'once each';
    my $more = since($gw, $before);
    is $more->{'pool given_up refused_key'}, 3, 'three given up';
    is $more->{'spare calls'}, 1, 'one call';
    $up->forget;
    is $gw->chat('m')->{headers}{'x-llm-attempts'}, 1, 'then at once';
    is_deeply keys_of($up), { $canary => 1 }, 'and of the three nobody';
    $up->forget;
    $answer = $gw->chat('alone');
    is $answer->{status}, 502, 'nobody else is there: the fault';
    is $answer->{json}{error}{code}, 'provider_key_refused', 'of the key';
    is scalar @{ $up->requests }, 1, 'and it is tried, but once';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'a key that is limited rests as long as told' => sub {
    my $up = Upstream->start(tick => takes(0.02),
        m => by_key(busy => sub { $_[0]{n} == 1
            ? fault(429, {}, 'Retry-After' => 1) : whole($good) }));
    my $gw = with_keys($up, 'event', "LLMModel m pool/m\n"
        . "LLMModel tick spare/tick\n",
        keys => [ [ busy => 1000 ], [ free => 1 ] ]);
    my $wire = $gw->wire;
    my ($answer, $since);
    for (1 .. 50) {
        $up->forget;
        $answer = over($wire, 'm');
        last if keys_of($up)->{busy};
    }
    is $answer->{status}, 200, 'answered';
    is $answer->{headers}{'x-llm-attempts'}, 2, 'with the other at once';
    for (1 .. 200) {
        over($wire, 'm');
        last if (keys_of($up)->{busy} || 0) > 1;
        over($wire, 'tick');
    }
    my @busy = grep { $_->{headers}{authorization} =~ /busy/ }
        @{ $up->requests };
    is scalar @busy, 2, 'it is asked again';
    cmp_ok $busy[1]{at} - $busy[0]{at}, '>=', 0.9, 'when it may';
    $gw->log_clean;
};

done_testing;
