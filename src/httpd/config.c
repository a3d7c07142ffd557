#include "config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "apr_strings.h"
#include "provider_config.h"
#include "route_config.h"
#include "shared.h"
#include "welfare.h"

APLOG_USE_MODULE(llm);
extern module AP_MODULE_DECLARE_DATA llm_module;

#define METER_SIZE (16 << 20)
#define METER_MOST ((apr_size_t)1 << 30)
#define MAX_IN_FLIGHT 10000
#define MAX_IN_FLIGHT_MOST 100000

/* ---- per directory ------------------------------------------------------ */

void *llm_config_make_dir(apr_pool_t *p, char *path)
{
    llm_dir *dir = apr_pcalloc(p, sizeof *dir);

    (void)path;
#define VALUE(type, field, name, unset, ...) dir->field = (unset);
#define WORDS(...)
#include "settings.def"
#undef VALUE
#undef WORDS
    return dir;
}

void *llm_config_merge_dir(apr_pool_t *p, void *outer, void *inner)
{
    const llm_dir *base = outer, *over = inner;
    llm_dir *dir = apr_pcalloc(p, sizeof *dir);

#define VALUE(type, field, name, unset, ...)                                  \
    dir->field = over->field != (unset) ? over->field : base->field;
#define WORDS(type, field, ...)                                               \
    dir->field = over->field.given ? over->field : base->field;
#include "settings.def"
#undef VALUE
#undef WORDS
    return dir;
}

/* A field's value, or its row's default. */
#define VALUE(type, field, name, unset, fallback, ...)                        \
    static llm_setting_##type field##_of(const llm_dir *dir)                  \
    {                                                                         \
        return dir->field != (unset) ? dir->field : (fallback);               \
    }
#define WORDS(...)
#include "settings.def"
#undef VALUE
#undef WORDS

const llm_dir *llm_config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &llm_module);
}

llm_call_limits llm_config_limits(const request_rec *r)
{
    const llm_dir *dir = llm_config_dir(r);
    const llm_server *main = llm_config_server(ap_server_conf);
    llm_call_limits limits = {
        .max_answer = max_answer_of(dir),
        .max_depth = (unsigned)max_depth_of(dir),
        .max_in_flight = main->max_in_flight,
        .recover = (int)recover_of(dir), .keep_alive = keep_alive_of(dir),
        .hold = dir->hold, .direct = (int)direct_of(dir),
        .drop_unsupported = (int)unsupported_of(dir), .facts = main->facts,
        .health = llm_welfare(), .reap = llm_shared_reap
    };

    return limits;
}

apr_int64_t llm_config_max_body(const request_rec *r)
{
    return max_body_of(llm_config_dir(r));
}

static const char *parse_size(const char *word, llm_setting_size *out)
{
    apr_size_t size;

    if (!llm_text_size(word, &size) || size > APR_INT32_MAX)
        return "is no size: write 512K, 16M or 1G";
    *out = (llm_setting_size)size;
    return NULL;
}

static const char *parse_number(const char *word, llm_setting_number *out)
{
    long number;

    if (!llm_text_number(word, 0, APR_INT32_MAX, &number))
        return "is no whole number";
    *out = number;
    return NULL;
}

static const char *parse_flag(const char *word, llm_setting_flag *out)
{
    *out = !ap_cstr_casecmp(word, "on");
    return *out || !ap_cstr_casecmp(word, "off") ? NULL
                                                 : "is neither on nor off";
}

static const char *parse_policy(const char *word, llm_setting_policy *out)
{
    *out = !strcmp(word, "drop");
    return *out || !strcmp(word, "refuse") ? NULL
                                           : "is neither refuse nor drop";
}

static const char *parse_duration(const char *word, llm_setting_duration *out)
{
    apr_interval_time_t value = 0;

    if (strcmp(word, "off")
        && (!llm_text_duration(word, &value) || value < apr_time_from_msec(10)
            || value > apr_time_from_sec(3600)))
        return "is neither off nor a duration from 10ms to 1h, such as 15s";
    *out = value;
    return NULL;
}

