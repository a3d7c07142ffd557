/* What the files of the Gemini dialect share. */
#ifndef LLM_GEMINI_H
#define LLM_GEMINI_H

#include "../base/emit.h"
#include "dialect.h"

/* ---- reading: gemini_json.c --------------------------------------------- */

/* Where something stands in a client's body; only written out as
 * "contents[2].parts[0].text" when it must be told. */
typedef struct llm_gemini_at {
    const struct llm_gemini_at *up;     /* NULL: the body itself */
    const char *name;           /* as the client wrote it; NULL: an element */
    size_t index;
} llm_gemini_at;

typedef struct llm_gemini_in {
    apr_pool_t *pool;
    llm_chat *chat;             /* NULL: embeddings are read */
    llm_embedding *embedding;
    apr_array_header_t *unknown, *hints;
    llm_fault_detail *detail;
    void *to;                   /* what the functions of a table fill */
} llm_gemini_in;

struct llm_gemini_row;

typedef llm_fault (*llm_gemini_fn)(llm_gemini_in *in,
                                   const struct llm_gemini_row *row,
                                   const llm_json *value,
                                   const llm_gemini_at *at);

/* A member and what reads it. Names are camelCase; bodies may use snake_case,
 * as everywhere in proto JSON. The last row has no name and reads whatever no
 * other row does. Members that are null are not read. */
typedef struct llm_gemini_row {
    const char *name;
    llm_gemini_fn read;
    size_t offset;              /* in *in->to, for the plain ones below */
    llm_field field;            /* of the conversation, likewise */
} llm_gemini_row;

const char *llm_gemini_path(const llm_gemini_at *at, apr_pool_t *p);
llm_fault llm_gemini_wrong(llm_gemini_in *in, const llm_gemini_at *at,
                           const char *text);

/* `value` must be an object. */
llm_fault llm_gemini_each(llm_gemini_in *in, const llm_json *value,
                          const llm_gemini_at *at, const llm_gemini_row *rows);

/* Each element; one that stands without its brackets is a list of one. */
llm_fault llm_gemini_list(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at,
                          llm_gemini_fn each);

/* For tables: to unknown, to hints, nowhere; const char * or int (a bool) at
 * row->offset; a number of the conversation, which is then given. */
llm_fault llm_gemini_unknown(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_hint(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_nothing(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_word(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_flag(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_whole(llm_gemini_in *in, const llm_gemini_row *row,
                           const llm_json *value, const llm_gemini_at *at);
llm_fault llm_gemini_number(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at);

/* 1 if it is a whole number; proto JSON writes some as strings. */
int llm_gemini_is_whole(const llm_json *value, long long *out);

/* The member of either spelling, NULL if there is none or it is null. */
const llm_json *llm_gemini_member(const llm_json *object, const char *name);

/* ---- a conversation ----------------------------------------------------- */

llm_fault llm_gemini_read_request(const llm_json *body, llm_chat *out,
                                  llm_fault_detail *detail);
llm_fault llm_gemini_read_count(const llm_json *body, llm_chat *out,
                                llm_fault_detail *detail);
llm_fault llm_gemini_read_content(llm_gemini_in *in,
                                  const llm_gemini_row *row,
                                  const llm_json *value,
                                  const llm_gemini_at *at);
llm_fault llm_gemini_read_system(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at);
llm_fault llm_gemini_read_config(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at);
llm_fault llm_gemini_read_tools(llm_gemini_in *in, const llm_gemini_row *row,
                                const llm_json *value,
                                const llm_gemini_at *at);
llm_fault llm_gemini_read_choice(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at);

/* Google's schemas (OpenAPI's subset, types in capitals) as JSON Schema;
 * len 0 without memory. */
llm_span llm_gemini_schema(const llm_json *schema, apr_pool_t *p);

llm_fault llm_gemini_write_request(const llm_chat *chat,
                                   const llm_asking *how, llm_losses *lost,
                                   llm_buf *out, llm_fault_detail *detail);
llm_fault llm_gemini_write_count(const llm_chat *chat, const llm_asking *how,
                                 llm_losses *lost, llm_buf *out,
                                 llm_fault_detail *detail);

/* What stands beside the contents: tools, toolConfig, generationConfig. */
void llm_gemini_put_config(llm_emit *e, const llm_chat *chat,
                           const llm_asking *how, llm_losses *lost);

/* ---- an answer ---------------------------------------------------------- */

llm_fault llm_gemini_read_reply(const llm_json *body, llm_reply *out,
                                apr_pool_t *p);
llm_fault llm_gemini_write_reply(const llm_reply *reply, const llm_face *face,
                                 llm_buf *out, apr_pool_t *p);
#define LLM_GEMINI_READER 512    /* bytes of the states of streams */
#define LLM_GEMINI_WRITER 1024
llm_fault llm_gemini_read_piece(void *reader, const llm_json *event,
                                llm_delta_fn each, void *baton, apr_pool_t *p,
                                apr_pool_t *keep);
llm_fault llm_gemini_write_delta(void *writer, const llm_delta *delta,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out, apr_pool_t *p,
                                 apr_pool_t *keep);

/* OpenAI's logprobs from a logprobsResult and the other way. */
llm_span llm_gemini_read_logprobs(const llm_json *result, apr_pool_t *p);
void llm_gemini_put_logprobs(llm_emit *e, llm_span logprobs, apr_pool_t *p);

/* ---- pieces that requests and answers are written from: gemini_put.c ---- */

/* JSON on one line; the white space between its tokens goes. */
void llm_gemini_put_json(llm_emit *e, const char *name, llm_span json);

/* 1 if a call's arguments are an object, or nothing at all. */
int llm_gemini_is_object(llm_span json);

/* The functionCall part; `arguments` are an object or nothing. */
void llm_gemini_put_call(llm_emit *e, const char *id, const char *name,
                         llm_span arguments, const char *signature);
void llm_gemini_put_text(llm_emit *e, llm_span text, int thought,
                         const char *signature);

/* inlineData or fileData; 0, and nothing written, for what Gemini cannot
 * take. */
int llm_gemini_put_media(llm_emit *e, const llm_part *part, int any_url);
void llm_gemini_put_usage(llm_emit *e, const llm_usage *usage);

/* ---- the rest ----------------------------------------------------------- */

const char *llm_gemini_url(const char *model, const char *verb,
                           apr_pool_t *p);

/* "models/ID"; what is named with a slash already stays as it is. */
const char *llm_gemini_resource(const char *model, apr_pool_t *p);

llm_fault llm_gemini_read_body(const char *body, size_t n, unsigned depth,
                               llm_request *out, llm_fault_detail *detail,
                               apr_pool_t *p);
llm_fault llm_gemini_pass_request(const llm_request *request,
                                  const char *model, int ask_usage,
                                  llm_buf *out);

/* The usage of a usageMetadata; untouched if there is nothing in it. */
void llm_gemini_read_usage(const llm_member *member, llm_usage *usage);

/* Events where none are expected. */
void llm_gemini_no_event(const char *data, size_t n, llm_event *event);

void llm_gemini_read_error(int status, const char *body, size_t n,
                           const llm_secret *secret, llm_fault_detail *out,
                           apr_pool_t *p);
llm_fault llm_gemini_write_error(const llm_fault_detail *detail,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out);
llm_fault llm_gemini_write_model(const llm_model_entry *entry, llm_buf *out);
llm_fault llm_gemini_write_models(const llm_model_entry *entries, int n,
                                  llm_buf *out);

#endif
