package Gateway;

# An httpd of the test's own: free port, temporary ServerRoot, the module
# loaded, killed when the object goes. As root it gives up its powers the way
# httpd does (User www-data); as an ordinary user it needs none.
#
#     my $gw = Gateway->start(conf => $up->section('fake') . <<~'CONF');
#         LLMModel good fake/good
#         CONF
#     is $gw->chat('good')->{status}, 200;
#     $gw->log_clean;
#     done_testing;
#
# The environment may name LLM_MODULE (build/mod_llm.so), LLM_PRELOAD (a
# sanitizer's library), HTTPD, LLM_MPM (which MPM a test gets that names
# none), LLM_PATIENCE (seconds) and LLM_KEEP (the directory stays).

use strict;
use warnings;
use parent 'Configured';
use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use HTTP::Tiny;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep time);
use Upstream qw(free_port);
use Wire;

our $TOP = abs_path(dirname(__FILE__) . '/../..');
our $PATIENCE = $ENV{LLM_PATIENCE} || 30;

# A key that must never be seen outside the provider's connection.
our $CANARY = 'sk-canary-5f0c1d7e9b3a4826';

my @alive;

sub httpd
{
    return $ENV{HTTPD} if $ENV{HTTPD};
    for (qw(/usr/sbin/apache2 /usr/sbin/httpd /usr/local/apache2/bin/httpd)) {
        return $_ if -x;
    }
    croak 'no httpd found: set HTTPD';
}

sub module { abs_path($ENV{LLM_MODULE} || "$TOP/build/mod_llm.so") }

# Sanitizers are slow and hungry: what is measured is not the module then.
sub sanitized { return $ENV{LLM_PRELOAD} ? 1 : 0 }

sub sees_races { return ($ENV{LLM_PRELOAD} || '') =~ /tsan/ ? 1 : 0 }

# For tests that need something the machine may not have: where a person
# runs them they are skipped, in CI the lack is a failure.
sub need
{
    my ($class, $what, $there) = @_;
    return 1 if $there;
    Test::More::BAIL_OUT("$what is missing") if $ENV{CI};
    Test::More::plan(skip_all => "$what is missing");
}

sub need_module
{
    my ($class) = @_;
    my $module = $ENV{LLM_MODULE} || "$TOP/build/mod_llm.so";
    $class->need("$module (make)", -e $module);
}

# Calls `sub` until it is true or patience is over; what it returned.
sub until_true
{
    my ($what, $patience) = @_;
    my $deadline = time + ($patience || $PATIENCE);
    while (1) {
        my $is = $what->();
        return $is if $is || time > $deadline;
        sleep 0.01;
    }
}

# For what only the clock brings about, such as the end of a rest; 1.
sub let_pass
{
    my ($seconds) = @_;
    sleep $seconds;
    return 1;
}

# --- starting ------------------------------------------------------------

# conf      directives of the server, the providers among them
# location  directives inside <Location /llm>
# locations 0: neither <Location /llm> nor <Location /llm-status>
# mpm       event | worker | prefork;  children, threads: how many of each
# mpm_conf  more directives for the MPM
# modules   names of more modules (mod_ stands before them in their files)
# tls       also a port with TLS ($gw->{tls_port}, $gw->{ca}); http2: h2, h2c
# env       the environment of the server, FAKE_KEY and PATH aside
# wrap      a command that runs httpd
# log       LogLevel
# module    0: without mod_llm
sub start
{
    my ($class, %how) = @_;
    my $self = $class->prepare(%how);
    for my $try (1 .. 5) {
        $self->{port} = free_port();
        $self->{tls_port} = free_port() if $how{tls};
        $self->configure;
        $self->launch;
        last if $self->is_up;
        my $said = $self->output;
        croak "httpd did not start:\n$said"
            unless $said =~ /could not bind|Address already in use/
            && $try < 5;
        $self->empty_logs;
    }
    return $self;
}