static const char *out_of_range(cmd_parms *cmd, const char *word,
                                apr_int64_t low, apr_int64_t high)
{
    return apr_psprintf(cmd->pool, "%s: \"%s\" must be from %" APR_INT64_T_FMT
                        " to %" APR_INT64_T_FMT, cmd->cmd->name, word, low,
                        high);
}

#define VALUE(type, field, label, unset, fallback, low, high, ...)            \
    static const char *set_##field(cmd_parms *cmd, void *config,              \
                                   const char *word)                          \
    {                                                                         \
        llm_dir *dir = config;                                                \
        const char *wrong = parse_##type(word, &dir->field);                  \
                                                                              \
        if (wrong)                                                            \
            return apr_psprintf(cmd->pool, "%s: \"%s\" %s", cmd->cmd->name,   \
                                word, wrong);                                 \
        if (dir->field < (low) || dir->field > (high))                        \
            return out_of_range(cmd, word, low, high);                        \
        return NULL;                                                          \
    }
#define WORDS(type, field, read, ...)                                         \
    static const char *set_##field(cmd_parms *cmd, void *config,              \
                                   const char *word)                          \
    {                                                                         \
        const char *wrong = read(&((llm_dir *)config)->field, word);          \
                                                                              \
        return wrong ? apr_psprintf(cmd->pool, "%s: \"%s\" %s",               \
                                    cmd->cmd->name, word, wrong) : NULL;      \
    }
#include "settings.def"
#undef VALUE
#undef WORDS

/* ---- per server --------------------------------------------------------- */

void *llm_config_make_server(apr_pool_t *p, server_rec *s)
{
    llm_server *server = apr_pcalloc(p, sizeof *server);

    (void)s;
    server->providers = apr_array_make(p, 4, sizeof(llm_provider *));
    server->models = llm_models_make(p);
    server->read_at = apr_time_now();
    server->meter_size = METER_SIZE;
    server->max_in_flight = MAX_IN_FLIGHT;
    server->facts = apr_array_make(p, 64, sizeof(llm_facts));
    return server;
}

void *llm_config_merge_server(apr_pool_t *p, void *outer, void *inner)
{
    const llm_server *base = outer, *over = inner;
    llm_server *server = apr_pcalloc(p, sizeof *server);

    *server = *base;
    server->providers = apr_array_append(p, over->providers, base->providers);
    server->models = llm_models_merge(base->models, over->models, p);
    return server;
}

const llm_server *llm_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &llm_module);
}

static llm_server *server_of(const cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &llm_module);
}

static const char *set_state_dir(cmd_parms *cmd, void *config,
                                 const char *path)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)config;
    if (wrong)
        return wrong;
    server_of(cmd)->state_dir = ap_server_root_relative(cmd->pool, path);
    if (!server_of(cmd)->state_dir)
        return apr_pstrcat(cmd->pool, "LLMStateDir: \"", path,
                           "\" is no path", NULL);
    return NULL;
}

static const char *set_meter_size(cmd_parms *cmd, void *config,
                                  const char *word)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    llm_setting_size size;

    (void)config;
    if (wrong)
        return wrong;
    if ((wrong = parse_size(word, &size)))
        return apr_psprintf(cmd->pool, "LLMMeterSize: \"%s\" %s", word, wrong);
    if ((apr_size_t)size < llm_meter_smallest()
        || (apr_size_t)size > METER_MOST)
        return out_of_range(cmd, word, llm_meter_smallest(), METER_MOST);
    server_of(cmd)->meter_size = size;
    return NULL;
}

static const char *set_max_in_flight(cmd_parms *cmd, void *config,
                                     const char *word)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    long number;

    (void)config;
    if (wrong)
        return wrong;
    if (!llm_text_number(word, 1, MAX_IN_FLIGHT_MOST, &number))
        return out_of_range(cmd, word, 1, MAX_IN_FLIGHT_MOST);
    server_of(cmd)->max_in_flight = (unsigned)number;
    return NULL;
}

