# Hundreds of streams at once, and something that serves them is gone: their
# provider restarts, or a child of the gateway is killed. Who can be served on
# has all of it, once; who cannot is counted once.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $streams = Gateway::sanitized() ? 100 : 500;

sub ask
{
    my ($gw, $model, $more) = @_;
    my $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {},
        Gateway::question($model, '"stream":true' . ($more || '')));
    return $wire;
}

# --- a provider that restarts ------------------------------------------------

# An httpd whose provider is echo: one that is known to others by its port.
sub echoing
{
    return Gateway->start(mpm => 'event', children => 2, threads => 16,
        conf => "LLMModel * echo/*\n<LLMProvider echo>\n</LLMProvider>\n");
}

sub section
{
    my ($name, $gw) = @_;
    return "<LLMProvider $name>\n    LLMDialect openai\n"
        . '    LLMBaseURL ' . $gw->url('/llm/v1') . "\n"
        . "    LLMRetry attempts=1\n    LLMBreaker off\n</LLMProvider>\n";
}

# What the first provider does with a stream of so many tokens: it says no more
# after some of them, or goes on slowly. Whichever it is, it is in the midst of
# it when it goes down.
my %how = (
    first => [ 40, 'fault=stall&at=1' ],
    half => [ 40, 'fault=stall&at=20' ],
    last => [ 40, 'fault=stall&at=39' ],
    flows => [ 600, 'pace=200ms' ],
);
my @kinds = sort keys %how;

sub chains
{
    return join '', "LLMModel alone one/echo\n", map {
        my ($n, $more) = @{ $how{$_} };
        "LLMModel $_ one/echo?length=$n&$more two/echo?length=$n\n"
    } @kinds;
}

# The stream as what must be the same in each: its words as they came, how
# often it begins and ends, and what is none of that.
sub told
{
    my ($body) = @_;
    my %n = (text => '', role => 0, finish => 0, done => 0, other => 0);
    for my $event (split /\n\n/, $body) {
        $n{after}++ if $n{done};
        my $role = $event =~ /"role":"assistant"/;
        my ($text) = $event =~ /"content":"((?:[^"\\]|\\.)*)"/;
        $n{role}++ if $role;
        $n{text} .= $text if defined $text;
        if ($event =~ /"finish_reason":"stop"/) {
            $n{finish}++;
        } elsif ($event eq 'data: [DONE]') {
            $n{done}++;
        } elsif (!$role && !defined $text) {
            $n{other}++;
        }
    }
    return \%n;
}

# Until something was said; what came up to there.
sub begun
{
    my ($wire) = @_;
    my $head = $wire->head or return '';
    return '' if $head->{status} != 200;
    my $got = '';
    while (defined(my $event = $wire->event)) {
        $got .= $event;
        return $got if $event =~ /"content":"[^"]/;
    }
    return '';
}

# All of its processes go, by a signal that says goodbye or one that does not;
# the gateway may be reloaded just before, so that its old children go on.
my %goes = (
    'is stopped' => sub { $_[0]->stop },
    'goes after a reload' => sub {
        my ($one, $gw) = @_;
        $gw->graceful;
        $one->stop;
    },
    'is killed' => sub {
        my ($gw) = @_;
        my @children = $gw->children;
        kill KILL => $gw->{pid}, @children;
        waitpid $gw->{pid}, 0;
        Gateway::until_true(sub { !grep { kill 0 => $_ } @children });
    },
);

