/* Conversations written as requests of the Responses API and read again are
 * the same. */
#include "responses_rig.h"
#include "../../src/base/emit.h"

/* ---- an inner conversation as text, to compare ---------------------------- */

static void show_part(llm_emit *e, const llm_part *part)
{
    int i;

    llm_emit_array(e, NULL);
    llm_emit_whole(e, NULL, part->kind);
    llm_emit_text(e, NULL, part->text);
    llm_emit_string(e, NULL, part->signature);
    llm_emit_whole(e, NULL, part->redacted);
    llm_emit_string(e, NULL, part->media);
    llm_emit_text(e, NULL, part->data);
    llm_emit_string(e, NULL, part->url);
    llm_emit_string(e, NULL, part->file_id);
    llm_emit_string(e, NULL, part->name);
    llm_emit_string(e, NULL, part->detail);
    llm_emit_string(e, NULL, part->id);
    for (i = 0; part->parts && i < part->parts->nelts; i++)
        show_part(e, &((const llm_part *)part->parts->elts)[i]);
    llm_emit_end_array(e);
}

static void show_options(llm_emit *e, const llm_chat *chat)
{
    int i;

    for (i = 0; i < LLM_FIELD_COUNT; i++)
        llm_emit_bool(e, NULL, chat->given[i] != NULL);
    llm_emit_whole(e, NULL, chat->max_tokens);
    llm_emit_number(e, NULL, chat->temperature);
    llm_emit_number(e, NULL, chat->top_p);
    llm_emit_whole(e, NULL, chat->top_logprobs);
    llm_emit_whole(e, NULL, chat->format);
    llm_emit_text(e, NULL, chat->schema);
    llm_emit_string(e, NULL, chat->schema_name);
    llm_emit_string(e, NULL, chat->schema_description);
    llm_emit_whole(e, NULL, chat->schema_strict);
    llm_emit_whole(e, NULL, chat->choice);
    llm_emit_whole(e, NULL, chat->parallel);
    llm_emit_string(e, NULL, chat->effort);
    llm_emit_whole(e, NULL, chat->thoughts);
    llm_emit_string(e, NULL, chat->verbosity);
    llm_emit_string(e, NULL, chat->user);
    llm_emit_text(e, NULL, chat->metadata);
    llm_emit_string(e, NULL, chat->tier);
    for (i = 0; chat->choice_names && i < chat->choice_names->nelts; i++)
        llm_emit_string(e, NULL,
                        APR_ARRAY_IDX(chat->choice_names, i, const char *));
}

static void show_tools(llm_emit *e, const llm_chat *chat)
{
    const llm_tool *tools = (const llm_tool *)chat->tools->elts;
    int i;

    for (i = 0; i < chat->tools->nelts; i++) {
        llm_emit_string(e, NULL, tools[i].name);
        llm_emit_string(e, NULL, tools[i].description);
        llm_emit_text(e, NULL, tools[i].schema);
        llm_emit_whole(e, NULL, tools[i].strict);
    }
}

static const char *shown(const llm_chat *chat)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    const char *text;
    llm_buf out;
    llm_emit e;
    int i, k;

    llm_buf_init(&out, 1 << 24);
    llm_emit_begin(&e, &out);
    llm_emit_array(&e, NULL);
    for (i = 0; i < chat->turns->nelts; i++) {
        llm_emit_array(&e, NULL);
        llm_emit_whole(&e, NULL, turns[i].role);
        for (k = 0; k < turns[i].parts->nelts; k++)
            show_part(&e, &((const llm_part *)turns[i].parts->elts)[k]);
        llm_emit_end_array(&e);
    }
    llm_emit_end_array(&e);
    show_options(&e, chat);
    show_tools(&e, chat);
    text = apr_pstrmemdup(once, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

/* ---- read(write(x)) is x --------------------------------------------------- */

static unsigned seed = 1;

static unsigned draw(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static llm_span some_words(void)
{
    static const char *const words[] = { "a", "Gr\xc3\xbc\xc3\x9f" "e",
        "\"\\/\n\t", "{\"a\":[1]}", "long long long long", "\xf0\x9f\x98\x80",
        "nul\0nul" };
    unsigned i = draw(COUNT(words));

    return (llm_span){ words[i], i == 6 ? 7 : strlen(words[i]) };
}

static void some_picture(apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, draw(2) ? LLM_PART_IMAGE
                                                  : LLM_PART_FILE);

    if (part->kind == LLM_PART_IMAGE)
        part->detail = draw(2) ? "high" : NULL;
    else
        part->name = "f.pdf";
    switch (draw(3)) {
    case 0:
        part->media = part->kind == LLM_PART_IMAGE ? "image/webp"
                                                   : "application/pdf";
        part->data = (llm_span){ "QUJDRA==", 8 };
        break;
    case 1:
        part->url = "https://e.org/a?b=c&d";
        break;
    default:
        part->file_id = "file-7";
    }
}

static void some_user_turn(llm_chat *chat)
{
    llm_turn *turn = llm_chat_turn(chat, draw(6) ? LLM_ROLE_USER
                                                 : LLM_ROLE_DEVELOPER);

    llm_turn_part(turn, LLM_PART_TEXT, once)->text = some_words();
    while (draw(3) == 0)
        some_picture(turn->parts);
}

static void some_call(llm_turn *turn, int number)
{
    llm_part *part = llm_turn_part(turn, LLM_PART_CALL, once);

    part->id = apr_psprintf(once, "call_%d", number);
    part->name = draw(2) ? "f" : "get_weather";
    part->text = (llm_span){ "{\"a\": 1}", 8 };
}

static int some_assistant_turn(llm_chat *chat, int number)
{
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_ASSISTANT);
    llm_part *part;
    int calls = draw(3), i;

    if (draw(2)) {
        part = llm_turn_part(turn, LLM_PART_REASONING, once);
        part->text = draw(2) ? some_words() : (llm_span){ "", 0 };
        part->signature = apr_psprintf(once, "openai~rs_%d~g%u", number,
                                       draw(1000));
    }
    llm_turn_part(turn, LLM_PART_TEXT, once)->text = some_words();
    if (draw(4) == 0)
        llm_turn_part(turn, LLM_PART_REFUSAL, once)->text = some_words();
    for (i = 0; i < calls; i++)
        some_call(turn, number + i);
    return calls;
}

