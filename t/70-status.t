# The page, the text and the JSON: the same numbers, no script, nothing that
# a client's name could break, and lines in mod_status.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $up = Upstream->start(good => [ whole(completion()) ],
    stream => [ stream([ deltas(['a'], usage => 1) ]) ],
    nousage => [ whole(completion(usage => undef)) ],
    slow => [ [ wait => 0.12 ], whole(completion()) ],
    bad => [ fault(500) ], held => [ gate('held'), whole(completion()) ]);
my $gw = Gateway->start(modules => ['status'], children => 3,
    conf => $up->section('fake') . $up->section('x&y') . <<'CONF');
LLMModel good fake/good
LLMModel stream fake/stream
LLMModel slow fake/slow
LLMModel chain fake/bad fake/good
LLMModel bad fake/bad
LLMModel held fake/held
LLMModel nousage fake/nousage
LLMModel a&b'c=d x&y/good
LLMMaxInFlight 4321
ExtendedStatus On
<Location "/server-status">
    SetHandler server-status
</Location>
CONF

# --- before anything happened --------------------------------------------------

my $empty = $gw->get('/llm-status/status.json');
is $empty->{status}, 200, 'before any call: JSON';
is $empty->{json}{totals}{calls}, 0, 'no calls';
is_deeply $empty->{json}{rows}, [], 'no rows';
is $gw->get('/llm-status')->{status}, 200, 'before any call: the page';

# --- numbers -----------------------------------------------------------------

$gw->chat('good') for 1 .. 3;
$gw->chat('slow');
$gw->chat('chain');
$gw->chat('bad');
$gw->chat('nousage');
$gw->chat("a&b'c=d");
$gw->chat('none');
my ($wire) = $gw->stream('stream');
$wire->events;
$wire = $gw->wire;
$wire->request(POST => $Gateway::CHAT, {}, Gateway::question('held'));
$up->await(at_gate => 1);
Gateway::until_true(sub { $gw->status->{totals}{calls} == 10 });

my $before = $gw->status->{totals}{calls};
$gw->get('/llm/v1/models');
$gw->get('/llm/v1/models/good');
$gw->get('/index.html');
ok $gw->status->{totals}{calls} == $before, 'a list of models is no call';

my $json = $gw->get('/llm-status/status.json');
my $status = $json->{json};
is $json->{headers}{'content-type'}, 'application/json', 'JSON: its type';
is $status->{in_flight}, 1, 'in_flight';
is $status->{max_in_flight}, 4321, 'max_in_flight';
like $status->{version}, qr/\A\d+\.\d+/, 'version';
cmp_ok $status->{uptime}, '>=', 0, 'uptime';
cmp_ok $status->{since}, '>', 1_700_000_000, 'since';
is $status->{meter}{full}, JSON::PP::false(), 'meter.full';

