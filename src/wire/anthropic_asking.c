/* A request to Anthropic, written from the inner form: all but its
 * messages. */
#include "anthropic.h"
#include <string.h>

#define USUAL_TOKENS 8192       /* max_tokens where nobody says */
#define USER_MOST 256           /* bytes of a user_id */

typedef llm_anthropic_writing writing;

static const char *given(const writing *w, llm_field field)
{
    return w->chat->given[field];
}

static void lose(writing *w, llm_field field)
{
    if (given(w, field))
        llm_lose(w->lost, given(w, field));
}

/* ---- numbers ------------------------------------------------------------ */

static void settle_max_tokens(writing *w)
{
    const long long most = w->how->facts->output;
    const char *name = given(w, LLM_FIELD_MAX_TOKENS);

    if (!name || w->chat->max_tokens < 0) {
        w->max_tokens = most ? most : USUAL_TOKENS;
        return;
    }
    w->max_tokens = w->chat->max_tokens;
    if (most && w->max_tokens > most) {
        llm_lose(w->lost, name);
        w->max_tokens = most;
    }
}

/* Since 2026-10-21 the API takes none of them. */
static int takes_sampling(const writing *w)
{
    const char *version = w->how->version;

    return !w->how->facts->no_sampling && version
        && strcmp(version, LLM_ANTHROPIC_2026) < 0;
}

/* 1 is what is had without asking, and all that there is while thinking. */
static void put_temperature(writing *w)
{
    const double value = w->chat->temperature;

    if (!given(w, LLM_FIELD_TEMPERATURE)
        || (value == 1 && (w->thinks || !takes_sampling(w))))
        return;
    if (!takes_sampling(w) || w->thinks || value > 1)
        lose(w, LLM_FIELD_TEMPERATURE);
    if (takes_sampling(w) && !w->thinks)
        llm_emit_number(&w->e, "temperature", value > 1 ? 1 : value);
}

static void put_sampling(writing *w)
{
    const llm_chat *chat = w->chat;
    const int takes = takes_sampling(w);

    put_temperature(w);
    if (given(w, LLM_FIELD_TOP_P) && chat->top_p != 1) {
        if (!takes || (w->thinks && chat->top_p < 0.95))
            lose(w, LLM_FIELD_TOP_P);
        else
            llm_emit_number(&w->e, "top_p", chat->top_p);
    }
    if (given(w, LLM_FIELD_TOP_K)) {
        if (!takes || w->thinks)
            lose(w, LLM_FIELD_TOP_K);
        else
            llm_emit_whole(&w->e, "top_k", chat->top_k);
    }
}

/* ---- words -------------------------------------------------------------- */

static int is_blank(llm_span text)
{
    while (text.len && llm_text_is_white(text.at[text.len - 1]))
        text.len--;
    return !text.len;
}

static void put_stops(writing *w)
{
    const llm_span *stops = (const llm_span *)w->chat->stops->elts;
    int i, opened = 0;

    for (i = 0; given(w, LLM_FIELD_STOP) && i < w->chat->stops->nelts; i++) {
        if (is_blank(stops[i])) {
            lose(w, LLM_FIELD_STOP);
            continue;
        }
        if (!opened)
            llm_emit_array(&w->e, "stop_sequences");
        opened = 1;
        llm_emit_text(&w->e, NULL, stops[i]);
    }
    if (opened)
        llm_emit_end_array(&w->e);
}

static void put_user(writing *w)
{
    const char *name = given(w, LLM_FIELD_USER);

    if (!name || !w->chat->user)
        return;
    if (strlen(w->chat->user) > USER_MOST) {
        llm_lose_hint(w->lost, name);
        return;
    }
    llm_emit_object(&w->e, "metadata");
    llm_emit_string(&w->e, "user_id", w->chat->user);
    llm_emit_end_object(&w->e);
}

static void put_tier(writing *w)
{
    const char *name = given(w, LLM_FIELD_TIER);

    if (!name || !w->chat->tier)
        return;
    if (!strcmp(w->chat->tier, "auto"))
        llm_emit_string(&w->e, "service_tier", "auto");
    else if (!strcmp(w->chat->tier, "default"))
        llm_emit_string(&w->e, "service_tier", "standard_only");
    else
        llm_lose_hint(w->lost, name);
}

