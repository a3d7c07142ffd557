/* Gemini's requests: read from clients, written to the provider. */
#include "gemini_rig.h"

/* ---- a body that is read and written again ------------------------------ */

static void same(void)
{
    static const struct {
        const char *what, *in, *out;
    } cases[] = {
        { "a word", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
          "\"hi\"}]}]}", NULL },
        { "without lists and roles", "{\"contents\":{\"parts\":{\"text\":"
          "\"hi\"}}}", "{\"contents\":[{\"role\":\"user\",\"parts\":["
          "{\"text\":\"hi\"}]}]}" },
        { "a picture", "{\"contents\":[{\"role\":\"user\",\"parts\":[{"
          "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAA=\"}}]}]}",
          NULL },
        { "in snake_case, base64url", "{\"contents\":[{\"parts\":[{"
          "\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"-_A\"}}]}]"
          "}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{"
          "\"mimeType\":\"image/png\",\"data\":\"+/A=\"}}]}]}" },
        { "a file of Google's", "{\"contents\":[{\"role\":\"user\",\"parts\":["
          "{\"fileData\":{\"mimeType\":\"application/pdf\",\"fileUri\":"
          "\"gs://a/b\"}}]}]}", NULL },
        { "the system as a string", "{\"contents\":[{\"parts\":[{\"text\":"
          "\"hi\"}]}],\"system_instruction\":\"be\"}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
          "\"systemInstruction\":{\"parts\":[{\"text\":\"be\"}]}}" },
        { "the system alone", "{\"contents\":[],\"systemInstruction\":{"
          "\"parts\":[{\"text\":\"be\"}]}}", "{\"contents\":[{\"role\":"
          "\"user\",\"parts\":[{\"text\":\"be\"}]}]}" },
        { "nothing but an empty text", "{\"contents\":[{\"parts\":[{\"text\":"
          "\"\"}]}]}", "{\"contents\":[{\"role\":\"user\",\"parts\":["
          "{\"text\":\" \"}]}]}" },
        { "turns that merge, empty ones between", "{\"contents\":[{\"role\":"
          "\"user\",\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\","
          "\"parts\":[{\"text\":\"\"}]},{\"role\":\"user\",\"parts\":["
          "{\"text\":\"b\"},{\"text\":\"\"}]}]}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},"
          "{\"text\":\"b\"}]}]}" },
        { "a call and its result", "{\"contents\":[{\"role\":\"model\","
          "\"parts\":[{\"functionCall\":{\"id\":\"x\",\"name\":\"f\",\"args\":"
          "{\"a\":1}},\"thoughtSignature\":\"c2ln\"}]},{\"role\":\"user\","
          "\"parts\":[{\"functionResponse\":{\"id\":\"x\",\"name\":\"f\","
          "\"response\":{\"temp\":20}}}]}]}", NULL },
        { "a result in words, a failed one", "{\"contents\":[{\"role\":"
          "\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"x\",\"name\":"
          "\"f\",\"response\":{\"output\":\"fine\"}}},{\"functionResponse\":{"
          "\"id\":\"y\",\"name\":\"g\",\"response\":{\"error\":\"no\"}}}]}]}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":"
          "{\"id\":\"x\",\"name\":\"f\",\"response\":{\"result\":\"fine\"}}},"
          "{\"functionResponse\":{\"id\":\"y\",\"name\":\"g\",\"response\":{"
          "\"error\":\"no\"}}}]}]}" },
        { "a call without an id, a signature and arguments, and its result",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]},"
          "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\"}},"
          "{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]},{\"role\":"
          "\"function\",\"parts\":[{\"functionResponse\":{\"name\":\"f\","
          "\"response\":{\"result\":\"r\"}}},{\"functionResponse\":{\"name\":"
          "\"f\",\"response\":{}}}]}]}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]},"
          "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":"
          "\"call_1_0\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":"
          "\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":"
          "\"call_1_1\",\"name\":\"f\",\"args\":{}}}]},{\"role\":\"user\","
          "\"parts\":[{\"functionResponse\":{\"id\":\"call_1_0\",\"name\":"
          "\"f\",\"response\":{\"result\":\"r\"}}},{\"functionResponse\":{"
          "\"id\":\"call_1_1\",\"name\":\"f\",\"response\":{}}}]}]}" },
        { "a signed text", "{\"contents\":[{\"role\":\"model\",\"parts\":[{"
          "\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]}]}", NULL },
        { "a picture in a result", "{\"contents\":[{\"role\":\"user\","
          "\"parts\":[{\"functionResponse\":{\"id\":\"x\",\"name\":\"f\","
          "\"response\":{},\"parts\":[{\"inlineData\":{\"mimeType\":"
          "\"image/png\",\"data\":\"AAAA\"}}]}}]}]}",
          "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":"
          "{\"id\":\"x\",\"name\":\"f\",\"response\":{}}},{\"inlineData\":{"
          "\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]}]}" },
    };
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_chat(&llm_gemini, cases[i].in, &chat), LLM_OK,
               "read: %s", cases[i].what);
        is_str(written(&llm_gemini, chat),
               cases[i].out ? cases[i].out : cases[i].in, "%s",
               cases[i].what);
        is_str(joined(lost.names), "", "nothing is lost");
        is_str(joined(lost.hints), "", "nor a hint");
    }
}