# `apache2 -t` over the same configuration: (exit code, what it said).
sub check
{
    my ($class, %how) = @_;
    my $self = $class->prepare(%how);
    @$self{qw(port tls_port)} = (8080, 8443);   # where nobody listens
    $self->configure;
    my $pid = $self->spawn('-t');
    waitpid $pid, 0;
    my $code = $?;
    return ($code, $self->output);
}

sub prepare
{
    my ($class, %how) = @_;
    my $root = File::Temp::tempdir('mod_llm-XXXXXXXX', TMPDIR => 1);
    chmod 0755, $root;
    mkdir "$root/$_" for qw(conf logs run htdocs san);
    chmod 0777, "$root/san";
    write_file("$root/htdocs/index.html", "plain\n");
    my $self = bless { %how, root => $root, owner => $$,
        mpm => $how{mpm} || $ENV{LLM_MPM} || 'event' }, $class;
    $self->make_certificate if $how{tls};
    push @alive, $self;
    weaken($alive[-1]);
    return $self;
}

# Runs a program without a shell; what it wrote, and $? is its end.
sub run
{
    my (@command) = @_;
    my $pid = open my $pipe, '-|';
    croak "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        exec @command or POSIX::_exit(127);
    }
    local $/;
    my $said = <$pipe>;
    close $pipe;
    return defined $said ? $said : '';
}

sub sanitizer_env
{
    my ($self) = @_;
    my %env;
    for my $name (qw(ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS)) {
        next unless $ENV{LLM_PRELOAD} || defined $ENV{$name};
        $env{$name} = join ':', grep { defined && length } $ENV{$name},
            "log_path=$self->{root}/san/" . lc substr $name, 0, 4;
    }
    return %env unless $ENV{LLM_PRELOAD};
    # httpd does not wait for all of its threads, and a child of prefork runs
    # its cleanups where the signal found it. A child must not sleep at its
    # end: its parent kills what takes long.
    $env{TSAN_OPTIONS} .= ':report_thread_leaks=0:report_signal_unsafe=0'
        . ':atexit_sleep_ms=0';
    $env{LSAN_OPTIONS} .= ":suppressions=$TOP/t/lib/lsan.supp"
        . ':print_suppressions=0';
    return %env;
}

# Forks and becomes httpd. Nothing of the caller's environment reaches it but
# what is named here: a developer's own keys stay with him.
sub spawn
{
    my ($self, @options) = @_;
    my %env = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', LANG => 'C',
        FAKE_KEY => $CANARY, $self->sanitizer_env,
        (map { $_ => $ENV{$_} } grep { defined $ENV{$_} }
            qw(TMPDIR GCOV_PREFIX GCOV_PREFIX_STRIP LD_LIBRARY_PATH)),
        %{ $self->{env} || {} });
    my @command = (httpd(), '-d', $self->{root},
        '-f', "$self->{root}/conf/httpd.conf", @options);
    # Only httpd's: a shell does not survive every sanitizer.
    unshift @command, 'env', "LD_PRELOAD=$ENV{LLM_PRELOAD}"
        if $ENV{LLM_PRELOAD};
    unshift @command, @{ $self->{wrap} || [] };
    unshift @command, qw(setarch -R)
        if sees_races();
    unshift @command, qw(setpriv --pdeathsig TERM) if -x '/usr/bin/setpriv';
    my $pid = fork;
    croak "fork: $!" unless defined $pid;
    return $pid if $pid;
    POSIX::setsid();                    # prefork signals its whole group
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$self->{root}/logs/stderr" or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT;
    %ENV = %env;
    exec @command or POSIX::_exit(127);
}

sub launch
{
    my ($self) = @_;
    $self->{pid} = $self->spawn('-DFOREGROUND');
}

# Until the port takes a connection; 0 when the process ended instead.
sub is_up
{
    my ($self) = @_;
    my $up = until_true(sub {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            $self->{pid} = 0;
            return 'ended';
        }
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $self->{port}, Proto => 'tcp') or return 0;
        return $self->resumed ? 'up' : 0;
    });
    return $up eq 'up';
}

