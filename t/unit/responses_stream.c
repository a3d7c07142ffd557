/* Streams of the Responses API: what is written is a stream as OpenAI's
 * clients expect it, and is read as what it was written from. */
#include <stdlib.h>
#include <apr_strings.h>

#include "../../src/base/emit.h"
#include "../../src/wire/carry.h"
#include "../../src/wire/dialect.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool, *keep, *once;
static const llm_dialect *const us = &llm_openai_responses;
static const llm_face face = { .dialect = &llm_openai_responses, .id = "R",
                               .model = "gpt-4", .now = 1700000000 };

/* ---- a stream that is written --------------------------------------------- */

typedef struct stream {
    void *writer;
    llm_frame frame;
    llm_buf out;
    llm_fault fault;            /* the first */
} stream;

static void open_stream(stream *s)
{
    memset(s, 0, sizeof *s);
    s->writer = apr_pcalloc(keep, us->chat->writer_size);
    llm_buf_init(&s->out, 1 << 24);
}

static void put(stream *s, llm_delta delta)
{
    llm_fault fault = us->chat->write_delta(s->writer, &delta, &face,
                                            &s->frame, &s->out, once, keep);

    if (!s->fault)
        s->fault = fault;
    apr_pool_clear(once);
}

#define WORDS(s) { (s), sizeof(s) - 1 }
#define PUT(s, ...) put((s), (llm_delta){ __VA_ARGS__ })

/* The events' types, in short, in order. */
static const char *types(const char *text)
{
    const char *all = "", *at = text, *end;

    while (at && (at = strstr(at, "event: "))) {
        at += 7;
        if (!strncmp(at, "response.", 9))
            at += 9;
        end = strchr(at, '\n');
        all = apr_pstrcat(pool, all, *all ? " " : "",
                          apr_pstrmemdup(pool, at, end - at), NULL);
    }
    return all;
}

static const char *text_of(stream *s)
{
    const char *text = apr_pstrmemdup(pool, s->out.len ? s->out.data : "",
                                      s->out.len);

    llm_buf_free(&s->out);
    return text;
}

static void words(void)
{
    static const llm_usage usage = { .input = 3, .output = 2, .known = 1 };
    const char *text;
    stream s;

    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_BEGIN, .id = "x", .model = "y");
    PUT(&s, .kind = LLM_DELTA_PING);
    PUT(&s, .kind = LLM_DELTA_TEXT, .text = WORDS("Hel"));
    PUT(&s, .kind = LLM_DELTA_TEXT, .text = WORDS("lo"));
    PUT(&s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_STOP);
    PUT(&s, .kind = LLM_DELTA_USAGE, .usage = &usage);
    PUT(&s, .kind = LLM_DELTA_END);
    is_int(s.fault, LLM_OK, "a stream of words");
    text = text_of(&s);
    is_str(types(text), "created in_progress output_item.added "
           "content_part.added output_text.delta output_text.delta "
           "output_text.done content_part.done output_item.done completed",
           "its events");
    ok(strstr(text, "event: response.output_text.delta\ndata: {\"type\":"
              "\"response.output_text.delta\",\"sequence_number\":4,"
              "\"item_id\":\"msg_R_0\",\"output_index\":0,\"content_index\":0,"
              "\"delta\":\"Hel\",\"logprobs\":[]}\n\n") != NULL, "a piece");
    ok(strstr(text, "\"sequence_number\":6,\"item_id\":\"msg_R_0\","
              "\"output_index\":0,\"content_index\":0,\"text\":\"Hello\","
              "\"logprobs\":[]}") != NULL, "all of it");
    ok(strstr(text, "\"output\":[{\"type\":\"message\",\"id\":\"msg_R_0\","
              "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{"
              "\"type\":\"output_text\",\"text\":\"Hello\",\"annotations\":[],"
              "\"logprobs\":[]}]}]") != NULL, "and once more at the end");
    ok(strstr(text, "\"usage\":{\"input_tokens\":3,") != NULL, "with usage");
}

