# Providers that answer what no provider should, where it must be read and
# said again in another dialect: the gateway stays up, and stays small.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Clients;
use Gateway;
use Test::More;

Clients->need;
my $fake = Clients->fake;
my $gw = Gateway->start(children => 2, threads => 64,
    conf => $fake->section, location => 'LLMMaxAnswer 32M');
$gw->settled;
my @before = $gw->children;
my %size = map { $_ => $gw->rss($_) } @before;
$fake->drive($gw, 'hostile.mjs');
ok $gw->idle, 'nothing is left in flight';

is_deeply [ $gw->children ], \@before, 'no process had to be replaced';
# Four answers of at most 32 MB at once, and the allocator keeps some.
for my $pid (grep { !Gateway::sanitized() } @before) {
    my $more = ($gw->rss($pid) - $size{$pid}) / (1 << 20);
    cmp_ok $more, '<', 200, sprintf '%.0f MB more after all that', $more;
}
$gw->log_clean(qr/LLM\d{4}:/);
done_testing;
