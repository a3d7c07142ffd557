# A client that waits for its stream gets a comment now and then, which changes
# nothing of what comes after: not who may still be asked, nor how it ends.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use IO::Select;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my $comment = ": keep-alive\n\n";
my @events = events_of('one');

sub halves
{
    return stream([ @events[0 .. 9], gate('rest'),
        @events[10 .. $#events] ]);
}

my %scripts = (
    late => sub { (gate('go'), good(one => $_[0])) },
    late_head => [ stream([ gate('go'), @events ]) ],
    late_output => [ stream([ $events[0], gate('go'),
        @events[1 .. $#events] ]) ],
    late_500 => [ gate('go'), fault(500) ],
    late_400 => [ gate('go'), fault(400, { message => 'not so' }) ],
    limited => sub { $_[0]{n} == 1 ? fault(429, {}, 'Retry-After' => 2)
        : good(one => $_[0]) },
    pauses => [ halves() ],
    dies => [ stream([ @events[0 .. 9], gate('heard') ], done => 0,
        end => [ ['close'] ]) ],
    again => sub { (gate('again'), good(one => $_[0])) },
    good => sub { good(two => $_[0]) },
    hangs => [ ['hang'] ],
);

my $quiet = "<Location /quiet>\n    SetHandler llm\n    Require local\n"
    . "    LLMKeepAlive off\n</Location>\n";

sub start
{
    my ($up, $mpm, @more) = @_;
    return Gateway->start(mpm => $mpm, children => 1, @more,
        location => 'LLMKeepAlive 100ms', conf => $quiet
        . $up->section('one', 'LLMRetry attempts=2 backoff=10ms')
        . $up->section('two') . "LLMModel * one/*\n"
        . join '', map { "LLMModel $_-good one/$_ two/good\n" }
            qw(late_500 late_400));
}

# A stream that has not begun, after so many comments.
sub waiting
{
    my ($gw, $model, $n) = @_;
    my ($wire, $head) = $gw->stream($model);
    is $wire->event, $comment, "comment $_" for 1 .. $n || 2;
    return ($wire, $head);
}

# The next event that is like this.
sub next_of
{
    my ($wire, $like) = @_;
    while (defined(my $event = $wire->event)) {
        return $event if $event =~ $like;
    }
    return undef;
}

sub is_early
{
    my ($head, $model) = @_;
    my $has = $head->{headers};
    is $head->{status}, 200, 'the head came early';
    is $has->{'content-type'}, 'text/event-stream', 'an event stream';
    is $has->{'x-llm-model'}, $model, 'whose model is known';
    ok exists $has->{'x-request-id'}, 'and whose id';
    ok !exists $has->{$_}, "but no $_"
        for qw(x-llm-provider x-llm-attempts content-length);
}

sub is_error
{
    my ($answer, $code) = @_;
    is $answer->{error}{code}, $code, 'an error in the stream';
    is $answer->{errors}, 1, 'once';
    is $answer->{text}, '', 'and no text';
    is $answer->{done}, 0, 'no end marker';
    is $answer->{broken}, undef, 'a true end';
}

# --- what comes after ----------------------------------------------------------

sub answered
{
    my ($mpm) = @_;
    for my $script (qw(late late_head late_output)) {
        my $up = Upstream->start(%scripts);
        my $gw = start($up, $mpm);
        my ($wire, $head) = waiting($gw, $script);
        is_early($head, $script);
        $up->release('go');
        is_right(heard($wire, $head), one => 1);
        my $line = $gw->logged($head->{headers}{'x-request-id'});
        is "$line->{fault} $line->{provider} $line->{attempts}", 'ok one 1',
            "$script: the log knows";
        $gw->log_clean;
    }
}

sub failed_over
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = start($up, $mpm);
    my ($wire, $head) = waiting($gw, 'late_500-good');
    $up->release('go');
    is_right(heard($wire, $head), two => 1);
    is scalar asked($up, 'late_500'), 2, 'after both of its attempts';
    $gw->log_clean;
}

sub refused
{
    my ($mpm) = @_;
    for (['late_500', 'provider_failed', 'failed'],
        ['late_400-good', 'rejected', 'rejected']) {
        my ($model, $code, $fault) = @$_;
        my $up = Upstream->start(%scripts);
        my $gw = start($up, $mpm);
        my ($wire, $head) = waiting($gw, $model);
        $up->release('go');
        my $answer = heard($wire, $head);
        is_error($answer, $code);
        like $answer->{error}{message}, qr/not so/, 'the provider\'s words'
            if $code eq 'rejected';
        ok $gw->idle, 'settled';
        is $gw->logged($head->{headers}{'x-request-id'})->{fault}, $fault,
            'the log knows';
        is $gw->total('errors'), 1, 'counted as an error';
        is $gw->chat('good')->{status}, 200, 'the next call';
        $gw->log_clean;
    }
}

sub others
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = start($up, $mpm);
    my ($wire, $head) = waiting($gw, 'limited');
    is_right(heard($wire, $head), one => 1);
    is scalar asked($up, 'limited'), 2, 'a rest is waited for as well';

    ($wire, $head) = $gw->stream('pauses');
    is $head->{headers}{'x-llm-provider'}, 'one', 'a stream that has begun';
    next_of($wire, qr/\Adata: /) for 1 .. 10;
    is $wire->event, $comment, 'when it pauses' for 1 .. 2;
    $up->release('rest');
    my $rest = heard($wire, $head);
    is $rest->{text}, join('', @{ $is{one}{words} }[9 .. 59]), 'and goes on';
    is $rest->{done}, 1, 'to its end';
    $gw->log_clean;
}

sub recovered
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = Gateway->start(mpm => $mpm, children => 1,
        location => 'LLMKeepAlive 100ms', conf => $up->section('one')
        . "LLMModel m one/dies one/again\n");
    my ($wire, $head) = $gw->stream('m');
    next_of($wire, qr/\Adata: /) for 1 .. 10;
    $up->release('heard');
    is next_of($wire, qr/\A:/), $comment, 'while somebody is asked for the rest'
        for 1 .. 2;
    $up->release('again');
    my $rest = heard($wire, $head);
    is $rest->{text}, join('', @{ $is{one}{words} }[9 .. 59]), 'which comes';
    is $rest->{done}, 1, 'to its end';
    $gw->log_clean;
}

# --- who gets none --------------------------------------------------------------

my %silent = (
    'a whole answer' => [ $Gateway::CHAT, Gateway::question('hangs') ],
    'an array' => [ '/llm/v1beta/models/hangs:streamGenerateContent',
        '{"contents":[{"role":"user","parts":[{"text":"x"}]}]}' ],
    'who is not to' => [ '/quiet/v1/chat/completions',
        Gateway::question('hangs', '"stream":true') ],
);

sub silent
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = start($up, $mpm);
    my %wire;
    for my $what (sort keys %silent) {
        $wire{$what} = $gw->wire;
        $wire{$what}->request(POST => $silent{$what}[0], {},
            $silent{$what}[1]);
    }
    ok $up->await(requests => 3), 'all wait';
    my ($wire) = waiting($gw, 'hangs', 4);
    for my $what (sort keys %silent) {
        ok !IO::Select->new($wire{$what}{socket})->can_read(0),
            "$what has got nothing meanwhile";
        $wire{$what}->close;
    }
    $wire->close;
    ok $up->await(gone => 4), 'clients that leave are noticed';
    ok $gw->idle, 'and settled';
    $gw->log_clean;
}

# --- Anthropic's clients ----------------------------------------------------------

sub anthropic
{
    my ($mpm) = @_;
    my $up = Upstream->start(%scripts);
    my $gw = start($up, $mpm);
    my $ask = sub {
        my $wire = $gw->wire;
        $wire->request(POST => '/llm/v1/messages',
            { 'anthropic-version' => '2023-06-01' }, Gateway::encode({
            model => $_[0], max_tokens => 500, stream => JSON::PP::true(),
            messages => [ { role => 'user', content => 'Say hello.' } ] }));
        return ($wire, $wire->head);
    };
    my ($wire, $head) = $ask->('late_500');
    is $head->{status}, 200, 'an early head';
    is $wire->event, $comment, 'a comment before the beginning';
    $up->release('go');
    my @events = grep { $_ ne $comment } $wire->events;
    is scalar @events, 1, 'one event';
    like $events[0], qr/\Aevent: error\ndata: \{"type":"error"/, 'the error';

    ($wire, $head) = $ask->('pauses');
    my $event = next_of($wire, qr/\A(?!event: (?:message|content))/);
    $event = next_of($wire, qr/\Aevent: ping/) if $event eq $comment;
    is $event, "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        'an event of their own within';
    $up->release('rest');
    @events = $wire->events;
    like $events[-1], qr/\Aevent: message_stop\n/, 'and a true end';
    $gw->log_clean;
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: then it is answered" => sub { answered($mpm) };
    subtest "$mpm: then another answers" => sub { failed_over($mpm) };
    subtest "$mpm: then it is refused" => sub { refused($mpm) };
    subtest "$mpm: while it rests, while it pauses" => sub { others($mpm) };
    subtest "$mpm: while it is gone on with" => sub { recovered($mpm) };
    subtest "$mpm: none" => sub { silent($mpm) };
    subtest "$mpm: Anthropic's clients" => sub { anthropic($mpm) };
}

done_testing;
