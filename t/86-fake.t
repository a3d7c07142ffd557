# The fake providers themselves, asked by the official SDKs with no gateway
# between: what they say is what the SDKs understand, and what the SDKs ask is
# what they take.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my %env = (KEY => $Gateway::CANARY);
$fake->drive(undef, 'drive_openai.mjs', %env);
$fake->drive(undef, 'drive_responses.mjs', %env);
$fake->drive(undef, 'drive_anthropic.mjs', %env, SDK => $_)
    for '@anthropic-ai/sdk', 'anthropic0';
$fake->drive(undef, 'drive_gemini.mjs', %env);
done_testing;
