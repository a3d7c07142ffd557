# mod_llm: the two commands are `make run` and `make test`.
#
# Plain make and cc; the flags are the ones httpd itself was built with.
# Everything generated goes under $(B), nothing else in the tree is written.

B     := build
APXS  ?= apxs
CLANG ?= clang
PORT  ?= 8080

apxs = $(shell $(APXS) -q $(1) 2>/dev/null)
apr  = $(shell apr-1-config $(1) 2>/dev/null)
pkg  = $(shell pkg-config $(1) libcurl json-c libsodium 2>/dev/null)

# Asked for only when something is compiled: a machine that has none of the
# packages yet must get as far as installing them.
ifneq ($(filter-out run test bench sanitize fuzz cover soak clean,\
        $(or $(MAKECMDGOALS),all)),)
ifeq ($(call apxs,INCLUDEDIR),)
$(error $(APXS) is not here: `t/packages run` installs what the build needs)
endif
HTTPD_CFLAGS := $(call apxs,CFLAGS) $(call apxs,CPPFLAGS) \
                $(call apxs,EXTRA_CPPFLAGS) -I$(call apxs,INCLUDEDIR)
APR_CFLAGS   := $(call apr,--includes --cppflags)
APR_LIBS     := $(shell apu-1-config --link-ld 2>/dev/null) \
                $(call apr,--link-ld --libs)
LIB_CFLAGS   := $(call pkg,--cflags)
LIBS         := $(or $(call pkg,--libs),-lcurl -ljson-c -lsodium) -lpthread
endif

FLAGS = -std=gnu11 -fPIC -fvisibility=hidden -Wall -Wextra $(HTTPD_CFLAGS) \
        $(APR_CFLAGS) $(LIB_CFLAGS) $(CFLAGS) $(EXTRA_CFLAGS)