/* ---- settings ----------------------------------------------------------- */

#define HI "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"

static void settings(void)
{
    static const struct {
        const char *in, *out;   /* what follows HI; NULL: the same */
        const char *lost, *hints;
    } cases[] = {
        { ",\"generationConfig\":{\"maxOutputTokens\":10,\"temperature\":0.5,"
          "\"topP\":0.9,\"topK\":40,\"candidateCount\":2,\"presencePenalty\":"
          "0.5,\"frequencyPenalty\":-1,\"stopSequences\":[\"x\"],\"seed\":-1,"
          "\"responseLogprobs\":true,\"logprobs\":5,\"responseMimeType\":"
          "\"application/json\",\"responseJsonSchema\":{\"type\":\"object\"},"
          "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingLevel\":"
          "\"LOW\"}}}", NULL, "", "" },
        { ",\"generation_config\":{\"max_output_tokens\":\"7\",\"top_p\":1,"
          "\"stop_sequences\":[]}}", ",\"generationConfig\":{"
          "\"maxOutputTokens\":7,\"topP\":1}}", "", "" },
        { ",\"generationConfig\":{\"candidateCount\":1,\"presencePenalty\":0,"
          "\"responseLogprobs\":false,\"responseMimeType\":\"text/plain\","
          "\"responseModalities\":[\"TEXT\"],\"thinkingConfig\":{}},"
          "\"tools\":[],\"safetySettings\":[],\"cachedContent\":null}", "}",
          "", "" },
        { ",\"generationConfig\":{\"responseMimeType\":\"application/json\","
          "\"responseSchema\":{\"type\":\"OBJECT\",\"properties\":{\"type\":{"
          "\"type\":\"STRING\",\"nullable\":true,\"enum\":[\"a\"],\"format\":"
          "\"enum\"},\"n\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"INTEGER\""
          "},\"minItems\":\"2\"},\"o\":{\"any_of\":[{\"type\":\"NUMBER\"}],"
          "\"nullable\":true}},\"propertyOrdering\":[\"n\"],\"required\":"
          "[\"n\"]}}}", ",\"generationConfig\":{\"responseMimeType\":"
          "\"application/json\",\"responseJsonSchema\":{\"type\":\"object\","
          "\"properties\":{\"type\":{\"type\":[\"string\",\"null\"],\"enum\":["
          "\"a\",null]},\"n\":{\"type\":\"array\",\"items\":{\"type\":"
          "\"integer\"},\"minItems\":2},\"o\":{\"anyOf\":[{\"type\":\"number\""
          "},{\"type\":\"null\"}]}},\"required\":[\"n\"]}}}", "", "" },
        { ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
          "\"description\":\"d\",\"parametersJsonSchema\":{\"type\":\"object\""
          "}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
          "\"allowedFunctionNames\":[\"f\"]}}}", NULL, "", "" },
        { ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
          "\"parameters\":{\"type\":\"OBJECT\",\"properties\":{}}}]},{"
          "\"googleSearch\":{}}],\"toolConfig\":{\"functionCallingConfig\":{"
          "\"mode\":\"VALIDATED\"}}}", ",\"tools\":[{\"functionDeclarations\":"
          "[{\"name\":\"f\",\"parametersJsonSchema\":{\"type\":\"object\","
          "\"properties\":{}}}]}]}", "tools[1].googleSearch",
          "toolConfig.functionCallingConfig.mode" },
        { ",\"safetySettings\":[{\"category\":\"C\",\"threshold\":"
          "\"BLOCK_NONE\"}],\"labels\":{\"a\":\"b\"}}", "}", "",
          "safetySettings labels" },
        { ",\"safety_settings\":[{\"category\":\"C\",\"threshold\":"
          "\"BLOCK_LOW_AND_ABOVE\"}],\"cachedContent\":\"c\",\"new\":1}", "}",
          "safety_settings cachedContent new", "" },
        { ",\"generationConfig\":{\"speechConfig\":{\"a\":1},\"seed\":"
          "5000000000,\"stopSequences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]"
          "}}", ",\"generationConfig\":{\"stopSequences\":[\"1\",\"2\",\"3\","
          "\"4\",\"5\"]}}", "generationConfig.speechConfig "
          "generationConfig.stopSequences generationConfig.seed", "" },
    };
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_chat(&llm_gemini, apr_pstrcat(pool, HI, cases[i].in,
                                                  NULL), &chat), LLM_OK,
               "settings %d are read", (int)i);
        is_str(written(&llm_gemini, chat),
               apr_pstrcat(pool, HI, cases[i].out ? cases[i].out
                                                  : cases[i].in, NULL),
               "and written");
        is_str(joined(lost.names), cases[i].lost, "lost");
        is_str(joined(lost.hints), cases[i].hints, "hints");
    }
}

