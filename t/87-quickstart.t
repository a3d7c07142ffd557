# The first example in every SDK's manual, unchanged, with every provider.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my %model = (openai => 'gpt-5.4-mini', responses => 'gpt-5.4-mini',
    anthropic => 'claude-sonnet-5', gemini => 'gemini-3.5-flash');
for my $provider (sort keys %model) {
    my $target = "fake-$provider/$model{$provider}";
    my $gw = Gateway->start(threads => 64, conf => $fake->section
        . join '', map { "LLMModel $_ $target\n" }
            qw(gpt-5.4 claude-sonnet-5 gemini-3.5-flash));
    $fake->drive($gw, 'quickstart.mjs', PROVIDER => $provider);
    $gw->log_clean;
}
done_testing;
