/* What the files share that read and write OpenAI's conversations. */
#ifndef LLM_OPENAI_CHAT_H
#define LLM_OPENAI_CHAT_H

#include "openai.h"

/* ---- a client's request ------------------------------------------------- */

/* Where in the request something stands; `outer` NULL: at its top. */
typedef struct llm_openai_place {
    const struct llm_openai_place *outer;
    const char *name;
    int index;                  /* -1: it is no list's */
} llm_openai_place;

typedef struct llm_openai_reading {
    llm_chat *chat;
    llm_fault_detail *detail;
    const char *last_call;      /* id of the last function_call, NULL */
    int after_tool;             /* the message before was a tool's */
    int calls;                  /* that had no id */
} llm_openai_reading;

/* "messages[2].content[0].text"; `at` NULL: the member alone. */
const char *llm_openai_path(const llm_openai_place *at, const char *member,
                            apr_pool_t *p);

/* LLM_BAD_REQUEST with "<path> <what>." as its sentence. */
llm_fault llm_openai_wrong(llm_openai_reading *in, const llm_openai_place *at,
                           const char *member, const char *what);

/* A member that the inner form has no place for. */
void llm_openai_unknown(llm_openai_reading *in, const llm_openai_place *at,
                        const char *member);

/* Marks all members of `object` that are not among `known` (up to NULL) and
 * ask for something; those among `hints` as such. */
void llm_openai_others(llm_openai_reading *in, const llm_openai_place *at,
                       const llm_json *object, const char *const *known,
                       const char *const *hints);

/* A string without NUL, absent or null: *out NULL. */
llm_fault llm_openai_word(llm_openai_reading *in, const llm_openai_place *at,
                          const llm_json *object, const char *member,
                          const char **out);

/* The lifetime that cache_control asks for, or NULL. */
const char *llm_openai_cache(llm_openai_reading *in,
                             const llm_openai_place *at,
                             const llm_json *object);

typedef enum llm_openai_shape {
    LLM_OPENAI_CHAT = 1, LLM_OPENAI_LEGACY = 2
} llm_openai_shape;

/* The members beside the conversation and its tools. */
llm_fault llm_openai_read_fields(llm_openai_reading *in, const llm_json *body,
                                 llm_openai_shape shape);
llm_fault llm_openai_read_format(llm_openai_reading *in, const llm_json *body);
llm_fault llm_openai_read_messages(llm_openai_reading *in,
                                   const llm_json *body);
llm_fault llm_openai_read_content(llm_openai_reading *in,
                                  const llm_openai_place *at,
                                  const llm_json *message,
                                  apr_array_header_t *parts);
llm_fault llm_openai_read_tools(llm_openai_reading *in, const llm_json *body);

/* ---- a provider's ------------------------------------------------------- */

typedef struct llm_openai_asking {
    const llm_chat *chat;
    const llm_asking *how;
    llm_losses *lost;
    llm_emit e;
    int thinks;                 /* it is one of OpenAI's own that do */
    apr_array_header_t *open;   /* of llm_part: calls without a result yet */
    int calls;                  /* that had no id */
} llm_openai_asking;

/* The name after the last '/'. */
const char *llm_openai_bare(const char *model);

/* Of OpenAI's own models those that think want max_completion_tokens and
 * know developers; servers that are compatible often do not. */
int llm_openai_thinks(const char *model, const llm_facts *facts);

void llm_openai_put_messages(llm_openai_asking *to);

/* What chat and legacy completions have in common, from `can`. */
void llm_openai_put_fields(llm_openai_asking *to, unsigned can);
void llm_openai_put_stream(llm_openai_asking *to);

/* ---- answers ------------------------------------------------------------ */

const char *llm_openai_finish_word(llm_finish finish);
llm_finish llm_openai_finish_of(const char *word, int calls);
void llm_openai_put_usage(llm_emit *e, const llm_usage *usage);

/* Of a message or of a stream's delta; the arguments are also an object's. */
llm_span llm_openai_reasoning(const llm_json *message);
llm_span llm_openai_arguments(const llm_json *function, apr_pool_t *p);
int llm_openai_citation(const llm_json *annotation, llm_citation *out);

/* An answer's id as this dialect's clients know it, beginning so. */
const char *llm_openai_id(const char *begin, const char *id, apr_pool_t *p);
const char *llm_openai_call_id(const char *id, int number, apr_pool_t *p);

/* One citation; `from` and `to` stand for places that it does not name. */
void llm_openai_put_citation(llm_emit *e, const llm_citation *citation,
                             long long from, long long to);
long long llm_openai_chars(llm_span text);

llm_fault llm_openai_read_reply(const llm_json *body, llm_reply *out,
                                apr_pool_t *p);
llm_fault llm_openai_write_reply(const llm_reply *reply, const llm_face *face,
                                 llm_buf *out, apr_pool_t *p);
void llm_openai_put_picture(llm_emit *e, const llm_part *part, apr_pool_t *p);
llm_fault llm_openai_write_completion(const llm_reply *reply,
                                      const llm_face *face, llm_buf *out,
                                      apr_pool_t *p);

/* ---- streams ------------------------------------------------------------ */

typedef struct llm_openai_reader {
    int begun;
    const char *id;
    apr_array_header_t *choices;
} llm_openai_reader;

llm_fault llm_openai_read_piece(void *reader, const llm_json *event,
                                llm_delta_fn each, void *baton, apr_pool_t *p,
                                apr_pool_t *keep);

typedef struct llm_openai_writer {
    int begun, ended;
    const char *id, *model;
    apr_array_header_t *choices;
    int calls;                  /* without an id */
    llm_usage usage;
} llm_openai_writer;

llm_fault llm_openai_write_delta(void *writer, const llm_delta *delta,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out, apr_pool_t *p,
                                 apr_pool_t *keep);
llm_fault llm_openai_write_legacy(void *writer, const llm_delta *delta,
                                  const llm_face *face, llm_frame *frame,
                                  llm_buf *out, apr_pool_t *p,
                                  apr_pool_t *keep);

#endif