static void thinking(void)
{
    static const struct {
        llm_thinking way;
        const char *effort;     /* NULL: a budget */
        long long budget;
        const char *out;        /* within thinkingConfig; NULL: none of it */
        const char *lost, *hints;
    } cases[] = {
        { LLM_THINKING_UNKNOWN, "low", 0, "\"thinkingLevel\":\"LOW\"", "",
          "" },
        { LLM_THINKING_EFFORT, "xhigh", 0, "\"thinkingLevel\":\"HIGH\"", "",
          "e" },
        { LLM_THINKING_EFFORT, "none", 0, "\"thinkingLevel\":\"MINIMAL\"", "",
          "e" },
        { LLM_THINKING_EFFORT, NULL, 2000, "\"thinkingLevel\":\"LOW\"", "",
          "b" },
        { LLM_THINKING_EFFORT, NULL, -1, "", "", "" },
        { LLM_THINKING_BUDGET, "low", 0, "\"thinkingBudget\":2048", "", "" },
        { LLM_THINKING_BUDGET, "none", 0, "\"thinkingBudget\":0", "", "" },
        { LLM_THINKING_BUDGET, "max", 0, "\"thinkingBudget\":24576", "",
          "e" },
        { LLM_THINKING_BUDGET, NULL, 77, "\"thinkingBudget\":77", "", "" },
        { LLM_THINKING_BUDGET, NULL, -1, "\"thinkingBudget\":-1", "", "" },
        { LLM_THINKING_NONE, "low", 0, NULL, "e", "" },
        { LLM_THINKING_NONE, "none", 0, NULL, "", "" },
        { LLM_THINKING_NONE, NULL, 0, NULL, "", "" },
    };
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        read_chat(&llm_gemini, HI "}", &chat);
        facts.thinking = cases[i].way;
        chat->effort = cases[i].effort;
        chat->budget = cases[i].budget;
        chat->given[cases[i].effort ? LLM_FIELD_EFFORT : LLM_FIELD_BUDGET] =
            cases[i].effort ? "e" : "b";
        is_str(written(&llm_gemini, chat), cases[i].out
               ? apr_pstrcat(pool, HI ",\"generationConfig\":{"
                             "\"thinkingConfig\":{", cases[i].out, "}}}",
                             NULL)
               : HI "}", "thinking %d", (int)i);
        is_str(joined(lost.names), cases[i].lost, "lost");
        is_str(joined(lost.hints), cases[i].hints, "hints");
    }
    memset(&facts, 0, sizeof facts);
}

