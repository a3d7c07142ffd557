/* OpenAI's legacy completions: a prompt is a conversation of one turn. */
#include "openai_chat.h"
#include <string.h>

static llm_fault read_prompt(llm_openai_reading *in, const llm_json *body)
{
    const llm_json *prompt = llm_json_member(body, "prompt");
    llm_turn *turn;

    if (llm_json_kind_of(prompt) == LLM_JSON_ARRAY
        && llm_json_count(prompt) == 1)
        prompt = llm_json_element(prompt, 0);
    if (llm_json_kind_of(prompt) != LLM_JSON_STRING) {
        llm_openai_wrong(in, NULL, "prompt", "must be one string: this model "
                         "takes neither several nor tokens");
        /* Who speaks this dialect takes them. */
        if (llm_json_kind_of(prompt) == LLM_JSON_ARRAY)
            in->detail->fault = LLM_UNSUPPORTED;
        return in->detail->fault;
    }
    turn = llm_chat_turn(in->chat, LLM_ROLE_USER);
    if (llm_json_span(prompt).len)
        llm_turn_part(turn, LLM_PART_TEXT, in->chat->pool)->text
            = llm_json_span(prompt);
    return LLM_OK;
}

/* Members that make another answer than a conversation's. */
static void read_others(llm_openai_reading *in, const llm_json *body)
{
    const llm_json *suffix = llm_json_member(body, "suffix");
    long long best = 1;

    llm_json_whole(llm_json_member(body, "best_of"), &best);
    if (best != 1)
        llm_openai_unknown(in, NULL, "best_of");
    if (llm_json_is_true(llm_json_member(body, "echo")))
        llm_openai_unknown(in, NULL, "echo");
    if (llm_json_kind_of(suffix) != LLM_JSON_NULL
        && (llm_json_kind_of(suffix) != LLM_JSON_STRING
            || llm_json_span(suffix).len))
        llm_openai_unknown(in, NULL, "suffix");
}

static llm_fault read_request(const llm_json *body, llm_chat *out,
                              llm_fault_detail *detail)
{
    llm_openai_reading in = { .chat = out, .detail = detail };
    llm_fault fault = read_prompt(&in, body);

    if (!fault)
        fault = llm_openai_read_fields(&in, body, LLM_OPENAI_LEGACY);
    if (!fault)
        read_others(&in, body);
    return fault;
}

/* ---- for a provider ----------------------------------------------------- */

static void add_part(llm_openai_asking *to, const llm_part *part,
                     llm_buf *prompt)
{
    if (part->kind == LLM_PART_REASONING)
        llm_lose_hint(to->lost, "reasoning");
    else if (part->kind != LLM_PART_TEXT)
        llm_lose(to->lost, "messages");
    else if (!to->e.fault)
        to->e.fault = llm_buf_add(prompt, part->text.at, part->text.len);
}

/* A conversation of more than one turn loses who says what. */
static void put_prompt(llm_openai_asking *to)
{
    const llm_turn *turns = (const llm_turn *)to->chat->turns->elts;
    llm_buf prompt;
    int i, j;

    llm_buf_init(&prompt, to->e.out->ceiling);
    if (to->chat->turns->nelts != 1 || turns[0].role != LLM_ROLE_USER)
        llm_lose(to->lost, "messages");
    for (i = 0; i < to->chat->turns->nelts; i++) {
        const apr_array_header_t *parts = turns[i].parts;

        if (i && !to->e.fault)
            to->e.fault = llm_buf_puts(&prompt, "\n\n");
        for (j = 0; j < parts->nelts; j++)
            add_part(to, &((const llm_part *)parts->elts)[j], &prompt);
    }
    llm_emit_text(&to->e, "prompt", (llm_span){ prompt.len ? prompt.data : "",
                                                prompt.len });
    llm_buf_free(&prompt);
}

static llm_fault write_request(const llm_chat *chat, const llm_asking *how,
                               llm_losses *lost, llm_buf *out,
                               llm_fault_detail *detail)
{
    const unsigned can = LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE)
        | LLM_BIT(TOP_P) | LLM_BIT(N) | LLM_BIT(SEED) | LLM_BIT(STOP)
        | LLM_BIT(PRESENCE) | LLM_BIT(FREQUENCY) | LLM_BIT(LOGIT_BIAS)
        | LLM_BIT(USER);
    llm_openai_asking to = { .chat = chat, .how = how, .lost = lost };
    const size_t before = out->len;

    (void)detail;
    llm_lose_fields(lost, chat, can);
    llm_emit_begin(&to.e, out);
    llm_emit_object(&to.e, NULL);
    llm_emit_string(&to.e, "model", how->model);
    put_prompt(&to);
    llm_openai_put_fields(&to, can);
    llm_openai_put_stream(&to);
    llm_emit_end_object(&to.e);
    if (to.e.fault)
        out->len = before;
    return to.e.fault;
}

const llm_chat_form llm_openai_completions_form = {
    .read_request = read_request, .write_request = write_request,
    .read_reply = llm_openai_read_reply,
    .write_reply = llm_openai_write_completion,
    .reader_size = sizeof(llm_openai_reader),
    .read_piece = llm_openai_read_piece,
    .writer_size = sizeof(llm_openai_writer),
    .write_delta = llm_openai_write_legacy
};
