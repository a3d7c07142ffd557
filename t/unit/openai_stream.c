/* Answers of the OpenAI dialect, whole and streamed, chat's and those of
 * legacy completions: read from providers and written for clients. */
#include "wire_rig.h"
#include "../../src/wire/carry.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool;
static const llm_face face = { .dialect = &llm_openai, .id = "req-1",
                               .model = "mine", .wants_usage = 1,
                               .now = 1700000000 };
static const llm_face legacy = { .dialect = &llm_openai_completions,
                                 .id = "req-1", .model = "mine",
                                 .wants_usage = 1, .now = 1700000000 };

static const unsigned cannot = RIG_SIGNATURE | RIG_REDACTED
    | RIG_CALL_SIGNATURE | RIG_SEQUENCE | RIG_PAUSE;

static llm_answer_choice *choice_of(const llm_reply *reply, int n)
{
    return reply && n < reply->choices->nelts
        ? &((llm_answer_choice *)reply->choices->elts)[n] : NULL;
}

static llm_part *part(const llm_reply *reply, int n)
{
    const llm_answer_choice *choice = choice_of(reply, 0);

    return choice && n < choice->parts->nelts
        ? &((llm_part *)choice->parts->elts)[n] : NULL;
}

static const char *span(const llm_part *part)
{
    return part ? apr_pstrmemdup(pool, part->text.at ? part->text.at : "",
                                 part->text.len) : NULL;
}

/* ---- there and back ----------------------------------------------------- */

static void whole_trips(void)
{
    const char *how = NULL;
    int seed, bad = 0;

    for (seed = 0; seed < 2000 && !how; seed++) {
        apr_pool_t *p;
        llm_reply *reply, *back;
        rig r;

        apr_pool_create(&p, pool);
        rig_init(&r, seed, p);
        r.cannot = cannot;
        reply = rig_reply(&r);
        back = wire_reply(&llm_openai, wire_answer(&face, reply, p), p);
        reply->id = apr_pstrcat(p, "chatcmpl-", reply->id, NULL);
        how = back ? rig_reply_differs(reply, back, p) : "not read";
        bad = seed;
        if (!how)
            apr_pool_destroy(p);
    }
    is_str(how, NULL, "answers written are the answers read (seed %d)", bad);
}

/* However it is told, the same comes out. */
static void streamed_trips(void)
{
    const char *how = NULL, *text = "";
    int seed, bad = 0;

    for (seed = 0; seed < 2000 && !how; seed++) {
        rig_gathered got = { .reply = NULL };
        wire_stream to;
        apr_pool_t *p;
        llm_reply *reply;
        rig r;

        apr_pool_create(&p, pool);
        rig_init(&r, seed, p);
        r.cannot = cannot;
        reply = rig_reply(&r);
        wire_begin(&to, &face, p);
        if (rig_tell(&r, reply, seed % 3 ? RIG_WOVEN_CALLS : RIG_NO_BEGIN,
                     wire_put, &to))
            how = "not written";
        text = wire_end(&to);
        got.reply = llm_reply_make(p);
        got.pool = p;
        if (!how && wire_hear(&llm_openai, text, rig_gather, &got, p))
            how = "not read";
        if (!how)
            how = got.wrong;
        if (!how && !rig_same_usage(&reply->usage, &got.reply->usage))
            how = "usage";
        if (!how)
            how = rig_choices_differ(reply, got.reply, p);
        bad = seed;
        if (!how)
            apr_pool_destroy(p);
    }
    is_str(how, NULL, "streams written are the streams read (seed %d)", bad);
    if (how)
        printf("# %s\n", text);
}

/* ---- what ids carry ----------------------------------------------------- */

