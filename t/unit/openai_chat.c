/* OpenAI chat requests: read into the inner form, written from it, and what
 * is lost on the way. */
#include "wire_rig.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static apr_pool_t *pool;

static llm_chat *read_it(const char *body)
{
    return wire_read(&llm_openai, body, pool);
}

static const llm_part *part(const llm_chat *chat, int turn, int n)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;

    return turn < chat->turns->nelts && n < turns[turn].parts->nelts
        ? &((const llm_part *)turns[turn].parts->elts)[n] : NULL;
}

static const char *span(llm_span text)
{
    return text.at ? apr_pstrmemdup(pool, text.at, text.len) : NULL;
}

/* ---- there and back ----------------------------------------------------- */

static void round_trips(void)
{
    const char *how = NULL, *text = "";
    int seed, bad = 0;

    for (seed = 0; seed < 3000 && !how; seed++) {
        apr_pool_t *p;
        llm_chat *chat, *back;
        rig r;

        apr_pool_create(&p, pool);
        rig_init(&r, seed, p);
        r.cannot = RIG_PART_CACHE | RIG_REASONING | RIG_CALL_SIGNATURE
            | RIG_RESULT_MEDIA | RIG_FAILED | RIG_IMAGE_FILE | RIG_FILE_URL;
        r.fields = ~(LLM_BIT(TOP_K) | LLM_BIT(BUDGET) | LLM_BIT(THOUGHTS)
                     | LLM_BIT(METADATA));
        r.file_name = 1;
        chat = rig_chat(&r);
        text = wire_write(&llm_openai, chat, "gpt-5", p);
        if (wire_said.fault || wire_said.lost.names->nelts
            || wire_said.lost.hints->nelts)
            how = "something is lost";
        back = wire_read(&llm_openai, text, p);
        if (!back)
            how = wire_said.detail.text;
        else if (!how)
            how = rig_chat_differs(chat, back);
        bad = seed;
        if (!how)
            apr_pool_destroy(p);
    }
    is_str(how, NULL, "what is written is what is read (seed %d)", bad);
    if (how)
        printf("# %s\n", text);
}

/* ---- reading ------------------------------------------------------------ */

static void fields(void)
{
    static const struct {
        const char *body, *given, *unknown, *hints;
    } cases[] = {
        { "\"temperature\":1,\"top_p\":1,\"n\":1,\"stop\":null,\"user\":null,"
          "\"tools\":[],\"logit_bias\":{},\"presence_penalty\":0,"
          "\"parallel_tool_calls\":true,\"logprobs\":false,"
          "\"response_format\":{\"type\":\"text\"},\"service_tier\":\"auto\","
          "\"modalities\":[\"text\"],\"store\":false,\"audio\":null,"
          "\"stream\":true,\"stream_options\":{\"include_usage\":true},"
          "\"tool_choice\":\"auto\"", "", "", "" },
        { "\"max_tokens\":5", "max_tokens", "", "" },
        { "\"max_completion_tokens\":5,\"max_tokens\":6",
          "max_completion_tokens", "", "" },
        { "\"user\":\"a\",\"safety_identifier\":\"b\"", "safety_identifier",
          "", "" },
        { "\"store\":true,\"prompt_cache_key\":\"k\",\"prediction\":{\"a\":1}",
          "", "", "store prompt_cache_key prediction" },
        { "\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"x\"},"
          "\"web_search_options\":{\"a\":1},\"foo\":false", "",
          "audio web_search_options foo modalities", "" },
        { "\"web_search_options\":{}", "", "web_search_options", "" },
        { "\"web_search_options\":null,\"audio\":{}", "", "", "" },
        { "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"},"
          "\"x\":1},{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]",
          "tools", "tools[0].x tools[1].type", "" },
        { "\"functions\":[{\"name\":\"f\"}],\"function_call\":{\"name\":"
          "\"f\"}", "functions function_call", "", "" },
        { "\"reasoning_effort\":\"low\",\"verbosity\":\"high\"",
          "reasoning_effort verbosity", "", "" },
        { "\"reasoning\":{\"max_tokens\":9,\"exclude\":true,\"z\":1}",
          "reasoning.max_tokens reasoning.exclude", "reasoning.z", "" },
        { "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}",
          "thinking", "", "" },
        { "\"response_format\":{\"type\":\"grammar\",\"grammar\":\"g\"}", "",
          "response_format.grammar response_format.type", "" },
        { "\"logprobs\":true,\"top_logprobs\":3,\"seed\":-4,\"top_k\":7",
          "top_k seed logprobs", "", "" },
        { "\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}",
          "", "tool_choice.custom tool_choice.type", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_chat *chat = read_it(apr_pstrcat(pool, "{\"model\":\"m\"," HI ",",
                                             cases[i].body, "}", NULL));
        const char *given = "";

        ok(chat != NULL, "read: %s", cases[i].body);
        for (int f = 0; chat && f < LLM_FIELD_COUNT; f++)
            if (chat->given[f])
                given = apr_pstrcat(pool, given, *given ? " " : "",
                                    chat->given[f], NULL);
        is_str(given, cases[i].given, "given");
        is_str(chat ? wire_join(chat->unknown, pool) : NULL, cases[i].unknown,
               "unknown");
        is_str(chat ? wire_join(chat->hints, pool) : NULL, cases[i].hints,
               "hints");
    }
}