/* ---- thinking and format ------------------------------------------------ */

static int is_object(llm_span json)
{
    return json.len && !llm_scan_object(json.at, json.len,
                                        LLM_ANTHROPIC_DEPTH, NULL, NULL,
                                        NULL);
}

static void put_thinking(writing *w, const llm_anthropic_thought *how)
{
    if (!how->type)
        return;
    llm_emit_object(&w->e, "thinking");
    llm_emit_string(&w->e, "type", how->type);
    if (how->budget)
        llm_emit_whole(&w->e, "budget_tokens", how->budget);
    llm_emit_string(&w->e, "display", how->display);
    llm_emit_end_object(&w->e);
}

static int has_format(writing *w)
{
    if (!given(w, LLM_FIELD_FORMAT) || w->chat->format == LLM_FORMAT_TEXT)
        return 0;
    if (w->chat->format == LLM_FORMAT_SCHEMA && is_object(w->chat->schema))
        return 1;
    lose(w, LLM_FIELD_FORMAT);
    return 0;
}

static void put_output(writing *w, const llm_anthropic_thought *how)
{
    const int format = has_format(w);

    if (!format && !how->effort)
        return;
    llm_emit_object(&w->e, "output_config");
    llm_emit_string(&w->e, "effort", how->effort);
    if (format) {
        llm_emit_object(&w->e, "format");
        llm_emit_string(&w->e, "type", "json_schema");
        llm_anthropic_put_schema(&w->e, "schema", w->chat->schema,
                                 w->how->pool);
        llm_emit_end_object(&w->e);
    }
    llm_emit_end_object(&w->e);
}

/* ---- tools -------------------------------------------------------------- */

static llm_fault note_type(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "type"))
        *(int *)baton = 1;
    else if (*(int *)baton < 0)
        *(int *)baton = 0;
    return LLM_OK;
}

/* A schema of arguments must say that they are an object; many leave that
 * out. */
static llm_fault put_schema(writing *w, const llm_tool *tool)
{
    static const char none[] = "{\"type\":\"object\",\"properties\":{}}";
    llm_span schema = tool->schema;
    llm_buf whole;
    llm_fault fault;
    int typed = -1;             /* -1: no member at all */

    if (!schema.len || (schema.len == 4 && !memcmp(schema.at, "null", 4)))
        schema = (llm_span){ none, sizeof none - 1 };
    if (llm_scan_object(schema.at, schema.len, LLM_ANTHROPIC_DEPTH,
                        note_type, &typed, NULL)) {
        w->detail->param = "tools";
        w->detail->text = "The schema of a tool's arguments is not a JSON "
            "object";
        return LLM_BAD_REQUEST;
    }
    if (typed == 1) {
        llm_emit_raw(&w->e, "input_schema", schema);
        return LLM_OK;
    }
    while (*schema.at != '{') {
        schema.at++;
        schema.len--;
    }
    llm_buf_init(&whole, schema.len + 32);
    fault = llm_buf_puts(&whole, "{\"type\":\"object\"");
    if (!fault && !typed)
        fault = llm_buf_puts(&whole, ",");
    if (!fault)
        fault = llm_buf_add(&whole, schema.at + 1, schema.len - 1);
    if (!fault)
        llm_emit_raw(&w->e, "input_schema",
                     (llm_span){ whole.data, whole.len });
    llm_buf_free(&whole);
    return fault;
}

static llm_fault put_tool(writing *w, const llm_tool *tool)
{
    llm_fault fault;

    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "name", tool->name);
    llm_emit_string(&w->e, "description", tool->description);
    fault = put_schema(w, tool);
    if (tool->strict >= 0)
        llm_emit_bool(&w->e, "strict", tool->strict);
    llm_anthropic_put_cache(w, tool->cache);
    llm_emit_end_object(&w->e);
    return fault;
}

