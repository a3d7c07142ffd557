#include "route_config.h"
#include "ap_expr.h"
#include "http_log.h"
#include "apr_strings.h"
#include <stdlib.h>

APLOG_USE_MODULE(llm);

#define ATTEMPTS_MOST 10
#define PROBE_EVERY apr_time_from_sec(30)
#define LONGEST apr_time_from_sec(3600)
#define HOLD_CHARS 100000
#define HOLD_TIME apr_time_from_sec(600)

void llm_route_defaults(llm_provider *provider)
{
    const llm_breaker breaker = {
        .window = apr_time_from_sec(30), .calls = 5, .percent = 50,
        .rest = apr_time_from_sec(5), .longest = apr_time_from_sec(20)
    };

    provider->attempts = 2;
    provider->least = apr_time_from_msec(500);
    provider->most = apr_time_from_sec(8);
    provider->patience = apr_time_from_sec(10);
    provider->breaker = breaker;
    provider->probe.path = "/models";
    provider->probe.timeout = apr_time_from_sec(5);
}

/* ---- words -------------------------------------------------------------- */

/* "5s" or, with `most`, "5s..20s". */
static int read_span(const char *word, apr_interval_time_t *least,
                     apr_interval_time_t *most, apr_pool_t *p)
{
    const char *dots = strstr(word, "..");
    const char *first = dots ? apr_pstrmemdup(p, word, dots - word) : word;

    if (!llm_text_duration(first, least) || *least > LONGEST)
        return 0;
    if (!most)
        return !dots;
    *most = *least;
    return !dots || (llm_text_duration(dots + 2, most) && *most >= *least
                     && *most <= LONGEST);
}

static int read_number(const char *word, long low, long high, long *out)
{
    return llm_text_number(word, low, high, out);
}

/* What stands behind `name` in the word; NULL if it is another. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, name, n) ? NULL : word + n;
}

const char *llm_provider_set_retry(llm_provider *provider, const char *word,
                                   apr_pool_t *p)
{
    const char *value;
    long number;

    if ((value = value_of(word, "attempts="))) {
        if (!read_number(value, 1, ATTEMPTS_MOST, &number))
            return "LLMRetry: attempts= takes a number from 1 to 10";
        provider->attempts = (int)number;
        return NULL;
    }
    if ((value = value_of(word, "backoff=")))
        return read_span(value, &provider->least, &provider->most, p) ? NULL
            : "LLMRetry: backoff= takes a duration, or a first and a longest "
              "one: backoff=500ms..8s";
    if ((value = value_of(word, "wait=")))
        return read_span(value, &provider->patience, NULL, p) ? NULL
            : "LLMRetry: wait= takes the longest Retry-After that is waited "
              "for: wait=10s";
    return apr_psprintf(p, "LLMRetry: \"%s\" is none of attempts=, backoff=, "
                        "wait=", word);
}

const char *llm_route_hold(llm_hold *hold, const char *word)
{
    const char *value;

    hold->given = 1;
    if (!strcmp(word, "off")) {
        hold->chars = hold->time = 0;
        return NULL;
    }
    if ((value = value_of(word, "chars=")))
        return read_number(value, 1, HOLD_CHARS, &hold->chars) ? NULL
            : "needs a number from 1 to 100000, such as chars=80";
    if ((value = value_of(word, "time=")))
        return llm_text_duration(value, &hold->time)
            && hold->time >= apr_time_from_msec(1)
            && hold->time <= HOLD_TIME ? NULL
            : "needs a duration from 1ms to 10m, such as time=500ms";
    return "is none of chars=, time=, off";
}

static int read_percent(const char *word, long *out, apr_pool_t *p)
{
    size_t n = strlen(word);

    if (n && word[n - 1] == '%')
        word = apr_pstrmemdup(p, word, n - 1);
    return read_number(word, 1, 100, out);
}

const char *llm_provider_set_breaker(llm_provider *provider, const char *word,
                                     apr_pool_t *p)
{
    llm_breaker *breaker = &provider->breaker;
    const char *value;
    long number;

    if (!strcmp(word, "off")) {
        breaker->window = 0;
        return NULL;
    }
    if ((value = value_of(word, "window=")))
        return read_span(value, &breaker->window, NULL, p)
            && breaker->window >= apr_time_from_sec(1) ? NULL
            : "LLMBreaker: window= takes a duration from 1s to 1h";
    if ((value = value_of(word, "calls="))) {
        if (!read_number(value, 1, 10000, &number))
            return "LLMBreaker: calls= takes a number from 1 to 10000";
        breaker->calls = (unsigned)number;
        return NULL;
    }
    if ((value = value_of(word, "rate="))) {
        if (!read_percent(value, &number, p))
            return "LLMBreaker: rate= takes the part that failed, 1% to 100%";
        breaker->percent = (unsigned)number;
        return NULL;
    }
    if ((value = value_of(word, "rest=")))
        return read_span(value, &breaker->rest, &breaker->longest, p)
            && breaker->rest >= apr_time_from_msec(100) ? NULL
            : "LLMBreaker: rest= takes a duration, or a first and a longest "
              "one: rest=5s..20s";
    if ((value = value_of(word, "slow=")))
        return read_span(value, &breaker->slow, NULL, p) && breaker->slow
            ? NULL : "LLMBreaker: slow= takes a duration to 1h: who needs "
                     "longer for its first output has failed";
    return apr_psprintf(p, "LLMBreaker: \"%s\" is none of window=, calls=, "
                        "rate=, rest=, slow=, off", word);
}

/* It goes into a request line. */
static int is_path(const char *path)
{
    const unsigned char *c = (const unsigned char *)path;

    if (*c != '/')
        return 0;
    while (*c > ' ' && *c < 0x7f)
        c++;
    return !*c;
}