static void faults(void)
{
    static const char *const cases[][2] = {
        { "\"messages\":[]", "messages" },
        { "\"messages\":{}", "messages" },
        { "\"x\":1", "messages" },
        { "\"messages\":[1]", "messages[0]" },
        { "\"messages\":[{\"role\":\"x\",\"content\":\"\"}]",
          "messages[0].role" },
        { "\"messages\":[{\"role\":\"user\"}]", "messages[0].content" },
        { "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]"
          "}]", "messages[0].content[0].text" },
        { "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
          "\"image_url\",\"image_url\":{}}]}]",
          "messages[0].content[0].image_url.url" },
        { "\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]",
          "messages[0].tool_call_id" },
        { "\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
          "\"a\",\"type\":\"function\",\"function\":{}}]}]",
          "messages[0].tool_calls[0].function.name" },
        { HI ",\"temperature\":2.5", "temperature" },
        { HI ",\"temperature\":\"1\"", "temperature" },
        { HI ",\"n\":1.5", "n" },
        { HI ",\"max_tokens\":0", "max_tokens" },
        { HI ",\"stop\":[1]", "stop" },
        { HI ",\"tools\":{}", "tools" },
        { HI ",\"tools\":[{\"type\":\"function\"}]", "tools[0].function" },
        { HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"parameters\":[]}}]", "tools[0].function.parameters" },
        { HI ",\"tool_choice\":\"maybe\"", "tool_choice" },
        { HI ",\"tool_choice\":{\"type\":\"function\"}",
          "tool_choice.function.name" },
        { HI ",\"response_format\":{\"type\":\"json_schema\"}",
          "response_format.json_schema" },
        { HI ",\"response_format\":{}", "response_format.type" },
        { HI ",\"reasoning_effort\":\"much\"", "reasoning_effort" },
        { HI ",\"top_logprobs\":2", "top_logprobs" },
        { HI ",\"logit_bias\":[1]", "logit_bias" },
        { HI ",\"metadata\":\"x\"", "metadata" },
        { HI ",\"parallel_tool_calls\":0", "parallel_tool_calls" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        read_it(apr_pstrcat(pool, "{\"model\":\"m\",", cases[i][0], "}",
                            NULL));
        is_int(wire_said.fault, LLM_BAD_REQUEST, "refused: %s", cases[i][0]);
        is_str(wire_said.detail.param, cases[i][1], "and says which");
        ok(wire_said.detail.text && strstr(wire_said.detail.text,
                                           cases[i][1]), "and what is wrong");
    }
}

static void parts(void)
{
    const llm_chat *chat = read_it(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
        "\"S\"},{\"role\":\"user\",\"name\":\"Ann\",\"content\":["
        "{\"type\":\"text\",\"text\":\"T\",\"cache_control\":{\"type\":"
        "\"ephemeral\",\"ttl\":\"1h\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/png;base64,AAAA\",\"detail\":\"low\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}},"
        "{\"type\":\"file\",\"file\":{\"file_data\":"
        "\"data:application/pdf;base64,BBBB\",\"filename\":\"a.pdf\"}},"
        "{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"CCCC\","
        "\"format\":\"mp3\"}},{\"type\":\"video_url\",\"video_url\":{}}]}]}");

    ok(chat != NULL, "parts of every kind");
    if (!chat)
        return;
    is_str(span(part(chat, 0, 0)->text), "S", "system");
    is_str(part(chat, 1, 0)->cache, "1h", "cached for an hour");
    is_str(part(chat, 1, 1)->media, "image/png", "a data: URL's type");
    is_str(span(part(chat, 1, 1)->data), "AAAA", "and its data");
    is_str(part(chat, 1, 1)->detail, "low", "detail");
    is_str(part(chat, 1, 2)->url, "https://x/y", "another URL");
    is_str(span(part(chat, 1, 3)->data), "BBBB", "a file's data");
    is_str(part(chat, 1, 3)->name, "a.pdf", "its name");
    is_str(part(chat, 1, 4)->file_id, "file-1", "a file's id");
    is_str(part(chat, 1, 5)->media, "audio/mpeg", "audio");
    is_str(wire_join(chat->unknown, pool), "messages[1].content[6].type",
           "an unknown part");
    is_str(chat->given[LLM_FIELD_SPEAKER], "messages[1].name", "speaker");
    is_str(chat->given[LLM_FIELD_CACHE],
           "messages[1].content[0].cache_control", "cache");
}

static void tools(void)
{
    const llm_chat *chat = read_it(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}"
        ",{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":"
        "\"Hm\",\"annotations\":[],\"refusal\":null,\"audio\":null,"
        "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{bad\"}},{\"id\":\"b\",\"type\":"
        "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"2\"}]},{\"role\":\"user\",\"content\":\"Go\"}]}");

    ok(chat && chat->turns->nelts == 3, "results and the words after them "
       "are one turn");
    if (!chat || chat->turns->nelts != 3)
        return;
    is_int(part(chat, 1, 0)->kind, LLM_PART_REASONING, "reasoning first");
    is_str(span(part(chat, 1, 1)->text), "{bad", "arguments as they came");
    is_str(part(chat, 2, 0)->name, "f", "a result's tool");
    is_str(part(chat, 2, 1)->id, "b", "and its call");
    is_str(span(part(chat, 2, 2)->text), "Go", "then what the user said");
    is_int(chat->unknown->nelts + chat->hints->nelts, 0, "nothing unknown");
    chat = read_it(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}"
        ",{\"role\":\"assistant\",\"content\":\"\",\"function_call\":{"
        "\"name\":\"f\",\"arguments\":\"{}\"}},{\"role\":\"function\","
        "\"name\":\"f\",\"content\":\"1\"}],\"tool_choice\":{\"type\":"
        "\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":["
        "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}},\"tools\":["
        "{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":"
        "\"function\",\"function\":{\"name\":\"g\"}}]}");
    ok(chat && part(chat, 2, 0) && part(chat, 1, 0)->id
       && !strcmp(part(chat, 1, 0)->id, part(chat, 2, 0)->id),
       "a deprecated call and its result have one id");
    ok(chat && chat->tools->nelts == 1 && !chat->choice_names
       && !strcmp(((llm_tool *)chat->tools->elts)->name, "g"),
       "allowed tools are the tools");
}

