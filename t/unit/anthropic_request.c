/* Requests of Anthropic's shape, read from clients and written to
 * providers. */
#include "anthropic_rig.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HEAD "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":"
#define HI HEAD "[{\"role\":\"user\",\"content\":\"hi\"}]"

/* ---- as it stands ------------------------------------------------------- */

static llm_fault light(const llm_dialect *dialect, const char *body,
                       llm_request *out)
{
    memset(&detail, 0, sizeof detail);
    return dialect->read_request(body, strlen(body), 32, out, &detail, pool);
}

static void as_it_stands(void)
{
    static const char body[] = " { \"stream\" : true, \"model\" : \"a\\u0062\","
        " \"new\":[1.0] } ";
    static const struct {
        const char *body, *param;
        llm_fault fault;
    } bad[] = {
        { "{}", "model", LLM_BAD_REQUEST },
        { "{\"model\":1}", "model", LLM_BAD_REQUEST },
        { "{\"model\":\"\"}", "model", LLM_BAD_REQUEST },
        { "{\"model\":\"a\",\"model\":\"a\"}", "model", LLM_BAD_REQUEST },
        { "{\"model\":\"a\",\"stream\":\"yes\"}", "stream",
          LLM_BAD_REQUEST },
        { "{\"model\":\"a\",\"stream\":true,\"stream\":true}", "stream",
          LLM_BAD_REQUEST },
        { "{\"model\":\"a\"", NULL, LLM_BAD_JSON },
        { "[]", NULL, LLM_BAD_JSON },
    };
    llm_request request;
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    is_int(light(&llm_anthropic, body, &request), LLM_OK, "read");
    is_str(request.model, "ab", "the model");
    ok(request.stream && request.wants_usage, "a stream, with usage");
    is_int(llm_anthropic.pass_request(&request, "c\"d", 1, &out), LLM_OK,
           "passed");
    is_mem(out.data, out.len, " { \"stream\" : true, \"model\" : \"c\\\"d\", "
           "\"new\":[1.0] } ", 52, "only the model is exchanged");
    llm_buf_clear(&out);
    llm_anthropic.pass_request(&request, "ab", 0, &out);
    is_mem(out.data, out.len, body, strlen(body), "or nothing at all");
    llm_buf_free(&out);
    for (size_t i = 0; i < COUNT(bad); i++) {
        is_int(light(&llm_anthropic, bad[i].body, &request), bad[i].fault,
               "refused: %s", bad[i].body);
        is_str(detail.param, bad[i].param, "for its %s",
               bad[i].param ? bad[i].param : "form");
    }
    is_int(light(&llm_anthropic_count, body, &request), LLM_OK, "a count");
    ok(!request.stream, "is not streamed");
    is_str(llm_anthropic.path("m", 1, pool), "/messages", "path");
    is_str(llm_anthropic_count.path("m", 0, pool), "/messages/count_tokens",
           "path of counts");
}

/* ---- what a client may say ---------------------------------------------- */