/* The message of an answer as the client sends it back. */
static llm_chat *echoed(const char *answer, apr_pool_t *p)
{
    const llm_json *choices = llm_json_member(wire_json(answer, p),
                                              "choices");
    const llm_span message = llm_json_text(
        llm_json_member(llm_json_element(choices, 0), "message"), p);

    return wire_read(&llm_openai, apr_pstrcat(p, "{\"model\":\"m\","
        "\"messages\":[", apr_pstrmemdup(p, message.at, message.len), "]}",
        NULL), p);
}

/* One choice with calls and all that must come back with them. */
static llm_reply *signed_reply(rig *r, int seed, apr_pool_t *p)
{
    rig_init(r, seed, p);
    r->cannot = (cannot & ~(RIG_SIGNATURE | RIG_REDACTED
                            | RIG_CALL_SIGNATURE))
        | RIG_CHOICES | RIG_CITATION | RIG_NUL | RIG_REFUSAL;
    return rig_reply(r);
}

static void carried(void)
{
    const char *how = NULL;
    int seed, tried = 0, bad = 0;

    for (seed = 0; seed < 1000 && !how; seed++) {
        apr_pool_t *p;
        llm_reply *reply;
        llm_chat *back;
        rig r;

        apr_pool_create(&p, pool);
        reply = signed_reply(&r, seed, p);
        if (choice_of(reply, 0)->finish == LLM_FINISH_TOOLS) {
            tried++;
            back = echoed(wire_answer(&face, reply, p), p);
            how = back ? rig_parts_differ(choice_of(reply, 0)->parts,
                ((llm_turn *)back->turns->elts)->parts, p) : "not read";
            bad = seed;
        }
        if (!how)
            apr_pool_destroy(p);
    }
    is_str(how, NULL, "signatures come back by ids (seed %d)", bad);
    ok(tried > 100, "often");
}

static llm_fault note_call(void *baton, const llm_delta *delta)
{
    apr_array_header_t *ids = baton;

    if (delta->kind == LLM_DELTA_CALL)
        APR_ARRAY_PUSH(ids, const char *) = apr_pstrdup(ids->pool, delta->id);
    return LLM_OK;
}

/* The ids of a stream carry what those of the whole answer do. */
static void carried_streams(void)
{
    const char *how = NULL;
    int seed, bad = 0;

    for (seed = 0; seed < 1000 && !how; seed++) {
        apr_array_header_t *ids;
        wire_stream to;
        apr_pool_t *p;
        llm_reply *reply, *whole;
        const llm_answer_choice *choice;
        int calls = 0;
        rig r;

        apr_pool_create(&p, pool);
        ids = apr_array_make(p, 2, sizeof(const char *));
        reply = signed_reply(&r, seed, p);
        wire_begin(&to, &face, p);
        rig_tell(&r, reply, RIG_WOVEN_CALLS, wire_put, &to);
        wire_hear(&llm_openai, wire_end(&to), note_call, ids, p);
        whole = wire_reply(&llm_openai, wire_answer(&face, reply, p), p);
        choice = choice_of(whole, 0);
        for (int i = 0; choice && i < choice->parts->nelts && !how; i++) {
            const llm_part *at = &((llm_part *)choice->parts->elts)[i];

            if (at->kind != LLM_PART_CALL)
                continue;
            if (calls >= ids->nelts
                || strcmp(at->id, APR_ARRAY_IDX(ids, calls, const char *)))
                how = "an id";
            calls++;
        }
        bad = seed;
        if (!how)
            apr_pool_destroy(p);
    }
    is_str(how, NULL, "and in streams (seed %d)", bad);
}

/* ---- golden: for clients ------------------------------------------------ */

static llm_reply *small_reply(void)
{
    llm_reply *reply = llm_reply_make(pool);
    llm_answer_choice *choice = llm_reply_choice(reply, pool);
    llm_part *call;

    reply->id = "msg_1";
    reply->usage = (llm_usage){ .input = 25, .output = 31, .cached = 5,
                                .cache_write = 6, .reasoning = 3,
                                .known = 1 };
    llm_parts_add(choice->parts, LLM_PART_REASONING)->text = rig_span("Hm");
    llm_parts_add(choice->parts, LLM_PART_TEXT)->text = rig_span("Let me.");
    call = llm_parts_add(choice->parts, LLM_PART_CALL);
    call->name = "f";
    call->text = rig_span("{\"a\":1}");
    choice->finish = LLM_FINISH_TOOLS;
    return reply;
}

