/* Conversations and streams that nobody thought of, from a seed. */
#include "gemini_rig.h"

static unsigned seed;

static unsigned any(unsigned most)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % most;
}

static llm_span words(void)
{
    static const llm_span some[] = {
        { "a", 1 }, { "\xc3\xa4\n\"\\", 5 }, { "x\0y", 3 }, { "", 0 },
        { "{\"a\":1}", 7 }, { "[1]", 3 }, { "\xff", 1 },
        { "{\"error\":\"x\"}", 13 }, { "data: x\n\n", 9 },
    };

    return some[any(COUNT(some))];
}

/* ---- conversations ------------------------------------------------------ */

static void add_part(llm_turn *turn, int n)
{
    const int mine = turn->role == LLM_ROLE_ASSISTANT;
    llm_part *part = llm_turn_part(turn, LLM_PART_TEXT, pool);
    const unsigned kind = any(5);

    part->text = words();
    if (kind == 1) {
        part->kind = LLM_PART_IMAGE;
        part->media = any(2) ? "image/png" : NULL;
        part->data = any(3) ? SPAN("AAAA") : (llm_span){ NULL, 0 };
        part->url = any(2) ? "https://x/y" : "gs://x";
    }
    else if (kind == 2 && mine) {
        part->kind = LLM_PART_CALL;
        part->id = apr_psprintf(pool, "id%d", n);
        part->name = "f";
        part->signature = any(2) ? "sig" : NULL;
        part->text = any(2) ? SPAN("{\"k\":[1,2]}") : SPAN("");
    }
    else if (kind == 2) {
        part->kind = LLM_PART_RESULT;
        part->id = apr_psprintf(pool, "id%d", n);
        part->name = "f";
        part->failed = any(3) == 0;
        part->parts = llm_parts_make(pool);
        llm_parts_add(part->parts, LLM_PART_TEXT)->text = words();
    }
    else if (kind == 3 && mine) {
        part->kind = LLM_PART_REASONING;
    }
}

static llm_chat *conversation(void)
{
    llm_chat *chat = llm_chat_make(pool);
    const int turns = 1 + any(6);

    for (int i = 0; i < turns; i++) {
        llm_turn *turn = llm_chat_turn(chat, any(4));

        for (int j = any(4); j >= 0; j--)
            if (turn->role > LLM_ROLE_DEVELOPER)
                add_part(turn, 10 * i + j);
            else
                llm_turn_part(turn, LLM_PART_TEXT, pool)->text = words();
    }
    if (any(2)) {
        llm_tool *tool = llm_chat_tool(chat);

        tool->name = "f";
        tool->schema = SPAN("{\"type\":\"object\"}");
        chat->given[LLM_FIELD_TOOLS] = "tools";
    }
    if (any(2)) {
        chat->given[LLM_FIELD_TEMPERATURE] = "temperature";
        chat->temperature = any(200) / 100.0;
    }
    return chat;
}

/* What was written says the same when it is read and written again. */
static void conversations(void)
{
    int same = 0, read = 0;

    for (int i = 0; i < 3000; i++) {
        apr_pool_t *all = pool;
        const char *first, *second;
        llm_chat *back;

        seed = i;
        apr_pool_create(&pool, all);
        first = written(&llm_gemini, conversation());
        if (*first == '{' && !read_chat(&llm_gemini, first, &back)) {
            read++;
            second = written(&llm_gemini, back);
            same += !strcmp(first, second);
            if (strcmp(first, second) && same > i - 3)
                printf("# %d\n# %s\n# %s\n", i, first, second);
        }
        apr_pool_destroy(pool);
        pool = all;
    }
    is_int(read, 3000, "all are read");
    is_int(same, 3000, "and say the same");
}

/* ---- streams ------------------------------------------------------------ */

/* Every event is JSON of our own that our own reader takes, whatever came in
 * which order; the last one has the end. */
static int stream_is_sane(const char *text, int *ends)
{
    void *reader = apr_pcalloc(pool, llm_gemini.chat->reader_size);
    const llm_json *json;
    llm_span event = { text, strlen(text) };
    llm_event light = { .kind = LLM_EVENT_PIECE };

    if (strncmp(text, "data: ", 6)) {
        return !strncmp(text, ":", 1);
    }
    event.at += 6;
    event.len -= 6;
    llm_gemini.read_event(event.at, event.len, &light);
    *ends += light.has_finish;
    (void)reader;
    return light.kind == LLM_EVENT_PIECE
        && !llm_json_parse(event.at, event.len, 64, &json, pool)
        && !strchr(event.at, '\n');
}

static llm_delta delta(void)
{
    static const llm_usage usage = { .input = 3, .output = 2, .known = 1 };
    static const llm_citation citation = { .url = "https://x" };
    llm_delta d = { .kind = any(LLM_DELTA_END) };

    d.choice = any(8) ? 0 : any(3);
    d.call = any(3);
    d.text = words();
    d.id = any(2) ? "id" : NULL;
    d.name = any(4) ? "f" : NULL;
    d.signature = any(2) ? "sig" : NULL;
    d.finish = any(LLM_FINISH_OTHER + 1);
    d.citation = any(2) ? &citation : NULL;
    d.usage = any(2) ? &usage : NULL;
    return d;
}

static void streams(void)
{
    int sane = 0, events = 0, ended = 0;

    for (int i = 0; i < 3000; i++) {
        apr_pool_t *all = pool;
        char *text, *state;
        int ends = 0;
        stream s;

        seed = i;
        apr_pool_create(&pool, all);
        stream_begin(&s, LLM_FRAMING_EVENTS);
        for (int j = any(30); j > 0; j--) {
            const llm_delta d = delta();

            stream_put(&s, &d);
        }
        PUT(s, .kind = LLM_DELTA_END);
        text = (char *)taken(&s.out);
        while ((state = strstr(text, "\n\n"))) {
            *state = '\0';
            events++;
            sane += stream_is_sane(text, &ends);
            text = state + 2;
        }
        ended += ends >= 1 && !*text;
        apr_pool_destroy(pool);
        pool = all;
    }
    ok(events > 3000, "%d events", events);
    is_int(sane, events, "all of them are sane");
    is_int(ended, 3000, "every stream has its end");
}

int main(void)
{
    begin_pool();
    conversations();
    streams();
    return done();
}