# How often it said that it is ready: once a start, once a restart.
sub resumed
{
    my ($self) = @_;
    return scalar grep { /resuming normal operations/ } $self->error_log;
}

# --- asking --------------------------------------------------------------

sub url { "http://127.0.0.1:$_[0]{port}" . ($_[1] || '') }
sub tls_url { "https://127.0.0.1:$_[0]{tls_port}" . ($_[1] || '') }
sub wire { my $self = shift; return Wire->new(port => $self->{port}, @_) }

sub http
{
    my ($self, $method, $path, %with) = @_;
    my $answer = HTTP::Tiny->new(timeout => $PATIENCE, max_redirect => 0,
        keep_alive => 0)->request($method, $self->url($path), \%with);
    my $type = $answer->{headers}{'content-type'} || '';
    $answer->{json} = eval { decode($answer->{content}) }
        if $type =~ m{\Aapplication/json\b};
    return $answer;
}

sub get
{
    my ($self, $path, %headers) = @_;
    return $self->http(GET => $path, headers => \%headers);
}

sub post
{
    my ($self, $path, $body, %headers) = @_;
    return $self->http(POST => $path, content => $body,
        headers => { 'Content-Type' => 'application/json', %headers });
}

our $CHAT = '/llm/v1/chat/completions';

# A question to a model; `more` is text for further members.
sub question
{
    my ($model, $more) = @_;
    $model = encode($model);
    return qq({"model":$model,"messages":[{"role":"user",)
        . qq("content":"Say hello."}]) . ($more ? ",$more" : '') . '}';
}

sub chat
{
    my ($self, $model, $more, %headers) = @_;
    return $self->post($CHAT, question($model, $more), %headers);
}

# A stream, asked for and not yet read: the wire with its head read.
sub stream
{
    my ($self, $model, $more, %headers) = @_;
    my $wire = $self->wire;
    $wire->request(POST => $CHAT, \%headers,
        question($model, '"stream":true' . ($more ? ",$more" : '')));
    my $head = $wire->head;
    return wantarray ? ($wire, $head) : $wire;
}

sub encode { JSON::PP->new->utf8->canonical->allow_nonref->encode($_[0]) }
sub decode { JSON::PP->new->utf8->allow_nonref->decode($_[0]) }

sub base64
{
    require MIME::Base64;
    return MIME::Base64::encode_base64($_[0], '');
}

sub status { $_[0]->get('/llm-status/status.json')->{json} }

# The row of a provider and model in status.json, or {} before it exists.
sub row
{
    my ($self, $provider, $model, $customer) = @_;
    my $status = $self->status or return {};
    for my $row (@{ $status->{rows} || [] }) {
        return $row if $row->{provider} eq $provider
            && $row->{model} eq $model
            && (!defined $customer || $row->{customer} eq $customer);
    }
    return {};
}

# The sum of a number over all rows.
sub total
{
    my ($self, $field) = @_;
    my $sum = 0;
    $sum += $_->{$field} || 0 for @{ ($self->status || {})->{rows} || [] };
    return $sum;
}

sub idle
{
    my ($self) = @_;
    return until_true(sub {
        my $status = $self->status;
        return defined $status && defined $status->{in_flight}
            && $status->{in_flight} == 0;
    });
}

# --- processes -----------------------------------------------------------

sub children
{
    my ($self) = @_;
    my @children;
    opendir my $proc, '/proc' or croak "/proc: $!";
    for my $pid (grep { /\A\d+\z/ } readdir $proc) {
        my $stat = read_file("/proc/$pid/stat");
        push @children, $pid
            if $stat =~ /\A\d+ \(.*\) [^ZX] (\d+) /s && $1 == $self->{pid};
    }
    @children = sort { $a <=> $b } @children;
    return @children;
}

sub rss                                 # bytes
{
    my ($self, $pid) = @_;
    my $statm = read_file('/proc/' . ($pid || $self->{pid}) . '/statm');
    return (split ' ', $statm)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE());
}