#define USAGE "\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":31,"     \
    "\"total_tokens\":56,\"prompt_tokens_details\":{\"cached_tokens\":5,"     \
    "\"cache_write_tokens\":6,\"audio_tokens\":0},"                           \
    "\"completion_tokens_details\":{\"reasoning_tokens\":3,"                  \
    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"                    \
    "\"rejected_prediction_tokens\":0}}"

static void answers(void)
{
    llm_reply *reply = small_reply();

    is_str(wire_answer(&face, reply, pool), "{\"id\":\"chatcmpl-msg_1\","
           "\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
           "\"mine\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
           "\"assistant\",\"reasoning_content\":\"Hm\",\"content\":\"Let me."
           "\",\"refusal\":null,\"tool_calls\":[{\"id\":\"call_msg_1_0\","
           "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
           "\"{\\\"a\\\":1}\"}}]},\"logprobs\":null,\"finish_reason\":"
           "\"tool_calls\"}]," USAGE "}", "an answer with all");
    is_str(wire_answer(&legacy, reply, pool), "{\"id\":\"cmpl-msg_1\","
           "\"object\":\"text_completion\",\"created\":1700000000,\"model\":"
           "\"mine\",\"choices\":[{\"text\":\"Let me.\",\"index\":0,"
           "\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE "}",
           "as a legacy completion");
    reply = llm_reply_make(pool);
    llm_parts_add(llm_reply_choice(reply, pool)->parts,
                  LLM_PART_REFUSAL)->text = rig_span("No");
    choice_of(reply, 0)->finish = LLM_FINISH_FILTER;
    ok(strstr(wire_answer(&face, reply, pool), "\"id\":\"chatcmpl-req-1\""),
       "the gateway's id");
    ok(strstr(wire_answer(&face, reply, pool), "\"content\":null,\"refusal\":"
              "\"No\"},\"logprobs\":null,\"finish_reason\":\"content_filter\""
              "}]}"), "a refusal without usage");
}

static void put(wire_stream *to, llm_delta delta)
{
    is_int(wire_put(to, &delta), LLM_OK, "delta %d", delta.kind);
}

#define HEAD "data: {\"id\":\"chatcmpl-req-1\",\"object\":"                   \
    "\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mine\","    \
    "\"choices\":["
#define LEGACY "data: {\"id\":\"cmpl-req-1\",\"object\":\"text_completion\"," \
    "\"created\":1700000000,\"model\":\"mine\",\"choices\":["
#define TAIL ",\"logprobs\":null,\"finish_reason\":null}]"