static const char golden[] = "{\"model\":\"m\",\"max_tokens\":9000,"
    "\"stream\":true,\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\","
    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],"
    "\"messages\":[{\"role\":\"user\",\"content\":\"What is this?\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
    "\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}},"
    "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
    "\"https://x.y/z.png\"}},{\"type\":\"document\",\"title\":\"t\","
    "\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":"
    "\"plain\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
    "\"media_type\":\"application/pdf\",\"data\":\"JVBERi0=\"}}]},"
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
    "\"thinking\":\"hm\",\"signature\":\"c2ln\"},{\"type\":"
    "\"redacted_thinking\",\"data\":\"c2VhbA==\"},{\"type\":\"text\","
    "\"text\":\"Let me look.\"},{\"type\":\"tool_use\",\"id\":\"toolu_1\","
    "\"name\":\"f\",\"input\":{\"a\":1},\"cache_control\":{\"type\":"
    "\"ephemeral\"}},{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":"
    "\"g\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
    "\"tool_result\",\"tool_use_id\":\"toolu_1\",\"is_error\":true,"
    "\"content\":\"no\"},{\"type\":\"tool_result\",\"tool_use_id\":"
    "\"toolu_2\",\"content\":[{\"type\":\"text\",\"text\":\"yes\"}]},"
    "{\"type\":\"text\",\"text\":\"Well?\"}]}],\"tools\":[{\"name\":\"f\","
    "\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"strict\":"
    "true},{\"type\":\"custom\",\"name\":\"g\",\"input_schema\":{\"type\":"
    "\"object\"},\"cache_control\":{\"type\":\"ephemeral\"}}],"
    "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true},"
    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000,\"display\":"
    "\"summarized\"},\"output_config\":{\"effort\":\"high\",\"format\":"
    "{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},"
    "\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"standard_only\","
    "\"stop_sequences\":[\"END\"],\"temperature\":0.5,\"top_p\":0.9,"
    "\"top_k\":40}";

static const llm_part *part(const llm_chat *chat, int turn, int index)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;

    return &((const llm_part *)turns[turn].parts->elts)[index];
}

static void golden_is_read(void)
{
    llm_chat *chat = rig_read(&llm_anthropic, golden);

    if (!ok(chat, "the golden request is read: %s", detail.text))
        return;
    is_int(chat->turns->nelts, 5, "its turns");
    is_str(part(chat, 0, 0)->cache, "1h", "the system's cache");
    is_str(part(chat, 2, 0)->media, "image/png", "an image");
    is_str(part(chat, 2, 1)->url, "https://x.y/z.png", "one of the web");
    is_mem(part(chat, 2, 2)->data.at, part(chat, 2, 2)->data.len, "cGxhaW4=",
           8, "a text as base64");
    is_str(part(chat, 3, 0)->signature, "c2ln", "signed thinking");
    ok(part(chat, 3, 1)->redacted, "sealed thinking");
    is_str(part(chat, 3, 3)->cache, "5m", "a call's cache");
    ok(part(chat, 4, 0)->failed, "a result that failed");
    is_str(part(chat, 4, 1)->name, "g", "and the name of another's tool");
    is_int(chat->tools->nelts, 2, "its tools");
    ok(!chat->parallel && chat->budget == 2000 && chat->thoughts == 1
       && !strcmp(chat->effort, "high") && chat->top_k == 40
       && chat->temperature == 0.5 && chat->top_p == 0.9
       && chat->max_tokens == 9000, "its numbers");
    is_str(chat->user, "u", "its user");
    is_str(chat->tier, "default", "its tier");
    is_int(chat->format, LLM_FORMAT_SCHEMA, "its format");
    is_int(chat->unknown->nelts + chat->hints->nelts, 0, "nothing unknown");
}

/* Written again by a model that thinks by budget it is the same. */
static void golden_is_written(void)
{
    llm_chat *chat = rig_read(&llm_anthropic, golden), *again;
    const char *text;

    facts.thinking = LLM_THINKING_BUDGET;
    chat->given[LLM_FIELD_TEMPERATURE] = chat->given[LLM_FIELD_TOP_K] = NULL;
    chat->given[LLM_FIELD_TOP_P] = chat->given[LLM_FIELD_EFFORT] = NULL;
    text = rig_write(&llm_anthropic, chat);
    again = text ? rig_read(&llm_anthropic, text) : NULL;
    if (ok(again, "written and read: %s", detail.text)) {
        /* two user turns have become one */
        is_int(again->turns->nelts, 4, "turns of one role are merged");
        is_int(part(again, 1, 0)->kind, LLM_PART_TEXT, "in their order");
        is_int(again->budget, 2000, "the budget");
        is_str(rig_names(lost.names), "", "nothing is lost");
        is_str(rig_names(lost.hints), "", "nor hinted");
    }
    rig_start();
}

