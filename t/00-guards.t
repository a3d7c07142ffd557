# What keeps the house as it is: who may include whom, how long files and
# functions may be, what must not be called, and that nothing a person can
# set or read is missing from the manual.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Find ();
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
chdir $top or die "$top: $!";

sub text
{
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar <$file>;
}

sub files
{
    my ($where, $like) = @_;
    my @found;
    return () unless -e $where;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, $_ if -f && $_ =~ $like;
    } }, $where);
    return sort @found;
}

# C without its comments and the insides of its strings, line for line.
sub code
{
    my ($text) = @_;
    my $blank = sub { (my $is = $_[0]) =~ s/[^\n]/ /g; $is };
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')}
        { defined $1 ? $blank->($1)
          : substr($2, 0, 1) . $blank->(substr $2, 1, -1) . substr $2, -1 }gesx;
    return $text;
}

# One test for a rule; what breaks it is listed.
sub none
{
    my ($rule, @broken) = @_;
    ok(!@broken, $rule) or diag join "\n", map { "  $_" } @broken;
}

my @c = (grep({ -e } 'mod_llm.c'), files('src', qr/\.[ch]$/));
my %text = map { $_ => text($_) } @c;
my %code = map { $_ => code($text{$_}) } @c;
my @def = files('src', qr/\.def$/);

# --- who includes whom -----------------------------------------------------

my @layers = qw(base wire route upstream cache meter account call rpc httpd);
my %above = map { $layers[$_] => $_ } 0 .. $#layers;

# What each folder knows beside itself; call, rpc and httpd know all below.
my %knows = (base => [], wire => ['base'], route => ['base'],
    upstream => ['base'], cache => [qw(base wire)],
    meter => [qw(base wire)], account => [qw(base meter)]);

sub may_include
{
    my ($file, $from, $to, $name) = @_;
    return 1 if $from eq $to || $from eq '';
    return 1 if $from eq 'wire' && $name eq 'meter/usage.h';
    return $above{$to} < $above{$from} unless $knows{$from};
    return grep { $_ eq $to } @{ $knows{$from} };
}

my (@upward, @unknown);
for my $file (@c) {
    my ($from) = $file =~ m{^src/(\w+)/};
    $from = '' unless defined $from;
    while ($text{$file} =~ /^\s*#\s*include\s+"([^"]+)"/mg) {
        my $name = $1;
        my $path = $from ? "src/$from/$name" : $name;
        1 while $path =~ s{[^/]+/\.\./}{};
        my ($to) = $path =~ m{^src/(\w+)/};
        if (!defined $to) {
            next unless $path =~ m{^src/} && $path ne 'src/llm.h';
            next unless -e $path;
        }
        next unless -e $path && defined $to;
        (my $short = $path) =~ s{^src/}{};
        push @unknown, "$file: $to" unless exists $above{$to};
        push @upward, "$file includes $short"
            unless may_include($file, $from, $to, $short);
    }
}
none('includes point downwards', @upward);
none('every folder of src is known', @unknown,
    grep { !exists $above{$_} } map { basename $_ } grep { -d } glob 'src/*');