/* ---- what is wrong ------------------------------------------------------ */

static void wrong(void)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        { "{}", "contents" },
        { "{\"contents\":7}", "contents" },
        { "{\"contents\":[7]}", "contents[0]" },
        { "{\"contents\":[{\"role\":\"system\"}]}", "contents[0].role" },
        { "{\"contents\":[{\"parts\":[{}]}]}", "contents[0].parts[0]" },
        { "{\"contents\":[{\"parts\":[{\"text\":1}]}]}",
          "contents[0].parts[0].text" },
        { "{\"contents\":[{\"parts\":[{\"text\":\"a\",\"inline_data\":{"
          "\"data\":\"AA==\"}}]}]}", "contents[0].parts[0]" },
        { "{\"contents\":[{\"parts\":[{\"inline_data\":{\"data\":5}}]}]}",
          "contents[0].parts[0].inline_data.data" },
        { "{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\","
          "\"args\":\"{}\"}}]}]}", "contents[0].parts[0].functionCall.args" },
        { "{\"contents\":[{\"parts\":[{\"functionCall\":{}}]}]}",
          "contents[0].parts[0].functionCall" },
        { "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"name\":\"f\","
          "\"response\":\"x\"}}]}]}",
          "contents[0].parts[0].functionResponse.response" },
        { HI ",\"generationConfig\":{\"temperature\":\"hot\"}}",
          "generationConfig.temperature" },
        { HI ",\"generationConfig\":{\"topK\":1.5}}",
          "generationConfig.topK" },
        { HI ",\"generationConfig\":{\"stopSequences\":[1]}}",
          "generationConfig.stopSequences[0]" },
        { HI ",\"tools\":[{\"functionDeclarations\":[{}]}]}",
          "tools[0].functionDeclarations[0]" },
        { HI ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"X\"}}}",
          "toolConfig.functionCallingConfig.mode" },
    };
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_chat(&llm_gemini, cases[i].body, &chat), LLM_BAD_REQUEST,
               "wrong: %s", cases[i].body);
        is_str(detail.param, cases[i].param, "where");
        ok(detail.text && *detail.text, "and what");
    }
}

