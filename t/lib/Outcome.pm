package Outcome;

# Two providers' answers that can be told apart, and what came of a call: what
# its client has, who was asked, what was counted.

use strict;
use warnings;
use Exporter qw(import);
use Gateway;
use Test::More;
use Upstream;

our @EXPORT = qw(%is events_of body_of good outcome heard counted since
    asked is_right signed);

# --- two providers -------------------------------------------------------

# Each with words, a model's name and a usage of its own.
our %is = (one => { words => [ map { "p$_ " } 1 .. 60 ], in => 7, out => 5 },
    two => { words => [ map { "s$_ " } 1 .. 60 ], in => 11, out => 13 });
$_->{text} = join '', @{ $_->{words} } for values %is;

sub signed
{
    my ($who, @texts) = @_;
    s/from-provider/model-of-$who/g for @texts;
    return @texts;
}

sub body_of
{
    my ($who) = @_;
    my ($in, $out) = @{ $is{$who} }{qw(in out)};
    my ($body) = signed($who, completion(text => $is{$who}{text},
        usage => qq({"prompt_tokens":$in,"completion_tokens":$out,)
        . '"total_tokens":' . ($in + $out) . '}'));
    return $body;
}

# Role, sixty words, finish, usage: 63 events.
sub events_of
{
    my ($who) = @_;
    return signed($who, deltas($is{$who}{words}), usage_chunk(
        prompt_tokens => $is{$who}{in}, completion_tokens => $is{$who}{out}));
}

sub good
{
    my ($who, $request) = @_;
    return $request->{json}{stream} ? stream([ events_of($who) ])
        : whole(body_of($who));
}

# --- what came of a call -------------------------------------------------

# The answer, whole or streamed, as the same few things.
sub outcome
{
    my ($gw, $model, $streamed, @more) = @_;
    return told($gw->chat($model, @more)) unless $streamed;
    return heard($gw->stream($model, @more));
}

# What is left of a stream whose head, and perhaps some events, were read.
sub heard
{
    my ($wire, $head) = @_;
    my $answer = { %$head };
    $answer->{content} = (defined $wire->{tail} ? $wire->{tail} : '')
        . $wire->body;
    return told($answer) if $head->{headers}{'content-type'} =~ /json/;
    my %seen = (text => '', roles => 0, done => 0, finish => 0, after => 0,
        usage => undef, errors => 0);
    for my $event (split /\n\n/, $answer->{content}) {
        hear(\%seen, $event =~ s/\Adata: //r);
    }
    return { %$answer, %seen, broken => $wire->broken };
}

sub hear
{
    my ($seen, $data) = @_;
    $seen->{after}++ if $seen->{done};
    return $seen->{comments}++ if $data =~ /\A:/;
    return $seen->{done}++ if $data eq '[DONE]';
    my $json = eval { Gateway::decode($data) } or return $seen->{bad}++;
    $seen->{errors}++ if $json->{error};
    $seen->{error} ||= $json->{error};
    $seen->{usage} = $json->{usage} if $json->{usage};
    $seen->{model}{ $json->{model} }++ if defined $json->{model};
    for my $choice (@{ $json->{choices} || [] }) {
        $seen->{roles}++ if defined $choice->{delta}{role};
        $seen->{finish}++ if defined $choice->{finish_reason};
        $seen->{text} .= $choice->{delta}{content}
            if defined $choice->{delta}{content};
    }
}

sub told
{
    my ($answer) = @_;
    my $json = $answer->{json}
        || eval { Gateway::decode($answer->{content}) } || {};
    my $choice = $json->{choices}[0];
    return { %$answer, error => $json->{error}, usage => $json->{usage},
        text => $choice->{message}{content},
        model => { $json->{model} || '-' => 1 } };
}

# What was counted, by provider; the difference of two looks.
sub counted
{
    my ($gw) = @_;
    my %sum;
    for my $row (@{ $gw->status->{rows} }) {
        my $of = $sum{ $row->{provider} } ||= {};
        $of->{$_} += $row->{$_}
            for qw(calls streams errors failovers tokens_in tokens_out
            tokens_estimated unmetered);
        for my $kind (qw(faults given_up)) {
            $of->{"$kind $_"} += $row->{$kind}{$_} for keys %{ $row->{$kind} };
        }
    }
    return \%sum;
}

sub since
{
    my ($gw, $before) = @_;
    $gw->idle or fail('idle');
    my $now = counted($gw);
    my %more;
    for my $who (keys %$now) {
        for my $what (keys %{ $now->{$who} }) {
            my $n = $now->{$who}{$what} - ($before->{$who}{$what} || 0);
            $more{"$who $what"} = $n if $n;
        }
    }
    return \%more;
}

# Requests for this model, oldest first.
sub asked
{
    my ($up, $model) = @_;
    return grep { $_->{model} eq $model } @{ $up->requests };
}

# The answer of `who`, all of it and once.
sub is_right
{
    my ($answer, $who, $streamed) = @_;
    my $kind = $streamed ? 'streamed' : 'whole';
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $answer->{text}, $is{$who}{text}, "$kind: its text, all of it and once";
    is_deeply [ keys %{ $answer->{model} } ], ["model-of-$who"],
        "$kind: the model's name";
    return is $answer->{usage}{prompt_tokens}, $is{$who}{in}, "$kind: usage"
        unless $streamed;
    is $answer->{roles}, 1, "$kind: one role";
    is $answer->{finish}, 1, "$kind: one finish reason";
    is $answer->{done}, 1, "$kind: one end marker";
    is $answer->{after}, 0, "$kind: nothing after it";
    is $answer->{errors}, 0, "$kind: no error";
    is $answer->{bad}, undef, "$kind: nothing malformed";
    is $answer->{broken}, undef, "$kind: a true end";
}

1;
