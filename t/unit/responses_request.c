/* Requests of the Responses API: what a client's mean, and what a provider is
 * asked. */
#include "responses_rig.h"

static const char *joined(const apr_array_header_t *names)
{
    const char *all = "";
    int i;

    for (i = 0; i < names->nelts; i++)
        all = apr_pstrcat(once, all, i ? " " : "",
                          APR_ARRAY_IDX(names, i, const char *), NULL);
    return all;
}

/* ---- golden --------------------------------------------------------------- */

static const char golden[] =
    "{\"model\":\"m\",\"instructions\":\"Be kind\",\"input\":["
    "{\"role\":\"developer\",\"content\":\"Dev\"},"
    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
    "\"input_text\",\"text\":\"What is it?\"},{\"type\":\"input_image\","
    "\"image_url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"},"
    "{\"type\":\"input_image\",\"image_url\":\"https://x.y/z.png\"},"
    "{\"type\":\"input_file\",\"file_id\":\"file-1\",\"filename\":"
    "\"a.pdf\"},{\"type\":\"input_file\",\"file_data\":"
    "\"data:application/pdf;base64,QUJD\"}]},"
    "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
    "\"summary_text\",\"text\":\"Hm\"},{\"type\":\"summary_text\",\"text\":"
    "\"So\"}],\"encrypted_content\":\"gAAA\"},"
    "{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\","
    "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":"
    "\"I look\",\"annotations\":[]},{\"type\":\"refusal\",\"refusal\":"
    "\"No\"}]},"
    "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"c1\","
    "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
    "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\","
    "\"arguments\":\"\"},"
    "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":"
    "\"one\"},{\"type\":\"function_call_output\",\"call_id\":\"c2\","
    "\"output\":[{\"type\":\"input_text\",\"text\":\"two\"},{\"type\":"
    "\"input_image\",\"file_id\":\"file-2\"}]},"
    "{\"role\":\"user\",\"content\":\"And?\"}],"
    "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\"},\"strict\":true},{\"type\":"
    "\"function\",\"name\":\"g\",\"parameters\":null,\"strict\":null}],"
    "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"},"
    "\"parallel_tool_calls\":false,\"max_output_tokens\":100,"
    "\"temperature\":0.5,\"top_p\":0.9,\"top_logprobs\":2,"
    "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\","
    "\"schema\":{\"type\":\"object\"},\"strict\":true},\"verbosity\":"
    "\"low\"},\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"},"
    "\"metadata\":{\"k\":\"v\"},\"safety_identifier\":\"u\","
    "\"service_tier\":\"flex\",\"store\":true,\"stream\":true,"
    "\"include\":[\"reasoning.encrypted_content\"],\"truncation\":"
    "\"disabled\",\"prompt_cache_key\":\"k\",\"background\":false,"
    "\"previous_response_id\":null,\"stream_options\":{"
    "\"include_obfuscation\":false}}";

static const llm_part *part_of(const llm_chat *chat, int turn, int part)
{
    const llm_turn *at = &((const llm_turn *)chat->turns->elts)[turn];

    return &((const llm_part *)at->parts->elts)[part];
}

static void golden_turns(const llm_chat *chat)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    const llm_part *part;

    is_int(chat->turns->nelts, 5, "turns");
    is_int(turns[0].role, LLM_ROLE_SYSTEM, "instructions come first");
    is_int(turns[1].role, LLM_ROLE_DEVELOPER, "then the developer");
    is_int(turns[2].parts->nelts, 5, "the user's parts");
    part = part_of(chat, 2, 1);
    is_str(part->media, "image/png", "a data URL is split");
    is_mem(part->data.at, part->data.len, "AAAA", 4, "its data");
    is_str(part->detail, "low", "its detail");
    is_str(part_of(chat, 2, 2)->url, "https://x.y/z.png", "an image's URL");
    is_str(part_of(chat, 2, 3)->file_id, "file-1", "a file's id");
    is_str(part_of(chat, 2, 3)->name, "a.pdf", "and name");
    is_str(part_of(chat, 2, 4)->media, "application/pdf", "a file's data");
    is_int(turns[3].role, LLM_ROLE_ASSISTANT, "one assistant's turn");
    is_int(turns[3].parts->nelts, 5, "of five parts");
    part = part_of(chat, 3, 0);
    is_str(part->signature, "openai~rs_1~gAAA", "sealed reasoning");
    is_mem(part->text.at, part->text.len, "Hm\n\nSo", 6, "its summary");
    is_int(part_of(chat, 3, 2)->kind, LLM_PART_REFUSAL, "a refusal");
    is_str(part_of(chat, 3, 3)->id, "c1", "a call's id");
    is_int(turns[4].parts->nelts, 3, "results and what follows are one turn");
    is_str(part_of(chat, 4, 1)->name, "g", "a result knows its tool");
    is_int(part_of(chat, 4, 1)->parts->nelts, 2, "a result of two parts");
}