static void some_results(llm_chat *chat, int number, int calls)
{
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_USER);
    llm_part *part;

    for (int i = 0; i < calls; i++) {
        part = llm_turn_part(turn, LLM_PART_RESULT, once);
        part->id = apr_psprintf(once, "call_%d", number + i);
        part->parts = llm_parts_make(once);
        llm_parts_add(part->parts, LLM_PART_TEXT)->text = some_words();
        if (draw(3) == 0)
            some_picture(part->parts);
    }
    if (draw(2))
        llm_turn_part(turn, LLM_PART_TEXT, once)->text = some_words();
}

#define GIVE(field) (chat->given[LLM_FIELD_##field] = "x")

static void some_options(llm_chat *chat)
{
    if (draw(2) && GIVE(MAX_TOKENS))
        chat->max_tokens = 16 + draw(100000);
    if (draw(2) && GIVE(TEMPERATURE))
        chat->temperature = draw(200) / 100.0;
    if (draw(2) && GIVE(TOP_P))
        chat->top_p = draw(100) / 99.0;
    if (draw(2) && GIVE(EFFORT))
        chat->effort = draw(2) ? "none" : "xhigh";
    if (draw(2) && GIVE(THOUGHTS))
        chat->thoughts = 1;
    if (draw(2) && GIVE(VERBOSITY))
        chat->verbosity = "high";
    if (draw(2) && GIVE(USER))
        chat->user = "user 1";
    if (draw(2) && GIVE(TIER))
        chat->tier = "priority";
    if (draw(2) && GIVE(METADATA))
        chat->metadata = (llm_span){ "{\"a\":\"b\"}", 9 };
    if (draw(2) && GIVE(LOGPROBS) && draw(2))
        chat->top_logprobs = 1 + draw(20);
    if (draw(2) && GIVE(PARALLEL))
        chat->parallel = 0;
    if (draw(3) == 0 && GIVE(FORMAT))
        chat->format = LLM_FORMAT_JSON;
    else if (draw(3) == 0 && GIVE(FORMAT)) {
        chat->format = LLM_FORMAT_SCHEMA;
        chat->schema_name = "n";
        chat->schema_description = draw(2) ? "d" : NULL;
        chat->schema = (llm_span){ "{\"type\":\"object\"}", 17 };
        chat->schema_strict = (int)draw(3) - 1;
    }
}

static void some_tools(llm_chat *chat)
{
    llm_tool *tool;

    while (draw(2)) {
        tool = llm_chat_tool(chat);
        tool->name = draw(2) ? "f" : "g";
        tool->description = draw(2) ? "Does it" : NULL;
        tool->strict = draw(2);
        if (draw(2))
            tool->schema = (llm_span){ "{\"type\":\"object\"}", 17 };
        GIVE(TOOLS);
    }
    if (draw(3) == 0 && GIVE(TOOL_CHOICE))
        chat->choice = draw(2) ? LLM_CHOICE_NONE : LLM_CHOICE_REQUIRED;
    else if (draw(3) == 0 && GIVE(TOOL_CHOICE)) {
        chat->choice = LLM_CHOICE_NAMED;
        chat->choice_names = apr_array_make(once, 1, sizeof(const char *));
        APR_ARRAY_PUSH(chat->choice_names, const char *) = "g";
    }
}

static llm_chat *some_chat(void)
{
    llm_chat *chat = llm_chat_make(once);
    int number = 0, calls;

    if (draw(2))
        llm_turn_part(llm_chat_turn(chat, LLM_ROLE_SYSTEM), LLM_PART_TEXT,
                      once)->text = some_words();
    llm_turn_part(llm_chat_turn(chat, LLM_ROLE_USER), LLM_PART_TEXT,
                  once)->text = some_words();
    while (draw(3)) {
        calls = some_assistant_turn(chat, number);
        if (calls)
            some_results(chat, number, calls);
        else
            some_user_turn(chat);
        number += calls;
    }
    some_options(chat);
    some_tools(chat);
    llm_chat_name_results(chat);
    return chat;
}

static void round_trips(void)
{
    llm_fault_detail detail;
    llm_losses lost;
    int bad = 0;

    for (int i = 0; i < 3000 && !bad; i++) {
        llm_chat *chat = some_chat(), *again;
        const char *text = written(chat, &no_facts, draw(2), &lost);
        llm_fault fault = read_at(text, strlen(text), &again, &detail);

        bad = fault || strcmp(shown(chat), shown(again))
            || lost.names->nelts || again->unknown->nelts;
        if (bad) {
            printf("# round %d: fault %d %s\n# %s\n# %s\n# %s\n", i, fault,
                   detail.param ? detail.param : "", text, shown(chat),
                   fault ? "" : shown(again));
        }
        apr_pool_clear(once);
    }
    ok(!bad, "what was written is read as what it was");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&once, pool);
    round_trips();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
