/* What a provider that speaks Anthropic's dialect is asked, and what of a
 * conversation it cannot be told. */
#include "anthropic_rig.h"
#include "../../src/wire/carry.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define GIVE(field, name) (chat->given[LLM_FIELD_##field] = (name))

static llm_chat *chat;

static llm_part *say(llm_role role, const char *text)
{
    llm_part *part = llm_turn_part(llm_chat_turn(chat, role), LLM_PART_TEXT,
                                   pool);

    part->text = rig_span(text);
    return part;
}

static llm_part *add(llm_part_kind kind, const char *text)
{
    llm_turn *turns = (llm_turn *)chat->turns->elts;
    llm_part *part = llm_turn_part(&turns[chat->turns->nelts - 1], kind,
                                   pool);

    part->text = rig_span(text);
    return part;
}

static void call(const char *id, const char *name, const char *arguments)
{
    llm_part *part = add(LLM_PART_CALL, arguments);

    part->id = id;
    part->name = name;
}

static void result(const char *id, const char *name, const char *text)
{
    llm_part *part = add(LLM_PART_RESULT, "");

    part->id = id;
    part->name = name;
    part->parts = llm_parts_make(pool);
    llm_parts_add(part->parts, LLM_PART_TEXT)->text = rig_span(text);
}

static void begin(void)
{
    rig_start();
    chat = llm_chat_make(pool);
    say(LLM_ROLE_USER, "hi");
}

/* 1 if the request holds these members; `lost` and hints as named. */
static void expect(const char *what, const char *holds, const char *names,
                   const char *hints)
{
    const char *text = rig_write(&llm_anthropic, chat);

    if (!ok(text, "%s: written %s", what, detail.text ? detail.text : ""))
        return;
    if (!ok(strstr(text, holds), "holds %s", holds))
        printf("# %s\n", text);
    is_str(rig_names(lost.names), names, "what is lost");
    is_str(rig_names(lost.hints), hints, "what is hinted");
}

static void expect_not(const char *holds)
{
    const char *text = rig_write(&llm_anthropic, chat);

    ok(text && !strstr(text, holds), "without %s", holds);
}

/* ---- white space -------------------------------------------------------- */

/* The API takes no text that is nothing else. */
static void blanks(void)
{
    begin();
    add(LLM_PART_TEXT, "\n\n");
    add(LLM_PART_TEXT, "there");
    expect("between texts it is the first's", "\"content\":[{\"type\":\"text\","
           "\"text\":\"hi\\n\\n\"},{\"type\":\"text\",\"text\":\"there\"}]", "",
           "");
    begin();
    add(LLM_PART_TEXT, " ")->cache = "1h";
    expect("with its mark", "\"text\":\"hi \",\"cache_control\":{", "", "");
    add(LLM_PART_TEXT, "\t");
    expect("but behind a mark it is left out", "\"text\":\"hi \",", "",
           "messages");
    begin();
    say(LLM_ROLE_ASSISTANT, " \n");
    say(LLM_ROLE_USER, "well?");
    expect("alone it is left out", "\"content\":[{\"type\":\"text\",\"text\":"
           "\"hi\"},{\"type\":\"text\",\"text\":\"well?\"}]", "", "messages");
    begin();
    say(LLM_ROLE_SYSTEM, "\n");
    expect("so is a system's", "{", "", "system");
    begin();
    add(LLM_PART_TEXT, "");
    say(LLM_ROLE_SYSTEM, "");
    expect("nothing is nothing", "{", "", "");
}

/* ---- numbers ------------------------------------------------------------ */

static void max_tokens(void)
{
    begin();
    expect("nobody says", "\"max_tokens\":8192", "", "");
    facts.output = 64000;
    expect("the facts say", "\"max_tokens\":64000", "", "");
    chat->max_tokens = 100;
    GIVE(MAX_TOKENS, "max_completion_tokens");
    expect("the client says", "\"max_tokens\":100", "", "");
    chat->max_tokens = 64001;
    expect("too many", "\"max_tokens\":64000", "max_completion_tokens", "");
}