/* What another client's dialect may say, and Gemini cannot take. */
static void foreign(void)
{
    llm_chat *chat = llm_chat_make(pool);
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_USER);
    llm_part *part;

    llm_turn_part(turn, LLM_PART_TEXT, pool)->text = SPAN("see");
    llm_turn_part(turn, LLM_PART_IMAGE, pool)->url = "https://a/b.png";
    llm_turn_part(turn, LLM_PART_FILE, pool)->file_id = "file-1";
    chat->given[LLM_FIELD_PARALLEL] = "parallel_tool_calls";
    chat->given[LLM_FIELD_USER] = "user";
    is_str(written(&llm_gemini, chat), "{\"contents\":[{\"role\":\"user\","
           "\"parts\":[{\"text\":\"see\"}]}]}",
           "without what it cannot fetch");
    is_str(joined(lost.names), "image_url file parallel_tool_calls", "lost");
    is_str(joined(lost.hints), "user", "hints");

    chat = llm_chat_make(pool);
    turn = llm_chat_turn(chat, LLM_ROLE_ASSISTANT);
    part = llm_turn_part(turn, LLM_PART_REASONING, pool);
    part->text = SPAN("hm");
    part->signature = "s";
    part = llm_turn_part(turn, LLM_PART_CALL, pool);
    part->name = "f";
    part->text = SPAN("[1]");
    is_str(written(&llm_gemini, chat), "bad_request", "a list of arguments");
    is_str(detail.param, "messages", "where");
    ((llm_part *)turn->parts->elts)[1].text = SPAN("{\"a\":\n1}");
    facts.thinking = LLM_THINKING_BUDGET;
    is_str(written(&llm_gemini, chat), "{\"contents\":[{\"role\":\"model\","
           "\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}}]"
           "}]}", "no dummy where none is needed");
    is_str(joined(lost.hints), "reasoning", "reasoning has no place");
    facts.thinking = LLM_THINKING_UNKNOWN;

    chat = llm_chat_make(pool);
    turn = llm_chat_turn(chat, LLM_ROLE_USER);
    llm_turn_part(turn, LLM_PART_RESULT, pool)->id = "x";
    is_str(written(&llm_gemini, chat), "bad_request", "an orphan result");
    is_str(written(&llm_gemini, llm_chat_make(pool)), "bad_request",
           "no conversation");
}

/* ---- ids that carry reasoning ------------------------------------------- */

static void carried(void)
{
    apr_array_header_t *reasoning = llm_parts_make(pool);
    llm_part *part = llm_parts_add(reasoning, LLM_PART_REASONING);
    const llm_part *parts;
    const char *id;
    llm_chat *chat;

    part->text = SPAN("because");
    part->signature = "proof";
    id = llm_carry_pack("toolu_1", NULL, reasoning, pool);
    read_chat(&llm_gemini, apr_pstrcat(
        pool, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":"
        "\"because\",\"thought\":true},{\"functionCall\":{\"id\":\"", id,
        "\",\"name\":\"f\",\"args\":{}}}]},{\"role\":\"user\",\"parts\":[{"
        "\"functionResponse\":{\"id\":\"", id, "\",\"name\":\"f\","
        "\"response\":{}}}]}]}", NULL), &chat);
    parts = (llm_part *)((llm_turn *)chat->turns->elts)[0].parts->elts;
    is_int(((llm_turn *)chat->turns->elts)[0].parts->nelts, 2,
           "reasoning once");
    is_str(parts[0].signature, "proof", "with its proof");
    is_str(parts[1].id, "toolu_1", "before the call");
    parts = (llm_part *)((llm_turn *)chat->turns->elts)[1].parts->elts;
    is_str(parts[0].id, "toolu_1", "the result's id is bare");
}

/* ---- counting ----------------------------------------------------------- */

static void counts(void)
{
    llm_chat *chat;

    is_int(read_chat(&llm_gemini_count, HI "}", &chat), LLM_OK, "contents");
    is_str(written(&llm_gemini_count, chat), HI "}", "alone");
    is_int(read_chat(&llm_gemini_count, "{\"generateContentRequest\":" HI
                     ",\"model\":\"models/x\",\"systemInstruction\":{\"parts\""
                     ":"
                     "[{\"text\":\"be\"}]}}}", &chat), LLM_OK, "a request");
    is_str(written(&llm_gemini_count, chat), "{\"generateContentRequest\":{"
           "\"model\":\"models/m\",\"contents\":[{\"role\":\"user\",\"parts\":"
           "[{\"text\":\"hi\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":"
           "\"be\"}]}}}", "in its envelope");
    is_int(read_chat(&llm_gemini_count, "{\"generateContentRequest\":{}}",
                     &chat), LLM_BAD_REQUEST, "an empty one");
    is_str(detail.param, "generateContentRequest.contents", "where");
}

/* ---- any kind anywhere -------------------------------------------------- */