static void golden_request(void)
{
    llm_chat *chat = reads(golden);
    llm_losses lost;
    const char *text;

    golden_turns(chat);
    is_int(chat->tools->nelts, 2, "tools");
    is_int(((llm_tool *)chat->tools->elts)[0].strict, 1, "strict");
    is_int(((llm_tool *)chat->tools->elts)[1].strict, -1, "not said");
    is_int(chat->choice, LLM_CHOICE_NAMED, "a named choice");
    is_int(chat->parallel, 0, "no calls at once");
    is_int(chat->max_tokens, 100, "max_output_tokens");
    is_int(chat->top_logprobs, 2, "top_logprobs");
    is_str(chat->schema_name, "s", "the schema's name");
    is_str(chat->effort, "high", "effort");
    is_int(chat->thoughts, 1, "summary");
    is_str(chat->user, "u", "user");
    is_str(chat->given[LLM_FIELD_USER], "safety_identifier", "its name");
    is_str(chat->given[LLM_FIELD_EFFORT], "reasoning.effort", "a path");
    is_str(joined(chat->unknown), "", "nothing is unknown");
    is_str(joined(chat->hints), "store prompt_cache_key", "hints");
    text = written(chat, &no_facts, 1, &lost);
    is_str(joined(lost.names), "", "nothing is lost");
    is_str(joined(lost.hints), "store prompt_cache_key", "but hints");
    ok(strstr(text, "{\"model\":\"gpt-x\",\"instructions\":\"Be kind\\n\\n"
              "Dev\",\"input\":[{\"type\":\"message\",\"role\":\"user\","
              "\"content\":[{\"type\":\"input_text\",") == text,
       "the head of what a provider is asked");
    ok(strstr(text, "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{"
              "\"type\":\"summary_text\",\"text\":\"Hm\\n\\nSo\"}],"
              "\"encrypted_content\":\"gAAA\"}") != NULL,
       "sealed reasoning goes back");
    ok(strstr(text, "\"include\":[\"reasoning.encrypted_content\","
              "\"message.output_text.logprobs\"]}") != NULL, "include");
    ok(strstr(text, "\"stream\":true,\"store\":false") != NULL,
       "nothing is to be stored");
    ok(strstr(text, "\"name\":\"g\",\"parameters\":null,\"strict\":false")
       != NULL, "what is not said to be strict is said not to be");
}

/* ---- members -------------------------------------------------------------- */

#define HI "\"input\":\"hi\""