my @fields = Gateway::read_file("$Gateway::TOP/src/meter/metrics.def")
    =~ /^X\((\w+),/mg;
my @names = Gateway::read_file("$Gateway::TOP/src/meter/metrics.def")
    =~ /^X\(\w+, "(\w+)"/mg;
for my $row (@{ $status->{rows} }, $status->{totals}) {
    my @missing = grep { !defined $row->{$_} || $row->{$_} !~ /\A\d+\z/ }
        @fields, ();
    is "@missing", '', 'every number of metrics.def: '
        . ($row->{model} || 'totals');
}
my %due = (calls => 10, streams => 1, errors => 2, failovers => 1,
    tokens_in => 7 * 7 + 11, tokens_out => 5 * 7 + 2, tokens_cached => 3 * 6,
    tokens_reasoning => 2 * 6, tokens_estimated => 11 + 2, unmetered => 1);
is $status->{totals}{$_}, $due{$_}, "totals: $_" for sort keys %due;
is_deeply $status->{totals}{faults}, { failed => 1, no_model => 1 },
    'totals: faults';
is $gw->row('fake', 'good')->{calls}, 3, 'a row';
is $gw->row('fake', 'chain')->{failovers}, 1, 'a failover where it was';
is $gw->row('x&y', "a&b'c=d")->{calls}, 1, 'names as they are';

my $slow = $gw->row('fake', 'slow');
for my $which ('first', 'total') {
    my $h = $slow->{$which};
    is $h->{count}, 1, "$which: one";
    cmp_ok $h->{sum}, '>=', 120_000, "$which: in microseconds";
    cmp_ok $h->{p50}, '>=', 120_000, "$which: p50 is at most below";
    is $h->{p50}, $h->{p99}, "$which: one value is every quantile";
    my $n = 0;
    $n += $_->[1] for @{ $h->{buckets} };
    is $n, 1, "$which: buckets";
}
my $total = $status->{totals}{total};
is $total->{count}, 10, 'total: all calls';
cmp_ok $total->{p50}, '<=', $total->{p95}, 'p50 <= p95';
cmp_ok $total->{p95}, '<=', $total->{p99}, 'p95 <= p99';

my $auto = $gw->get('/llm-status?auto');
like $auto->{headers}{'content-type'}, qr{\Atext/plain}, '?auto: its type';
my %auto = map { split /: /, $_, 2 } split /\n/, $auto->{content};
for my $n (0 .. $#fields) {
    is $auto{"LLM$names[$n]"}, $status->{totals}{ $fields[$n] },
        "?auto: LLM$names[$n]";
}
is $auto{LLMInFlight}, 1, '?auto: LLMInFlight';
is $auto{LLMMaxInFlight}, 4321, '?auto: LLMMaxInFlight';
is scalar(grep { !/\ALLM[A-Za-z0-9]+: \S/ } split /\n/, $auto->{content}), 0,
    '?auto: nothing but lines of that kind';

# --- the page ----------------------------------------------------------------

my $page = $gw->get('/llm-status');
my $html = $page->{content};
is $page->{headers}{'content-type'}, 'text/html; charset=utf-8', 'HTML';
like $page->{headers}{'content-security-policy'}, qr/default-src 'none'/,
    'CSP';
unlike $page->{headers}{'content-security-policy'}, qr/unsafe|script-src/,
    'CSP without holes';
is $page->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff';
is $page->{headers}{'cache-control'}, 'no-store', 'no-store';
like $html, qr{<dt>In flight</dt><dd>1 of 4321</dd>}, 'in flight, and the most';
unlike $html, qr/<script|javascript:|\son\w+=|\sstyle=|<style/i,
    'no script, no style inside';
unlike $html, qr{(?:src|href)="(?:https?:)?//}i, 'nothing from elsewhere';
like $html, qr/a&amp;b&#0*39;c=d|a&amp;b&apos;c=d|a&amp;b'c=d/,
    'names are escaped';
like $html, qr/x&amp;y/, 'all of them';
unlike $html, qr{x&y}, 'everywhere';
my %open;
my $balanced = 1;
for my $tag ($html =~ m{<(/?\w+)[^>]*>}g) {
    next if $tag =~ /\A(?:meta|link|br|hr)\z/;
    if ($tag =~ s{^/}{}) {
        $balanced = 0 if !$open{$tag}--;
    } else {
        $open{$tag}++;
    }
}
ok $balanced && !grep({ $_ } values %open), 'tags are balanced';
like $html, qr/<th[^>]* scope="(?:row|col)"/, 'headers say what they head';
like $html, qr/<html lang="en">/, 'lang';
like $html, qr/<caption/, 'caption';
unlike $html, qr/Say hello/, 'no prompt';
for my $link ($html =~ /(?:href|src)="([^"]+)"/g) {
    $link =~ s/&amp;/&/g;
    my $to = $link =~ m{^/} ? $link : $link =~ /^\?/ ? "/llm-status$link"
        : "/llm-status/$link";
    is $gw->get($to)->{status}, 200, "$link leads somewhere";
}
is $gw->get('/llm-status/')->{status}, 200, 'with a slash at its end';
is $gw->get('/llm-status/nothing.js')->{status}, 404, 'nothing else there';
is $gw->get('/llm-status?refresh=5')->{headers}{refresh}, 5, 'refresh';
for my $bad ('0', '-1', 'x', '5;url=http://evil', '99999999', "5\%0d\%0aX: y") {
    my $answer = $gw->get("/llm-status?refresh=$bad");
    ok !defined $answer->{headers}{refresh}
        || $answer->{headers}{refresh} !~ /\D/, "no refresh=$bad";
    unlike $answer->{content}, qr/evil/, 'nor in the page';
}
unlike $gw->get('/llm-status/%3Cscript%3Ealert(1)%3C/script%3E')->{content},
    qr/<script>/, 'nothing of the path in the page';
for my $method (qw(POST PUT DELETE)) {
    my $answer = $gw->http($method, '/llm-status');
    is $answer->{status}, 405, "$method is not allowed";
    like $answer->{headers}{allow}, qr/GET/, "$method: Allow";
}

# --- the same from every child, and in mod_status ------------------------------

my %calls;
for (1 .. 20) {
    $calls{ $gw->status->{totals}{calls} }++;
}
is join(' ', keys %calls), 10, 'every child tells the same';

my $server = $gw->get('/server-status')->{content};
ok $server =~ /LLM gateway/, 'mod_status: a part of ours';
ok $server =~ m{<dd>10</dd>}, 'mod_status: with our numbers';
ok $server =~ /x&amp;y/ && $server !~ /x&y/, 'mod_status: escaped';
my $short = $gw->get('/server-status?auto')->{content};
is +($short =~ /^LLMCalls: (\d+)$/m)[0], 10, 'mod_status?auto: our lines';
my ($duration) = $short =~ /^Total Duration: (\d+)$/m;
cmp_ok $duration, '<', 100_000,
    'mod_status?auto: beside its own, which stay true';

$up->release('held');
is $wire->answer->{status}, 200, 'the one that waited';
ok $gw->idle, 'nothing is left in flight';
is $gw->status->{totals}{calls}, 11, 'eleven calls';
$gw->log_clean(qr/LLM0010/);

# --- health ------------------------------------------------------------------

my @told = Gateway::read_file("$Gateway::TOP/src/httpd/health.def")
    =~ /^X\(\w+, (\w+),/mg;
my %secret = (GOOD_KEY => 'sk-good-0c1d7e9b3a48', BAD_KEY =>
    'sk-bad-7e9b3a482655', RUN_KEY => 'sk-run-3a4826550c1d');
$up = Upstream->start(flaky => [ fault(500) ], default => sub {
    ($_[0]{headers}{authorization} || '') =~ /sk-bad/ ? fault(401)
        : whole(completion()) });
my $pool = $up->section('pool', 'LLMKey env:GOOD_KEY weight=1',
    'LLMBreaker window=1h calls=2 rate=50% rest=30m');
$pool =~ s/LLMKey env:FAKE_KEY/LLMKey env:BAD_KEY weight=1000/;
my $runs = $up->section('runs', 'LLMBreaker window=1h');
$runs =~ s{LLMKey env:FAKE_KEY}{LLMKey "exec:/bin/echo $secret{RUN_KEY}"};
$gw = Gateway->start(modules => ['status'], env => \%secret, children => 2,
    conf => $pool . $runs . <<'CONF');
LLMModel m pool/m
LLMModel again pool/m
LLMModel odd "runs/a<b>&c"
LLMModel flaky pool/flaky runs/x
<Location "/server-status">
    SetHandler server-status
</Location>
CONF

# By name.
sub told
{
    my %row = map { $_->{name} => $_ } @{ $gw->status->{health} };
    return \%row;
}

my $row = told();
is join(' ', sort keys %$row), 'pool key 1 pool key 2 pool/flaky pool/m '
    . 'runs key 1 runs/a<b>&c runs/x', 'health: keys and targets, once each';
is_deeply [ grep { $_->{state} ne 'well' } values %$row ], [], 'all are well';
is join(' ', sort keys %{ $row->{'pool/m'} }), join(' ', sort @told),
    'with all that health.def has';
is $row->{'pool/m'}{tried}, undef, 'nobody was asked';
is $row->{'pool key 1'}{source}, 'env:BAD_KEY', 'where a key is from';
is $row->{'runs key 1'}{source}, 'exec:/bin/echo', 'not what a program is told';

my $asked = time;
$gw->chat('m') for 1 .. 20;
$gw->chat('flaky') for 1, 2;
$row = told();
is $row->{'pool key 1'}{state}, 'resting', 'a key that was refused rests';
cmp_ok $row->{'pool key 1'}{rest}, '>', 30, 'for the rest of a minute';
cmp_ok $row->{'pool key 1'}{rest}, '<=', 60, 'and no more';
is $row->{'pool key 2'}{state}, 'well', 'the other is well';
is $row->{'pool/m'}{state}, 'well', 'and so is the target';
is $row->{'pool/m'}{calls}, 20, 'its attempts';
is $row->{'pool/m'}{failed_percent}, 0, 'none failed';
cmp_ok $row->{'pool/m'}{latency}, '>', 0, 'how long it takes';
cmp_ok $row->{'pool/m'}{tried}, '>=', $asked, 'when it was asked';
is $row->{'pool/flaky'}{state}, 'open', 'one that failed is open';
cmp_ok $row->{'pool/flaky'}{rest}, '>', 1000, 'for long';
is $row->{'pool/flaky'}{latency}, undef, 'it never answered';
is $row->{'runs/a<b>&c'}{state}, 'well', 'one with an odd name';

%auto = map { split /: /, $_, 2 } split /\n/,
    $gw->get('/llm-status?auto')->{content};
is $auto{LLMHealthRows}, 7, '?auto: how many';
is $auto{LLMHealthIll}, 2, '?auto: how many are not well';
my ($n) = map { /\ALLMHealth(\d+)Name\z/ && $auto{$_} eq 'pool/flaky' ? $1
    : () } keys %auto;
is $auto{"LLMHealth${n}State"}, 'open', '?auto: state';
ok !defined $auto{"LLMHealth${n}Latency"}, '?auto: what is not known';
like $gw->get('/server-status?auto')->{content}, qr/^LLMHealthIll: 2$/m,
    'mod_status?auto: the same';

$html = $gw->get('/llm-status')->{content};
like $html, qr{2 of 7 targets and keys are not well}, 'the page says it';
like $html, qr{pool key 1</th><td class="word">env:BAD_KEY</td>(?#
    )<td class="word ill">resting</td><td>\d+</td>}, 'a key';
like $html, qr{<th scope="row">runs/a&lt;b&gt;&amp;c</th>}, 'escaped';
unlike $html, qr{a<b>}, 'everywhere';
like $gw->get('/server-status')->{content}, qr/Health of targets and keys/,
    'mod_status: the table';
for my $path ('/llm-status', '/llm-status?auto', '/llm-status/status.json',
    '/server-status', '/server-status?auto') {
    my $text = $gw->get($path)->{content};
    ok !grep({ index($text, $_) >= 0 } values %secret), "$path: no key";
}

$up->script(flaky => whole(completion()));
$gw->chat('flaky', '"fallbacks":["m"]') for 1, 2;
is told()->{'pool/flaky'}{state}, 'open', 'an open one is passed over';
$gw->chat('pool/flaky');
is told()->{'pool/flaky'}{state}, 'well', 'and closed when it has answered';
is told()->{'pool/flaky'}{rest}, 0, 'without a rest';
$gw->log_clean(qr/LLM0010/);

# --- where the handler is not allowed -------------------------------------------

my $closed = Gateway->start(locations => 0, conf => <<'CONF');
<Location "/llm-status">
    SetHandler llm-status
    Require all denied
</Location>
CONF
is $closed->get("/llm-status$_")->{status}, 403, "Require holds for '$_'"
    for '', '/status.json', '?auto', '/status.css';
$closed->log_clean(qr/AH01630/);

done_testing;
