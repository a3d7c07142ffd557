# Which target of a chain is asked: weights, conditions, orders, breakers that
# open, and what a client brings of its own.

use strict;
use warnings;
use lib 't/lib', 'lib';
use Gateway;
use Outcome;
use Test::More;
use Upstream;

Gateway->need_module;

my $good = completion();
# How time passes: a provider that takes a moment, in seconds.
sub takes { return [ [ wait => $_[0] ], whole($good) ] }

my %say = (good => sub { $_[0]{json}{stream} ? stream([ deltas(['hi']) ])
    : whole($good) });

# How often each model was asked since `forget`.
sub tally
{
    my ($up) = @_;
    my %n;
    $n{ $_->{model} }++ for @{ $up->requests };
    return \%n;
}

# A question on a connection of its own that is kept: in prefork each wire
# that is open has a process of its own.
sub over
{
    my ($wire, $model) = @_;
    $wire->request(POST => $Gateway::CHAT, {}, Gateway::question($model));
    return $wire->answer;
}

# --- shares and conditions -----------------------------------------------

subtest 'weights' => sub {
    my $up = Upstream->start(default => $say{good});
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . "LLMModel m one/a weight=3 two/b weight=1\n"
        . "LLMModel n one/a two/b\n"
        . "LLMModel k one/a weight=1 one/b weight=1 two/c weight=1"
        . " two/d weight=1\n");
    my $wire = $gw->wire;
    over($wire, 'm') for 1 .. 400;
    my $n = tally($up);
    cmp_ok $n->{a}, '>', 250, "three of four: $n->{a} of 400";
    cmp_ok $n->{a}, '<', 350, 'and not more';
    is $n->{a} + $n->{b}, 400, 'nobody else, nobody twice';
    $up->forget;
    over($wire, 'k') for 1 .. 400;
    $n = tally($up);
    ok $n->{$_} > 50 && $n->{$_} < 150, "a quarter: $_ $n->{$_}"
        for qw(a b c d);
    $up->forget;
    over($wire, 'n') for 1 .. 20;
    is_deeply tally($up), { a => 20 }, 'without weights the first';
    $gw->log_clean;
};

