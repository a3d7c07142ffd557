/* Answers of Anthropic's shape, whole and streamed, to and from the inner
 * form. */
#include "anthropic_rig.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CANNOT (RIG_CALL_SIGNATURE | RIG_REFUSAL | RIG_CHOICES               \
                | RIG_LOGPROBS | RIG_CITATION)

static const llm_face face = {
    .dialect = &llm_anthropic, .id = "req_1", .model = "asked"
};

/* ---- whole -------------------------------------------------------------- */

static const char golden[] = "{\"id\":\"msg_1\",\"type\":\"message\","
    "\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[{\"type\":"
    "\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},{\"type\":"
    "\"redacted_thinking\",\"data\":\"AA==\"},{\"type\":\"text\",\"text\":"
    "\"Hi\",\"citations\":[{\"type\":\"web_search_result_location\","
    "\"cited_text\":\"q\",\"url\":\"https://x.y/\",\"title\":\"T\","
    "\"encrypted_index\":\"\"},{\"type\":\"char_location\",\"cited_text\":"
    "\"d\"}]},{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\","
    "\"input\":{\"a\":1}},{\"type\":\"server_tool_use\"}],\"stop_reason\":"
    "\"tool_use\",\"stop_sequence\":null,\"stop_details\":null,\"usage\":{"
    "\"input_tokens\":100,\"service_tier\":\"standard\"}}";

static llm_reply *read_reply(const char *text)
{
    const llm_json *json = rig_parse(text, strlen(text));
    llm_reply *reply = llm_reply_make(pool);

    return json && !llm_anthropic.chat->read_reply(json, reply, pool)
        ? reply : NULL;
}