static void sampling(void)
{
    begin();
    chat->temperature = 1.5;
    chat->top_p = 0.5;
    chat->top_k = 3;
    GIVE(TEMPERATURE, "temperature");
    expect("too hot", "\"temperature\":1,", "temperature", "");
    chat->temperature = 0.25;
    GIVE(TOP_P, "top_p");
    GIVE(TOP_K, "top_k");
    expect("the old API", "\"temperature\":0.25,\"top_p\":0.5,\"top_k\":3",
           "", "");
    facts.no_sampling = 1;
    expect("a model without", "{", "temperature top_p top_k", "");
    facts.no_sampling = 0;
    asking.version = "2026-10-21";
    expect("the new API", "{", "temperature top_p top_k", "");
    expect_not("\"top_p\"");
    asking.version = NULL;
    expect("the newest API", "{", "temperature top_p top_k", "");
    chat->temperature = chat->top_p = 1;
    GIVE(TOP_K, NULL);
    expect("what changes nothing", "{", "", "");
    expect_not("temperature");
}

/* ---- thinking ----------------------------------------------------------- */

static void budgets(void)
{
    begin();
    facts.thinking = LLM_THINKING_BUDGET;
    chat->effort = "high";
    GIVE(EFFORT, "reasoning_effort");
    expect("high", "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"
           "16384}", "", "");
    expect("with room", "\"max_tokens\":24576", "", "");
    facts.output = 10000;
    expect("with room up to what it gives", "\"budget_tokens\":5000", "", "");
    chat->max_tokens = 3000;
    GIVE(MAX_TOKENS, "max_tokens");
    expect("within the client's limit", "\"budget_tokens\":1500", "", "");
    chat->max_tokens = 1024;
    expect("no room to think", "{", "reasoning_effort", "");
    expect_not("thinking");
    chat->max_tokens = 1025;
    expect("the least room", "\"budget_tokens\":1024}", "", "");
    chat->effort = "none";
    expect("no thinking", "{", "", "");
    expect_not("thinking");
    GIVE(EFFORT, NULL);
    chat->budget = 10;
    chat->max_tokens = 5000;
    GIVE(BUDGET, "thinkingBudget");
    expect("a small budget", "\"budget_tokens\":1024}", "", "");
    chat->budget = -1;
    facts.output = 0;
    chat->max_tokens = 50000;
    expect("as the model likes", "\"budget_tokens\":8192}", "", "");
    chat->thoughts = 1;
    GIVE(THOUGHTS, "includeThoughts");
    expect("shown", "\"budget_tokens\":8192,\"display\":\"summarized\"}", "",
           "");
    chat->temperature = 0.5;
    GIVE(TEMPERATURE, "temperature");
    expect("thinking is never cold", "{", "temperature", "");
}

static void adaptive(void)
{
    static const struct {
        llm_thinking thinking;
        const char *effort, *thought, *output, *names;
        int given;              /* the budget is */
        long long budget;
    } cases[] = {
        { LLM_THINKING_ADAPTIVE, "max", "{\"type\":\"adaptive\"}",
          "{\"effort\":\"max\"}", "", 0, 0 },
        { LLM_THINKING_UNKNOWN, "minimal", "{\"type\":\"adaptive\"}",
          "{\"effort\":\"low\"}", "", 0, 0 },
        { LLM_THINKING_UNKNOWN, "none", "{\"type\":\"disabled\"}", NULL, "",
          0, 0 },
        { LLM_THINKING_ADAPTIVE, NULL, "{\"type\":\"disabled\"}", NULL, "",
          1, 0 },
        { LLM_THINKING_ADAPTIVE, NULL, "{\"type\":\"adaptive\"}",
          "{\"effort\":\"medium\"}", "", 1, 8192 },
        { LLM_THINKING_ADAPTIVE, NULL, "{\"type\":\"adaptive\"}", NULL, "",
          1, -1 },
        { LLM_THINKING_ADAPTIVE, "low", "{\"type\":\"adaptive\"}",
          "{\"effort\":\"low\"}", "", 1, -1 },
        { LLM_THINKING_NONE, "low", NULL, NULL, "effort", 0, 0 },
        { LLM_THINKING_NONE, "none", NULL, NULL, "", 0, 0 },
        { LLM_THINKING_NONE, NULL, NULL, NULL, "budget", 1, 2000 },
        { LLM_THINKING_NONE, NULL, NULL, NULL, "", 1, 0 },
        { LLM_THINKING_UNKNOWN, NULL, NULL, NULL, "", 0, 0 },
    };
    char holds[100];

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        facts.thinking = cases[i].thinking;
        chat->effort = cases[i].effort;
        chat->budget = cases[i].budget;
        GIVE(EFFORT, cases[i].effort ? "effort" : NULL);
        GIVE(BUDGET, cases[i].given ? "budget" : NULL);
        snprintf(holds, sizeof holds, "\"thinking\":%s", cases[i].thought
                 ? cases[i].thought : "");
        expect("thinking", cases[i].thought ? holds : "{", cases[i].names,
               "");
        if (!cases[i].thought)
            expect_not("\"thinking\"");
        snprintf(holds, sizeof holds, "\"output_config\":%s", cases[i].output
                 ? cases[i].output : "");
        if (cases[i].output)
            expect("effort", holds, cases[i].names, "");
        else
            expect_not("output_config");
    }
}