static void calls(void)
{
    const char *text;
    stream s;

    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_REASONING, .text = WORDS("Hm"));
    PUT(&s, .kind = LLM_DELTA_SIGNATURE, .signature = "proof");
    PUT(&s, .kind = LLM_DELTA_REDACTED, .text = WORDS("c2Vh"));
    PUT(&s, .kind = LLM_DELTA_CALL, .call = 0, .id = "c0", .name = "f");
    PUT(&s, .kind = LLM_DELTA_CALL, .call = 1, .name = "g");
    PUT(&s, .kind = LLM_DELTA_ARGUMENTS, .call = 1, .text = WORDS("{}"));
    PUT(&s, .kind = LLM_DELTA_ARGUMENTS, .call = 0, .text = WORDS("{\"a\":"));
    PUT(&s, .kind = LLM_DELTA_ARGUMENTS, .call = 0, .text = WORDS("1}"));
    PUT(&s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_TOOLS);
    PUT(&s, .kind = LLM_DELTA_END);
    is_int(s.fault, LLM_OK, "a stream of calls");
    text = text_of(&s);
    is_str(types(text), "created in_progress output_item.added "
           "reasoning_summary_part.added reasoning_summary_text.delta "
           "reasoning_summary_text.done reasoning_summary_part.done "
           "output_item.done output_item.added output_item.done "
           "output_item.added output_item.added function_call_arguments.delta "
           "function_call_arguments.delta function_call_arguments.delta "
           "function_call_arguments.done output_item.done "
           "function_call_arguments.done output_item.done completed",
           "its events");
    ok(strstr(text, "\"item_id\":\"fc_R_3\",\"output_index\":3,\"delta\":"
              "\"{}\"") != NULL, "calls side by side keep their places");
    ok(strstr(text, "\"call_id\":\"c0~llm~") != NULL,
       "the first carries the reasoning");
    ok(strstr(text, "\"call_id\":\"call_R_1\"") != NULL,
       "one without an id gets one");
    ok(strstr(text, "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"")
       != NULL, "arguments are gathered");
}

static void ends(void)
{
    const char *text;
    stream s;

    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_END);
    is_str(types(text = text_of(&s)), "created in_progress completed",
           "a stream of nothing");
    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_TEXT, .text = WORDS("a"));
    PUT(&s, .kind = LLM_DELTA_REFUSAL, .text = WORDS("b"));
    PUT(&s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_LENGTH);
    PUT(&s, .kind = LLM_DELTA_END);
    PUT(&s, .kind = LLM_DELTA_END);
    text = text_of(&s);
    is_str(types(text), "created in_progress output_item.added "
           "content_part.added output_text.delta output_text.done "
           "content_part.done content_part.added refusal.delta refusal.done "
           "content_part.done output_item.done incomplete", "cut short");
    ok(strstr(text, "\"status\":\"incomplete\",\"role\"") != NULL,
       "the item is not whole");
    ok(strstr(text, "{\"reason\":\"max_output_tokens\"}") != NULL, "why");
    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_ARGUMENTS, .call = 7, .text = WORDS("x"));
    is_int(s.fault, LLM_GARBAGE, "arguments of no call");
    is_int(s.out.len, 0, "write nothing");
    is_int(s.frame.begun, 0, "and count nothing");
    llm_buf_free(&s.out);
}

static void notes(void)
{
    static const llm_citation citation = { .url = "https://a.b",
                                           .start = 1, .end = 2 };
    static const llm_citation none = { .title = "no URL" };
    const char *text;
    stream s;

    open_stream(&s);
    PUT(&s, .kind = LLM_DELTA_LOGPROBS,
        .text = WORDS("{\"content\":[{\"token\":\"a\"}]}"));
    PUT(&s, .kind = LLM_DELTA_TEXT, .text = WORDS("a"));
    PUT(&s, .kind = LLM_DELTA_TEXT, .text = WORDS("b"));
    PUT(&s, .kind = LLM_DELTA_LOGPROBS,
        .text = WORDS("{\"content\":[{\"token\":\"b\"}]}"));
    PUT(&s, .kind = LLM_DELTA_CITATION, .citation = &citation);
    PUT(&s, .kind = LLM_DELTA_CITATION, .citation = &none);
    PUT(&s, .kind = LLM_DELTA_END);
    text = text_of(&s);
    ok(strstr(text, "\"delta\":\"a\",\"logprobs\":[{\"token\":\"a\"}]")
       != NULL, "logprobs come with their piece");
    ok(strstr(text, "\"text\":\"ab\",\"logprobs\":[{\"token\":\"a\"},{"
              "\"token\":\"b\"}]") != NULL, "and all at the end");
    ok(strstr(text, "\"annotation_index\":0,\"annotation\":{\"type\":"
              "\"url_citation\",\"url\":\"https://a.b\",\"title\":\"\","
              "\"start_index\":1,\"end_index\":2}") != NULL, "a citation");
    ok(!strstr(text, "no URL"), "one that cannot be said");
}

/* ---- a stream that is read -------------------------------------------------- */

typedef struct told {
    llm_buf all;                /* deltas as text, words joined */
    int last;                   /* the kind */
} told;

