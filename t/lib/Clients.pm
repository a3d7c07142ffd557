package Clients;

# The official SDKs (t/clients, installed by `make clients`), the fake
# providers behind the gateway, and a gateway that knows them all by the
# models to-openai, to-responses, to-anthropic and to-gemini.
#
#     Clients->need;
#     my $fake = Clients->fake;
#     my $gw = Gateway->start(conf => $fake->section);
#     $fake->drive($gw, 'drive_openai.mjs', SDK => 'openai6');

use strict;
use warnings;
use File::Copy qw(copy);
use File::Find ();
use File::Path qw(make_path remove_tree);
use Gateway;
use Test::More;

our $AT = $ENV{LLM_CLIENTS} || "$Gateway::TOP/build/clients";

sub need
{
    Gateway->need_module;
    my $node = Gateway::run(qw(node --version));
    Gateway->need('node 20 or later', $node =~ /^v(\d+)/ && $1 >= 20);
    Gateway->need("$AT/node_modules (make clients)",
        -d "$AT/node_modules/\@google/genai");
}

# The programs beside the packages that they import. Each test has its own
# copy: others may be starting.
sub fake
{
    my ($class) = @_;
    my $self = bless { dir => "$AT/test-$$", owner => $$ }, $class;
    my $from = "$Gateway::TOP/t/clients";
    File::Find::find({ no_chdir => 1, wanted => sub {
        return unless -f && /\.mjs\z/;
        my $to = $self->{dir} . substr $_, length $from;
        make_path($to =~ s{/[^/]*\z}{}r);
        copy($_, $to) or die "$_: $!";
    } }, $from);
    return $self->start;
}

sub start
{
    my ($self) = @_;
    $self->{pid} = open my $out, '-|';
    die "fork: $!" unless defined $self->{pid};
    if (!$self->{pid}) {
        $ENV{KEY} = $Gateway::CANARY;
        exec 'node', "$self->{dir}/fake.mjs" or POSIX::_exit(127);
    }
    my $said = <$out>;
    BAIL_OUT('the fake providers do not start')
        unless defined $said && $said =~ /listening on (\d+)/;
    @$self{qw(port out)} = ($1, $out);
    return $self;
}

sub url { "http://127.0.0.1:$_[0]{port}" . ($_[1] || '') }

my %base = (openai => '/chat/v1', responses => '/v1',
    anthropic => '/claude/v1', gemini => '/google/v1beta');
my %dialect = (openai => 'openai', responses => 'openai responses',
    anthropic => 'anthropic', gemini => 'gemini');
my %model = (openai => 'gpt-5.4-mini', responses => 'gpt-5.4-mini',
    anthropic => 'claude-sonnet-4-5', gemini => 'gemini-3.5-flash');

# The providers and models of a gateway.
sub section
{
    my ($self) = @_;
    my $facts = "$Gateway::TOP/conf/llm-models.conf";
    my $text = -e $facts ? "Include $facts\n" : '';
    for my $name (sort keys %base) {
        my $url = $self->url($base{$name});
        $text .= <<"CONF";
<LLMProvider fake-$name>
    LLMRetry attempts=1
    LLMBreaker off
    LLMDialect $dialect{$name}
    LLMBaseURL $url
    LLMKey env:FAKE_KEY
</LLMProvider>
LLMModel to-$name fake-$name/$model{$name}
LLMModel gpt-5.4-to-$name fake-$name/$model{$name}
LLMModel claude-sonnet-4-5-to-$name fake-$name/$model{$name}
LLMModel gemini-3.5-flash-to-$name fake-$name/$model{$name}
LLMModel embed-$name fake-$name/embed-small
CONF
    }
    return $text . <<'CONF';
LLMModel newest fake-anthropic/claude-sonnet-5
<Location "/llm/drop">
    LLMUnsupported drop
</Location>
CONF
}

# One program against a gateway, or without one against the providers: node's
# own TAP, test by test.
sub drive
{
    my ($self, $gw, $file, %env) = @_;
    my $pid = open my $tap, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        delete @ENV{ grep { /^(?:GATEWAY$|OPENAI|ANTHROPIC|GOOGLE|GEMINI)_/ }
            keys %ENV };
        %ENV = (%ENV, %env, FAKE => $self->url,
            $gw ? (GATEWAY => $gw->url('/llm')) : ());
        chdir $self->{dir};
        exec 'node', '--test-reporter=tap', $file or POSIX::_exit(127);
    }
    report($tap);
    close $tap;
    is $?, 0, "$file ends well";
}

# Passes on what node says; of a failure also why.
sub report
{
    my ($tap) = @_;
    my ($why, $failed) = ('', 0);
    my $tell = sub {
        diag $why if $failed && length $why;
        ($why, $failed) = ('', 0);
    };
    while (my $line = <$tap>) {
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            $tell->();
            $failed = $1 ? 1 : 0;
            ok !$failed, $2;
        } elsif ($line =~ /^# Subtest/) {
            $tell->();
        } elsif ($failed && length $why < 2000
            && $line !~ /^\s+(?:---|\.\.\.|duration_ms|type|name|location)/) {
            $why .= $line;
        }
    }
    $tell->();
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill TERM => $self->{pid} if $self->{pid};
    remove_tree($self->{dir});
}

1;