static void others_thinking(void)
{
    begin();
    say(LLM_ROLE_ASSISTANT, "look");
    add(LLM_PART_REASONING, "hm")->signature = "openai~rs_1~sealed";
    say(LLM_ROLE_USER, "go on");
    expect("what OpenAI sealed", "{", "", "reasoning");
    expect_not("sealed");
}

/* After tool calls a model thinks on only with what it thought before. */
static void lost_thinking(void)
{
    begin();
    facts.thinking = LLM_THINKING_BUDGET;
    chat->effort = "low";
    GIVE(EFFORT, "reasoning_effort");
    say(LLM_ROLE_ASSISTANT, "look");
    call("c1", "f", "{}");
    say(LLM_ROLE_USER, "");
    result("c1", "f", "r");
    expect("without it", "{", "", "reasoning_effort");
    expect_not("\"thinking\"");
    begin();
    facts.thinking = LLM_THINKING_BUDGET;
    chat->effort = "low";
    GIVE(EFFORT, "reasoning_effort");
    say(LLM_ROLE_ASSISTANT, "look");
    add(LLM_PART_REASONING, "hm")->signature = "sig";
    call("c1", "f", "{}");
    say(LLM_ROLE_USER, "");
    result("c1", "f", "r");
    expect("with it", "\"thinking\":{\"type\":\"enabled\"", "", "");
    expect("which comes first", "[{\"type\":\"thinking\",\"thinking\":\"hm\","
           "\"signature\":\"sig\"},{\"type\":\"text\",\"text\":\"look\"},"
           "{\"type\":\"tool_use\"", "", "");
    say(LLM_ROLE_ASSISTANT, "done");
    add(LLM_PART_REASONING, "unproven");
    say(LLM_ROLE_USER, "more");
    expect("after an answer", "\"thinking\":{\"type\":\"enabled\"", "",
           "reasoning");
    say(LLM_ROLE_ASSISTANT, "begun  \n");
    expect("an answer that is begun", "\"text\":\"begun\"}", "",
           "reasoning reasoning_effort");
    facts.no_prefill = 1;
    expect("or cannot be", "\"thinking\":{\"type\":\"enabled\"", "messages",
           "reasoning");
    expect_not("begun");
}

/* ---- tools -------------------------------------------------------------- */

static void schemas(void)
{
    static const struct {
        const char *schema, *written;
    } cases[] = {
        { "", "{\"type\":\"object\",\"properties\":{}}" },
        { "null", "{\"type\":\"object\",\"properties\":{}}" },
        { "{}", "{\"type\":\"object\"}" },
        { " { }", "{\"type\":\"object\" }" },
        { "{\"properties\":{\"type\":{}}}",
          "{\"type\":\"object\",\"properties\":{\"type\":{}}}" },
        { "{\"type\":\"object\",\"x\":1}", "{\"type\":\"object\",\"x\":1}" },
    };
    llm_tool *tool;

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        tool = llm_chat_tool(chat);
        tool->name = "f";
        tool->schema = rig_span(cases[i].schema);
        expect("a schema", apr_psprintf(pool, "{\"name\":\"f\","
               "\"input_schema\":%s}", cases[i].written), "", "");
    }
    tool->schema = rig_span("[]");
    ok(!rig_write(&llm_anthropic, chat), "a list is no schema");
    is_str(detail.param, "tools", "of the tools");
}