sub fds
{
    my ($self, $pid) = @_;
    my @fds = glob '/proc/' . ($pid || $self->{pid}) . '/fd/*';
    return scalar @fds;
}

sub threads
{
    my ($self, $pid) = @_;
    my @tasks = glob "/proc/$pid/task/*";
    return scalar @tasks;
}

# 1 if a process, of whatever generation, may take a new connection.
sub listens
{
    my ($self, $pid) = @_;
    my $port = sprintf ':%04X', $self->{port};
    my %is = map { (split)[9] => 1 }
        grep { /\A\s*\d+: [0-9A-F]+$port [0-9A-F:]+ 0A / }
        split /\n/, read_file("/proc/$pid/net/tcp");
    return scalar grep { my $to = readlink;
        defined $to && $to =~ /\Asocket:\[(\d+)\]/ && $is{$1} }
        glob "/proc/$pid/fd/*";
}

# A new generation: the parent says that it is ready, one of the new children
# lives, and none of the old ones takes what comes now; unless httpd has missed
# one of them, as it does when it made more children than it was to.
sub graceful
{
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->children;
    my $times = $self->resumed;
    kill USR1 => $self->{pid};
    until_true(sub { $self->resumed > $times })
        or croak "no graceful restart:\n" . $self->output;
    until_true(sub { grep { !$old{$_} } $self->children })
        or croak 'no child of the new generation';
    my @old = sort { $a <=> $b } keys %old;
    until_true(sub { !grep { $self->listens($_) } @old }, 5);
    return @old;
}

# Until every child has all of its threads, and they rest. httpd, with or
# without this module, may crash a child that it stops while it is still
# starting.
sub settled
{
    my ($self) = @_;
    my $children = $self->{children} || 2;
    my $threads = $self->{mpm} eq 'prefork' ? 1 : $self->{threads} || 16;
    my $all = until_true(sub {
        my @there = $self->children;
        return @there == $children
            && !grep { $self->threads($_) <= $threads } @there;
    });
    $self->rested;
    return $all;
}

# Until these processes have ended.
sub gone
{
    my ($self, @pids) = @_;
    return until_true(sub {
        my %there = map { $_ => 1 } $self->children;
        return !grep { $there{$_} } @pids;
    });
}

# TERM, and how it ended; httpd has ten seconds for it and more.
# Until no thread of the children has work. httpd, with or without this module,
# may crash or complain (AH03092) when it is stopped in the moment in which a
# worker puts away a connection that has ended. One that works on does not keep
# it from being stopped.
sub rested
{
    my ($self) = @_;
    my $works = sub { read_file($_[0]) =~ /\) [RD] [^)]*\z/s };
    return until_true(sub {
        !grep { $works->($_) } map { glob "/proc/$_/task/*/stat" }
            $self->children;
    }, 1);
}

sub stop
{
    my ($self) = @_;
    $self->rested if $self->{pid};
    my $pid = delete $self->{pid} or return;
    kill TERM => $pid;
    my $ended = until_true(sub { waitpid($pid, WNOHANG) == $pid });
    if ($ended) {
        $self->{exit} = $?;
    } else {
        kill KILL => $pid;
        waitpid $pid, 0;
        $self->{exit} = 'it had to be killed';
    }
    return;
}

# --- logs ----------------------------------------------------------------

sub error_log
{
    my ($self) = @_;
    return whole_lines("$self->{root}/logs/error.log");
}

# A line that is being written may be there in part.
sub whole_lines
{
    my ($path) = @_;
    return read_file($path) =~ /^(.*)\n/mg;
}

# One hash a line, oldest first; "-" as it stands.
sub access_log
{
    my ($self) = @_;
    my @lines = whole_lines("$self->{root}/logs/access.log");
    return map { my $line = $_;
        +{ map { split /=/, $_, 2 } split / /, $line } } @lines;
}

# The access log's line of a request id; it is written once all was sent.
sub logged
{
    my ($self, $id) = @_;
    return until_true(sub {
        my ($line) = grep { $_->{id} eq $id } $self->access_log;
        return $line;
    });
}

