package Configured;

# The configuration of a Gateway, written from what its test asked for.

use strict;
use warnings;
use Carp qw(croak);

sub configure
{
    my ($self) = @_;
    my $text = join '', $self->conf_modules, $self->conf_server,
        $self->conf_mpm, $self->conf_tls, $self->conf_llm;
    my %at = (ROOT => $self->{root}, PORT => $self->{port},
        TLSPORT => $self->{tls_port} || 0, TOP => $Gateway::TOP);
    $text =~ s/\@(ROOT|PORT|TLSPORT|TOP)\@/$at{$1}/g;
    Gateway::write_file("$self->{root}/conf/httpd.conf", $text);
}

sub modules_dir
{
    for ($ENV{LLM_HTTPD_MODULES}, qw(/usr/lib/apache2/modules
        /usr/lib64/httpd/modules /usr/local/apache2/modules)) {
        return $_ if defined && -d;
    }
    croak 'no directory of httpd modules found: set LLM_HTTPD_MODULES';
}

sub conf_modules
{
    my ($self) = @_;
    my $dir = modules_dir();
    my %seen;
    my @names = grep { !$seen{$_}++ } "mpm_$self->{mpm}",
        qw(authz_core authz_host authn_core mime env),
        ($self->{tls} ? 'ssl' : ()), ($self->{http2} ? 'http2' : ()),
        @{ $self->{modules} || [] };
    my $text = join '', map { "<IfModule !mod_$_.c>\n"
        . "LoadModule ${_}_module $dir/mod_$_.so\n</IfModule>\n" }
        grep { -e "$dir/mod_$_.so" } @names;
    $text .= 'LoadModule llm_module ' . Gateway::module() . "\n"
        if !defined $self->{module} || $self->{module};
    return $text;
}

sub conf_server
{
    my ($self) = @_;
    my $level = ($self->{log} || 'warn') . ($self->{tls} ? ' ssl:error' : '');
    my $drop = $> == 0 ? "User www-data\nGroup www-data\n" : '';
    return $drop . <<"CONF";
ServerName 127.0.0.1
ServerRoot \@ROOT\@
DefaultRuntimeDir \@ROOT\@/run
PidFile \@ROOT\@/run/httpd.pid
Listen 127.0.0.1:\@PORT\@
TypesConfig /dev/null
DocumentRoot \@ROOT\@/htdocs
ErrorLog \@ROOT\@/logs/error.log
ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P] %M"
LogLevel $level
LogFormat "id=%{X-Request-Id}o status=%>s bytes=%B conn=%X proto=%H url=%U model=%{LLM_MODEL}e provider=%{LLM_PROVIDER}e customer=%{LLM_CUSTOMER}e in=%{LLM_TOKENS_IN}e out=%{LLM_TOKENS_OUT}e ttft=%{LLM_TTFT_MS}e attempts=%{LLM_ATTEMPTS}e fault=%{LLM_FAULT}e" test
CustomLog \@ROOT\@/logs/access.log test
Timeout 60
KeepAlive On
MaxKeepAliveRequests 0
<Directory />
    AllowOverride None
    Require all granted
</Directory>
CONF
}

sub conf_mpm
{
    my ($self) = @_;
    my $children = $self->{children} || 2;
    my $text = "MaxConnectionsPerChild 0\nGracefulShutdownTimeout 10\n";
    if ($self->{mpm} eq 'prefork') {    # one connection a child: have more
        my $most = $self->{threads} || 16;
        $text .= "StartServers $children\nServerLimit $most\n"
            . "MaxRequestWorkers $most\n"
            . "MinSpareServers $children\nMaxSpareServers $most\n";
    } else {
        my $threads = $self->{threads} || 16;
        my $most = $children * $threads;
        my $slots = 4 * $children;      # old generations need some as well
        $text .= "StartServers $children\nServerLimit $slots\n"
            . "MaxRequestWorkers $most\n"
            . "ThreadsPerChild $threads\nThreadLimit $threads\n"
            . "MinSpareThreads 1\nMaxSpareThreads $most\n";
    }
    $text .= "AsyncRequestWorkerFactor 100\n" if $self->{mpm} eq 'event';
    return $text . ($self->{mpm_conf} || '') . "\n";
}

sub conf_tls
{
    my ($self) = @_;
    my $text = '';
    if ($self->{http2}) {
        my $both = $self->{tls} ? 'h2 h2c http/1.1' : 'h2c http/1.1';
        $text .= "Protocols $both\n";
    }
    return $text unless $self->{tls};
    my $root = $self->{root};
    return $text . <<"CONF";
Listen 127.0.0.1:\@TLSPORT\@
<VirtualHost 127.0.0.1:\@TLSPORT\@>
    SSLEngine on
    SSLCertificateFile $root/conf/cert.pem
    SSLCertificateKeyFile $root/conf/key.pem
</VirtualHost>
CONF
}

sub conf_llm
{
    my ($self) = @_;
    my $text = defined $self->{conf} ? "$self->{conf}\n" : '';
    my $module = !defined $self->{module} || $self->{module};
    return $text unless $module;
    $text = "LLMStateDir \@ROOT\@/state\n$text"
        unless $text =~ /^\s*LLMStateDir/m;
    return $text if defined $self->{locations} && !$self->{locations};
    my $more = $self->{location} || '';
    $more = "Require local\n$more" unless $more =~ /^\s*Require /m;
    return $text . <<"CONF";
<Location "/llm">
    SetHandler llm
$more
</Location>
<Location "/llm-status">
    SetHandler llm-status
    Require local
</Location>
CONF
}

# A certificate for 127.0.0.1 that signs itself.
sub make_certificate
{
    my ($self) = @_;
    my $conf = "$self->{root}/conf";
    my @command = (qw(openssl req -x509 -newkey ec -pkeyopt
        ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1
        -addext subjectAltName=IP:127.0.0.1),
        '-keyout', "$conf/key.pem", '-out', "$conf/cert.pem");
    my $said = Gateway::run(@command);
    croak "openssl made no certificate: $said" unless -s "$conf/cert.pem";
    $self->{ca} = "$conf/cert.pem";
}

1;