/* ---- writing ------------------------------------------------------------ */

static void written(void)
{
    static const struct {
        const char *body, *model, *has, *lost;
    } cases[] = {
        { "\"max_tokens\":5", "gpt-4o", "\"max_tokens\":5", "|" },
        { "\"max_tokens\":5", "openai/o3-mini",
          "\"max_completion_tokens\":5", "|" },
        { "\"top_k\":5", "m", "\"content\":\"Hi\"}]}", "top_k|" },
        { "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8000}", "m",
          "\"reasoning_effort\":\"medium\"", "|" },
        { "\"verbosity\":\"low\"", "m", "\"Hi\"}]}", "|verbosity" },
        { "\"verbosity\":\"low\"", "gpt-5.6", "\"verbosity\":\"low\"", "|" },
        { "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "m",
          "\"stop\":[\"a\",\"b\",\"c\",\"d\"]", "stop|" },
        { "\"stop\":\"a\"", "m", "\"stop\":[\"a\"]", "|" },
        { "\"metadata\":{\"a\":\"b\"},\"foo\":1,\"store\":true", "m",
          "\"Hi\"}]}", "foo|metadata store" },
        { "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
          "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
          "\"f\"}}", "m", "\"tool_choice\":{\"type\":\"function\","
          "\"function\":{\"name\":\"f\"}}", "|" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_chat *chat = read_it(apr_pstrcat(pool, "{\"model\":\"m\"," HI ",",
                                             cases[i].body, "}", NULL));
        const char *text = chat ? wire_write(&llm_openai, chat,
                                             cases[i].model, pool) : "";

        if (!ok(strstr(text, cases[i].has), "%s for %s", cases[i].body,
                cases[i].model))
            printf("# %s\n", text);
        is_str(wire_lost(pool), cases[i].lost, "what is lost");
    }
}

static llm_part *add(llm_chat *chat, llm_role role, llm_part_kind kind,
                     const char *text)
{
    llm_part *made = llm_turn_part(llm_chat_same_turn(chat, role), kind, pool);

    made->text = rig_span(text);
    if (kind == LLM_PART_RESULT)
        made->parts = llm_parts_make(pool);
    return made;
}

/* What only other dialects' clients say. */
static void foreign(void)
{
    const llm_asking how = { .model = "m", .facts = &wire_facts,
                             .stream = 1, .ask_usage = 1, .pool = pool };
    const char *const id = "toolu_0123456789012345678901234567890123456789";
    llm_chat *chat = llm_chat_make(pool), *back;
    llm_part *made;
    const char *text;

    add(chat, LLM_ROLE_DEVELOPER, LLM_PART_TEXT, "D");
    add(chat, LLM_ROLE_ASSISTANT, LLM_PART_REASONING, "R")->signature = "s";
    made = add(chat, LLM_ROLE_ASSISTANT, LLM_PART_CALL, "");
    made->id = id;
    made->name = "f";
    add(chat, LLM_ROLE_ASSISTANT, LLM_PART_CALL, "{}")->name = "g";
    made = add(chat, LLM_ROLE_USER, LLM_PART_RESULT, "");
    made->id = id;
    made->failed = 1;
    llm_parts_add(made->parts, LLM_PART_TEXT)->text = rig_span("bad");
    made = llm_parts_add(made->parts, LLM_PART_IMAGE);
    made->media = "image/png";
    made->data = rig_span("AAAA");
    add(chat, LLM_ROLE_USER, LLM_PART_RESULT, "")->name = "g";
    made = add(chat, LLM_ROLE_USER, LLM_PART_FILE, "");
    made->media = "text/plain";
    made->data = rig_span("Zm9v");
    add(chat, LLM_ROLE_USER, LLM_PART_IMAGE, "")->file_id = "x";
    text = wire_write_as(&llm_openai, chat, &how);
    is_str(wire_lost(pool), "image|reasoning is_error", "what is lost");
    ok(strstr(text, "{\"role\":\"system\",\"content\":\"D\"}"),
       "others know no developer");
    ok(strstr(text, "\"stream\":true,\"stream_options\":{\"include_usage\":"
              "true}"), "a stream with usage");
    ok(strstr(text, "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
              "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
              "{\"type\":\"text\",\"text\":\"foo\"}]}"),
       "a result's image and a file of text are the user's");
    back = read_it(text);
    ok(back && part(back, 1, 0)->id && strlen(part(back, 1, 0)->id) == 37
       && !strcmp(part(back, 1, 0)->id, part(back, 2, 0)->id),
       "a long id is shortened, and the same in its result");
    ok(back && !strcmp(part(back, 1, 1)->id, part(back, 2, 1)->id),
       "a missing one is made, and the same in its result");
    is_str(back ? span(part(back, 1, 0)->text) : NULL, "{}",
           "no arguments are an empty object");
    text = wire_write(&llm_openai, chat, "deepseek-chat", pool);
    ok(strstr(text, "\"reasoning_content\":\"R\""),
       "who wants the thoughts back gets them");
}

static void limited(void)
{
    const llm_facts facts = { .name = "m", .output = 100,
        .thinking = LLM_THINKING_NONE, .no_tools = 1, .no_vision = 1,
        .no_prefill = 1, .no_sampling = 1 };
    const llm_asking how = { .model = "m", .facts = &facts, .pool = pool };
    const llm_chat *chat = read_it(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
        "\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"image_url\","
        "\"image_url\":{\"url\":\"https://x\"}}]},{\"role\":\"assistant\","
        "\"content\":\"A\"}],\"max_tokens\":101,\"temperature\":0.5,"
        "\"reasoning_effort\":\"low\",\"tools\":[{\"type\":\"function\","
        "\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"}");

    is_str(wire_write_as(&llm_openai, chat, &how), "{\"model\":\"m\","
           "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
           "\"max_tokens\":100}", "what a small model takes");
    is_str(wire_lost(pool), "temperature tools tool_choice reasoning_effort "
           "prefill image|max_tokens", "and what not");
}

/* ---- malformed ---------------------------------------------------------- */

static const char golden[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},"
    "{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":\"text\","
    "\"text\":\"T\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
    "\"data:image/png;base64,AA\",\"detail\":\"low\"}},{\"type\":\"file\","
    "\"file\":{\"file_data\":\"data:a/b;base64,AA\",\"filename\":\"f\"}},"
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"A\",\"format\":"
    "\"wav\"}}]},{\"role\":\"assistant\",\"content\":null,\"refusal\":\"r\","
    "\"reasoning_content\":\"h\",\"tool_calls\":[{\"id\":\"a~llm~WzFd\","
    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
    "]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"parameters\":{\"type\":\"object\"},\"strict\":true}}],\"tool_choice\":"
    "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\","
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}},"
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
    "\"n\",\"schema\":{},\"strict\":true}},\"stop\":[\"x\"],\"n\":2,"
    "\"reasoning\":{\"effort\":\"low\"},\"thinking\":{\"type\":\"enabled\","
    "\"budget_tokens\":1},\"modalities\":[\"text\"],\"logprobs\":true,"
    "\"metadata\":{\"a\":\"b\"},\"user\":\"u\",\"temperature\":0.5}";

