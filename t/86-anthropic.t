# The Anthropic SDK, that of the newest API and the last one before it, in
# front of the gateway, and every provider behind it.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my $gw = Gateway->start(threads => 64, conf => $fake->section);
$fake->drive($gw, 'drive_anthropic.mjs', SDK => $_)
    for '@anthropic-ai/sdk', 'anthropic0';
$fake->drive($gw, 'more_anthropic.mjs', SDK => $_)
    for '@anthropic-ai/sdk', 'anthropic0';
ok $gw->idle, 'nothing is left in flight';
$gw->log_clean(qr/LLM0010:/);
done_testing;
