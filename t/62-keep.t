# What was counted survives httpd: a stop, a crash, other memory; and what
# cannot be read is said, put aside, and does not stop anything.

use strict;
use warnings;
use lib 't/lib', 'lib';
use File::Temp ();
use Gateway;
use Test::More;
use Upstream;

Gateway->need_module;

my $words = [ 'one ', 'two ', 'three' ];
my $up = Upstream->start(
    good => [ whole(completion()) ],
    bad => [ answer(500, '{}') ],
    held => [ gate('held'), stream([ deltas($words, usage => 1) ]) ],
    never => [ ['hang'] ],
);

# --- directories ------------------------------------------------------------

# For httpd's user to make its own in; /meter in it is the file.
sub new_dir
{
    my $dir = File::Temp->newdir('mod_llm-keep-XXXXXXXX', TMPDIR => 1);
    chmod 0755, "$dir";
    return $dir;
}

sub meter { return "$_[0]/state/meter" }
sub bytes_of { return Gateway::read_file(meter($_[0])) }

sub gateway
{
    my ($dir, %how) = @_;
    my $size = delete $how{size} || '1M';
    return Gateway->start(%how, conf => conf($dir, $size));
}

sub conf
{
    my ($dir, $size) = @_;
    my $state = $dir ? "LLMStateDir $dir/state"
        : "<IfDefine NEVER>\nLLMStateDir none\n</IfDefine>";
    return $up->section('fake') . "$state\nLLMMeterSize $size\n"
        . join '', map { "LLMModel $_ fake/$_\n" } qw(good bad held never);
}

# How many calls the file counts: the first number of each row, as the first
# name says.
sub calls_in
{
    my ($bytes) = @_;
    return -1 if length $bytes < 46;
    my ($rows, $names, $first) = unpack 'x24 V v C/a', $bytes;
    my ($at, $calls) = (30, 0);
    return -1 if $first ne 'calls';
    $at += 1 + unpack "x$at C", $bytes for 1 .. $names;
    for (1 .. $rows) {
        $at += 1 + unpack "x$at C", $bytes for 1 .. 3;
        my $n = unpack "x$at v", $bytes;
        my ($which, $low) = unpack 'x' . ($at + 2) . ' v V', $bytes;
        $calls += $low if $which == 0;
        $at += 2 + 10 * $n;
    }
    return $at == length($bytes) - 16 ? $calls : -1;
}

# --- what was counted ---------------------------------------------------------

sub counted
{
    my ($gw) = @_;
    $gw->idle;
    my $status = $gw->status;
    delete $status->{$_} for qw(uptime in_flight health);
    delete $status->{meter};
    return $status;
}

sub calls { my ($gw) = @_; $gw->idle; return $gw->status->{totals}{calls} }

sub use_it
{
    my ($gw) = @_;
    $gw->chat('good') for 1 .. 3;
    $gw->chat('bad');
    $gw->chat('good', '"stream":true');
    $gw->chat('nobody knows it');
}

sub a_second_later
{
    my ($gw) = @_;
    my $since = $gw->status->{since};
    Gateway::until_true(sub { time > $since });
}

# httpd 2.4 may crash when it is stopped in the moment in which a thread gives
# a connection back, with or without this module: until no thread does anything.
sub quiet
{
    my ($gw) = @_;
    my $twice = 0;
    return Gateway::until_true(sub {
        my $busy = grep { Gateway::read_file($_) !~ /\A\d+ \(.*\) S /s }
            map { glob "/proc/$_/task/*/stat" } $gw->children;
        $twice = $busy ? 0 : $twice + 1;
        return $twice == 2;
    });
}

sub stopped
{
    my ($gw, @allowed) = @_;
    quiet($gw) if $gw->{pid};
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $gw->log_clean(@allowed);
}

