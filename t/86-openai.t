# The OpenAI SDK, its chat completions and its Responses API, in front of the
# gateway, and every provider behind it.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my $gw = Gateway->start(threads => 64, conf => $fake->section);
$fake->drive($gw, 'drive_openai.mjs');
$fake->drive($gw, 'drive_responses.mjs');
$fake->drive($gw, 'more_openai.mjs');
ok $gw->idle, 'nothing is left in flight';
$gw->log_clean(qr/LLM0010:/);
done_testing;