/* Any word but `off` asks for it. */
const char *llm_provider_set_probe(llm_provider *provider, const char *word,
                                   apr_pool_t *p)
{
    llm_probe *probe = &provider->probe;
    const char *value;

    if (provider->endpoint->peer)
        return "LLMProbe: the provider echo has no address";
    if (!strcmp(word, "off")) {
        probe->interval = 0;
        return NULL;
    }
    if (!probe->interval)
        probe->interval = PROBE_EVERY;
    if ((value = value_of(word, "interval=")))
        return read_span(value, &probe->interval, NULL, p)
            && probe->interval >= apr_time_from_msec(100) ? NULL
            : "LLMProbe: interval= takes a duration from 100ms to 1h";
    if ((value = value_of(word, "timeout=")))
        return read_span(value, &probe->timeout, NULL, p)
            && probe->timeout >= apr_time_from_msec(10) ? NULL
            : "LLMProbe: timeout= takes a duration from 10ms to 1h";
    if ((value = value_of(word, "path="))) {
        probe->path = apr_pstrdup(p, value);
        return is_path(value) ? NULL
            : "LLMProbe: path= takes what follows the LLMBaseURL, such as "
              "/models";
    }
    return apr_psprintf(p, "LLMProbe: \"%s\" is none of interval=, path=, "
                        "timeout=, off", word);
}

/* ---- models ------------------------------------------------------------- */

static const char *add_target(cmd_parms *cmd, llm_model *model,
                              const char *word)
{
    const char *slash = strchr(word, '/');
    llm_target *target;

    if (!slash || slash == word || !slash[1])
        return apr_psprintf(cmd->pool, "\"%s\" is no target: write "
                            "provider/model, or provider/* for the name that "
                            "the client used", word);
    if (model->targets->nelts == LLM_PLAN_MOST)
        return apr_psprintf(cmd->pool, "it has more than %d targets",
                            LLM_PLAN_MOST);
    target = apr_array_push(model->targets);
    memset(target, 0, sizeof *target);
    target->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                                 cmd->directive->line_num);
    target->label = apr_pstrdup(cmd->pool, word);
    target->provider_name = apr_pstrmemdup(cmd->pool, word, slash - word);
    target->model = strcmp(slash, "/*") ? apr_pstrdup(cmd->pool, slash + 1)
                                        : NULL;
    return NULL;
}

static const char *set_order(cmd_parms *cmd, llm_model *model,
                             const char *word)
{
    static const struct {
        const char *word;
        llm_order order;
    } words[] = {
        { "given", LLM_ORDER_GIVEN }, { "cheapest", LLM_ORDER_CHEAPEST },
        { "fastest", LLM_ORDER_FASTEST },
        { "least-busy", LLM_ORDER_LEAST_BUSY },
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            model->order = words[i].order;
            return NULL;
        }
    return apr_psprintf(cmd->pool, "order=\"%s\" is none of given, cheapest, "
                        "fastest, least-busy", word);
}