static void marks(void)
{
    static const char *const cases[][3] = {     /* body, unknown, hints */
        { "{" HI ",\"previous_response_id\":\"r\",\"conversation\":\"c\","
          "\"background\":true,\"prompt\":{\"id\":\"p\"},\"frob\":1}",
          "previous_response_id conversation background prompt frob", "" },
        { "{" HI ",\"frob\":null,\"frab\":[],\"frib\":{},\"frub\":false}",
          "", "" },
        { "{" HI ",\"tools\":[{\"type\":\"web_search\"},{\"type\":"
          "\"function\",\"name\":\"f\",\"defer_loading\":true}]}",
          "tools[0].type tools[1].defer_loading", "" },
        { "{" HI ",\"text\":{\"frob\":1,\"format\":{\"type\":\"grammar\"}},"
          "\"reasoning\":{\"mode\":\"pro\",\"context\":\"auto\"}}",
          "text.frob text.format.type reasoning.mode", "reasoning.context" },
        { "{\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"},{\"id\":"
          "\"y\"},{\"type\":\"web_search_call\",\"id\":\"z\"},{\"role\":"
          "\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}",
          "input[0].type input[1].type input[2].type "
          "input[3].content[0].type", "" },
        { "{\"input\":[{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":"
          "[]},{\"role\":\"assistant\",\"content\":\"x\",\"phase\":"
          "\"commentary\"}]}", "", "input[0].id input[1].phase" },
        { "{" HI ",\"truncation\":\"auto\",\"include\":["
          "\"file_search_call.results\"],\"store\":false}", "",
          "truncation include" },
        { "{" HI ",\"tool_choice\":{\"type\":\"web_search\"}}",
          "tool_choice", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_chat *chat = reads(cases[i][0]);

        is_str(joined(chat->unknown), cases[i][1], "unknown");
        is_str(joined(chat->hints), cases[i][2], "hints");
    }
}

static void wrongs(void)
{
    static const char *const cases[][2] = {
        { "{}", "input" },
        { "{\"input\":7}", "input" },
        { "{\"input\":null}", "input" },
        { "{\"input\":[7]}", "input[0].type" },
        { "{\"input\":[{\"role\":\"robot\",\"content\":\"\"}]}",
          "input[0].role" },
        { "{\"input\":[{\"role\":\"user\"}]}", "input[0].content" },
        { "{\"input\":[{\"role\":\"user\",\"content\":[7]}]}",
          "input[0].content[0].type" },
        { "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
          "\"input_text\"}]}]}", "input[0].content[0].text" },
        { "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
          "\"input_image\",\"image_url\":\"data:,x\"}]}]}",
          "input[0].content[0].image_url" },
        { "{\"input\":[{\"type\":\"function_call\",\"name\":\"f\"}]}",
          "input[0].call_id" },
        { "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"f\"}]}",
          "input[0].name" },
        { "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":"
          "\"f\"}]}", "input[0].output" },
        { "{" HI ",\"instructions\":[]}", "instructions" },
        { "{" HI ",\"max_output_tokens\":0}", "max_output_tokens" },
        { "{" HI ",\"temperature\":2.5}", "temperature" },
        { "{" HI ",\"top_p\":\"1\"}", "top_p" },
        { "{" HI ",\"top_logprobs\":21}", "top_logprobs" },
        { "{" HI ",\"reasoning\":{\"effort\":\"huge\"}}",
          "reasoning.effort" },
        { "{" HI ",\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
          "text.format.schema" },
        { "{" HI ",\"tools\":{}}", "tools" },
        { "{" HI ",\"tools\":[{\"type\":\"function\"}]}", "tools[0].name" },
        { "{" HI ",\"tool_choice\":\"maybe\"}", "tool_choice" },
        { "{" HI ",\"tool_choice\":{\"type\":\"function\"}}",
          "tool_choice.name" },
        { "{" HI ",\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":"
          "\"required\",\"tools\":[{\"name\":\"f\"}]}}",
          "tool_choice.tools" },
        { "{" HI ",\"metadata\":[]}", "metadata" },
        { "{" HI ",\"parallel_tool_calls\":1}", "parallel_tool_calls" },
    };
    llm_fault_detail detail;
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_at(cases[i][0], strlen(cases[i][0]), &chat, &detail),
               LLM_BAD_REQUEST, "refused: %s", cases[i][0]);
        is_str(detail.param, cases[i][1], "and why");
        ok(detail.text && strlen(detail.text) > 10, "in a sentence");
    }
}

static void choices(void)
{
    llm_chat *chat = reads("{" HI ",\"tool_choice\":{\"type\":"
        "\"allowed_tools\",\"mode\":\"required\",\"tools\":[{\"type\":"
        "\"function\",\"name\":\"b\"}]},\"tools\":[{\"type\":\"function\","
        "\"name\":\"a\"},{\"type\":\"function\",\"name\":\"b\"}]}");
    llm_losses lost;

    is_int(chat->tools->nelts, 1, "tools that are not allowed are not told");
    is_int(chat->choice, LLM_CHOICE_REQUIRED, "and one is required");
    ok(strstr(written(chat, &no_facts, 0, &lost),
              "\"tool_choice\":\"required\"") != NULL, "and asked for");
    chat->choice = LLM_CHOICE_NAMED;
    chat->choice_names = apr_array_make(once, 2, sizeof(const char *));
    APR_ARRAY_PUSH(chat->choice_names, const char *) = "a";
    APR_ARRAY_PUSH(chat->choice_names, const char *) = "b";
    ok(strstr(written(chat, &no_facts, 0, &lost), "{\"type\":"
              "\"allowed_tools\",\"mode\":\"required\",\"tools\":[{\"type\":"
              "\"function\",\"name\":\"a\"},{\"type\":\"function\",\"name\":"
              "\"b\"}]}") != NULL, "one of several names");
}

/* ---- losses --------------------------------------------------------------- */