/* Neither begun nor finished by the one who tells it. */
static void streams(void)
{
    llm_face quiet = face;
    const llm_usage usage = small_reply()->usage;
    wire_stream to;
    const char *text;

    quiet.wants_usage = 0;
    wire_begin(&to, &quiet, pool);
    put(&to, (llm_delta){ .kind = LLM_DELTA_TEXT, .text = rig_span("Hi") });
    put(&to, (llm_delta){ .kind = LLM_DELTA_USAGE, .usage = &usage });
    put(&to, (llm_delta){ .kind = LLM_DELTA_END });
    put(&to, (llm_delta){ .kind = LLM_DELTA_END });
    is_str(wire_end(&to), HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\""
           ",\"content\":\"\"}" TAIL "}\n\n"
           HEAD "{\"index\":0,\"delta\":{\"content\":\"Hi\"}" TAIL "}\n\n"
           HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,"
           "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
           "text without usage");
    wire_begin(&to, &face, pool);
    put(&to, (llm_delta){ .kind = LLM_DELTA_CALL, .name = "f" });
    put(&to, (llm_delta){ .kind = LLM_DELTA_ARGUMENTS,
                          .text = rig_span("{}") });
    put(&to, (llm_delta){ .kind = LLM_DELTA_USAGE, .usage = &usage });
    put(&to, (llm_delta){ .kind = LLM_DELTA_END });
    text = wire_end(&to);
    is_str(text, HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\","
           "\"content\":\"\"}" TAIL ",\"usage\":null}\n\n"
           HEAD "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
           "\"call_chatcmpl-req-1_0\",\"type\":\"function\",\"function\":{"
           "\"name\":\"f\",\"arguments\":\"\"}}]}" TAIL ",\"usage\":null}\n\n"
           HEAD "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
           "\"function\":{\"arguments\":\"{}\"}}]}" TAIL ",\"usage\":null}\n\n"
           HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,"
           "\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n\n"
           HEAD "]," USAGE "}\n\ndata: [DONE]\n\n", "a call with usage");
    wire_begin(&to, &legacy, pool);
    put(&to, (llm_delta){ .kind = LLM_DELTA_BEGIN });
    put(&to, (llm_delta){ .kind = LLM_DELTA_REASONING,
                          .text = rig_span("Hm") });
    put(&to, (llm_delta){ .kind = LLM_DELTA_TEXT, .text = rig_span("Hi") });
    put(&to, (llm_delta){ .kind = LLM_DELTA_FINISH,
                          .finish = LLM_FINISH_LENGTH });
    put(&to, (llm_delta){ .kind = LLM_DELTA_USAGE, .usage = &usage });
    put(&to, (llm_delta){ .kind = LLM_DELTA_END });
    is_str(wire_end(&to), LEGACY "{\"index\":0,\"text\":\"Hi\"" TAIL
           ",\"usage\":null}\n\n" LEGACY "{\"index\":0,\"text\":\"\","
           "\"logprobs\":null,\"finish_reason\":\"length\"}],\"usage\":null}"
           "\n\n" LEGACY "]," USAGE "}\n\ndata: [DONE]\n\n",
           "a legacy completion's");
}

typedef struct tight {
    wire_stream *small, *large;
    int refused, torn;
} tight;

/* With ever more room until it fits; then as with enough of it. */
static llm_fault put_tight(void *baton, const llm_delta *delta)
{
    tight *in = baton;
    llm_buf *out = &in->small->out;
    size_t before = out->len;

    out->ceiling = before;
    while (wire_put(in->small, delta)) {
        in->refused++;
        in->torn += out->len != before;
        out->ceiling += 97;
    }
    return wire_put(in->large, delta);
}

/* A delta is written whole, or it is as if it had not come. */
static void all_or_nothing(void)
{
    int wrong = 0;
    tight in = { .refused = 0 };
    rig r;

    for (int seed = 0; seed < 200; seed++) {
        wire_stream small, large;
        llm_reply *reply;
        apr_pool_t *p;

        apr_pool_create(&p, pool);
        reply = signed_reply(&r, seed, p);
        wire_begin(&small, &face, p);
        wire_begin(&large, &face, p);
        in.small = &small;
        in.large = &large;
        rig_tell(&r, reply, RIG_WOVEN_CALLS | RIG_NO_FINISH, put_tight, &in);
        wrong += small.out.len != large.out.len
            || memcmp(small.out.data, large.out.data, large.out.len);
        llm_buf_free(&small.out);
        llm_buf_free(&large.out);
        apr_pool_destroy(p);
    }
    ok(in.refused > 1000, "%d deltas without room", in.refused);
    is_int(in.torn, 0, "nothing of them is written");
    is_int(wrong, 0, "and nothing is written twice");
}

/* ---- golden: from providers --------------------------------------------- */