# As the power goes: nobody may say a last word.
sub kill_all
{
    my ($gw) = @_;
    kill STOP => $gw->{pid};
    my @children = $gw->children;
    my $pid = delete $gw->{pid};
    kill KILL => @children, $pid;
    waitpid $pid, 0;
    Gateway::until_true(sub { !grep { kill 0 => $_ } @children });
}

my @failed = qr/LLM0010/;        # the provider failed

# --- stops --------------------------------------------------------------------

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm: stop and start" => sub {
        my $dir = new_dir();
        my $gw = gateway($dir, mpm => $mpm);
        is calls($gw), 0, 'the first start counts from zero';
        use_it($gw);
        a_second_later($gw);
        my $before = counted($gw);
        is $before->{totals}{calls}, 6, 'it counts';
        stopped($gw, @failed);
        is calls_in(bytes_of($dir)), 6, 'and keeps that';
        is_deeply [ sort map { s{.*/}{}r } glob "$dir/state/*" ],
            [ 'meter', 'meter.lock' ], 'in one file and its lock';
        is((stat meter($dir))[2] & 07777, 0600, 'for nobody else');

        $gw = gateway($dir, mpm => $mpm);
        is_deeply counted($gw), $before, 'the next start goes on with it';
        $gw->gone($gw->graceful);
        is_deeply counted($gw), $before, 'a graceful restart adds nothing';
        use_it($gw);
        is calls($gw), 12, 'and counting goes on';
        $gw->graceful;
        $before = counted($gw);
        is $before->{totals}{calls}, 12, 'over one more';
        stopped($gw, @failed);

        $gw = gateway($dir, mpm => $mpm);
        is_deeply counted($gw), $before, 'and over one more stop';
        stopped($gw);
    };
}

subtest 'a call that a stop ends is counted' => sub {
    my $dir = new_dir();
    my $gw = gateway($dir, mpm => 'event', children => 1);
    my $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {}, Gateway::question('never'));
    Gateway::until_true(sub { $gw->status->{in_flight} == 1 });
    stopped($gw);
    $gw = gateway($dir, mpm => 'event');
    is $gw->row('fake', 'never')->{faults}{stopping}, 1, 'as stopping';
    is calls($gw), 1, 'once';
    stopped($gw);
};

# --- crashes ------------------------------------------------------------------

subtest 'everything is killed' => sub {
    my $dir = new_dir();
    my $gw = gateway($dir);
    use_it($gw);
    my $before = counted($gw);
    ok Gateway::until_true(sub { calls_in(bytes_of($dir)) == 6 }),
        'what was counted is written soon';
    my @is = stat meter($dir);
    kill_all($gw);
    is_deeply [ (stat meter($dir))[1, 9] ], [ @is[1, 9] ],
        'nothing was said at the end';
    stopped($gw, @failed);
    $gw = gateway($dir);
    is_deeply counted($gw), $before, 'nothing is lost';
    stopped($gw);
};

subtest 'a child is killed' => sub {
    my $dir = new_dir();
    my $gw = gateway($dir);
    use_it($gw);
    $gw->idle;
    kill KILL => my @children = $gw->children;
    $gw->gone(@children);
    Gateway::until_true(sub { $gw->children >= 2 });
    is calls($gw), 6, 'the next one loads nothing';
    stopped($gw, @failed, qr/exit signal Killed/);
    $gw = gateway($dir);
    is calls($gw), 6, 'and saves all';
    stopped($gw);
};

# --- other memory -------------------------------------------------------------

