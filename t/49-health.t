# Who is left alone, and who comes back: slow targets, and providers that are
# asked whether they are well before a client's call is.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $good = completion();

# Who answers the model, and after how many attempts.
sub who
{
    my ($gw, $streamed) = @_;
    my $answer = $gw->chat('m', $streamed ? '"stream":true' : undef);
    return join ' ', $answer->{status},
        map { defined $_ ? $_ : '-' }
        @{ $answer->{headers} }{qw(x-llm-provider x-llm-attempts)};
}

# --- slow ones -----------------------------------------------------------

for my $streamed (0, 1) {
    my $kind = $streamed ? 'streamed' : 'whole';
    subtest "a target that is slow is left alone, $kind" => sub {
        my @says = $streamed ? stream([ deltas(['hi']) ]) : whole($good);
        my $up = Upstream->start(m => [ [ wait => 0.5 ], @says ],
            s => [ @says ]);
        my $conf = sub {
            return $up->section('one', 'LLMBreaker window=1h calls=2 rate=50%'
                . " rest=1h $_[0]") . $up->section('two')
                . "LLMModel m one/m two/s\n";
        };
        my $gw = Gateway->start(conf => $conf->('slow=100ms'));
        is who($gw, $streamed), '200 one 1', 'its answer is passed on'
            for 1, 2;
        is who($gw, $streamed), '200 two 1', 'then the next is asked';
        $gw->log_clean;
        $gw = Gateway->start(conf => $conf->(''));
        is who($gw, $streamed), '200 one 1', 'unless nobody said so'
            for 1 .. 3;
        $gw->log_clean;
    };
}

done_testing;