static void put_choice(writing *w)
{
    static const char *const types[] = { "auto", "none", "any", "tool" };
    const llm_chat *chat = w->chat;
    const int one = !chat->parallel && given(w, LLM_FIELD_PARALLEL)
        && chat->choice != LLM_CHOICE_NONE;
    const apr_array_header_t *names = chat->choice_names;
    llm_tool_choice choice = chat->choice;

    if (choice == LLM_CHOICE_AUTO && !one)
        return;
    if (choice == LLM_CHOICE_NAMED && (!names || names->nelts != 1)) {
        lose(w, LLM_FIELD_TOOL_CHOICE);
        choice = LLM_CHOICE_REQUIRED;
    }
    llm_emit_object(&w->e, "tool_choice");
    llm_emit_string(&w->e, "type", types[choice]);
    if (choice == LLM_CHOICE_NAMED)
        llm_emit_string(&w->e, "name", APR_ARRAY_IDX(names, 0, const char *));
    if (one)
        llm_emit_bool(&w->e, "disable_parallel_tool_use", 1);
    llm_emit_end_object(&w->e);
}

/* Without tools there is nothing to choose, and the API says so. */
static llm_fault put_tools(writing *w)
{
    const llm_tool *tools = (const llm_tool *)w->chat->tools->elts;
    const int n = w->chat->tools->nelts;
    llm_fault fault = LLM_OK;
    int i;

    if (!n || w->how->facts->no_tools) {
        if (n && given(w, LLM_FIELD_TOOLS))
            lose(w, LLM_FIELD_TOOLS);
        if (w->chat->choice >= LLM_CHOICE_REQUIRED)
            lose(w, LLM_FIELD_TOOL_CHOICE);
        return LLM_OK;
    }
    llm_emit_array(&w->e, "tools");
    for (i = 0; i < n && !fault; i++)
        fault = put_tool(w, &tools[i]);
    llm_emit_end_array(&w->e);
    put_choice(w);
    return fault;
}

/* ---- the request -------------------------------------------------------- */

/* What does not change how long the input is, is not missed in a count. */
static llm_anthropic_thought settle(writing *w)
{
    llm_losses *const heard = w->lost;
    llm_anthropic_thought how;
    llm_losses unheard;

    if (w->counting) {
        llm_losses_init(&unheard, w->how->pool);
        w->lost = &unheard;
    }
    settle_max_tokens(w);
    how = llm_anthropic_think(w);
    w->lost = heard;
    return how;
}

static llm_fault put_request(writing *w)
{
    llm_anthropic_thought how;
    llm_fault fault = llm_anthropic_arrange(w);

    if (fault)
        return fault;
    how = settle(w);
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "model", w->how->model);
    if (!w->counting) {
        llm_emit_whole(&w->e, "max_tokens", w->max_tokens);
        if (w->how->stream)
            llm_emit_bool(&w->e, "stream", 1);
        put_sampling(w);
        put_stops(w);
        put_user(w);
        put_tier(w);
    }
    put_thinking(w, &how);
    put_output(w, &how);
    fault = put_tools(w);
    llm_anthropic_put_system(w);
    if (!fault)
        fault = llm_anthropic_put_messages(w);
    llm_emit_end_object(&w->e);
    return fault ? fault : w->e.fault;
}

static llm_fault write_request(writing *w, llm_buf *out, unsigned can)
{
    const size_t before = out->len;
    llm_fault fault;

    llm_lose_fields(w->lost, w->chat, can);
    llm_emit_begin(&w->e, out);
    fault = put_request(w);
    if (fault)
        out->len = before;
    return fault;
}

llm_fault llm_anthropic_write_request(const llm_chat *chat,
                                      const llm_asking *how, llm_losses *lost,
                                      llm_buf *out, llm_fault_detail *detail)
{
    const unsigned can = LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE)
        | LLM_BIT(TOP_P) | LLM_BIT(TOP_K) | LLM_BIT(STOP) | LLM_BIT(FORMAT)
        | LLM_BIT(TOOLS) | LLM_BIT(TOOL_CHOICE) | LLM_BIT(PARALLEL)
        | LLM_BIT(EFFORT) | LLM_BIT(BUDGET) | LLM_BIT(THOUGHTS)
        | LLM_BIT(USER) | LLM_BIT(TIER) | LLM_BIT(CACHE);
    writing w = { .chat = chat, .how = how, .lost = lost, .detail = detail };

    return write_request(&w, out, can);
}

llm_fault llm_anthropic_write_counting(const llm_chat *chat,
                                       const llm_asking *how,
                                       llm_losses *lost, llm_buf *out,
                                       llm_fault_detail *detail)
{
    writing w = {
        .chat = chat, .how = how, .lost = lost, .detail = detail, .counting = 1
    };

    return write_request(&w, out, ~0u);
}