static void choices(void)
{
    llm_tool *tool;

    begin();
    chat->choice = LLM_CHOICE_REQUIRED;
    GIVE(TOOL_CHOICE, "tool_choice");
    expect("no tool to choose", "{", "tool_choice", "");
    tool = llm_chat_tool(chat);
    tool->name = "f";
    GIVE(TOOLS, "tools");
    expect("any", "\"tool_choice\":{\"type\":\"any\"}", "", "");
    chat->parallel = 0;
    GIVE(PARALLEL, "parallel_tool_calls");
    expect("one of any", "{\"type\":\"any\",\"disable_parallel_tool_use\":"
           "true}", "", "");
    chat->choice = LLM_CHOICE_AUTO;
    expect("one at most", "{\"type\":\"auto\",\"disable_parallel_tool_use\":"
           "true}", "", "");
    chat->choice = LLM_CHOICE_NONE;
    expect("none", "\"tool_choice\":{\"type\":\"none\"}", "", "");
    chat->choice = LLM_CHOICE_NAMED;
    chat->choice_names = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(chat->choice_names, const char *) = "f";
    expect("one by name", "{\"type\":\"tool\",\"name\":\"f\",", "", "");
    chat->effort = "high";
    GIVE(EFFORT, "effort");
    facts.thinking = LLM_THINKING_BUDGET;
    expect("leaves nothing to think", "{\"type\":\"tool\"", "effort", "");
    GIVE(EFFORT, NULL);
    APR_ARRAY_PUSH(chat->choice_names, const char *) = "g";
    expect("two by name", "{\"type\":\"any\",", "tool_choice", "");
    facts.no_tools = 1;
    expect("a model without", "{", "tools tool_choice", "");
    expect_not("\"tools\"");
}

/* ---- messages ----------------------------------------------------------- */

static void systems(void)
{
    begin();
    chat->turns->nelts = 0;
    say(LLM_ROLE_SYSTEM, "one")->cache = "1h";
    say(LLM_ROLE_DEVELOPER, "two");
    say(LLM_ROLE_USER, "hi");
    say(LLM_ROLE_SYSTEM, "three");
    say(LLM_ROLE_ASSISTANT, "yes");
    say(LLM_ROLE_USER, "");
    say(LLM_ROLE_ASSISTANT, "no");
    say(LLM_ROLE_USER, "well");
    expect("the old API", "\"system\":[{\"type\":\"text\",\"text\":\"one\","
           "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
           "{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"text\",\"text\":"
           "\"three\"}],\"messages\":[{\"role\":\"user\",\"content\":["
           "{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":\"assistant\","
           "\"content\":[{\"type\":\"text\",\"text\":\"yes\"},{\"type\":"
           "\"text\",\"text\":\"no\"}]},{\"role\":\"user\",\"content\":["
           "{\"type\":\"text\",\"text\":\"well\"}]}]", "", "");
    asking.version = NULL;
    expect("the new API", "\"text\":\"two\"}],\"messages\":[{\"role\":"
           "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},"
           "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
           "\"three\"}]},{\"role\":\"assistant\"", "", "");
    chat->turns->nelts = 2;
    ok(!rig_write(&llm_anthropic, chat), "nothing but a system prompt");
    is_str(detail.param, "messages", "has no messages");
}