sub includes
{
    my ($name) = @_;
    return grep { $text{$_} =~ /^\s*#\s*include\s+[<"]$name/m } @c;
}

my $httpd = qr/(?:httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|mpm_common|scoreboard)\.h/;
none('httpd is known in src/httpd only',
    grep { !m{^(?:src/httpd/|mod_llm\.c$)} } includes($httpd));
none('curl is known in src/upstream only',
    grep { !m{^src/upstream/} } includes(qr{curl/}));
none('json-c is known in src/base/json.c only',
    grep { $_ ne 'src/base/json.c' } includes(qr{json-c/|json\.h>|json_}));
none('sodium is known in src/base only',
    grep { !m{^src/base/} } includes('sodium'));
none('libxml2 is not known yet', includes('libxml'));
none('a secret is revealed in src/base and src/upstream only',
    grep { $code{$_} =~ /\bllm_secret_reveal\s*\(/
        && !m{^src/(?:base|upstream)/} } @c);
none('pure code asks neither for the time nor for chance',
    grep { m{^src/(?:base|wire|route|cache|meter|account|call)/}
        && $_ ne 'src/base/program.c'
        && $code{$_} =~ /\b(?:apr_time_now|time|gettimeofday|clock_gettime
            |rand|random|rand_r|drand48|getrandom|arc4random\w*
            |apr_generate_random_bytes|randombytes\w*|sleep|usleep
            |apr_sleep)\s*\(/x } @c);

# --- what must not be called -----------------------------------------------

my $banned = qr/(?<![\w>.])(strcpy|strcat|sprintf|vsprintf|gets|ato[ifl]+|strtok
    |strtol|strtoul|strtoll|strtoull|system|popen|alloca|tmpnam|mktemp|scanf
    |sscanf|fscanf|strncat)\s*\(/x;
my @calls;
for my $file (grep { m{^(?:src/|mod_llm)} } @c) {
    my $n = 0;
    for my $line (split /\n/, $code{$file}) {
        $n++;
        push @calls, "$file:$n: $1" if $line =~ $banned
            && !($file eq 'src/base/text.c' && $1 =~ /^strto/);
    }
}
none('nothing banned is called', @calls);

# prefork ends its children in a signal handler, which may have come while
# malloc held its lock; the cleanup that runs there saves the counts.
my @allocates = $code{'src/httpd/keep.c'} =~ /\b((?:[mc]|re)alloc|strn?dup
    |free|fopen|apr_pool_create\w*|llm_buf_(?!t\b)\w+)\s*\(/gx;
none('keep.c asks malloc for nothing', @allocates);

my @source = (grep({ -e } qw(Makefile README.md mod_llm.c .ci/run)),
    files('src', qr/./), files('conf', qr/./), files('htdocs', qr/./),
    grep { !m{/(?:corpus|node_modules|00-guards\.t)} } files('t', qr/./));
my (@later, @machine);
for my $path (grep { -T } @source) {
    my $text = text($path);
    push @later, $path if $text =~ /\b(?:TODO|FIXME|XXX|HACK)\b/;
    push @machine, $path
        if $text =~ m{(?:^|[\s"'=(])/(?:home|work|root|Users)/\w}m;
}
none('nothing is left for later', @later);
none('no path of one machine', @machine);

# --- how long things are -----------------------------------------------------

sub lines { my $n = () = $_[0] =~ /\n/g; return $n }

my @long = grep { lines($text{$_}) > 700 } @c;
push @long, grep { lines(text($_)) > 700 }
    grep { !m{/(?:corpus|node_modules)/|package-lock} }
    (files('t', qr/\.(?:t|pm|c|h|mjs)$/), files('htdocs', qr/\.(?:js|css)$/));
none('no file is longer than 700 lines', @long);

# A function begins with a line that is not indented and not a statement,
# followed by a brace alone in the first column, and ends with one.
sub functions
{
    my ($code) = @_;
    my (@found, $name, $from);
    my @lines = split /\n/, $code;
    for my $i (0 .. $#lines) {
        if ($lines[$i] eq '{' && !defined $from) {
            my $head = join ' ', @lines[($i > 4 ? $i - 4 : 0) .. $i - 1];
            ($name) = $head =~ /(\w+)\s*\([^;{}]*\)\s*(?:__attribute__.*)?$/;
            $from = $i if defined $name;
        } elsif ($lines[$i] =~ /^}/ && defined $from) {
            push @found, [ $name, $i - $from - 1 ];
            $from = undef;
        }
    }
    return @found;
}

my (@lengths, @too_long);
for my $file (grep { /\.c$/ } @c) {
    for my $function (functions($code{$file})) {
        my ($name, $n) = @$function;
        push @lengths, $n;
        push @too_long, "$file: $name has $n lines" if $n > 80;
    }
}
@lengths = sort { $a <=> $b } @lengths;
cmp_ok(scalar @lengths, '>', 100, 'functions were found');
none('no function is longer than 80 lines', @too_long);
cmp_ok($lengths[ int $#lengths * 0.9 ], '<=', 40,
    'nine of ten functions have at most 40 lines');
my @sizes = sort { $a <=> $b } map { lines($text{$_}) } @c;
cmp_ok($sizes[ int $#sizes / 2 ], '<', 350,
    'the median file is shorter than 350 lines');

my @wide;
for my $file (@c) {
    my $n = 0;
    for my $line (split /\n/, $text{$file}) {
        $n++;
        utf8::decode($line);
        push @wide, "$file:$n" if length $line > 79;
        push @wide, "$file:$n: tab or blanks" if $line =~ /\t|[ ]+$/;
    }
}
none('79 columns, no tabs, no blanks at ends of lines', @wide);

# --- names -------------------------------------------------------------------

# A file is one noun and its functions begin with it, or with the noun that
# its first word is (engine_start.c holds llm_engine_*).
my @names;
for my $file (grep { m{^src/\w+/\w+\.h$} } @c) {
    my ($folder, $noun) = $file =~ m{^src/(\w+)/(\w+)\.h$};
    my ($first) = split /_/, $noun;
    while ($code{$file} =~ /^[a-z][\w \*]*?\b(\w+)\s*\((?!\*)[^;{}]*\)[^;{}]*;/mg) {
        my $name = $1;
        next if $name =~ /^__/;
        push @names, "$file: $name" unless $name =~ /^llm_/;
    }
}
none('what a header declares begins with llm_', @names);

# --- the manual ---------------------------------------------------------------

my $settings = text('src/httpd/settings.def');
my %directive = map { $_ => 1 } $settings =~ /"<?(LLM[A-Z]\w*)"/g;
cmp_ok(scalar keys %directive, '>', 10, 'directives were found');

SKIP: {
    my $manual = text('htdocs/manual/directives.html');
    none('every directive is in the manual',
        grep { $manual !~ /id="\L$_"/ } sort keys %directive);
    none('no directive is in the manual only',
        grep { !$directive{$_} } $manual =~ /<h\d[^>]*>(?:\s*<[^>]*>)*\s*(?:&lt;)?(LLM[A-Z]\w*)/g);
}
my $sample = text('conf/llm.conf');
none('every directive is in conf/llm.conf',
    grep { $sample !~ /\b$_\b/ } sort keys %directive);
none('no other directive is in conf/llm.conf',
    grep { !$directive{$_} } $sample =~ /^[#\s]*<?(LLM[A-Z]\w*)\s/mg);

my @metrics = (text('src/meter/metrics.def') =~ /^X\((\w+),/mg,
    text('src/httpd/health.def') =~ /^X\(\w+, (\w+),/mg);
my $page = text('htdocs/manual/status.html');
cmp_ok(scalar @metrics, '>', 5, 'numbers were found');
none('every number is in the manual',
    grep { $page !~ /\b$_\b/ } @metrics);

my $all = join '', map { text($_) } files('htdocs/manual', qr/\.html$/);
my $options = text('src/wire/echo_options.c');
my @options = $options =~ /strcmp\(name, "(\w+)"\)/g;
cmp_ok(scalar @options, '>', 5, 'options of echo were found');
none('every option of echo is in the manual',
    grep { $all !~ /\b$_=/ } @options);
my @words = $options =~ /\{ "(\w+)", +LLM_ECHO_/g;
cmp_ok(scalar @words, '>', 5, 'faults of echo were found');
none('every fault of echo is in the manual',
    grep { $all !~ /\b$_\b/ } @words);
my @faults = text('src/base/fault.h') =~ /^ {4}X\(\w+,\s*"(\w+)"/mg;
cmp_ok(scalar @faults, '>', 20, 'faults were found');
none('every fault is in the manual',
    grep { $_ ne 'ok' && $all !~ /\b$_\b/ } @faults);

# What the manual's table says of a fault is what the code does with it.
my %goes_to = (STOP => 'the client',
    KEY => 'another key, then the next target',
    WAIT => 'another key, or the same target later, then the next',
    AGAIN => 'the same target again, then the next',
    TARGET => 'the next target', OTHER => 'the next target',
    CONTEXT => 'a target that may take more',
    CONTENT => 'a target with on=content');

# The rows of the code as lines: word, status, type, code, where it goes, and
# the sentence.
sub fault_rows
{
    my ($header) = @_;
    (my $flat = $header) =~ s/\s*\\\n\s*/ /g;
    my @rows;
    while ($flat =~ /X\(\w+,\s"(\w+)",\s(\d+),\s"(\w*)",\s"(\w*)",\s(\w+),
        \s\w+,\s"([^"]*)"\)/xg) {
        my ($word, @row) = ($1, $2, $3, $4, $goes_to{$5} || "what is $5?", $6);
        push @rows, join '; ', $word, @row unless $word eq 'ok';
    }
    return @rows;
}

# The same of the manual, whose sentences may name a directive's word more.
sub manual_rows
{
    my ($html) = @_;
    my ($table) = $html =~ m{id="faults".*?(<table>.*?</table>)}s or return;
    my @rows;
    for my $row ($table =~ m{<tr><td>(.*?)</td></tr>}g) {
        $row =~ s{ \(<code>[^<]*</code>\)(?=\.\z)}{};
        my @cells = split m{</td><td[^>]*>|<br>}, $row;
        s/<[^>]*>//g, s/&#x27;/'/g, s/&amp;/&/g for @cells;
        $cells[-1] =~ s/\.\z// or $cells[-1] .= ' (no full stop)';
        push @rows, join '; ', @cells;
    }
    return @rows;
}

my @due = fault_rows(text('src/base/fault.h'));
my @told = manual_rows(text('htdocs/manual/operations.html'));
is(scalar @due, @faults - 1, 'every row of the faults was read');
is($told[$_], $due[$_], 'the manual: ' . $due[$_] =~ s/;.*//r) for 0 .. $#due;
none('no fault is in the manual only', @told[ @due .. $#told ]);

# The states of a call, in the figure and in the table below it.
my ($states) = $text{'src/call/call.h'}
    =~ /^typedef enum llm_call_state \{(.*?)^\}/ms;
my @states = map { lc } $states =~ /^ {4}LLM_CALL_(\w+)/mg;
my ($section) = text('htdocs/manual/routes.html')
    =~ m{<h2 id="states">(.*?)<h2 }s;
cmp_ok(scalar @states, '>', 5, 'states of a call were found');
is(join(' ', $section =~ m{<tr><td><code>(\w+)</code>}g), join(' ', @states),
    'every state of a call is in the manual, and no other');
is(join(' ', sort $section =~ m{<text [^>]*>(\w+ed|\w+ing)</text>}g),
    join(' ', sort @states), 'and in its figure');

# --- pages --------------------------------------------------------------------

my (@loads, @inline, @links);
for my $path (files('htdocs', qr/\.(?:html|css|js|svg)$/)) {
    my $html = text($path);
    push @loads, "$path: $1" while $html =~
        m{((?:src|poster|data|action)\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+
           |<link[^>]+href\s*=\s*["']?(?:https?:)?//[^"'\s>]+
           |(?:url\(|\@import\s|import\s+|fetch\()\s*["']?(?:https?:)?//\S+)}xig;
    next unless $path =~ /\.html$/;
    push @inline, $path
        if $html =~ /<style|\sstyle\s*=|<script(?![^>]*\ssrc=)|\son\w+\s*=\s*["']/i;
    while ($html =~ /\shref="([^":#?]+)(?:#([^"]*))?"/g) {
        my ($to, $id) = (dirname($path) . "/$1", $2);
        next if $1 =~ m{^/};
        push @links, "$path: $1" unless -e $to;
        push @links, "$path: $1#$id"
            if defined $id && -e $to && text($to) !~ /\sid="\Q$id\E"/;
    }
}
none('pages load nothing from elsewhere', @loads);
none('pages have no style or script inside', @inline);
none('links within the manual lead somewhere', @links);

# --- tests --------------------------------------------------------------------

my (@unclean, @slept, @core);
my %core = map { $_ => 1 } qw(strict warnings utf8 constant lib parent Carp Cwd
    Digest::SHA Encode Errno Exporter Fcntl File::Basename File::Copy
    File::Find File::Path File::Spec File::Temp HTTP::Tiny IO::Handle
    IO::Select IO::Socket IO::Socket::INET IPC::Open3 JSON::PP List::Util
    MIME::Base64 POSIX Scalar::Util Socket Storable Test::More Time::HiRes
    Clients Configured Gateway Outcome Upstream Wire Load);
for my $path (grep { !m{/(?:unit|fuzz|bench|clients)/} }
    files('t', qr/\.(?:t|pm)$/)) {
    my $text = text($path);
    push @unclean, $path if $text =~ /Gateway->start/ && $path =~ /\.t$/
        && $text !~ /->log_clean/;
    push @core, map { "$path: $_" } grep { !$core{$_} }
        $text =~ /^\s*(?:use|require)\s+([A-Z]\w*(?:::\w+)*)/mg;
    push @slept, $path if $path =~ /\.t$/ && $text =~ /^[^#\n]*\bsleep\b/m
        && basename($path) ne '00-guards.t';
}
none('every test of a gateway ends with log_clean', @unclean);
none('tests need no module beyond core Perl', @core);
none('tests await, they do not sleep', @slept);

done_testing;
