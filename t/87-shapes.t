# Requests as people write them, odd but right, to strict providers of the
# other dialects.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my $gw = Gateway->start(threads => 64, conf => $fake->section);
$fake->drive($gw, 'shapes.mjs');
ok $gw->idle, 'nothing is left in flight';
$gw->log_clean(qr/LLM0010:/);
done_testing;