static void results(void)
{
    begin();
    asking.version = NULL;
    say(LLM_ROLE_ASSISTANT, " ");
    call(NULL, "f", "");
    call(NULL, "g", " {\"a\": 1} ");
    call("odd.id:1", "h", "{}");
    say(LLM_ROLE_SYSTEM, "between");
    say(LLM_ROLE_USER, "first");
    result(NULL, "g", "of g");
    say(LLM_ROLE_USER, "second");
    result("odd.id:1", "h", "of h");
    result(NULL, NULL, "of f");
    expect("calls", "\"content\":[{\"type\":\"tool_use\",\"id\":"
           "\"call_1_0\",\"name\":\"f\",\"input\":{}},{\"type\":\"tool_use\","
           "\"id\":\"call_1_1\",\"name\":\"g\",\"input\":{\"a\": 1}},"
           "{\"type\":\"tool_use\",\"id\":\"odd_id_1_", "", "messages");
    /* the system message moved behind the results of its calls */
    expect("results", "]},{\"role\":\"system\",\"content\":[{\"type\":"
           "\"text\",\"text\":\"between\"}]},{\"role\":\"user\",\"content\":"
           "[{\"type\":\"tool_result\",\"tool_use_id\":\"call_1_1\"", "",
           "messages");
    result(NULL, "f", "of nothing");
    ok(!rig_write(&llm_anthropic, chat), "a result without a call");
    is_int(detail.fault, LLM_BAD_REQUEST, "is the client's fault");
    begin();
    say(LLM_ROLE_ASSISTANT, "");
    call("a.b", "f", "");
    call("a:b", "f", "");
    expect("ids that are odd", "\"id\":\"a_b_108bf50c\"", "", "");
    expect("are still two", "\"id\":\"a_b_08bd8540\"", "", "");
    begin();
    say(LLM_ROLE_ASSISTANT, "");
    call("c", "f", "{\"a\":");
    ok(!rig_write(&llm_anthropic, chat), "arguments that are no JSON");
    ok(detail.param && strstr(detail.text, " c to f "), "%s", detail.text);
    begin();
    say(LLM_ROLE_ASSISTANT, "");
    call("c", "f", "[1]");
    ok(!rig_write(&llm_anthropic, chat), "arguments that are no object");
}

static void media(void)
{
    llm_part *part;

    begin();
    part = add(LLM_PART_IMAGE, "");
    part->data = rig_span("/9j/AAAA");
    expect("an image by its bytes", "\"media_type\":\"image/jpeg\"", "", "");
    part->media = "image/tiff";
    expect("one that is not taken", "{", "image", "");
    part->media = "image/png";
    part->detail = "low";
    expect("with a detail", "image/png", "", "detail");
    facts.no_vision = 1;
    expect("for a model that is blind", "{", "image", "");
    facts.no_vision = 0;
    part->detail = NULL;
    part->kind = LLM_PART_AUDIO;
    expect("sound", "{", "audio", "");
    part->kind = LLM_PART_FILE;
    part->media = "text/markdown";
    part->data = rig_span("IyBoaQ==");
    part->name = "a.md";
    expect("a text", "{\"type\":\"document\",\"source\":{\"type\":\"text\","
           "\"media_type\":\"text/plain\",\"data\":\"# hi\"},\"title\":"
           "\"a.md\"}", "", "");
    part->data = rig_span("/w==");
    expect("one that is none", "{", "file", "");
    part->data.len = 0;
    part->media = NULL;
    part->url = "https://x.y/a.pdf";
    expect("one of the web", "\"source\":{\"type\":\"url\",\"url\":"
           "\"https://x.y/a.pdf\"}", "", "");
    part->url = "gs://bucket/a.pdf";
    expect("one of elsewhere", "{", "file", "");
    part->url = NULL;
    part->file_id = "file-1";
    expect("one of another provider's", "{", "file", "");
}

/* ---- fields ------------------------------------------------------------- */