# Every byte that this server wrote anywhere.
sub everything_written
{
    my ($self) = @_;
    return join '', map { read_file($_) }
        grep { -f && !m{/conf/} } glob "$self->{root}/*/*";
}

sub output
{
    my ($self) = @_;
    return read_file("$self->{root}/logs/stderr")
        . read_file("$self->{root}/logs/error.log");
}

sub empty_logs
{
    my ($self) = @_;
    unlink glob "$self->{root}/logs/*";
}

# Tests fill the MPM on purpose, and it says so. A child that looks for leaks
# at its end is asked twice to end.
my $full = qr/AH(?:00161|00287|00286|00484|00485|10159|03490):/;
my $slow = qr/AH00045:/;

# The last test of every file: the server ends by itself, nothing crashed,
# no sanitizer spoke, the key is nowhere, and the error log holds no line of
# level warn or above but those allowed (by patterns).
sub log_clean
{
    my ($self, @allowed) = @_;
    $self->stop;
    my @bad = $self->unclean(@allowed);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok(!@bad, "$self->{mpm}: clean end and clean logs")
        or Test::More::diag(join "\n", @bad > 40 ? (@bad[0 .. 39], '...')
            : @bad);
    $self->clear;
    return !@bad;
}

sub unclean
{
    my ($self, @allowed) = @_;
    my @bad;
    push @bad, "httpd ended with $self->{exit}" if $self->{exit};
    for my $line (split /\n/, $self->output) {
        if ($line =~ /\A\[[^\]]*\] \[[^\]:]*:(\w+)\]/) {
            my $level = $1;
            push @bad, $line if $line =~ /exit signal/;
            next unless $level =~ /\A(?:warn|error|crit|alert|emerg)\z/;
        }
        next if grep { $line =~ $_ } $full, @allowed,
            sanitized() ? $slow : ();
        push @bad, $line;
    }
    for my $file (glob "$self->{root}/san/*") {
        push @bad, map {; 'sanitizer:', split /\n/ } reports($file);
    }
    push @bad, 'core file' if glob "$self->{root}/{,run/,logs/}core*";
    push @bad, 'the key was written somewhere'
        if index($self->everything_written, $CANARY) >= 0;
    return @bad;
}

# What a sanitizer wrote; of races only those that the module is part of.
sub reports
{
    my ($file) = @_;
    my $text = read_file($file);
    return $text unless $file =~ m{/tsan[^/]*\z};
    return grep { /mod_llm\.so/ && !is_of_stopping($_) }
        split /^={10,}\n/m, $text;
}

# What httpd does when it stops hard, whoever is at work: the main thread of
# worker closes the sockets of its threads, and a child of prefork destroys
# its request, with the mutex that it holds, in a signal handler.
sub is_of_stopping
{
    my ($report) = @_;
    return 1 if $report =~ /destroy of a locked mutex/
        && $report =~ /^ +Mutex .* created at:\n.*\n +#1 apr_thread_mutex_/m;
    return $report =~ /data race/ && $report =~ /is file descriptor/
        && $report =~ /by main thread:\n +#0 close .*\n +#1 .*libapr/;
}

sub clear
{
    my ($self) = @_;
    my $root = delete $self->{root} or return;
    $ENV{LLM_KEEP} ? Test::More::diag("kept: $root")
        : remove_tree($root, { error => \my $error });
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!, $@);
    $self->stop;
    $self->clear;
}

# What has not been stopped when a test ends, ended badly: show its log.
END {
    for my $self (grep { $_ && $_->{owner} == $$ && $_->{pid} } @alive) {
        my @tail = split /\n/, $self->output;
        splice @tail, 0, -25 if @tail > 25;
        print STDERR map { "#   $_\n" } @tail;
        $self->DESTROY;
    }
}
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

sub read_file
{
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

sub write_file
{
    my ($path, $text) = @_;
    open my $file, '>', $path or croak "$path: $!";
    print $file $text;
    close $file or croak "$path: $!";
}

1;
