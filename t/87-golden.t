# What the gateway says as OpenAI, held against OpenAI's own description; and
# the tokens of every answer, counted by somebody else.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $spec = "$Gateway::TOP/../shared/spec/openai.json";
Gateway->need("$spec (OpenAI's description)", -e $spec);

my $fake = Clients->fake;
my $gw = Gateway->start(threads => 64, conf => $fake->section);
$fake->drive($gw, 'golden.mjs', SPEC => $spec, KEY => $Gateway::CANARY);

# And what was metered is the same: 16 of each, four faces of four providers.
ok $gw->idle, 'nothing is left in flight';
my %metered;
$metered{"$_->{in}+$_->{out}"}++ for grep {
    $_->{status} == 200 && $_->{url} !~ /embed|completions$/
        && $_->{url} =~ m{/messages$|generateContent$} } $gw->access_log;
is_deeply \%metered, { '1000+200' => 8, '25+62' => 8, '25+12' => 8 },
    'the meter counts as the providers do';
$gw->log_clean(qr/LLM0010:/);
done_testing;