subtest 'LLMMeterSize changes while a call lasts' => sub {
    my $dir = new_dir();
    my $gw = gateway($dir, mpm => 'event');
    use_it($gw);
    $gw->idle;
    my $since = $gw->status->{since};
    my @first = $gw->children;
    my $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {},
        Gateway::question('held', '"stream":true'));
    $up->await(at_gate => 1);

    a_second_later($gw);
    $gw->{conf} = conf($dir, '2M');
    $gw->configure;
    $gw->graceful;
    is $gw->status->{meter}{bytes}, 2 << 20, 'there is other memory';
    is $gw->status->{totals}{calls}, 6, 'with what was counted';
    is $gw->status->{since}, $since, 'since the same time';
    $gw->chat('good');
    $up->release('held');
    $wire->head;
    like join('', $wire->events), qr/DONE/, 'the call ends in the old';
    ok $gw->gone(@first), 'and so does its process';
    ok Gateway::until_true(sub { $gw->status->{totals}{calls} == 8 }),
        'its last call comes over';
    my $before = counted($gw);
    stopped($gw, @failed);

    $gw = gateway($dir, size => '4M');
    is_deeply counted($gw), $before, 'the file is that of the new memory';
    stopped($gw);
};

# --- damage -------------------------------------------------------------------

my %damage = (
    'a flipped bit' => sub { substr($_[0], 60, 1) ^= "\x10" },
    'cut in half' => sub { $_[0] = substr $_[0], 0, length($_[0]) / 2 },
    'empty' => sub { $_[0] = '' },
    'something else' => sub { $_[0] = "not mine\n" x 10 },
);

for my $how (sort keys %damage) {
    subtest "a damaged file: $how" => sub {
        my $dir = new_dir();
        my $gw = gateway($dir);
        use_it($gw);
        stopped($gw, @failed);
        my $bytes = bytes_of($dir);
        $damage{$how}->($bytes);
        Gateway::write_file(meter($dir), $bytes);

        $gw = gateway($dir);
        is calls($gw), 0, 'counting begins anew';
        $gw->chat('good');
        is scalar(grep { /LLM0123/ } $gw->error_log), 1, 'it says so, once';
        is Gateway::read_file(meter($dir) . '.bad'), $bytes, 'it is kept';
        stopped($gw, qr/LLM0123/);

        $gw = gateway($dir);
        is calls($gw), 1, 'and all is well again';
        stopped($gw);
    };
}

subtest 'a file that cannot be had' => sub {
    my $dir = new_dir();
    my $gw = gateway($dir);
    use_it($gw);
    stopped($gw, @failed);
    unlink meter($dir) . '.lock';
    mkdir meter($dir) . '.lock';

    $gw = gateway($dir, children => 1);
    is calls($gw), 0, 'nothing is loaded';
    $gw->chat('good');
    is scalar(grep { /LLM0121/ } $gw->error_log), 1, 'it says so, once';
    is calls_in(bytes_of($dir)), 6, 'the file is left alone';
    rmdir meter($dir) . '.lock';
    ok Gateway::until_true(sub { calls($gw) == 7 }),
        'as soon as it can be had, it is added';
    stopped($gw, qr/LLM0121/);
    $gw = gateway($dir);
    is calls($gw), 7, 'and saved';
    stopped($gw);
};

subtest 'two servers, one directory' => sub {
    my $dir = new_dir();
    my $one = gateway($dir);
    $one->chat('good');
    my $two = gateway($dir);
    my $before = calls($two);           # 1 if it was time for one to save
    $two->chat('good') for 1 .. 5;
    stopped($one, qr/LLM0124/);
    my $after = calls_in(bytes_of($dir));       # the second's, if it was
    ok $after == $before || $after == $before + 5, 'the first one leaves it '
        . "alone: $before, $after";
    stopped($two);
    is calls_in(bytes_of($dir)), $before + 5, 'it is the second one\'s';
};

subtest 'no directory' => sub {
    my $gw = gateway(undef);
    use_it($gw);
    is calls($gw), 6, 'it counts';
    my $dir = new_dir();
    $gw->{conf} = conf($dir, '1M');
    $gw->configure;
    $gw->graceful;
    is calls($gw), 6, 'a reload may name one';
    stopped($gw, @failed);
    is calls_in(bytes_of($dir)), 6, 'which then has all';
    $gw = gateway(undef);
    is calls($gw), 0, 'without one each start begins anew';
    stopped($gw);
};

done_testing;