sub restarts
{
    my ($goes) = @_;
    my ($one, $two) = (echoing(), echoing());
    my $gw = Gateway->start(mpm => 'event', children => 2, threads => 16,
        conf => section(one => $one) . section(two => $two) . chains());
    my %due = map { $_ => told(ask($two, "echo?length=$how{$_}[0]")->answer
        ->{content}) } @kinds;
    my @calls = map { { kind => $kinds[ $_ % @kinds ] } } 1 .. $streams;
    $_->{wire} = ask($gw, $_->{kind}) for @calls;
    $_->{got} = begun($_->{wire}) for @calls;
    is scalar(grep { $_->{got} } @calls), $streams, 'all have begun';
    is $gw->status->{in_flight}, $streams, 'and are in flight';
    $goes->($one, $gw);
    my @late = map { ask($gw, $_) } @kinds;
    is_deeply told($late[$_]->answer->{content}), $due{ $kinds[$_] },
        "who comes meanwhile is served: $kinds[$_]" for 0 .. $#kinds;
    $one->launch;
    ok $one->is_up, 'it is there again, on the same port';
    are_whole(\@calls, \%due);
    ok $gw->idle, 'nothing is left in flight';
    is $gw->chat('alone')->{headers}{'x-llm-provider'}, 'one',
        'the first answers again';
    ok $gw->idle, 'idle';
    my $all = $gw->status->{totals};
    is $all->{calls}, $streams + @kinds + 1, 'each is one call';
    is $all->{errors}, 0, 'without an error';
    is_deeply $all->{given_up}, { cut => $streams, unreachable => 0 + @kinds },
        'the first was given up once by each';
    is $gw->row(two => $_)->{calls}, $streams / @kinds + 1,
        "$_: the second is who answered" for @kinds;
    ok $two->idle, 'and nothing is left there';
    $gw->log_clean(qr/LLM0010: provider one/);
    $one->log_clean(qr/AH00098/);       # a process was there before it
    $two->log_clean;
}

sub are_whole
{
    my ($calls, $due) = @_;
    my %right;
    for my $call (@$calls) {
        my $wire = $call->{wire};
        my $got = told($call->{got} . $wire->{tail} . $wire->body);
        $got->{broken} = $wire->broken if $wire->broken;
        my $right = Gateway::encode($got)
            eq Gateway::encode($due->{ $call->{kind} });
        $right{ $call->{kind} } += $right;
        diag explain $got unless $right || $right{told}++;
    }
    is $right{$_}, $streams / @kinds, "all of $_, in order and once"
        for @kinds;
}

for my $goes (sort keys %goes) {
    subtest "a provider $goes under $streams streams, and comes again" =>
        sub { restarts($goes{$goes}) };
}

# --- a child that is killed --------------------------------------------------

subtest "a child is killed under $streams streams" => sub {
    my @chunks = deltas([ map { "w$_ " } 1 .. 20 ], usage => 1);
    my $due = join '', map { "data: $_\n\n" } @chunks, '[DONE]';
    my $up = Upstream->start(
        m => [ stream([ @chunks[0 .. 9], gate('held'),
            @chunks[ 10 .. $#chunks ] ]) ],
        after => [ stream(\@chunks) ]);
    # No child can take them all.
    my $gw = Gateway->start(mpm => 'event', children => 4, threads => 16,
        mpm_conf => 'AsyncRequestWorkerFactor 15',
        conf => $up->section('fake') . "LLMModel * fake/*\n");
    my $usage = ',"stream_options":{"include_usage":true}';
    my @wires = map { ask($gw, 'm', $usage) } 1 .. $streams;
    ok $up->await(at_gate => $streams), 'all are in the midst';
    is $gw->status->{in_flight}, $streams, 'and in flight';
    # Descriptors are two a call: the child that has most of them has many.
    my ($victim) = sort { $gw->fds($b) <=> $gw->fds($a) } $gw->children;
    kill KILL => $victim;
    ok $up->await(gone => 1), 'the provider sees some of them leave';
    $up->release('held');
    my ($whole, $broken) = (0, 0);
    for my $wire (@wires) {
        my $answer = eval { $wire->answer };
        my $content = $answer ? $answer->{content} : '';
        if ($content eq $due && !$wire->broken) {
            $whole++;
        } elsif (index($due, $content) == 0 && $content !~ /DONE/) {
            $broken++;
        }
    }
    is $whole + $broken, $streams, 'each is whole, or broke off';
    cmp_ok $broken, '>', 0, 'those of the victim broke off';
    cmp_ok $whole, '>', 0, 'those of the others did not';
    is scalar(grep { ask($gw, 'after', $usage)->answer->{content} eq $due }
        1 .. 20), 20, 'and life goes on';
    ok $gw->idle, 'nothing is left in flight';
    my $all = $gw->status->{totals};
    is $all->{faults}{died}, $broken, 'who broke off died';
    is $all->{errors}, $broken, 'no other error';
    is $all->{calls}, $streams + 20, 'every call is counted once';
    is $all->{tokens_in}, 7 * ($whole + 20), 'input of those that ended';
    is $all->{tokens_out}, 5 * ($whole + 20), 'and their output';
    is $up->counts->{gone}, $broken, 'no other was left at the provider';
    $gw->log_clean(qr/LLM0104/);
};

done_testing;