subtest 'weights share, and rescue each other' => sub {
    my $up = Upstream->start(bad => [ fault(500) ], default => $say{good});
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . "LLMModel m one/bad weight=1 two/b weight=1 two/last\n");
    my $wire = $gw->wire;
    my $ok = grep { over($wire, 'm')->{status} == 200 } 1 .. 60;
    my $n = tally($up);
    is $ok, 60, 'all served';
    is $n->{b}, 60, 'by the other half';
    cmp_ok $n->{bad}, '>', 10, 'the one was asked, too';
    is $n->{last}, undef, 'who is not their equal waits';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'conditions' => sub {
    my $up = Upstream->start(default => $say{good});
    my $gw = Gateway->start(conf => $up->section('fake') . <<'CONF');
LLMModel by-header fake/gold when="%{HTTP:X-Plan} == 'gold'" fake/plain
LLMModel by-size fake/small when="%{ENV:LLM_BYTES_IN} -lt 300" fake/large
LLMModel by-model fake/mine when="%{ENV:LLM_MODEL} == 'by-model'" fake/other
LLMModel by-either fake/a when="%{HTTP:X-Plan} == 'a'" fake/b when="%{HTTP:X-Plan} == 'b'"
LLMModel w-* fake/*  when="%{HTTP:X-Plan} == 'gold'" fake/plain
CONF
    my $asked = sub {
        my ($model, $more, %headers) = @_;
        $up->forget;
        my $answer = $gw->chat($model, $more, %headers);
        return join ' ', $answer->{status}, sort keys %{ tally($up) };
    };
    is $asked->('by-header', undef, 'X-Plan' => 'gold'), '200 gold',
        'a header has its way';
    is $asked->('by-header'), '200 plain', 'and without it another';
    is $asked->('by-size'), '200 small', 'a small body';
    is $asked->('by-size', '"user":"' . 'x' x 400 . '"'), '200 large',
        'a large one';
    is $asked->('by-model'), '200 mine', 'the model';
    is $asked->('w-x', undef, 'X-Plan' => 'gold'), '200 w-x', 'a wildcard';
    is $asked->('w-x'), '200 plain', 'a wildcard without';
    is $asked->('by-either', undef, 'X-Plan' => 'b'), '200 b', 'the second';
    is $asked->('by-either'), '404', 'nobody who may';
    is $gw->chat('by-either')->{json}{error}{code}, 'model_not_found',
        'is told as a model that is not there';
    $gw->log_clean;
};

subtest 'a condition on who asks' => sub {
    my $up = Upstream->start(default => $say{good});
    my $gw = Gateway->start(modules => [qw(auth_basic authn_file authz_user)],
        conf => $up->section('fake') . 'LLMModel m fake/vip '
        . q(when="%{REMOTE_USER} == 'anna'" fake/plain) . "\n",
        location => <<'CONF');
AuthType Basic
AuthName x
AuthBasicProvider file
AuthUserFile @ROOT@/conf/users
Require valid-user
CONF
    chomp(my $hash = Gateway::run(qw(openssl passwd -apr1 pw)));
    Gateway::write_file("$gw->{root}/conf/users",
        "anna:$hash\nbert:$hash\n");
    for my $who (qw(anna bert)) {
        is $gw->chat('m', undef, Authorization => 'Basic '
            . Gateway::base64("$who:pw"))->{status}, 200, $who;
    }
    is_deeply [ map { $_->{model} } @{ $up->requests } ], [qw(vip plain)],
        'each has his own';
    $gw->log_clean;
};

subtest 'a condition holds for rescue, too' => sub {
    my $up = Upstream->start(bad => [ fault(500) ], default => $say{good});
    my $gw = Gateway->start(conf => $up->section('fake')
        . 'LLMModel m fake/bad fake/b when="%{HTTP:X-Plan} == \'b\'" fake/c'
        . "\n");
    is $gw->chat('m')->{status}, 200, 'rescued';
    is_deeply tally($up), { bad => 1, c => 1 }, 'by who may';
    $gw->log_clean(qr/LLM0010/);
};

# --- what was refused ----------------------------------------------------

subtest 'a longer context, another judgement' => sub {
    my $context = [ fault(400, { code => 'context_length_exceeded' }) ];
    my $policy = [ fault(400, { code => 'content_policy_violation' }) ];
    my $says = [ fault(400, { message => 'This model\'s maximum context '
        . 'length is 8192 tokens. However, you requested 9000 tokens.' }) ];
    my $up = Upstream->start(short => $context, brief => $context,
        says => $says,
        prude => $policy, stern => $policy, default => $say{good});
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . <<'CONF');
LLMModelInfo short context=8K
LLMModelInfo wide context=200K
LLMModel longer one/short context=8K one/same context=8K two/brief context=16K two/long context=200K
LLMModel none one/short context=8K two/same context=8K
LLMModel equal one/short context=8000 two/brief context=8K one/long context=9K
LLMModel even one/short two/other context=8K
LLMModel unknown one/short two/short two/anybody
LLMModel facts one/short two/wide
LLMModel told one/says one/tiny context=8192 two/wide
LLMModel all one/says one/brief two/short
LLMModel other one/prude one/any two/kind on=content
LLMModel strict one/prude two/any
LLMModel both one/prude two/stern on=content one/kind on=content
CONF
    my @due = (
        [ longer => 200, { short => 1, brief => 1, long => 1 } ],
        [ none => 400, { short => 1 } ],
        [ equal => 200, { short => 1, long => 1 } ],
        [ even => 400, { short => 1 } ],
        [ unknown => 200, { short => 1, anybody => 1 } ],
        [ facts => 200, { short => 1, wide => 1 } ],
        [ told => 200, { says => 1, wide => 1 } ],
        [ all => 400, { says => 1, brief => 1 } ],
        [ other => 200, { prude => 1, kind => 1 } ],
        [ strict => 400, { prude => 1 } ],
        [ both => 200, { prude => 1, stern => 1, kind => 1 } ]);
    for (@due) {
        my ($model, $status, $asked) = @$_;
        for my $streamed (0, 1) {
            $up->forget;
            my $answer = outcome($gw, $model, $streamed);
            is $answer->{status}, $status, "$model: status";
            is_deeply tally($up), $asked, "$model: who was asked";
        }
    }
    is $gw->chat('none')->{json}{error}{code}, 'context_length_exceeded',
        'the reason is told';
    like $gw->chat('all')->{json}{error}{message},
        qr/\AThis model's maximum .* \(tried: one\)\z/s, 'the first one\'s';
    is $gw->chat('strict')->{json}{error}{code}, 'content_policy_violation',
        'of the other, too';
    $gw->log_clean;
};

# --- orders --------------------------------------------------------------

subtest 'the fastest, the cheapest, the least busy' => sub {
    my $up = Upstream->start(slow => takes(1),
        held => [ gate('held'), whole($good) ], default => $say{good});
    my $gw = Gateway->start(children => 1, conf => $up->section('one')
        . $up->section('two') . <<'CONF');
LLMModelInfo dear price=10/30
LLMModelInfo fair price=1/3
LLMModelInfo cheap price=0.1/0.3
LLMModel prices one/unknown one/dear two/cheap one/fair order=cheapest
LLMModel fast one/slow two/quick order=fastest
LLMModel cheapest one/first two/second order=cheapest
LLMModel idle one/held two/free order=least-busy
CONF
    $gw->chat('fast') for 1 .. 4;
    $up->forget;
    $gw->chat('fast') for 1 .. 10;
    is_deeply tally($up), { quick => 10 }, 'the quicker one, once it is known';
    $up->forget;
    $gw->chat('cheapest') for 1 .. 5;
    is_deeply tally($up), { first => 5 },
        'where no price is known, as they stand';
    $up->forget;
    $gw->chat('prices') for 1 .. 5;
    is_deeply tally($up), { cheap => 5 }, 'the cheapest';
    $up->forget;
    my $wire = $gw->wire;
    $wire->request(POST => $Gateway::CHAT, {}, Gateway::question('idle'));
    ok $up->await(at_gate => 1), 'one is busy';
    is $gw->chat('idle')->{status}, 200, 'another call' for 1 .. 3;
    is_deeply tally($up), { held => 1, free => 3 }, 'the other one is asked';
    $up->release('held');
    $wire->answer;
    ok $gw->idle, 'idle';
    $gw->log_clean;
};

# --- breakers ------------------------------------------------------------

my $brittle = 'LLMBreaker window=1h calls=4 rate=50% rest=1h..1h';

for my $streamed (0, 1) {
    subtest 'an open breaker is seen by all children'
        . ($streamed ? ', streamed' : '') => sub {
        my $up = Upstream->start(bad => [ fault(500) ],
            default => $say{good});
        my $gw = Gateway->start(mpm => 'prefork', children => 3,
            conf => $up->section('one', $brittle) . $up->section('two')
            . "LLMModel m one/bad two/s\nLLMModel other one/x\n");
        my @wires = map { $gw->wire } 1 .. 3;
        my @asked;
        for my $wire (($wires[0]) x 6, @wires) {
            $wire->request(POST => $Gateway::CHAT, {}, Gateway::question('m',
                $streamed ? '"stream":true' : undef));
            my $answer = $wire->answer;
            is $answer->{status}, 200, 'served';
            push @asked, $answer->{headers}{'x-llm-attempts'};
        }
        is_deeply \@asked, [ (2) x 4, (1) x 5 ],
            'after four failures nobody asks it';
        is_deeply tally($up), { bad => 4, s => 9 }, 'by the fake';
        is over($wires[1], 'other')->{status}, 200,
            'another model of the provider is well';
        $_->close for @wires;
        $gw->log_clean(qr/LLM0010/);
    };
}

subtest 'a breaker counts what is the provider\'s fault alone' => sub {
    my @calm = ([ fault(422) ],
        [ fault(400, { code => 'context_length_exceeded' }) ],
        [ fault(400, { code => 'content_policy_violation' }) ],
        [ fault(429) ]);
    my $up = Upstream->start(
        m => sub { @{ $calm[ $_[0]{n} % 4 ] } },
        half => sub { $_[0]{n} % 3 ? whole($good) : fault(500) },
        default => $say{good});
    my $gw = Gateway->start(children => 1, conf => $up->section('one',
        $brittle) . $up->section('two')
        . "LLMModel m one/m two/s\nLLMModel half one/half two/s\n");
    $gw->chat('m') for 1 .. 12;
    is_deeply tally($up), { m => 12, s => 6 },
        'what is no failure opens none';
    $up->forget;
    $gw->chat('half') for 1 .. 18;
    is tally($up)->{half}, 18, 'a third of failures is less than half';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'all are open: they are tried anyway' => sub {
    my $up = Upstream->start(a => [ fault(500) ], b => [ fault(503) ]);
    my $gw = Gateway->start(children => 1, conf => $up->section('one',
        $brittle) . $up->section('two', $brittle)
        . "LLMModel m one/a two/b\n");
    is $gw->chat('m')->{status}, 502, 'both fail' for 1 .. 4;
    $up->forget;
    is $gw->chat('m')->{status}, 502, 'and again';
    is_deeply tally($up), { a => 1, b => 1 }, 'each was asked, once';
    $up->script(a => whole($good));
    is $gw->chat('m')->{status}, 200, 'when it is well again, it answers';
    $up->forget;
    is $gw->chat('m')->{headers}{'x-llm-attempts'}, 1, 'and is closed';
    is_deeply tally($up), { a => 1 }, 'the first is the first again';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'a restart keeps what is known' => sub {
    my $up = Upstream->start(bad => [ fault(500) ], default => $say{good});
    my $gw = Gateway->start(conf => $up->section('one', $brittle)
        . $up->section('two') . "LLMModel m one/bad two/s\n");
    $gw->chat('m') for 1 .. 4;
    $up->forget;
    ok $gw->gone($gw->graceful), 'graceful';
    is $gw->chat('m')->{headers}{'x-llm-attempts'}, 1, 'known still';
    $gw->settled;
    my $times = $gw->resumed;
    kill HUP => $gw->{pid};
    Gateway::until_true(sub { $gw->resumed > $times });
    is $gw->chat('m')->{headers}{'x-llm-attempts'}, 1, 'after a hard one, too';
    is_deeply tally($up), { s => 2 }, 'the other was left alone';
    $gw->log_clean(qr/LLM0010/, qr/AH0004[567]:/, qr/AH03092:/);
};

# 15: down for a while, then well, and a call every moment: the times of the
# issue by thirty.
for my $mpm (qw(event prefork)) {
    subtest "$mpm: down for a while" => sub {
        my $up = Upstream->start(m => [ fault(503) ], s => $say{good},
            tick => takes(0.08));
        my $gw = Gateway->start(mpm => $mpm, conf => $up->section('one',
            'LLMBreaker window=1h calls=3 rate=50% rest=200ms..600ms')
            . $up->section('two') . "LLMModel m one/m two/s\n"
            . "LLMModel tick two/tick\n");
        my ($n, $ok) = (0, 0);
        my $wire = $gw->wire;
        for (1 .. 25) {
            $ok++ if over($wire, 'm')->{status} == 200;
            $n++;
            over($wire, 'tick');
        }
        is $ok, $n, "all of $n are served";
        my @probes = grep { $_->{model} eq 'm' } @{ $up->requests };
        my @gaps = map { $probes[$_]{at} - $probes[ $_ - 1 ]{at} }
            3 .. $#probes;
        cmp_ok scalar @gaps, '>=', 2, 'it is probed';
        cmp_ok $gaps[0], '>=', 0.19, 'not before its rest is over';
        cmp_ok $gaps[1], '>=', 0.39, 'the second rest is twice as long';
        ok !grep({ $_ < 0.59 } @gaps[ 2 .. $#gaps ]), 'then it is the longest'
            or diag "@gaps";
        $up->script(m => whole($good));
        my $back = Gateway::until_true(sub {
            my $answer = over($wire, 'm');
            $ok++ if $answer->{status} == 200;
            $n++;
            return 1 if $answer->{headers}{'x-llm-provider'} eq 'one';
            return !over($wire, 'tick');
        }, 10);
        ok $back, 'back on the first when it is well';
        $up->forget;
        over($wire, 'm') for 1 .. 5;
        is_deeply tally($up), { m => 5 }, 'and stays there';
        is $ok, $n, "all of $n are served";
        $wire->close;
        $gw->log_clean(qr/LLM0010/);
    };
}

subtest 'one probe at a time' => sub {
    my $up = Upstream->start(m => [ fault(503) ], s => $say{good},
        tick => takes(0.15));
    my $gw = Gateway->start(children => 1, conf => $up->section('one',
        'LLMBreaker window=1h calls=2 rate=50% rest=100ms..100ms')
        . $up->section('two') . "LLMModel m one/m two/s\n"
        . "LLMModel tick two/tick\n");
    $gw->chat('m') for 1 .. 2;
    $up->script(m => gate('probe'), whole($good));
    $gw->chat('tick');
    $up->forget;
    my $probe = $gw->wire;
    $probe->request(POST => $Gateway::CHAT, {}, Gateway::question('m'));
    ok $up->await(at_gate => 1), 'a probe is out';
    is $gw->chat('m')->{headers}{'x-llm-provider'}, 'two', 'others pass by'
        for 1 .. 5;
    is tally($up)->{m}, 1, 'it is the only one';
    $up->release('probe');
    is $probe->answer->{status}, 200, 'it goes well';
    is $gw->chat('m')->{headers}{'x-llm-provider'}, 'one', 'and all come back';
    $gw->log_clean(qr/LLM0010/);
};

subtest 'a trial is one request' => sub {
    my $up = Upstream->start(m => [ fault(503) ], s => $say{good},
        tick => takes(0.25));
    my $gw = Gateway->start(children => 1, conf => $up->section('one',
        'LLMBreaker window=1h calls=2 rate=50% rest=200ms..200ms',
        'LLMRetry attempts=3 backoff=1ms..2ms')
        . $up->section('two') . "LLMModel m one/m two/s\n"
        . "LLMModel tick two/tick\n");
    $gw->chat('m');
    for (1 .. 2) {
        $gw->chat('tick');
        $up->forget;
        is $gw->chat('m')->{headers}{'x-llm-provider'}, 'two', 'it fails';
        is tally($up)->{m}, 1, 'and is not asked again';
    }
    $up->script(m => fault(422));
    $gw->chat('tick');
    is $gw->chat('m')->{status}, 422, 'what says nothing of it' for 1 .. 2;
    $gw->log_clean(qr/LLM0010/);
};

# --- while a call rests --------------------------------------------------

for my $mpm (qw(event prefork)) {
    for my $streamed (0, 1) {
        my $kind = "$mpm, " . ($streamed ? 'streamed' : 'whole');
        subtest "$kind: the client leaves while the call rests" => sub {
            my $up = Upstream->start(m => sub { $_[0]{n} == 1
                ? fault(429, {}, 'Retry-After' => 8) : whole($good) },
                s => $say{good});
            my $gw = Gateway->start(mpm => $mpm, conf => $up->section('one',
                'LLMRetry attempts=3 wait=10s') . $up->section('two')
                . "LLMModel m one/m two/s\n");
            my $wire = $gw->wire;
            $wire->request(POST => $Gateway::CHAT, {},
                Gateway::question('m', $streamed ? '"stream":true' : undef));
            ok $up->await(answered => 1), 'asked once';
            is $gw->status->{in_flight}, 1, 'and in flight';
            $wire->close;
            ok $gw->idle, 'it ends';
            is scalar @{ $up->requests }, 1, 'nothing is asked after it';
            is $gw->status->{totals}{faults}{client_gone}, 1, 'as client_gone';
            is $gw->status->{totals}{calls}, 1, 'one call';
            $gw->log_clean;
        };
    }
    subtest "$mpm: a graceful restart while a call rests" => sub {
        my $up = Upstream->start(m => sub { $_[0]{n} == 1
            ? fault(429, {}, 'Retry-After' => 2) : $say{good}->($_[0]) });
        my $gw = Gateway->start(mpm => $mpm, conf => $up->section('one',
            'LLMRetry attempts=2') . "LLMModel m one/m\n");
        my $wire = $gw->wire;
        $wire->request(POST => $Gateway::CHAT, {}, Gateway::question('m'));
        ok $up->await(answered => 1), 'asked once';
        my @old = $gw->graceful;
        my $answer = $wire->answer;
        is $answer->{status}, 200, 'it is answered';
        is $answer->{headers}{'x-llm-attempts'}, 2, 'by the second attempt';
        ok $gw->gone(@old), 'the old children end';
        $gw->log_clean;
    };
    subtest "$mpm: a stop while a call rests" => sub {
        my $up = Upstream->start(m => [ fault(429, {}, 'Retry-After' => 60) ]);
        my $gw = Gateway->start(mpm => $mpm, conf => $up->section('one',
            'LLMRetry attempts=2 wait=2m') . "LLMModel m one/m\n");
        my @wires = map { $gw->wire } 1 .. 2;
        $wires[$_]->request(POST => $Gateway::CHAT, {}, Gateway::question('m',
            $_ ? '"stream":true' : undef)) for 0, 1;
        ok $up->await(answered => 2), 'both asked';
        my @children = $gw->children;
        $gw->stop;
        for my $wire (@wires) {
            my $answer = $wire->answer;
            ok !$answer || $answer->{status} == 503, 'refused, or closed'
                or diag $answer->{status};
        }
        ok Gateway::until_true(sub { !grep { -d "/proc/$_" } @children }),
            'no child stays';
        is scalar @{ $up->requests }, 2, 'nothing is asked after it';
        $gw->log_clean;
    };
}

# --- when Retry-After says -----------------------------------------------

subtest 'Retry-After in all its forms' => sub {
    my $date = sub {
        my @t = gmtime shift;
        return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
            (qw(Sun Mon Tue Wed Thu Fri Sat))[ $t[6] ], $t[3],
            (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $t[4] ],
            1900 + $t[5], @t[2, 1, 0];
    };
    my $info = Gateway::encode({ error => { code => 429, message => 'no',
        status => 'RESOURCE_EXHAUSTED', details => [ { '@type' =>
        'type.googleapis.com/google.rpc.RetryInfo',
        retryDelay => '0.7s' } ] } });
    my $gemini = '{"candidates":[{"content":{"role":"model","parts":'
        . '[{"text":"hi"}]},"finishReason":"STOP","index":0}],'
        . '"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,'
        . '"totalTokenCount":2}}';
    my $turn = sub { my ($bad, $well) = @_;
        return sub { $_[0]{n} == 1 ? $bad->() : $well } };
    my %n;
    my $up = Upstream->start(
        seconds => $turn->(sub { fault(429, {}, 'Retry-After' => 1) },
            whole($good)),
        ms => $turn->(sub { fault(429, {}, 'retry-after-ms' => 600,
            'Retry-After' => 9) }, whole($good)),
        date => $turn->(sub { fault(503, {}, 'Retry-After' =>
            $date->(2 + time)) }, whole($good)),
        odd => $turn->(sub { fault(429, {}, 'Retry-After' => 'soon') },
            whole($good)),
        far => $turn->(sub { fault(429, {}, 'Retry-After' => 86400) },
            whole($good)),
        '/v1beta/models/info:generateContent' => sub { $n{info}++
            ? whole($gemini) : answer(429, $info) });
    my $how = 'LLMRetry attempts=2 backoff=1ms wait=3s';
    my $gemini_section = $up->section('gem', $how, 'LLMDialect gemini');
    $gemini_section =~ s{/v1$}{/v1beta}m;
    my $gw = Gateway->start(conf => $up->section('one', $how)
        . $gemini_section . "LLMModel info gem/info\nLLMModel * one/*\n");
    my %due = (seconds => 0.95, ms => 0.55, date => 0.95, odd => 0,
        info => 0.65);
    my %wire;
    for my $model (sort keys %due) {
        $wire{$model} = $gw->wire;
        $wire{$model}->request(POST => $Gateway::CHAT, {},
            Gateway::question($model));
    }
    for my $model (sort keys %due) {
        my $answer = $wire{$model}->answer;
        is $answer->{status}, 200, "$model: answered";
        is $answer->{headers}{'x-llm-attempts'}, 2, "$model: at the second";
        my @at = map { $_->{at} } grep { $_->{model} eq $model
            || $_->{target} =~ m{/$model:} } @{ $up->requests };
        cmp_ok $at[1] - $at[0], '>=', $due{$model}, "$model: not before";
    }
    my $far = $gw->chat('far');
    is $far->{status}, 429, 'a day is not waited for';
    is $far->{headers}{'retry-after'}, 86400, 'but told';
    $gw->log_clean(qr/LLM0010/);
};

# --- the client's own chain ----------------------------------------------

subtest 'a chain that the client brings' => sub {
    my $up = Upstream->start(bad => [ fault(500) ], default => $say{good});
    my $gw = Gateway->start(conf => $up->section('one') . $up->section('two')
        . $up->section('three') . <<'CONF');
LLMModel m one/bad
LLMModel n two/n
LLMModel o two/bad three/o
LLMModel wild-* three/*
LLMModel hidden three/secret
CONF
    my $try = sub {
        my ($model, $more, %headers) = @_;
        $up->forget;
        my $answer = $gw->chat($model, $more, %headers);
        my @asked = map { $_->{model} } @{ $up->requests };
        ok !grep({ $_->{body} =~ /"(?:fallbacks|models)"/ }
            @{ $up->requests }), 'it stays at home';
        return join ' ', $answer->{status}, @asked;
    };
    is $try->('m'), '502 bad', 'without';
    is $try->('m', '"fallbacks":["n"]'), '200 bad n', 'fallbacks: a model';
    is $try->('m', '"fallbacks":[{"model":"n"}]'), '200 bad n', 'as objects';
    is $try->('m', '"fallbacks":["two/n"]'), '200 bad n', 'a target';
    is $try->('m', '"fallbacks":["o"]'), '200 bad bad o',
        'a model with a chain';
    is $try->('m', '"fallbacks":["wild-7"]'), '200 bad wild-7', 'a wildcard';
    is $try->('m', '"models":["n"]'), '200 bad n', 'models after model';
    is $try->('m', '"models":["m","n"]'), '200 bad n', 'model and models';
    is $try->('m', undef, 'x-llm-fallback' => 'n'), '200 bad n', 'a header';
    is $try->('m', undef, 'x-llm-fallback' => 'two/bad, n'),
        '200 bad bad n', 'with two';
    is $try->('n', '"fallbacks":["o"]'), '200 n', 'nobody needs it';
    is $try->('m', '"fallbacks":[]'), '502 bad', 'empty';
    is $try->('m', '"fallbacks":null'), '502 bad', 'null';
    is $try->('m', '"fallbacks":["nobody"]'), '404', 'of nobody';
    is $try->('m', '"fallbacks":"n"'), '400', 'no list';
    is $try->('m', '"fallbacks":[7]'), '400', 'no name';
    is $try->('m', '"fallbacks":["one/other"]'), '404',
        'a model that no line names';
    is $try->('two/n'), '200 n', 'provider/model, asked by its name';
    is $try->('three/anything'), '200 anything', 'one of a wildcard';
    is $try->('two/other'), '404', 'or not';
    is $try->('nowhere/n'), '404', 'a provider that is none';
    is $try->('one/bad', '"fallbacks":["two/n"]'), '200 bad n',
        'with a fallback';
    my $body = '{"models":["m","n"],"messages":[{"role":"user",'
        . '"content":"x"}]}';
    $up->forget;
    is $gw->post($Gateway::CHAT, $body)->{status}, 200, 'models alone';
    is_deeply tally($up), { bad => 1, n => 1 }, 'first to last';
    $up->forget;
    my $answer = outcome($gw, 'm', 1, '"fallbacks":["n"]');
    is $answer->{text}, 'hi', 'streamed';
    is $answer->{headers}{'x-llm-attempts'}, 2, 'attempts';
    is_deeply tally($up), { bad => 1, n => 1 }, 'asked';
    $gw->log_clean(qr/LLM0010/);
};

done_testing;