static void tell_key(told *t, const llm_delta *d, int same)
{
    static const char letters[] = "BTURSXCACLFGPE";

    if (!same)
        llm_buf_printf(&t->all, "%s%c", t->all.len ? "|" : "",
                       letters[d->kind]);
    if (!same && (d->kind == LLM_DELTA_CALL || d->kind == LLM_DELTA_ARGUMENTS))
        llm_buf_printf(&t->all, "%d:", d->call);
}

static llm_fault hear(void *baton, const llm_delta *d)
{
    told *t = baton;
    int key = (int)d->kind * 1000 + d->call;

    tell_key(t, d, t->last == key && d->text.len);
    t->last = key;
    if (d->kind == LLM_DELTA_CALL)
        llm_buf_printf(&t->all, "%s,%s", d->id
                       ? llm_carry_unpack(d->id, NULL, NULL, once) : "-",
                       d->name);
    if (d->kind == LLM_DELTA_SIGNATURE)
        llm_buf_puts(&t->all, d->signature);
    if (d->kind == LLM_DELTA_FINISH)
        llm_buf_printf(&t->all, "%d", d->finish);
    if (d->kind == LLM_DELTA_CITATION)
        llm_buf_puts(&t->all, d->citation->url);
    if (d->text.len)
        llm_buf_add(&t->all, d->text.at, d->text.len);
    return LLM_OK;
}

static llm_fault read_one(void *reader, const char *data, size_t n, told *t)
{
    const llm_json *tree;
    llm_fault fault = llm_json_parse(data, n, 64, &tree, once);

    if (!fault)
        fault = us->chat->read_piece(reader, tree, hear, t, once, keep);
    apr_pool_clear(once);
    return fault;
}

static const char *told_text(told *t)
{
    const char *text = apr_pstrmemdup(pool, t->all.len ? t->all.data : "",
                                      t->all.len);

    llm_buf_free(&t->all);
    return text;
}

/* Each line is the data of an event. */
static const char *heard(const char *const *lines)
{
    void *reader = apr_pcalloc(keep, us->chat->reader_size);
    told t = { .last = -1 };

    llm_buf_init(&t.all, 1 << 20);
    for (; *lines; lines++)
        if (read_one(reader, *lines, strlen(*lines), &t))
            llm_buf_puts(&t.all, "!");
    return told_text(&t);
}

#define EV(type, rest) "{\"type\":\"response." type "\"," rest "}"

static void reading(void)
{
    static const char *const tool[] = {
        EV("created", "\"response\":{\"id\":\"r\",\"model\":\"m\"}"),
        EV("output_item.added", "\"output_index\":0,\"item\":{\"type\":"
           "\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call_1\",\"name\":"
           "\"f\",\"arguments\":\"\",\"status\":\"in_progress\"}"),
        EV("function_call_arguments.delta", "\"item_id\":\"fc_1\","
           "\"output_index\":0,\"delta\":\"{\\\"a\\\":\""),
        EV("function_call_arguments.delta", "\"item_id\":\"fc_1\","
           "\"output_index\":0,\"delta\":\"1}\""),
        EV("function_call_arguments.done", "\"item_id\":\"fc_1\","
           "\"output_index\":0,\"name\":\"f\",\"arguments\":"
           "\"{\\\"a\\\":1}\""),
        EV("output_item.done", "\"output_index\":0,\"item\":{\"type\":"
           "\"function_call\",\"call_id\":\"call_1\",\"name\":\"f\","
           "\"arguments\":\"{\\\"a\\\":1}\"}"),
        EV("completed", "\"response\":{\"status\":\"completed\",\"output\":[{"
           "\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"f\","
           "\"arguments\":\"{\\\"a\\\":1}\"}]}"),
        NULL
    };
    static const char *const late[] = {
        EV("output_item.done", "\"output_index\":0,\"item\":{\"type\":"
           "\"reasoning\",\"id\":\"rs\",\"summary\":[{\"text\":\"Hm\"}],"
           "\"encrypted_content\":\"gA\"}"),
        EV("output_text.delta", "\"output_index\":1,\"delta\":\"Hi\""),
        EV("output_item.done", "\"output_index\":1,\"item\":{\"type\":"
           "\"message\",\"content\":[{\"type\":\"output_text\",\"text\":"
           "\"Hi\"}]}"),
        EV("function_call_arguments.delta", "\"output_index\":9,\"delta\":"
           "\"x\""),
        EV("web_search_call.searching", "\"output_index\":3"),
        EV("incomplete", "\"response\":{\"status\":\"incomplete\","
           "\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"
           "\"output\":[{\"type\":\"reasoning\"},{\"type\":\"message\"},{"
           "\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
           "\"arguments\":\"{}\"}]}"),
        NULL
    };

    is_str(heard(tool), "B|C0:call_1,f|A0:{\"a\":1}|F3", "a tool call");
    is_str(heard(late), "B|RHm|Sopenai~rs~gA|THi!|C0:c,f|A0:{}|F2",
           "what pieces did not say is said at the end");
}