static void replies(void)
{
    const llm_reply *reply = wire_reply(&llm_openai,
        "{\"id\":\"x\",\"created\":7,\"model\":\"real\",\"choices\":[{"
        "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":[{"
        "\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
        "\"Hm\"}]},{\"type\":\"text\",\"text\":\"Hi\"}],\"tool_calls\":[{"
        "\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},{\"id\":"
        "\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"x\"}}]},\"finish_reason\":\"stop\"}],\"usage\":{"
        "\"prompt_tokens\":9,\"completion_tokens\":5,"
        "\"prompt_tokens_details\":{\"audio_tokens\":2},"
        "\"completion_tokens_details\":{\"audio_tokens\":3}}}", pool);

    is_str(span(part(reply, 0)), "Hm", "thinking in parts");
    is_str(span(part(reply, 1)), "Hi", "text in parts");
    is_str(span(part(reply, 2)), "{\"a\":1}", "arguments as an object");
    is_str(part(reply, 2) ? part(reply, 2)->id : NULL, "call_x_0",
           "an id is made");
    is_str(part(reply, 3) ? part(reply, 3)->id : NULL, "b", "or kept");
    is_int(choice_of(reply, 0)->finish, LLM_FINISH_TOOLS,
           "a stop with calls is for the tools");
    is_int(reply->usage.audio_input, 2, "audio in");
    is_int(reply->usage.audio_output, 3, "audio out");
    reply = wire_reply(&llm_openai, "{\"choices\":[{\"message\":{\"content\":"
        "null,\"reasoning\":\"R\",\"refusal\":\"No\",\"function_call\":{"
        "\"name\":\"f\",\"arguments\":\"{}\"}},\"finish_reason\":"
        "\"function_call\"}]}", pool);
    is_str(span(part(reply, 0)), "R", "OpenRouter's reasoning");
    is_str(span(part(reply, 1)), "No", "a refusal");
    is_str(span(part(reply, 2)), "{}", "a deprecated call");
    ok(!wire_reply(&llm_openai, "{\"choices\":[1]}", pool)
       && wire_said.fault == LLM_GARBAGE, "no choice");
    reply = wire_reply(&llm_openai_completions, "{\"object\":"
        "\"text_completion\",\"choices\":[{\"text\":\"Hi\",\"index\":0,"
        "\"finish_reason\":\"length\"}]}", pool);
    is_str(span(part(reply, 0)), "Hi", "a legacy completion");
    is_int(choice_of(reply, 0)->finish, LLM_FINISH_LENGTH, "and its end");
}

#define PIECE(delta) "data: {\"id\":\"x\",\"choices\":[{\"index\":0,"         \
    "\"delta\":{" delta "}}]}\n\n"
#define CALL(body) PIECE("\"tool_calls\":[{" body "}]")
#define FUNCTION(body) "\"function\":{" body "}"
#define A "\"id\":\"a\""
#define B "\"id\":\"b\""
#define F FUNCTION("\"name\":\"f\",\"arguments\":\"1\"")
#define G FUNCTION("\"name\":\"g\",\"arguments\":\"2\"")
#define MORE FUNCTION("\"arguments\":\"3\"")

/* What servers make of indexes and ids: calls as name:id:arguments. */
static void calls(void)
{
    static const char *const cases[][3] = {
        { "by index", CALL("\"index\":0," A "," F) CALL("\"index\":1," B "," G)
          CALL("\"index\":0," MORE), "f:a:13 g:b:2 " },
        { "without index", CALL(A "," F) CALL(MORE) CALL(B "," G) CALL(MORE),
          "f:a:13 g:b:23 " },
        { "by id alone", CALL(A "," F) CALL(B "," G) CALL(A "," MORE),
          "f:a:13 g:b:2 " },
        { "all with index 0", CALL("\"index\":0," A "," F)
          CALL("\"index\":0," B "," G) CALL("\"index\":0," MORE),
          "f:a:1 g:b:23 " },
        { "with neither", CALL(F) CALL(G) CALL(MORE),
          "f:call_x_0:1 g:call_x_1:23 " },
        { "id and name in every piece", CALL("\"index\":0," A "," F)
          CALL("\"index\":0," A "," F), "f:a:11 " },
        { "id first, name later", CALL("\"index\":0," A)
          CALL("\"index\":0," F), "f:a:1 " },
        { "deprecated", PIECE("\"function_call\":{\"name\":\"f\","
          "\"arguments\":\"\"}") PIECE("\"function_call\":{\"arguments\":"
          "\"1\"}"), "f:call_x_0:1 " },
        { "as an object", CALL(A "," FUNCTION("\"name\":\"f\",\"arguments\":"
          "{\"a\":[]}")), "f:a:{\"a\":[]} " },
        { "starting at 7", CALL("\"index\":7," A "," F), "f:a:1 " },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        rig_gathered got = { .reply = llm_reply_make(pool), .pool = pool };
        const char *told = "";

        is_int(wire_hear(&llm_openai, apr_pstrcat(pool, cases[i][1],
            "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
            "data: [DONE]\n\n", NULL), rig_gather, &got, pool), LLM_OK,
            "calls %s", cases[i][0]);
        for (int n = 0; part(got.reply, n); n++)
            told = apr_pstrcat(pool, told, part(got.reply, n)->name, ":",
                               part(got.reply, n)->id, ":",
                               span(part(got.reply, n)), " ", NULL);
        is_str(told, cases[i][2], "are what they are");
        is_str(got.wrong, NULL, "and well told");
        is_int(choice_of(got.reply, 0)->finish, LLM_FINISH_TOOLS, "to tools");
    }
}

static void pieces(void)
{
    rig_gathered got = { .reply = llm_reply_make(pool), .pool = pool };

    is_int(wire_hear(&llm_openai,
        "data: {\"id\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n"
        PIECE("\"role\":\"assistant\",\"content\":\"\"")
        PIECE("\"reasoning_content\":\"Hm\"") PIECE("\"content\":\"H\"")
        PIECE("\"content\":[{\"type\":\"text\",\"text\":\"i\"}]")
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"refusal\":\"No\"},"
        "\"finish_reason\":\"content_filter\"}]}\n\n"
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}],"
        "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n"
        "data: [DONE]\n\n", rig_gather, &got, pool), LLM_OK, "a stream");
    is_str(got.reply->id, "x", "its id, though not the first event's");
    is_str(span(part(got.reply, 0)), "Hm", "reasoning");
    is_str(span(part(got.reply, 1)), "Hi", "text");
    is_int(choice_of(got.reply, 0)->finish, LLM_FINISH_LENGTH, "its end");
    is_int(choice_of(got.reply, 1)->finish, LLM_FINISH_FILTER, "another's");
    is_int(got.reply->usage.output, 4, "usage beside a finish");
    got = (rig_gathered){ .reply = llm_reply_make(pool), .pool = pool };
    is_int(wire_hear(&llm_openai_completions, "data: {\"id\":\"c\","
        "\"choices\":[{\"text\":\"H\",\"index\":0,\"logprobs\":null,"
        "\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"choices\":[{"
        "\"text\":\"i\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n", rig_gather, &got, pool), LLM_OK,
        "a legacy stream");
    is_str(span(part(got.reply, 0)), "Hi", "its text");
}