static const char *add_info(cmd_parms *cmd, void *config, const char *words)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *name = ap_getword_conf(cmd->pool, &words);

    (void)config;
    if (!wrong)
        wrong = llm_facts_add(server_of(cmd)->facts, name, words, cmd->pool);
    return wrong ? apr_pstrcat(cmd->pool, "LLMModelInfo: ", wrong, NULL)
                 : NULL;
}

static const char *open_provider(cmd_parms *cmd, void *config,
                                 const char *rest)
{
    llm_server *server = server_of(cmd);
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    const char *name = ap_getword_conf(cmd->temp_pool, &rest);
    size_t n = strlen(name);

    (void)config;
    if (wrong)
        return wrong;
    if (n && name[n - 1] == '>')
        name = apr_pstrmemdup(cmd->temp_pool, name, n - 1);
    else if (strcmp(rest, ">"))
        return "<LLMProvider takes one name, and must end with '>'";
    wrong = llm_provider_open(server, name, cmd->pool);
    if (wrong)
        return wrong;
    wrong = ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
    if (!wrong)
        wrong = llm_provider_close(server, cmd->pool);
    server->open = NULL;
    return wrong;
}

/* ---- models ------------------------------------------------------------- */

static const char *add_model(cmd_parms *cmd, void *config, const char *line)
{
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    (void)config;
    return wrong ? wrong : llm_route_model(cmd, server_of(cmd), line);
}

/* ---- the table ---------------------------------------------------------- */

#define ANYWHERE (RSRC_CONF | ACCESS_CONF)

static const char *inside(cmd_parms *cmd, llm_provider **provider)
{
    *provider = server_of(cmd)->open;
    if (*provider)
        return NULL;
    return apr_psprintf(cmd->pool, "%s must stand inside <LLMProvider name>",
                        cmd->cmd->name);
}

/* Each INNER directive's own function gets the provider it is about. */
#define VALUE(...)
#define WORDS(...)
#undef COMMAND
#define COMMAND(...)
#undef INNER
#define INNER(init, function, name, text) INNER_##init(function)
#define INNER_AP_INIT_TAKE1(function)                                         \
    static const char *function(cmd_parms *cmd, void *config,                 \
                                const char *word)                             \
    {                                                                         \
        llm_provider *provider;                                               \
        const char *wrong = inside(cmd, &provider);                           \
                                                                              \
        (void)config;                                                         \
        return wrong ? wrong                                                  \
                     : llm_provider_##function(provider, word, cmd->pool);    \
    }
#define INNER_AP_INIT_RAW_ARGS(function) INNER_AP_INIT_TAKE1(function)
#define INNER_AP_INIT_ITERATE(function) INNER_AP_INIT_TAKE1(function)
#define INNER_AP_INIT_TAKE2(function)                                         \
    static const char *function(cmd_parms *cmd, void *config,                 \
                                const char *word, const char *value)          \
    {                                                                         \
        llm_provider *provider;                                               \
        const char *wrong = inside(cmd, &provider);                           \
                                                                              \
        (void)config;                                                         \
        return wrong ? wrong                                                  \
                     : llm_provider_##function(provider, word, value,         \
                                               cmd->pool);                    \
    }
#include "settings.def"
#undef VALUE
#undef WORDS
#undef COMMAND
#undef INNER

const command_rec llm_config_commands[] = {
#define VALUE(type, field, name, unset, fallback, low, high, text)            \
    AP_INIT_TAKE1(name, set_##field, NULL, ANYWHERE, text),
#define WORDS(type, field, read, name, text)                                  \
    AP_INIT_ITERATE(name, set_##field, NULL, ANYWHERE, text),
#define COMMAND(init, function, name, text)                                   \
    init(name, function, NULL, RSRC_CONF, text),
#define INNER(init, function, name, text)                                     \
    init(name, function, NULL, RSRC_CONF, text),
#include "settings.def"
#undef VALUE
#undef WORDS
#undef COMMAND
#undef INNER
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