static void unknowns(void)
{
    static const struct {
        const char *text, *unknown, *hints;
    } cases[] = {
        { HI ",\"foo\":1,\"bar\":null}", "foo", "" },
        { HI ",\"container\":\"c\",\"inference_geo\":\"us\"}",
          "container inference_geo", "" },
        { HI ",\"speed\":\"fast\",\"user_profile_id\":\"u\"}", "",
          "speed user_profile_id" },
        { HI ",\"speed\":\"standard\",\"service_tier\":\"auto\"}", "", "" },
        { HI ",\"metadata\":{\"x\":1}}", "metadata.x", "" },
        { HI ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":"
          "\"w\"}]}", "tools[0].type", "" },
        { HI ",\"tools\":[{\"name\":\"w\",\"input_schema\":{},\"examples\":"
          "[]}]}", "tools[0].examples", "" },
        { HI ",\"thinking\":{\"type\":\"between_tools\"}}", "thinking.type",
          "" },
        { HI ",\"output_config\":{\"x\":1,\"format\":{\"type\":\"new\"}}}",
          "output_config.x output_config.format.type", "" },
        { HEAD "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
          "\"a\",\"foo\":{}},{\"type\":\"new\"}],\"id\":1}]}",
          "messages[0].id messages[0].content[0].foo "
          "messages[0].content[1].type", "" },
        { HEAD "[{\"role\":\"user\",\"content\":[{\"type\":\"document\","
          "\"source\":{\"type\":\"content\",\"content\":\"x\"},\"context\":"
          "\"c\"},{\"type\":\"text\",\"text\":\"a\"}]}]}",
          "messages[0].content[0].context "
          "messages[0].content[0].source.type", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_chat *chat = rig_read(&llm_anthropic, cases[i].text);

        if (!ok(chat, "read, case %zu: %s", i, detail.text))
            continue;
        is_str(rig_names(chat->unknown), cases[i].unknown, "its unknown");
        is_str(rig_names(chat->hints), cases[i].hints, "its hints");
    }
}

static void refusals(void)
{
    static const struct {
        const char *text, *param;
    } cases[] = {
        { "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
          "max_tokens" },
        { "{\"max_tokens\":1}", "messages" },
        { HEAD "[]}", "messages" },
        { HEAD "{}}", "messages" },
        { HEAD "[1]}", "messages[0]" },
        { HEAD "[{\"role\":\"tool\",\"content\":\"a\"}]}",
          "messages[0].role" },
        { HEAD "[{\"role\":\"user\"}]}", "messages[0].content" },
        { HEAD "[{\"role\":\"user\",\"content\":[{\"type\":\"tool_use\","
          "\"id\":\"a\",\"name\":\"b\",\"input\":{}}]}]}",
          "messages[0].content[0].type" },
        { HEAD "[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
          "\"id\":\"a\",\"name\":\"b\",\"input\":\"{}\"}]}]}",
          "messages[0].content[0].input" },
        { HEAD "[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
          "\"tool_use_id\":\"a\",\"content\":[{\"type\":\"text\"}]}]}]}",
          "messages[0].content[0].content[0].text" },
        { HEAD "[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
          "\"source\":{\"type\":\"base64\",\"data\":\"AA==\"}}]}]}",
          "messages[0].content[0].source.media_type" },
        { HI ",\"temperature\":1.5}", "temperature" },
        { HI ",\"stop_sequences\":[\"a\",2]}", "stop_sequences[1]" },
        { HI ",\"tool_choice\":{\"type\":\"tool\"}}", "tool_choice.name" },
        { HI ",\"tools\":[{\"name\":\"a\"}]}", "tools[0].input_schema" },
        { HI ",\"thinking\":{\"type\":\"enabled\"}}",
          "thinking.budget_tokens" },
        { HI ",\"system\":[{\"type\":\"image\"}]}", "system[0].type" },
        { HI ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"2h\"}}",
          "cache_control.ttl" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        ok(!rig_read(&llm_anthropic, cases[i].text), "refused, case %zu", i);
        is_int(detail.fault, LLM_BAD_REQUEST, "as a bad request");
        is_str(detail.param, cases[i].param, "for its member");
        ok(detail.text && *detail.text, "with a sentence");
    }
    ok(rig_read(&llm_anthropic_count, "{\"messages\":[{\"role\":\"user\","
                "\"content\":\"a\"}]}"), "a count needs no max_tokens");
}

static int insane;

static void one_mutant(const char *text)
{
    llm_chat *chat = rig_read(&llm_anthropic, text);

    if (!chat) {
        insane += detail.fault != LLM_BAD_REQUEST || !detail.text
            || !detail.param;
        return;
    }
    if (!rig_write(&llm_anthropic, chat))
        insane += detail.fault != LLM_BAD_REQUEST || !detail.text;
    if (!rig_write(&llm_anthropic_count, chat))
        insane += detail.fault != LLM_BAD_REQUEST || !detail.text;
}

static void mutants(void)
{
    const int n = rig_mutate(golden, one_mutant);

    ok(n > 1000, "%d requests with one value exchanged", n);
    is_int(insane, 0, "are read, or refused with a reason");
}

/* ---- there and back ----------------------------------------------------- */

static int same_again(unsigned seed)
{
    const unsigned fields = LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE)
        | LLM_BIT(TOP_P) | LLM_BIT(TOP_K) | LLM_BIT(STOP) | LLM_BIT(FORMAT)
        | LLM_BIT(TOOLS) | LLM_BIT(TOOL_CHOICE) | LLM_BIT(PARALLEL)
        | LLM_BIT(USER) | LLM_BIT(CACHE);
    llm_chat *chat, *again;
    const char *text, *how = "not written";
    rig r;

    rig_init(&r, seed, pool);
    r.fields = fields;
    r.hottest = 1;
    r.schema_name = 0;
    r.cannot = RIG_SYSTEMS | RIG_DEVELOPER | RIG_SPEAKER | RIG_IMAGE_FILE
        | RIG_DETAIL | RIG_AUDIO | RIG_FILE_ID | RIG_FILE_URL | RIG_REFUSAL
        | RIG_CALL_SIGNATURE | RIG_JSON_FORMAT | RIG_CHOICE_NAMES
        | RIG_STRICT;
    chat = rig_chat(&r);
    if (chat->schema.len)       /* an open one is closed on its way */
        chat->schema = rig_span("{\"type\":\"object\",\"properties\":{"
                                "\"a\":{\"type\":\"string\"}},"
                                "\"additionalProperties\":false}");
    chat->given[LLM_FIELD_MAX_TOKENS] = "max_tokens";
    if (chat->choice == LLM_CHOICE_NONE) {
        chat->parallel = 1;
        chat->given[LLM_FIELD_PARALLEL] = NULL;
    }
    llm_chat_name_results(chat);
    text = rig_write(&llm_anthropic, chat);
    if (text && !strcmp(rig_names(lost.hints), "cache_control"))
        return 1;               /* there are only four */
    again = text && !lost.names->nelts && !lost.hints->nelts
        ? rig_read(&llm_anthropic, text) : NULL;
    if (again)
        how = rig_chat_differs(chat, again);
    return how ? !is_str(how, NULL, "seed %u: %s %s", seed,
                         rig_names(lost.names), detail.text) && 0 : 1;
}

static void there_and_back(void)
{
    apr_pool_t *outer = pool;
    int same = 0;

    for (unsigned seed = 0; seed < 2000; seed++) {
        apr_pool_create(&pool, outer);
        asking.pool = pool;
        same += same_again(seed);
        apr_pool_destroy(pool);
    }
    pool = outer;
    rig_start();
    is_int(same, 2000, "what was written is what is read");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    rig_start();
    as_it_stands();
    golden_is_read();
    golden_is_written();
    unknowns();
    refusals();
    mutants();
    there_and_back();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