static const char *write_reply(const llm_reply *reply)
{
    llm_buf out;
    const char *text = NULL;

    llm_buf_init(&out, 1 << 24);
    if (!llm_anthropic.chat->write_reply(reply, &face, &out, pool))
        text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

static llm_part *parts_of(const llm_reply *reply)
{
    return (void *)((llm_answer_choice *)reply->choices->elts)[0].parts->elts;
}

static void golden_answer(void)
{
    llm_reply *reply = read_reply(golden), *again;
    const llm_part *parts;

    if (!ok(reply, "the golden answer is read"))
        return;
    parts = parts_of(reply);
    is_str(reply->id, "msg_1", "its id");
    is_str(reply->model, "claude-x", "its model");
    is_str(reply->tier, "default", "its tier");
    is_str(parts[0].signature, "s", "signed thinking");
    ok(parts[1].redacted, "sealed thinking");
    is_int(parts[2].citations->nelts, 1, "the source with a url");
    is_str(parts[3].name, "f", "a call");
    again = read_reply(write_reply(reply));
    is_str(rig_choices_differ(reply, again, pool), NULL, "and back");
    ok(strstr(write_reply(reply), "\"url\":\"https://x.y/\""), "and cited");
}

static void ends(void)
{
    static const struct {
        const char *reason;
        llm_finish finish;
    } cases[] = {
        { "end_turn", LLM_FINISH_STOP }, { "max_tokens", LLM_FINISH_LENGTH },
        { "stop_sequence", LLM_FINISH_SEQUENCE },
        { "tool_use", LLM_FINISH_TOOLS }, { "pause_turn", LLM_FINISH_PAUSE },
        { "refusal", LLM_FINISH_FILTER },
    };
    llm_reply *reply;
    const char *text;

    for (size_t i = 0; i < COUNT(cases); i++) {
        reply = read_reply(apr_psprintf(pool, "{\"content\":[],"
            "\"stop_reason\":\"%s\"}", cases[i].reason));
        is_int(((llm_answer_choice *)reply->choices->elts)->finish,
               cases[i].finish, "the end of %s", cases[i].reason);
        ok(strstr(write_reply(reply), cases[i].reason), "and back");
    }
    reply = read_reply("{\"content\":[],\"stop_reason\":"
        "\"model_context_window_exceeded\"}");
    is_int(((llm_answer_choice *)reply->choices->elts)->finish,
           LLM_FINISH_LENGTH, "the end of all room");
    reply = read_reply("{\"content\":[],\"stop_reason\":\"refusal\","
        "\"stop_details\":{\"type\":\"refusal\",\"category\":\"bio\","
        "\"explanation\":\"No.\"}}");
    is_int(parts_of(reply)->kind, LLM_PART_REFUSAL, "why it refused");
    text = write_reply(reply);
    ok(strstr(text, "\"text\":\"No.\"}],\"stop_reason\":\"refusal\","
              "\"stop_sequence\":null,\"stop_details\":{\"type\":\"refusal\""),
       "is said");
    reply = llm_reply_make(pool);
    text = write_reply(reply);
    ok(strstr(text, "{\"id\":\"req_1\"") && strstr(text, "\"model\":"
       "\"asked\",\"content\":[],\"stop_reason\":null"), "of nothing");
}

static void inputs(void)
{
    static const struct {
        const char *arguments, *input;
    } cases[] = {
        { "", "{}" }, { " \n", "{}" }, { "null", "{}" }, { "{}", "{}" },
        { "{\"a\":", "{\"INVALID_JSON\":\"{\\\"a\\\":\"}" },
        { "[1]", "{\"INVALID_JSON\":\"[1]\"}" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_reply *reply = llm_reply_make(pool);
        llm_answer_choice *choice = llm_reply_choice(reply, pool);
        llm_part *part = llm_parts_add(choice->parts, LLM_PART_CALL);

        part->name = "f";
        part->text = rig_span(cases[i].arguments);
        ok(strstr(write_reply(reply), apr_psprintf(pool, "{\"type\":"
           "\"tool_use\",\"id\":\"call_req_1_0\",\"name\":\"f\",\"input\":%s}]"
           ",\"stop_reason\":\"tool_use\"", cases[i].input)),
           "arguments, case %zu", i);
    }
}

static int insane;

static void one_mutant(const char *text)
{
    llm_reply *reply = read_reply(text);

    if (reply)
        insane += !write_reply(reply) || !read_reply(write_reply(reply));
}

/* ---- streams ------------------------------------------------------------ */

typedef struct piping {
    rig *r;
    void *writer;
    llm_frame frame;
    llm_buf out;
    int unwhole;                /* what should have been all or nothing */
} piping;

/* Each delta first meets too little room. */
static llm_fault pipe_delta(void *baton, const llm_delta *delta)
{
    const llm_chat_form *form = llm_anthropic.chat;
    piping *pipe = baton;
    const size_t before = pipe->out.len;
    llm_fault fault;

    pipe->out.ceiling = before + rig_below(pipe->r, 300);
    fault = form->write_delta(pipe->writer, delta, &face, &pipe->frame,
                              &pipe->out, pool, pool);
    if (!fault)
        return fault;
    pipe->unwhole += fault != LLM_TOO_LARGE || pipe->out.len != before;
    pipe->out.ceiling = 1 << 24;
    return form->write_delta(pipe->writer, delta, &face, &pipe->frame,
                             &pipe->out, pool, pool);
}

typedef struct sse {
    const char *name, *data;
} sse;

static int next_event(char **at, sse *event)
{
    char *end = strstr(*at, "\n\n"), *line;

    if (!end)
        return 0;
    *end = '\0';
    line = strchr(*at, '\n');
    if (strncmp(*at, "event: ", 7) || !line || strncmp(line, "\ndata: ", 7))
        return 0;
    *line = '\0';
    event->name = *at + 7;
    event->data = line + 7;
    *at = end + 2;
    return 1;
}

/* The order that clients rely on; NULL, or what is wrong. */
static const char *disorder(const sse *event, int *state)
{
    const llm_json *json = rig_parse(event->data, strlen(event->data));
    const char *type = llm_json_word(llm_json_member(json, "type"));
    long long index = -1;

    llm_json_whole(llm_json_member(json, "index"), &index);
    if (!type || strcmp(type, event->name))
        return "name";
    if (!strcmp(type, "ping"))
        return NULL;
    if (!strcmp(type, "message_start"))
        return state[0]++ ? "two starts" : NULL;
    if (!state[0] || state[3])
        return "before or after all";
    if (!strcmp(type, "content_block_start"))
        return state[1]++ || index != state[2] || state[4] ? "start" : NULL;
    if (!strcmp(type, "content_block_delta"))
        return !state[1] || index != state[2] ? "delta" : NULL;
    if (!strcmp(type, "content_block_stop"))
        return --state[1] || index != state[2]++ ? "stop" : NULL;
    if (!strcmp(type, "message_delta"))
        return state[4]++ || state[1] ? "message_delta" : NULL;
    state[3] = 1;
    return !state[4] ? "message_stop" : NULL;
}

/* What was written, read; NULL or what is wrong. */
static const char *gather(char *text, rig_gathered *in)
{
    void *reader = apr_pcalloc(pool, llm_anthropic.chat->reader_size);
    int state[5] = { 0 };
    const char *wrong = NULL;
    llm_event event = { 0 };
    sse at;

    while (!wrong && next_event(&text, &at)) {
        wrong = disorder(&at, state);
        llm_anthropic.read_event(at.data, strlen(at.data), &event);
        in->reply->usage = event.usage;
        if (wrong || event.kind != LLM_EVENT_PIECE)
            continue;
        if (llm_anthropic.chat->read_piece(reader, rig_parse(at.data,
                strlen(at.data)), rig_gather, in, pool, pool))
            wrong = at.data;
        if (!wrong)
            wrong = in->wrong;
    }
    return wrong ? wrong : *text ? "bytes left"
         : event.kind == LLM_EVENT_DONE ? NULL : "no end";
}

static const char *stream(unsigned seed, int how)
{
    rig_gathered in = { .reply = llm_reply_make(pool), .pool = pool };
    llm_answer_choice *choice;
    const char *wrong;
    llm_reply *reply;
    piping pipe = { 0 };
    rig r;
    int calls = 0;

    rig_init(&r, seed, pool);
    r.cannot = CANNOT;
    reply = rig_reply(&r);
    choice = (llm_answer_choice *)reply->choices->elts;
    for (int i = 0; i < choice->parts->nelts; i++)
        calls += parts_of(reply)[i].kind == LLM_PART_CALL;
    pipe.r = &r;
    pipe.writer = apr_pcalloc(pool, llm_anthropic.chat->writer_size);
    llm_buf_init(&pipe.out, 1 << 24);
    if (rig_tell(&r, reply, how, pipe_delta, &pipe))
        return "a fault";
    llm_buf_add(&pipe.out, "", 1);
    wrong = gather(pipe.out.data, &in);
    llm_buf_free(&pipe.out);
    if (how & RIG_NO_FINISH) {
        choice->finish = calls ? LLM_FINISH_TOOLS : LLM_FINISH_NONE;
        choice->sequence = NULL;
    }
    if (how & RIG_NO_USAGE)
        memset(&in.reply->usage, 0, sizeof in.reply->usage);
    if (!wrong && pipe.unwhole)
        wrong = "half a delta";
    if (!wrong && !(how & RIG_NO_USAGE)
        && !rig_same_usage(&reply->usage, &in.reply->usage))
        wrong = "usage";
    return wrong ? wrong : rig_choices_differ(reply, in.reply, pool);
}

static const char *whole(unsigned seed)
{
    llm_reply *reply, *again;
    rig r;

    rig_init(&r, seed, pool);
    r.cannot = CANNOT;
    reply = rig_reply(&r);
    again = read_reply(write_reply(reply));
    if (!again)
        return "not read";
    again->created = reply->created;
    again->usage = (llm_usage){ 0 };
    llm_anthropic.read_answer(write_reply(reply), strlen(write_reply(reply)),
                              &again->usage);
    return rig_reply_differs(reply, again, pool);
}

static void there_and_back(void)
{
    apr_pool_t *outer = pool;
    const char *how;
    int same = 0;

    for (unsigned seed = 0; seed < 2000; seed++) {
        apr_pool_create(&pool, outer);
        how = whole(seed);
        if (!how)
            how = stream(seed, (int)seed % 16);
        same += !how;
        if (how)
            is_str(how, NULL, "seed %u", seed);
        apr_pool_destroy(pool);
    }
    pool = outer;
    is_int(same, 2000, "what was written is what is read");
}

/* ---- golden streams ----------------------------------------------------- */

static const char *const events[] = {
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":"
    "\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],"
    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":"
    "25,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
    "\"output_tokens\":1}}}",
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
    "\"type\":\"text\",\"text\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
    "\"text_delta\",\"text\":\"Let me look.\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
    "\"citations_delta\",\"citation\":{\"type\":"
    "\"web_search_result_location\",\"url\":\"https://x.y/\",\"title\":null,"
    "\"cited_text\":\"q\",\"encrypted_index\":\"e\"}}}",
    "{\"type\":\"content_block_stop\",\"index\":0}",
    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{"
    "\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
    "\"input_json_delta\",\"partial_json\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
    "\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
    "\"input_json_delta\",\"partial_json\":\"1}\"}}",
    "{\"type\":\"content_block_stop\",\"index\":1}",
    "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{"
    "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"w\",\"input\":{}}}",
    "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
    "\"input_json_delta\",\"partial_json\":\"{}\"}}",
    "{\"type\":\"content_block_stop\",\"index\":2}",
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\","
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":31}}",
};

static void golden_stream(void)
{
    rig_gathered in = { .reply = llm_reply_make(pool), .pool = pool };
    void *reader = apr_pcalloc(pool, llm_anthropic.chat->reader_size);
    const llm_part *parts;

    for (size_t i = 0; i < COUNT(events); i++)
        is_int(llm_anthropic.chat->read_piece(reader, rig_parse(events[i],
               strlen(events[i])), rig_gather, &in, pool, pool), LLM_OK,
               "event %zu", i);
    is_str(in.wrong, NULL, "nothing out of order");
    is_str(in.reply->id, "msg_1", "its id");
    parts = parts_of(in.reply);
    is_mem(parts[0].text.at, parts[0].text.len, "Let me look.", 12, "text");
    is_int(parts[0].citations->nelts, 1, "with a source");
    is_str(parts[1].id, "toolu_1", "a call");
    is_mem(parts[1].text.at, parts[1].text.len, "{\"a\":1}", 7, "arguments");
    is_int(((llm_answer_choice *)in.reply->choices->elts)->finish,
           LLM_FINISH_TOOLS, "the end");
    is_int(((llm_answer_choice *)in.reply->choices->elts)->parts->nelts, 2,
           "and nothing else");
}

static const char *mutated;
static size_t mutated_at;

/* The stream with one of its events exchanged. */
static void one_event(const char *text)
{
    rig_gathered in = { .reply = llm_reply_make(pool), .pool = pool };
    void *reader = apr_pcalloc(pool, llm_anthropic.chat->reader_size);
    llm_event event = { 0 };
    llm_fault fault;

    for (size_t i = 0; i < COUNT(events); i++) {
        const char *data = i == mutated_at ? text : events[i];

        llm_anthropic.read_event(data, strlen(data), &event);
        fault = llm_anthropic.chat->read_piece(reader, rig_parse(data,
            strlen(data)), rig_gather, &in, pool, pool);
        insane += fault && fault != LLM_GARBAGE;
    }
    if (in.wrong)
        mutated = in.wrong;
}

static void mutants(void)
{
    int n = rig_mutate(golden, one_mutant);

    for (mutated_at = 0; mutated_at < COUNT(events); mutated_at++)
        n += rig_mutate(events[mutated_at], one_event);
    ok(n > 1500, "%d answers and events with one value exchanged", n);
    is_int(insane, 0, "are read, or garbage");
    is_str(mutated, NULL, "and make no deltas out of order");
}

/* What waits for a call's arguments has a ceiling. */
static void held(void)
{
    void *writer = apr_pcalloc(pool, llm_anthropic.chat->writer_size);
    llm_delta delta = { .kind = LLM_DELTA_CALL, .name = "f" };
    llm_frame frame = { 0 };
    llm_fault fault = LLM_OK;
    llm_buf out;
    int n;

    llm_buf_init(&out, 1 << 20);
    llm_anthropic.chat->write_delta(writer, &delta, &face, &frame, &out, pool,
                                    pool);
    delta.kind = LLM_DELTA_TEXT;
    delta.text = rig_span("0123456789");
    for (n = 0; !fault && n < 1000000; n++)
        fault = llm_anthropic.chat->write_delta(writer, &delta, &face, &frame,
                                                &out, pool, pool);
    is_int(fault, LLM_TOO_LARGE, "too much waits after %d deltas", n);
    llm_buf_free(&out);
}

/* Another provider's signature rides in the id; a ping is one. */
static void oddities(void)
{
    void *writer = apr_pcalloc(pool, llm_anthropic.chat->writer_size);
    const llm_delta deltas[] = {
        { .kind = LLM_DELTA_PING },
        { .kind = LLM_DELTA_TEXT, .choice = 1, .text = rig_span("other") },
        { .kind = LLM_DELTA_CALL, .id = "c", .name = "f", .signature = "s" },
        { .kind = LLM_DELTA_PING }, { .kind = LLM_DELTA_END },
        { .kind = LLM_DELTA_END },
        { .kind = LLM_DELTA_TEXT, .text = rig_span("late") },
    };
    llm_frame frame = { 0 };
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < COUNT(deltas); i++)
        is_int(llm_anthropic.chat->write_delta(writer, &deltas[i], &face,
               &frame, &out, pool, pool), LLM_OK, "delta %zu", i);
    llm_buf_add(&out, "", 1);
    ok(!strncmp(out.data, "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: "
                "message_start\n", 54), "a ping before all");
    ok(strstr(out.data, "\"id\":\"c~llm~"), "an id that carries");
    ok(!strstr(out.data, "other") && !strstr(out.data, "late"),
       "nothing of other choices, nothing after the end");
    ok(strstr(out.data, "\"stop_reason\":\"tool_use\""), "the end is for it");
    llm_buf_free(&out);
}

/* ---- deltas one by one -------------------------------------------------- */

static int blocks;              /* that have begun, in all */

/* What the clients get of them; read again, it is `parts_of(in.reply)`. */
static llm_reply *told(const llm_delta *deltas, size_t n)
{
    rig_gathered in = { .reply = llm_reply_make(pool), .pool = pool };
    void *writer = apr_pcalloc(pool, llm_anthropic.chat->writer_size);
    llm_frame frame = { 0 };
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < n; i++)
        llm_anthropic.chat->write_delta(writer, &deltas[i], &face, &frame,
                                        &out, pool, pool);
    llm_buf_add(&out, "", 1);
    for (const char *at = out.data; (at = strstr(at, "k_start\"")); at++)
        blocks++;
    is_str(gather(out.data, &in), NULL, "in order");
    llm_buf_free(&out);
    return in.reply;
}

static void is_text(const llm_reply *reply, int part, const char *text)
{
    const llm_span got = parts_of(reply)[part].text;

    is_mem(got.at, got.len, text, strlen(text), "part %d is %s", part, text);
}

#define CALL(n, word) { .kind = LLM_DELTA_CALL, .call = n, .name = word }
#define ARGUMENTS(n, words)                                                   \
    { .kind = LLM_DELTA_ARGUMENTS, .call = n, .text = { words,                \
                                                        sizeof words - 1 } }
#define THOUGHT { .kind = LLM_DELTA_REASONING, .text = { "hm", 2 } }
#define PROOF { .kind = LLM_DELTA_SIGNATURE, .signature = "p" }
#define END { .kind = LLM_DELTA_END }

static void one_by_one(void)
{
    static const llm_usage usage = {
        .known = 1, .input = 100, .output = 7, .cached = 20,
        .cache_write = 30, .cache_write_1h = 10
    };
    const llm_delta strings[] = {
        CALL(0, "f"), ARGUMENTS(0, "{\"a\":\"\\\"}"), CALL(1, "g"),
        ARGUMENTS(1, "{\"b\":2}"), ARGUMENTS(0, "}\\\\\"}"), END
    };
    const llm_delta thoughts[] = {
        THOUGHT, PROOF, THOUGHT, THOUGHT, PROOF, PROOF, END
    };
    const llm_delta nothing[] = { END };
    const llm_delta counted[] = {
        { .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_LENGTH },
        { .kind = LLM_DELTA_USAGE, .usage = &usage }, END
    };
    llm_reply *reply = told(strings, COUNT(strings));

    is_text(reply, 0, "{\"a\":\"\\\"}}\\\\\"}");
    is_text(reply, 1, "{\"b\":2}");
    blocks = 0;
    reply = told(thoughts, COUNT(thoughts));
    is_int(blocks, 3, "three blocks of thinking");
    is_text(reply, 0, "hm");
    is_text(reply, 1, "hmhm");
    is_int(((llm_answer_choice *)reply->choices->elts)->parts->nelts, 3,
           "a proof ends a thought");
    reply = told(nothing, COUNT(nothing));
    is_str(reply->model, "asked", "nothing is a message too");
    reply = told(counted, COUNT(counted));
    ok(rig_same_usage(&reply->usage, &usage), "usage after the finish");
    is_int(((llm_answer_choice *)reply->choices->elts)->finish,
           LLM_FINISH_LENGTH, "which is kept");
}

/* A provider that says things twice, and has many blocks. */
static void said_twice(void)
{
    static const size_t order[] = {
        0, 0, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4,
        1, 2, 4, 1, 2, 4, 1, 2, 4, 13, 13
    };
    rig_gathered in = { .reply = llm_reply_make(pool), .pool = pool };
    void *reader = apr_pcalloc(pool, llm_anthropic.chat->reader_size);
    int faults = 0;

    for (size_t i = 0; i < COUNT(order); i++)
        faults += llm_anthropic.chat->read_piece(reader,
            rig_parse(events[order[i]], strlen(events[order[i]])), rig_gather,
            &in, pool, pool) != LLM_OK;
    is_int(faults, 0, "all is read");
    is_str(in.wrong, NULL, "and told once");
    is_int(parts_of(in.reply)[0].text.len, 10 * 12, "in whole");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    rig_start();
    golden_answer();
    ends();
    inputs();
    golden_stream();
    mutants();
    there_and_back();
    held();
    oddities();
    one_by_one();
    said_twice();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