SRC    := mod_llm.c $(sort $(wildcard src/*/*.c))
OBJ    := $(SRC:%.c=$(B)/obj/%.o)
# What can be linked without httpd: all that a unit test may ask for.
PURE   := $(filter-out $(B)/obj/mod_llm.o $(B)/obj/src/httpd/%,$(OBJ))
UNIT   := $(patsubst t/unit/%.c,$(B)/t/unit/%.t,$(wildcard t/unit/*.c))
FUZZ   := $(patsubst t/fuzz/%.c,%,\
            $(filter-out t/fuzz/replay.c,$(wildcard t/fuzz/*.c)))
REPLAY := $(FUZZ:%=$(B)/t/fuzz/%)
TESTS  ?= t/*.t

# V=1 shows the commands.
Q      = $(if $(V),,@)
SUB    = @$(MAKE) --no-print-directory

.PHONY: all units clients run test bench install clean
.PHONY: sanitize address thread fuzz cover soak
.SECONDARY:
.DELETE_ON_ERROR:

all: $(B)/mod_llm.so

# --- the module -----------------------------------------------------------

$(B)/mod_llm.so: $(OBJ)
	@echo "ld $@"
	$(Q)$(CC) -shared -o $@ $(OBJ) -Wl,-z,relro,-z,now,--as-needed \
	    $(LDFLAGS) $(LIBS)

$(B)/libllm.a: $(PURE)
	@rm -f $@
	$(Q)ar rcs $@ $(PURE)

# A file with a warning is compiled all the same, except for the tests
# (STRICT=1), but never counts as done: every make shows the warning again.
$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(FLAGS) -Werror -MMD -MP -c -o $@ $< || \
	{ test -z "$(STRICT)" && $(CC) $(FLAGS) -w -MMD -MP -c -o $@ $< && \
	  touch -d @1 $@; }

# Other flags are other objects.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(FLAGS) $(LDFLAGS)' >$@
FORCE:

-include $(shell test -d $(B)/obj && find $(B)/obj -name '*.d')

# --- what the tests run ----------------------------------------------------

units: $(UNIT) $(REPLAY)

$(B)/t/unit/%.t: $(B)/obj/t/unit/%.o $(B)/libllm.a
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(APR_LIBS)

$(B)/t/fuzz/%: $(B)/obj/t/fuzz/%.o $(B)/obj/t/fuzz/replay.o $(B)/libllm.a
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(APR_LIBS)

$(B)/bench/%: $(B)/obj/t/bench/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS)

# The official SDKs, exactly as the lock file says. They want a newer node than
# Debian 12 has: npm has one.
NODE  := $(B)/node/node_modules/.bin
PROVE  = env PATH='$(abspath $(NODE))':"$$PATH" \
         LLM_MODULE="$${LLM_MODULE:-$(abspath $(B))/mod_llm.so}" \
         LLM_CLIENTS='$(abspath $(B))/clients' prove $(if $(V),-v)

clients: $(B)/clients/installed
	@node -e 'process.exit(+(parseInt(process.version.slice(1)) < 20))' || \
	test -x $(NODE)/node || npm install --prefix $(B)/node --no-audit \
	    --no-fund --loglevel=error node-linux-$$(uname -m | sed \
	    's/x86_64/x64/; s/aarch64/arm64/')@22

$(B)/clients/installed: t/clients/package.json t/clients/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(wildcard t/clients/.npmrc) $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# --- the commands -----------------------------------------------------------

run:
	@t/packages run
	$(SUB) all
	@PORT=$(PORT) APXS=$(APXS) BUILD=$(B) conf/run

test:
	@t/packages run test
	$(SUB) STRICT=1 all units clients
	@set -e; for t in $(FUZZ); do \
	    printf 'fuzz corpus %s: ' $$t; $(B)/t/fuzz/$$t t/fuzz/corpus/$$t; done
	$(PROVE) -j2 $(TESTS) $(UNIT)

bench:
	@t/packages run bench
	$(SUB) all $(B)/bench/provider $(B)/bench/calls
	@QUICK='$(QUICK)' WHAT='$(WHAT)' WHO='$(WHO)' BUILD=$(B) t/bench/run

# Debian's layout where there is one; conf/extra, httpd's own, elsewhere.
LIBEXECDIR  = $(call apxs,LIBEXECDIR)
SYSCONFDIR  = $(call apxs,SYSCONFDIR)
DEBIAN      = $(wildcard $(SYSCONFDIR)/mods-available /etc/debian_version)
CONFDIR     = $(SYSCONFDIR)/$(if $(DEBIAN),mods-available,extra)
MANUALDIR   = $(call apxs,datadir)/llm/manual

install: all
	install -d '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(CONFDIR)' \
	    '$(DESTDIR)$(MANUALDIR)'
	install -m 644 $(B)/mod_llm.so '$(DESTDIR)$(LIBEXECDIR)'
	sed 's|/usr/lib/apache2/modules|$(LIBEXECDIR)|' conf/llm.load \
	    >'$(DESTDIR)$(CONFDIR)/llm.load'
	sed 's|/etc/apache2/mods-available|$(CONFDIR)|' conf/llm.conf \
	    >'$(DESTDIR)$(CONFDIR)/llm.conf'
	install -m 644 conf/llm-models.conf '$(DESTDIR)$(CONFDIR)'
	install -m 644 htdocs/manual/* '$(DESTDIR)$(MANUALDIR)'

clean:
	rm -rf $(B)

# --- the slow ones ----------------------------------------------------------

PLAIN = -U_FORTIFY_SOURCE -fno-omit-frame-pointer

# The functional tests on instrumented builds. LLM_MODULE names the module and
# LLM_PRELOAD the runtime that httpd, which is not instrumented, must preload.
# The module stays loaded (nodelete), or reports could not name its functions.
# What httpd itself does in a signal handler at its end is not reported.
sanitize:
	@t/packages run test
	$(SUB) address
	$(SUB) thread

address: KIND = asan
address: SAN  = address,undefined
thread:  KIND = tsan
thread:  SAN  = thread
address thread: clients
	$(SUB) B=$(B)/$(KIND) all units \
	    EXTRA_CFLAGS='-fsanitize=$(SAN) -O1 $(PLAIN)' \
	    LDFLAGS='-fsanitize=$(SAN) -Wl,-z,nodelete'
	LLM_MODULE='$(abspath $(B))/$(KIND)/mod_llm.so' \
	LLM_PRELOAD="$$($(CC) -print-file-name=lib$(KIND).so)" \
	ASAN_OPTIONS=exitcode=99:fast_unwind_on_malloc=0:quarantine_size_mb=16 \
	LSAN_OPTIONS='suppressions=$(CURDIR)/t/lib/lsan.supp:print_suppressions=0' \
	TSAN_OPTIONS=exitcode=66:report_signal_unsafe=0 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	setarch -R $(PROVE) $(TESTS) $(UNIT:$(B)/%=$(B)/$(KIND)/%)

# libFuzzer for TIME seconds on each target; what it finds goes by hand to
# t/fuzz/corpus, where `make test` replays it.
TIME ?= 60
fuzz:
	@t/packages run fuzz
	$(SUB) B=$(B)/fuzz CC=$(CLANG) fuzzers \
	    EXTRA_CFLAGS='-fsanitize=fuzzer-no-link,address,undefined $(PLAIN)' \
	    LDFLAGS='-fsanitize=fuzzer,address,undefined'
	@set -e; for t in $(FUZZ); do \
	    mkdir -p $(B)/fuzz/corpus/$$t; echo "fuzz $$t"; \
	    $(B)/fuzz/t/$$t -max_total_time=$(TIME) -timeout=10 -verbosity=0 \
	        -artifact_prefix=$(B)/fuzz/$$t- $(B)/fuzz/corpus/$$t \
	        t/fuzz/corpus/$$t; done

fuzzers: $(FUZZ:%=$(B)/t/%)

$(B)/t/%: $(B)/obj/t/fuzz/%.o $(B)/libllm.a
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(APR_LIBS)

# Children write their counts when they end, as whoever they run as.
cover:
	@t/packages run test cover
	$(SUB) B=$(B)/cover all units LDFLAGS=--coverage \
	    EXTRA_CFLAGS='--coverage -O0 $(PLAIN)'
	$(SUB) clients
	@find $(B)/cover -name '*.gcda' -delete
	@find $(B)/cover/obj -type d -exec chmod 0777 {} +
	umask 0; LLM_MODULE='$(abspath $(B))/cover/mod_llm.so' \
	    $(PROVE) $(TESTS) $(UNIT:$(B)/%=$(B)/cover/%)
	gcovr -r . --object-directory $(B)/cover -f src/ -f mod_llm.c \
	    --html-details $(B)/cover/index.html --print-summary

# The functional tests in ever new order, to find what happens once in a
# hundred runs.
ROUNDS ?= 100
soak:
	@t/packages run test
	$(SUB) STRICT=1 all units clients
	@set -e; i=0; while test $$i -lt $(ROUNDS); do i=$$((i + 1)); \
	    echo "round $$i of $(ROUNDS)"; $(PROVE) -Q -s -j2 $(TESTS); done
