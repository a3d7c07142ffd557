/* What a reasoning item of the Responses API holds beyond words: OpenAI's
 * proof, which is kept as a signature, or another provider's, which is kept
 * in encrypted_content. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>
#include "../base/base64.h"

#define PROOF_LEN (sizeof LLM_OPENAI_PROOF - 1)
#define OWN_LEN (sizeof LLM_RESPONSES_OWN - 1)
#define LOOK_BACK 32
#define SEAL_MAX (4 * 1024 * 1024)

llm_span llm_responses_copy(llm_span text, apr_pool_t *p)
{
    return (llm_span){ apr_pstrmemdup(p, text.len ? text.at : "", text.len),
                       text.len };
}

/* ---- writing ------------------------------------------------------------ */

/* ["signature"], [null, "sealed"], or [] for words without a proof: these
 * have a seal too, or the item could not be told from one of OpenAI's. */
static const char *own_seal(const llm_part *part, apr_pool_t *p)
{
    const char *seal = NULL;
    llm_emit e;
    llm_buf load;

    llm_buf_init(&load, SEAL_MAX);
    llm_emit_begin(&e, &load);
    llm_emit_array(&e, NULL);
    if (part->redacted) {
        llm_emit_null(&e, NULL);
        llm_emit_text(&e, NULL, part->text);
    }
    else {
        llm_emit_string(&e, NULL, part->signature);
    }
    llm_emit_end_array(&e);
    if (!e.fault)
        seal = apr_pstrcat(p, LLM_RESPONSES_OWN,
                           llm_base64_encode((llm_span){ load.data, load.len },
                                             LLM_BASE64_URL, p).at, NULL);
    llm_buf_free(&load);
    return seal;
}

void llm_responses_seal(const llm_part *part, const char **id,
                        const char **content, apr_pool_t *p)
{
    const char *proof = part->signature, *end;

    *id = NULL;
    if (!proof || part->redacted
        || strncmp(proof, LLM_OPENAI_PROOF, PROOF_LEN)
        || !(end = strchr(proof + PROOF_LEN, '~'))) {
        *content = own_seal(part, p);
        return;
    }
    *id = apr_pstrmemdup(p, proof + PROOF_LEN, end - proof - PROOF_LEN);
    *content = end + 1;
}

/* ---- reading ------------------------------------------------------------ */

/* All words of a list of {"text":...}, a blank line between them. */
static llm_span join(const llm_json *list, apr_pool_t *p)
{
    apr_array_header_t *parts = llm_parts_make(p);
    llm_span text;
    size_t i;

    for (i = 0; i < llm_json_count(list); i++) {
        text = llm_json_span(llm_json_member(llm_json_element(list, i),
                                             "text"));
        if (text.len)
            llm_parts_add(parts, LLM_PART_TEXT)->text = text;
    }
    return llm_parts_text(parts, "\n\n", p);
}

static int read_own(const char *content, llm_part *part, apr_pool_t *p)
{
    const llm_json *load;
    llm_span bytes, sealed;

    bytes = llm_base64_decode((llm_span){ content, strlen(content) },
                              LLM_BASE64_URL, p);
    if (!bytes.at || llm_json_parse(bytes.at, bytes.len, 4, &load, p)
        || llm_json_kind_of(load) != LLM_JSON_ARRAY)
        return 0;
    part->signature = llm_json_word(llm_json_element(load, 0));
    if (part->signature)
        part->signature = apr_pstrdup(p, part->signature);
    sealed = llm_json_span(llm_json_element(load, 1));
    if (sealed.at) {
        part->redacted = 1;
        part->text = llm_responses_copy(sealed, p);
        part->signature = NULL;
    }
    return 1;
}

int llm_responses_unseal(const llm_json *item, apr_array_header_t *parts,
                         apr_pool_t *p)
{
    const char *content = llm_json_word(llm_json_member(item,
                                                        "encrypted_content"));
    const char *id = llm_json_word(llm_json_member(item, "id"));
    llm_part part = { .kind = LLM_PART_REASONING };

    part.text = join(llm_json_member(item, "summary"), p);
    if (!part.text.len)
        part.text = join(llm_json_member(item, "content"), p);
    if (content && !strncmp(content, LLM_RESPONSES_OWN, OWN_LEN))
        read_own(content + OWN_LEN, &part, p);
    else if (content && *content)
        part.signature = apr_pstrcat(p, LLM_OPENAI_PROOF,
                                     id && !strchr(id, '~') ? id : "", "~",
                                     content, NULL);
    if (!part.text.len && !part.signature)
        return 0;
    *llm_parts_add(parts, LLM_PART_REASONING) = part;
    return 1;
}

/* ---- the same from two places ------------------------------------------- */

static int is_same(const llm_part *a, const llm_part *b)
{
    if (a->kind != b->kind || a->redacted != b->redacted)
        return 0;
    if (a->signature && b->signature)
        return !strcmp(a->signature, b->signature);
    return !a->signature && !b->signature && a->text.len == b->text.len
        && !memcmp(a->text.at, b->text.at, a->text.len);
}

/* Of the last of the first n: what belongs together stands together. */
static int is_there(const apr_array_header_t *parts, int n,
                    const llm_part *part)
{
    const llm_part *list = (const llm_part *)parts->elts;
    int from = n > LOOK_BACK ? n - LOOK_BACK : 0;

    while (n-- > from)
        if (list[n].kind == LLM_PART_REASONING && is_same(&list[n], part))
            return 1;
    return 0;
}

void llm_responses_add_reasoning(apr_array_header_t *parts,
                                 const apr_array_header_t *more)
{
    const llm_part *list = (const llm_part *)more->elts;
    int i, n = parts->nelts;

    for (i = 0; i < more->nelts; i++)
        if (!is_there(parts, n, &list[i]))
            *llm_parts_add(parts, LLM_PART_REASONING) = list[i];
}