/* Every value of an event in turn is of every kind. */
static void mutations(void)
{
    static const char golden[] = "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{"
        "\"index\":0,\"message\":{\"content\":[{\"text\":\"t\",\"thinking\":[{"
        "\"text\":\"h\"}]}],\"refusal\":\"r\",\"tool_calls\":[{\"id\":\"a\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}],\"annotations\":"
        "[{\"url_citation\":{\"url\":\"u\",\"start_index\":1}}]},\"delta\":{"
        "\"content\":\"c\",\"tool_calls\":[{\"index\":0,\"id\":\"a\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}],\"annotations\":"
        "[{\"url_citation\":{\"url\":\"u\"}}]},\"logprobs\":{\"content\":[]},"
        "\"finish_reason\":\"stop\"}]}";
    static const char *const kinds[] = { "null", "true", "1e300", "\"\"",
                                         "\"\\u0000\"", "[]", "[[]]", "{}",
                                         "[7]", "-1" };
    int read = 0, garbage = 0;

    for (const char *at = strchr(golden, ':'); at; at = strchr(at + 1, ':'))
        for (size_t k = 0; k < COUNT(kinds); k++) {
            const char *end = at + 1, *text;
            rig_gathered got = { .reply = NULL };
            int deep = 0, quoted = 0;
            apr_pool_t *p;
            llm_fault fault;

            for (; *end; end++) {
                quoted ^= *end == '"';
                if (!quoted && !deep && strchr(",]}", *end))
                    break;
                deep += !quoted && strchr("[{", *end) ? 1
                    : !quoted && strchr("]}", *end) ? -1 : 0;
            }
            apr_pool_create(&p, pool);
            got.reply = llm_reply_make(p);
            got.pool = p;
            text = apr_pstrcat(p, apr_pstrmemdup(p, golden, at + 1 - golden),
                               kinds[k], end, NULL);
            read += wire_reply(&llm_openai, text, p) != NULL;
            fault = wire_hear(&llm_openai, apr_pstrcat(p, "data: ", text,
                "\n\n", NULL), rig_gather, &got, p);
            garbage += fault == LLM_GARBAGE;
            apr_pool_destroy(p);
        }
    ok(read > 100 && garbage > 0, "%d read, %d garbage", read, garbage);
}

