#include "estimate.h"
#include <string.h>

#define TURN 4                  /* around a turn */
#define TOOL 12                 /* around a tool's definition */
#define IMAGE 765               /* a square of 1024 pixels, at OpenAI's */

/* Letters of ASCII are a quarter, other alphabets' a half, the rest, mostly
 * signs for whole words, one. */
int llm_estimate_weight(unsigned char c)
{
    if (c < 0x80)
        return 3;
    if (c < 0xc0)
        return 0;               /* within a character */
    return c < 0xe3 ? 6 : 12;
}

long long llm_estimate_text(llm_span text)
{
    long long twelfths = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        twelfths += llm_estimate_weight((unsigned char)text.at[i]);
    return (twelfths + 11) / 12;
}

static long long of_word(const char *text)
{
    return text ? llm_estimate_text((llm_span){ text, strlen(text) }) : 0;
}

static long long of_parts(const apr_array_header_t *list);

static long long of_part(const llm_part *part)
{
    switch (part->kind) {
    case LLM_PART_IMAGE:
        return IMAGE;
    case LLM_PART_FILE:
    case LLM_PART_AUDIO:
        return (long long)(part->data.len / 16);
    case LLM_PART_CALL:
        return TURN + of_word(part->name) + llm_estimate_text(part->text);
    case LLM_PART_RESULT:
        return TURN + (part->parts ? of_parts(part->parts) : 0);
    default:
        return llm_estimate_text(part->text);
    }
}

static long long of_parts(const apr_array_header_t *list)
{
    long long sum = 0;
    int i;

    for (i = 0; i < list->nelts; i++)
        sum += of_part(&((const llm_part *)list->elts)[i]);
    return sum;
}

long long llm_estimate_chat(const llm_chat *chat)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    const llm_tool *tools = (const llm_tool *)chat->tools->elts;
    long long sum = TURN;
    int i;

    for (i = 0; i < chat->turns->nelts; i++)
        sum += TURN + of_parts(turns[i].parts);
    for (i = 0; i < chat->tools->nelts; i++)
        sum += TOOL + of_word(tools[i].name) + of_word(tools[i].description)
            + llm_estimate_text(tools[i].schema);
    return sum;
}

long long llm_estimate_reply(const llm_reply *reply)
{
    const llm_answer_choice *choices
        = (const llm_answer_choice *)reply->choices->elts;
    long long sum = 0;
    int i;

    for (i = 0; i < reply->choices->nelts; i++)
        sum += of_parts(choices[i].parts);
    return sum;
}

/* Numbers stand for the tokens themselves. */
static long long of_numbers(llm_span json)
{
    long long n = json.len > 2;
    size_t i;

    for (i = 0; i < json.len; i++)
        n += json.at[i] == ',';
    return n;
}

long long llm_estimate_embedding(const llm_embedding *embedding)
{
    const llm_span *texts = (const llm_span *)embedding->texts->elts;
    long long sum = of_numbers(embedding->tokens);
    int i;

    for (i = 0; i < embedding->texts->nelts; i++)
        sum += llm_estimate_text(texts[i]);
    return sum;
}