/* ---- there and back ----------------------------------------------------------- */

static unsigned seed = 7;

static unsigned draw(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

/* The deltas of an answer, also heard as they are. */
static void say(stream *s, told *t, llm_delta delta)
{
    hear(t, &delta);
    put(s, delta);
}

#define SAY(...) say(s, t, (llm_delta){ __VA_ARGS__ })

static void some_reasoning(stream *s, told *t)
{
    unsigned n = 1 + draw(3);

    while (n--)
        SAY(.kind = LLM_DELTA_REASONING, .text = WORDS("think "));
    SAY(.kind = LLM_DELTA_SIGNATURE, .signature = "openai~rs~proof");
    if (draw(2))
        SAY(.kind = LLM_DELTA_REDACTED, .text = WORDS("sealed"));
}

static void some_words(stream *s, told *t)
{
    unsigned n = 1 + draw(4);

    while (n--)
        SAY(.kind = LLM_DELTA_TEXT, .text = WORDS("w\xc3\xb6rter\n\"\\ "));
    if (draw(4) == 0)
        SAY(.kind = LLM_DELTA_REFUSAL, .text = WORDS("no"));
}

static int some_calls(stream *s, told *t)
{
    int calls = 1 + (int)draw(3), i;
    unsigned n = draw(6);

    for (i = 0; i < calls; i++)
        SAY(.kind = LLM_DELTA_CALL, .call = i, .name = "f",
            .id = i ? "call_b" : "call_a");
    while (n--)
        SAY(.kind = LLM_DELTA_ARGUMENTS, .call = (int)draw(calls),
            .text = WORDS("{\"a\"}"));
    return calls;
}

/* Every data of the stream that was written, as it would be read. */
static int read_back(const char *text, told *t)
{
    void *reader = apr_pcalloc(keep, us->chat->reader_size);
    const char *at = text, *end;
    int number = 0, bad = 0;

    while ((at = strstr(at, "\ndata: "))) {
        llm_event event = { 0 };
        const char *mark = apr_psprintf(pool, "\"sequence_number\":%d,",
                                        number++);

        at += 7;
        end = strchr(at, '\n');
        us->read_event(at, end - at, &event);
        bad |= event.kind != LLM_EVENT_PIECE;
        bad |= !memmem(at, end - at, mark, strlen(mark));
        bad |= read_one(reader, at, end - at, t) != LLM_OK;
    }
    return bad;
}

static void there_and_back(void)
{
    int bad = 0;

    for (int i = 0; i < 1000 && !bad; i++) {
        told t = { .last = -1 }, back = { .last = -1 };
        const char *text, *was, *is;
        int calls = 0;
        stream s;

        open_stream(&s);
        llm_buf_init(&t.all, 1 << 20);
        llm_buf_init(&back.all, 1 << 20);
        say(&s, &t, (llm_delta){ .kind = LLM_DELTA_BEGIN });
        if (draw(2))
            some_reasoning(&s, &t);
        if (draw(2))
            some_words(&s, &t);
        if (draw(2))
            calls = some_calls(&s, &t);
        say(&s, &t, (llm_delta){ .kind = LLM_DELTA_FINISH,
            .finish = draw(3) == 0 ? LLM_FINISH_LENGTH
                : calls ? LLM_FINISH_TOOLS
                : memmem(t.all.data, t.all.len, "Uno", 3)
                    ? LLM_FINISH_FILTER : LLM_FINISH_STOP });
        put(&s, (llm_delta){ .kind = LLM_DELTA_END });
        bad = s.fault != LLM_OK;
        text = text_of(&s);
        bad |= read_back(text, &back);
        was = told_text(&t);
        is = told_text(&back);
        bad |= strcmp(was, is) != 0;
        if (bad)
            printf("# %d: %s\n# %s\n# %s\n", i, was, is, text);
        apr_pool_clear(pool);
        apr_pool_clear(keep);
    }
    ok(!bad, "what was written piece by piece is read as what it was");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&keep, NULL);
    apr_pool_create(&once, NULL);
    words();
    calls();
    ends();
    notes();
    reading();
    there_and_back();
    apr_pool_destroy(once);
    apr_pool_destroy(keep);
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