static void losses(void)
{
    static const llm_facts plain = { .thinking = LLM_THINKING_NONE,
                                     .no_sampling = 1, .no_tools = 1 };
    llm_chat *chat = reads("{" HI ",\"temperature\":1,\"max_output_tokens\":"
        "5,\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
        "\"tools\":[{\"type\":\"function\",\"name\":\"a\"}]}");
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_ASSISTANT);
    llm_losses lost;
    const char *text;
    llm_part *part;

    llm_turn_part(turn, LLM_PART_REASONING, once)->text
        = (llm_span){ "Hm", 2 };
    turn = llm_chat_turn(chat, LLM_ROLE_USER);
    llm_turn_part(turn, LLM_PART_AUDIO, once);
    part = llm_turn_part(turn, LLM_PART_RESULT, once);
    part->id = "c";
    part->failed = 1;
    chat->given[LLM_FIELD_STOP] = "stop";
    chat->given[LLM_FIELD_SEED] = "seed";
    text = written(chat, &plain, 0, &lost);
    is_str(joined(lost.names), "seed stop audio temperature reasoning.effort "
           "tools", "what is lost");
    is_str(joined(lost.hints), "reasoning is_error max_output_tokens "
           "reasoning.summary", "and what does not matter");
    ok(!strstr(text, "temperature") && !strstr(text, "effort")
       && !strstr(text, "tools") && strstr(text, "\"max_output_tokens\":16"),
       "none of it is asked: %s", text);
}

static void ids(void)
{
    llm_chat *chat = llm_chat_make(once);
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_ASSISTANT);
    static const char *const names[] = { "a", "b", "a" };
    llm_losses lost;
    const char *text;

    for (int i = 0; i < 3; i++)
        llm_turn_part(turn, LLM_PART_CALL, once)->name = names[i];
    turn = llm_chat_turn(chat, LLM_ROLE_USER);
    for (int i = 0; i < 3; i++)
        llm_turn_part(turn, LLM_PART_RESULT, once)->name = names[2 - i];
    text = written(chat, &no_facts, 0, &lost);
    text = strstr(text, "function_call_output");
    ok(text && strstr(text, "call_1") < strstr(text, "call_2")
       && strstr(text, "call_2") < strstr(text, "call_3"),
       "calls without ids get some, results by name in their order");
}

static void carried(void)
{
    apr_array_header_t *reasoning = llm_parts_make(once);
    llm_part *part = llm_parts_add(reasoning, LLM_PART_REASONING);
    const char *id, *body;
    llm_chat *chat;

    part->text = (llm_span){ "Hm", 2 };
    part->signature = "proof";
    id = llm_carry_pack("c1", "thought", reasoning, once);
    body = apr_psprintf(once, "{\"input\":[{\"type\":\"function_call\","
                        "\"call_id\":\"%s\",\"name\":\"f\",\"arguments\":"
                        "\"{}\"},{\"type\":\"function_call_output\","
                        "\"call_id\":\"%s\",\"output\":\"x\"}]}", id, id);
    chat = reads(body);
    is_str(part_of(chat, 0, 0)->signature, "proof", "reasoning in an id");
    is_str(part_of(chat, 0, 1)->id, "c1", "the bare id");
    is_str(part_of(chat, 0, 1)->signature, "thought", "the call's own");
    is_str(part_of(chat, 1, 0)->id, "c1", "the result's");
    is_str(part_of(chat, 1, 0)->name, "f", "and its tool");
}

/* ---- anything at all -------------------------------------------------------- */

/* Every value of the golden body, one after the other, as something else. */
static void mutations(void)
{
    static const char *const values[] = { "null", "true", "-1", "1e99",
        "\"\"", "\"x\\u0000y\"", "[]", "{}", "[[{}],7]",
        "{\"type\":[],\"role\":{}}" };
    const size_t n = strlen(golden);
    int odd = 0, tried = 0;

    for (size_t at = 1; at < n; at++) {
        if (golden[at - 1] != ':' && golden[at - 1] != '['
            && golden[at - 1] != ',')
            continue;
        for (size_t len = 1; at + len < n; len++) {
            if (!strchr(",]}", golden[at + len]))
                continue;
            for (size_t v = 0; v < COUNT(values); v++) {
                llm_fault_detail detail;
                llm_losses lost;
                llm_chat *chat;
                const char *body = apr_psprintf(once, "%.*s%s%s", (int)at,
                    golden, values[v], golden + at + len);
                llm_fault fault = read_at(body, strlen(body), &chat, &detail);

                odd += fault != LLM_OK && fault != LLM_BAD_JSON
                    && fault != LLM_BAD_REQUEST;
                odd += fault == LLM_BAD_REQUEST
                    && (!detail.param || !detail.text);
                if (!fault)
                    odd += *written(chat, &no_facts, 0, &lost) != '{';
                tried += fault != LLM_BAD_JSON;
            }
            apr_pool_clear(once);
            if (len > 300)
                break;
        }
    }
    ok(!odd && tried > 1000, "%d bodies of wrong kinds are told apart",
       tried);
}

int main(void)
{
    static void (*const tests[])(void) = {
        golden_request, marks, wrongs, choices, losses, ids, carried,
        mutations
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&once, pool);
    for (size_t i = 0; i < COUNT(tests); i++) {
        tests[i]();
        apr_pool_clear(once);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