/* Each value of a full body, replaced by one of every kind: read or refused
 * with a reason; what is read can be written, or is refused, too. */
static void mutations(void)
{
    static const char body[] = "{\"contents\":[{\"role\":\"user\",\"parts\":["
        "{\"text\":\"hi\",\"thought\":true,\"thoughtSignature\":\"s\"},{"
        "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAA=\"}},{"
        "\"fileData\":{\"fileUri\":\"gs://x\"}}]},{\"role\":\"model\","
        "\"parts\":[{\"functionCall\":{\"id\":\"x\",\"name\":\"f\",\"args\":{\"a\":1}"
        "},\"thoughtSignature\":\"b64\"}]},{\"role\":\"user\",\"parts\":[{"
        "\"functionResponse\":{\"id\":\"x\",\"name\":\"f\",\"response\":{"
        "\"output\":\"r\"},\"parts\":[{\"inlineData\":{\"data\":\"AA==\"}}]}}]"
        "}"
        "],\"systemInstruction\":{\"parts\":[{\"text\":\"sys\"}]},\"tools\":[{"
        "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\","
        "\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":"
        "\"STRING\",\"nullable\":true}},\"required\":[\"a\"],\"anyOf\":[{}]},"
        "\"parametersJsonSchema\":{}}]},{\"codeExecution\":{}}],\"toolConfig\""
        ":{\"functionCallingConfig\":{\"mode\":\"ANY\","
        "\"allowedFunctionNames\":[\"f\"]}},\"safetySettings\":[{\"category\":"
        "\"C\",\"threshold\":\"OFF\"}],\"generationConfig\":{\"temperature\":"
        "0.5,\"topK\":40,\"candidateCount\":1,\"stopSequences\":[\"x\"],"
        "\"seed\":1,\"presencePenalty\":0,\"responseLogprobs\":true,"
        "\"logprobs\":5,\"responseMimeType\":\"application/json\","
        "\"responseSchema\":{\"type\":\"STRING\",\"enum\":[\"a\"]},"
        "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":0,"
        "\"thinkingLevel\":\"LOW\"}},\"serviceTier\":\"flex\"}";
    static const char *const kinds[] = {
        "null", "true", "-1e99", "7", "\"\"", "\"x\"", "[]", "[null]", "{}",
        "{\"a\":{}}", "[[[\"\\u0000\"]]]"
    };
    int tried = 0, sane = 0;

    for (size_t i = 0; i < sizeof body; i++) {
        size_t end;

        for (end = i + 1; end < sizeof body; end++)
            if (!llm_scan_array(apr_pstrcat(pool, "[", apr_pstrmemdup(
                    pool, body + i, end - i), "]", NULL), end - i + 2, 64,
                    NULL, NULL, NULL)
                && strchr(",}]", body[end]) && (i == 0
                || strchr(":[", body[i - 1])))
                break;
        for (size_t k = 0; end < sizeof body && k < COUNT(kinds); k++) {
            apr_pool_t *all = pool;
            llm_chat *chat;
            const llm_json *json;
            const char *text;
            llm_fault fault = LLM_OK;

            apr_pool_create(&pool, all);
            text = apr_pstrcat(pool, apr_pstrmemdup(pool, body, i), kinds[k],
                               body + end, NULL);
            if (!llm_json_parse(text, strlen(text), 64, &json, pool)) {
                fault = read_chat(&llm_gemini, text, &chat);
                tried++;
                sane += fault == LLM_OK || (fault == LLM_BAD_REQUEST
                                            && detail.text);
                if (!fault)
                    written(&llm_gemini, chat);
            }
            apr_pool_destroy(pool);
            pool = all;
        }
    }
    ok(tried > 500, "%d mutations", tried);
    is_int(sane, tried, "all sane");
}

int main(void)
{
    begin_pool();
    same();
    settings();
    thinking();
    wrong();
    foreign();
    carried();
    counts();
    mutations();
    return done();
}
