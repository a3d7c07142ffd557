# The official SDKs and two frameworks, kept waiting: the signs of life that
# the gateway sends meanwhile are nothing to them.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my %is = (prompt => 'echo', late => 'echo?delay=400ms&pace=400ms',
    fails => 'echo?delay=400ms&fault=500',
    later => 'echo?delay=3s&pace=400ms', fails_later =>
        'echo?delay=3s&fault=500');
my $conf = "<LLMProvider echo>\n    LLMRetry attempts=1\n"
    . "    LLMBreaker off\n</LLMProvider>\n";
for my $like ('', 'gpt-5.4-', 'claude-sonnet-4-5-', 'gemini-3.5-flash-') {
    $conf .= "LLMModel $like$_ echo/$is{$_}\n" for sort keys %is;
}
my $gw = Gateway->start(threads => 64, conf => $conf,
    location => 'LLMKeepAlive 100ms');

# What they get, before they pass over it.
my $said = $gw->chat('later', '"stream":true')->{content};
like $said, qr/\A: keep-alive\n\n/, 'signs of life before the answer';
like $said, qr/\Adata: .*\n\n: keep-alive\n\n.*data: \[DONE\]/ms,
    'and within it' if $said =~ s/\A(?:: keep-alive\n\n)+//;
$said = $gw->chat('fails_later', '"stream":true')->{content};
like $said, qr/\A(?:: keep-alive\n\n)+data: \{"error":.*\n\n\z/,
    'or before an error';

for (['openai_chat'], ['openai_chat', 'openai6'], ['openai_responses'],
    ['anthropic', '@anthropic-ai/sdk'], ['anthropic', 'anthropic0'],
    ['gemini'], ['langchain'], ['vercel']) {
    my ($adapter, $sdk) = @$_;
    $fake->drive($gw, 'alive.mjs', ADAPTER => $adapter,
        $sdk ? (SDK => $sdk) : ());
}
ok $gw->idle, 'nothing is left in flight';
$gw->log_clean;
done_testing;
