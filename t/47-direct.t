# provider/model, asked for though no line has it: where that may be, who is
# asked, and what a client is told otherwise.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my @good = whole(completion());

# The status of each of these names, and who was asked for what.
sub reached
{
    my ($up, $ask, @names) = @_;
    my @is;
    for my $name (@names) {
        $up->forget;
        my $answer = $ask->(Gateway::question($name));
        push @is, join ' ', $name, $answer->{status},
            map { "$_->{headers}{'x-who'}:$_->{model}" } @{ $up->requests };
    }
    return \@is;
}

# One that says who it is.
sub known { return $_[0]->section($_[1], "LLMHeader X-Who $_[1]") }

# When it may be asked for: the lines, the directive, and what comes of it.
my %direct = (
    'a line for any name' => [ "LLMModel * primary/*\n", '',
        'primary/x 200 primary:x', 'backup/y 200 backup:y',
        'nowhere/y 200 primary:nowhere/y', 'x 200 primary:x' ],
    'off beside it' => [ "LLMModel * primary/*\n", 'LLMDirect off',
        'primary/x 200 primary:x', 'backup/y 200 primary:backup/y',
        'nowhere/y 200 primary:nowhere/y', 'x 200 primary:x' ],
    'any name on a condition' => [ "LLMModel * primary/one when=true\n", '',
        'primary/x 200 primary:one', 'backup/y 200 primary:one',
        'nowhere/y 200 primary:one', 'x 200 primary:one' ],
    'no line' => [ '', '', 'primary/x 200 primary:x',
        'backup/y 200 backup:y', 'nowhere/y 404', 'x 404' ],
    'no line, and off' => [ '', 'LLMDirect off', 'primary/x 404',
        'backup/y 404', 'nowhere/y 404', 'x 404' ],
    'exact lines' => [ "LLMModel x primary/x\n", '',
        'primary/x 200 primary:x', 'backup/y 404', 'nowhere/y 404',
        'x 200 primary:x' ],
    'on beside them' => [ "LLMModel x primary/x\n", 'LLMDirect on',
        'primary/x 200 primary:x', 'backup/y 200 backup:y', 'nowhere/y 404',
        'x 200 primary:x' ],
    'lines for such names come first' => [ "LLMModel * primary/*\n"
        . "LLMModel backup/* primary/z\n", 'LLMDirect on',
        'primary/x 200 primary:x', 'backup/y 200 primary:z',
        'nowhere/y 200 primary:nowhere/y', 'x 200 primary:x' ],
);

for my $case (sort keys %direct) {
    subtest "provider/model: $case" => sub {
        my $up = Upstream->start(default => \@good);
        my ($lines, $directive, @want) = @{ $direct{$case} };
        my $gw = Gateway->start(location => $directive,
            conf => known($up, 'primary') . known($up, 'backup') . $lines);
        is_deeply reached($up, sub { $gw->post($Gateway::CHAT, @_) },
            qw(primary/x backup/y nowhere/y x)), \@want, 'who is asked';
        $gw->log_clean;
    };
}

subtest 'a chain of any providers' => sub {
    my $up = Upstream->start(bad => [ fault(500) ], default => \@good,
        long => [ fault(400, { code => 'context_length_exceeded' }) ]);
    my $gw = Gateway->start(conf => known($up, 'primary')
        . known($up, 'backup') . "LLMModel * primary/*\n");
    for my $model (qw(bad primary/bad long primary/long)) {
        for my $how ([ '"fallbacks":["backup/y"]' ],
            [ '"models":["backup/y"]' ],
            [ undef, 'x-llm-fallback' => 'backup/y' ]) {
            $up->forget;
            my $answer = $gw->chat($model, @$how);
            my $what = $how->[0] || 'a header';
            is $answer->{status}, 200, "$model, $what";
            is $answer->{headers}{'x-llm-provider'}, 'backup', 'answered by';
            is_deeply [ map { $_->{model} } @{ $up->requests } ],
                [ $model =~ /(\w+)\z/, 'y' ], 'who were asked';
        }
    }
    my ($target) = grep { $_->{kind} eq 'target' && $_->{name} eq 'backup/*' }
        @{ $gw->status->{health} || [] };
    ok $target, 'its health is told once it was asked';
    ok !grep({ $_->{name} eq 'primary/y' } @{ $gw->status->{health} }),
        'by no name that a client made up';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'what a client is told of a model that it may not ask for' => sub {
    my $up = Upstream->start(default => \@good);
    my $gw = Gateway->start(conf => known($up, 'primary')
        . known($up, 'backup') . "LLMModel x primary/x\n");
    my $says = sub {
        my $answer = $gw->chat(@_);
        is $answer->{status}, 404, $_[1] || $_[0];
        return $answer->{json}{error}{message};
    };
    my $no = 'The model `%s` does not exist on this gateway';
    my $hint = ' (LLMDirect on, or an LLMModel line, would let it be asked '
        . 'for)';
    is $says->('backup/y'), sprintf($no, 'backup/y') . $hint, 'a way out';
    is $says->('x', '"fallbacks":["backup/y"]'),
        sprintf($no, 'backup/y') . $hint, 'for a fallback';
    is $says->('nowhere/y'), sprintf($no, 'nowhere/y'), 'there is none';
    is $says->($_), sprintf($no, $_), 'nor for this'
        for qw(backup/.. backup/ backup y);
    is_deeply $up->requests, [], 'nobody was asked';
    $gw->log_clean;
};

# Each virtual host has the providers of the main server, and its own.
subtest 'virtual hosts' => sub {
    my $up = Upstream->start(default => \@good);
    my @port = (free_port(), free_port());
    my $gw = Gateway->start(conf => known($up, 'primary')
        . "LLMModel x primary/x\n" . join '', map {
            my ($port, $own) = @$_;
            "Listen 127.0.0.1:$port\n<VirtualHost 127.0.0.1:$port>\n$own"
                . "</VirtualHost>\n"
        } [ $port[0], known($up, 'backup') . "LLMModel * backup/*\n" ],
            [ $port[1], known($up, 'third') ]);
    my $at = sub {
        my ($port) = @_;
        local $gw->{port} = $port;
        return reached($up, sub { $gw->post($Gateway::CHAT, @_) }, qw(primary/x primary/y backup/y third/y));
    };
    is_deeply $at->($gw->{port}), [ 'primary/x 200 primary:x',
        'primary/y 404', 'backup/y 404', 'third/y 404' ], 'the main server';
    is_deeply $at->($port[0]), [ 'primary/x 200 primary:x',
        'primary/y 200 primary:y', 'backup/y 200 backup:y',
        'third/y 200 backup:third/y' ], 'one that takes any name';
    is_deeply $at->($port[1]), [ 'primary/x 200 primary:x',
        'primary/y 404', 'backup/y 404', 'third/y 404' ],
        'one with the lines of the main server';
    $gw->log_clean;
};

done_testing;