static const char *set_when(cmd_parms *cmd, llm_target *target,
                            const char *text)
{
    const char *wrong = NULL;

    target->when = ap_expr_parse_cmd(cmd, text, 0, &wrong, NULL);
    return wrong ? apr_psprintf(cmd->pool, "when=\"%s\": %s", text, wrong)
                 : NULL;
}

static const char *set_number(cmd_parms *cmd, llm_target *target,
                              const char *word)
{
    const char *value = value_of(word, "weight=");
    long number;

    if (value) {
        if (!read_number(value, 1, 1000, &number))
            return "weight= takes a number from 1 to 1000";
        target->weight = (unsigned)number;
        return NULL;
    }
    value = value_of(word, "context=");
    if (value && llm_text_tokens(value, &target->context))
        return NULL;
    return apr_psprintf(cmd->pool, "\"%s\" is neither provider/model nor one "
                        "of weight=, when=, on=content, context=, order=, nor "
                        "a time: first=, idle=, total=, whole=, connect=, "
                        "min-rate=",
                        word);
}

static const char *set_time(cmd_parms *cmd, llm_target *target,
                            const char *word)
{
    const char *wrong = llm_times_read(&target->times, word);

    return wrong ? apr_psprintf(cmd->pool, "\"%s\" %s", word, wrong) : NULL;
}

/* An option is about the target before it; order= about the model. */
static const char *read_option(cmd_parms *cmd, llm_model *model,
                               const char *word)
{
    llm_target *target = model->targets->nelts
        ? &((llm_target *)model->targets->elts)[model->targets->nelts - 1]
        : NULL;

    if (value_of(word, "order="))
        return set_order(cmd, model, word + strlen("order="));
    if (!target)
        return apr_psprintf(cmd->pool, "\"%s\" stands before any target",
                            word);
    if (value_of(word, "when="))
        return set_when(cmd, target, word + strlen("when="));
    if (!strcmp(word, "on=content")) {
        target->on_content = 1;
        return NULL;
    }
    return llm_times_has(word) ? set_time(cmd, target, word)
                               : set_number(cmd, target, word);
}

/* A word, or name="words"; NULL at the end. */
static const char *next_word(apr_pool_t *p, const char **line)
{
    const char *at = *line, *name;
    size_t n;

    while (llm_text_is_white(*at))
        at++;
    *line = at;
    if (!*at)
        return NULL;
    n = strspn(at, "abcdefghijklmnopqrstuvwxyz");
    if (at[n] != '=' || (at[n + 1] != '"' && at[n + 1] != '\''))
        return ap_getword_conf(p, line);
    name = apr_pstrmemdup(p, at, n + 1);
    *line = at + n + 1;
    return apr_pstrcat(p, name, ap_getword_conf(p, line), NULL);
}

static int is_option(const char *word)
{
    const char *equals = strchr(word, '='), *slash = strchr(word, '/');

    return equals && (!slash || equals < slash);
}

const char *llm_route_model(cmd_parms *cmd, llm_server *server,
                            const char *line)
{
    const char *name = ap_getword_conf(cmd->pool, &line), *word;
    const char *wrong = NULL;
    llm_model *model;

    if (!llm_text_is_name(name, LLM_MODEL_MAX - 1))
        return apr_psprintf(cmd->pool, "LLMModel: \"%s\" cannot be a model's "
                            "name", name);
    model = llm_models_add(server->models, name, cmd->pool);
    if (!model)
        return apr_psprintf(cmd->pool, "LLMModel %s stands twice: put all its "
                            "targets on one line", name);
    while (!wrong && (word = next_word(cmd->pool, &line)))
        wrong = is_option(word) ? read_option(cmd, model, word)
                                : add_target(cmd, model, word);
    if (!wrong && !model->targets->nelts)
        wrong = "it has no target: write provider/model";
    return wrong ? apr_psprintf(cmd->pool, "LLMModel %s: %s", name, wrong)
                 : NULL;
}