/* Each value in turn becomes each kind of JSON. */
static void mutations(void)
{
    static const char *const kinds[] = { "null", "false", "1e300", "\"\"",
                                         "\"\\u0000\"", "[]", "[[]]", "{}",
                                         "{\"type\":7}", "-1" };
    int read = 0, refused = 0, odd = 0;

    ok(read_it(golden) != NULL, "the golden request is read");
    for (const char *at = strchr(golden, ':'); at; at = strchr(at + 1, ':'))
        for (size_t k = 0; k < COUNT(kinds); k++) {
            const char *end = at + 1;
            int deep = 0, quoted = 0;
            apr_pool_t *p;
            llm_chat *chat;

            for (; *end; end++) {
                quoted ^= *end == '"';
                if (!quoted && !deep && strchr(",]}", *end))
                    break;
                deep += !quoted && strchr("[{", *end) ? 1
                    : !quoted && strchr("]}", *end) ? -1 : 0;
            }
            apr_pool_create(&p, pool);
            chat = wire_read(&llm_openai, apr_pstrcat(
                p, apr_pstrmemdup(p, golden, at + 1 - golden), kinds[k], end,
                NULL), p);
            if (chat)
                wire_write(&llm_openai, chat, "m", p);
            else if (wire_said.fault == LLM_BAD_REQUEST)
                odd += !wire_said.detail.param;
            read += chat != NULL;
            refused += wire_said.fault == LLM_BAD_REQUEST;
            apr_pool_destroy(p);
        }
    ok(read > 100 && refused > 100 && !odd, "values of every kind anywhere: "
       "%d read, %d refused", read, refused);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    round_trips();
    fields();
    faults();
    parts();
    tools();
    written();
    foreign();
    limited();
    mutations();
    apr_terminate();
    return done();
}