static void fields(void)
{
    begin();
    chat->n = 2;
    GIVE(N, "n");
    GIVE(SEED, "seed");
    GIVE(LOGPROBS, "logprobs");
    GIVE(METADATA, "metadata");
    GIVE(VERBOSITY, "verbosity");
    APR_ARRAY_PUSH(chat->unknown, const char *) = "prediction";
    APR_ARRAY_PUSH(chat->hints, const char *) = "store";
    expect("what it cannot do", "{", "n seed logprobs prediction",
           "verbosity metadata store");
    ok(rig_write(&llm_anthropic_count, chat), "counted all the same");
    is_str(rig_names(lost.names), "prediction", "but for the unknown");
    expect_not("\"stream\"");
    begin();
    chat->format = LLM_FORMAT_JSON;
    GIVE(FORMAT, "response_format");
    expect("JSON of any kind", "{", "response_format", "");
    chat->format = LLM_FORMAT_SCHEMA;
    chat->schema = rig_span("{\"type\":\"object\"}");
    expect("JSON of one kind", "\"output_config\":{\"format\":{\"type\":"
           "\"json_schema\",\"schema\":{\"type\":\"object\","
           "\"additionalProperties\":false}}}", "", "");
    chat->schema = rig_span(
        "{\"$defs\":{\"x\":{\"type\":[\"null\",\"object\"]}},"
        "\"properties\":{\"type\":{\"enum\":[{\"type\":\"object\"}]},"
        "\"\\u00e4\":{\"items\":{\"type\":\"object\","
        "\"additionalProperties\":true}}}}");
    expect("and its objects are closed", "\"schema\":{\"$defs\":{\"x\":"
           "{\"type\":[\"null\",\"object\"],"
           "\"additionalProperties\":false}},"
           "\"properties\":{\"type\":{\"enum\":[{\"type\":\"object\"}]},"
           "\"\xc3\xa4\":{\"items\":{\"type\":\"object\","
           "\"additionalProperties\":true}}},"
           "\"additionalProperties\":false}", "", "");
    APR_ARRAY_PUSH(chat->stops, llm_span) = rig_span("\n");
    GIVE(STOP, "stop");
    expect("a blank stop", "{", "stop", "");
    expect_not("stop_sequences");
    APR_ARRAY_PUSH(chat->stops, llm_span) = rig_span("END");
    expect("and another", "\"stop_sequences\":[\"END\"]", "stop", "");
    GIVE(STOP, NULL);
    chat->tier = "flex";
    GIVE(TIER, "service_tier");
    expect("a tier it has not", "{", "", "service_tier");
    chat->tier = "default";
    expect("a tier it has", "\"service_tier\":\"standard_only\"", "", "");
    chat->user = apr_psprintf(pool, "%0300d", 1);
    GIVE(USER, "user");
    expect("a user too long to name", "{", "", "user");
    asking.stream = 1;
    expect("a stream", "\"stream\":true", "", "user");
}

static void counts(void)
{
    const char *text;

    begin();
    asking.stream = 1;
    chat->temperature = 0.5;
    GIVE(TEMPERATURE, "temperature");
    text = rig_write(&llm_anthropic_count, chat);
    is_str(text, "{\"model\":\"claude-x\",\"messages\":[{\"role\":\"user\","
           "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}",
           "what is counted");
}

/* Caches are marked four times at most, wherever. */
static void caches(void)
{
    begin();
    for (int i = 0; i < 5; i++)
        add(LLM_PART_TEXT, "a")->cache = "5m";
    GIVE(CACHE, "cache_control");
    expect("five marks", "\"cache_control\":{\"type\":\"ephemeral\"}},"
           "{\"type\":\"text\",\"text\":\"a\"}]", "", "cache_control");
}

/* What another provider wants back rides in ids. */
static void carried(void)
{
    llm_part thought = { .kind = LLM_PART_REASONING, .signature = "proof" };
    apr_array_header_t *thoughts = llm_parts_make(pool);
    const char *id;
    llm_part *parts;

    thought.text = rig_span("hm");
    APR_ARRAY_PUSH(thoughts, llm_part) = thought;
    id = llm_carry_pack("c1", "sig", thoughts, pool);
    chat = rig_read(&llm_anthropic, apr_psprintf(pool, "{\"max_tokens\":1,"
        "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
        "\"tool_use\",\"id\":\"%s\",\"name\":\"f\",\"input\":{}}]},{\"role\":"
        "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
        "\"%s\"}]}]}", id, id));
    if (!ok(chat, "ids that carry are read"))
        return;
    parts = (llm_part *)((llm_turn *)chat->turns->elts)[0].parts->elts;
    is_int(parts[0].kind, LLM_PART_REASONING, "the thinking comes first");
    is_str(parts[0].signature, "proof", "with its proof");
    is_str(parts[1].id, "c1", "then the call by its own id");
    is_str(parts[1].signature, "sig", "with its signature");
    parts = (llm_part *)((llm_turn *)chat->turns->elts)[1].parts->elts;
    is_str(parts[0].id, "c1", "and the result");
    is_str(parts[0].name, "f", "which knows its tool");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    blanks();
    max_tokens();
    sampling();
    budgets();
    adaptive();
    lost_thinking();
    others_thinking();
    schemas();
    choices();
    systems();
    results();
    media();
    fields();
    counts();
    caches();
    carried();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