/* ---- legacy completions' requests --------------------------------------- */

static void completions(void)
{
    llm_chat *chat = wire_read(&llm_openai_completions, "{\"model\":\"m\","
        "\"prompt\":[\"Say\"],\"max_tokens\":5,\"suffix\":\"x\",\"best_of\":2,"
        "\"echo\":true,\"logprobs\":1,\"stop\":\"a\"}", pool);

    ok(chat && chat->turns->nelts == 1, "a prompt is a turn");
    is_str(wire_join(chat->unknown, pool), "logprobs best_of echo suffix",
           "what chats have not");
    is_str(wire_write(&llm_openai_completions, chat, "n", pool),
           "{\"model\":\"n\",\"prompt\":\"Say\",\"max_tokens\":5,"
           "\"stop\":[\"a\"]}", "and back");
    llm_turn_part(llm_chat_turn(chat, LLM_ROLE_ASSISTANT), LLM_PART_TEXT,
                  pool)->text = rig_span("So");
    ok(strstr(wire_write(&llm_openai_completions, chat, "n", pool),
              "\"prompt\":\"Say\\n\\nSo\""), "a conversation as a prompt");
    ok(strstr(wire_lost(pool), "messages"), "loses who says what");
    wire_read(&llm_openai_completions, "{\"model\":\"m\",\"prompt\":[\"a\","
              "\"b\"]}", pool);
    is_str(wire_said.detail.param, "prompt", "several prompts");
    wire_read(&llm_openai_completions, "{\"model\":\"m\",\"prompt\":[1,2]}",
              pool);
    is_str(wire_said.detail.param, "prompt", "tokens");
    wire_read(&llm_openai_completions, "{\"model\":\"m\",\"messages\":[]}",
              pool);
    is_str(wire_said.detail.param, "prompt", "none");
    is_str(llm_openai_completions.path("m", 1, pool), "/completions",
           "the path");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    whole_trips();
    streamed_trips();
    carried();
    carried_streams();
    answers();
    streams();
    all_or_nothing();
    replies();
    calls();
    pieces();
    mutations();
    completions();
    apr_terminate();
    return done();
}
