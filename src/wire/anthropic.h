/* What the files of the Anthropic dialect share. Shapes: the types of
 * Anthropic's SDK, for the API versions 2023-06-01 and 2026-10-21. */
#ifndef LLM_ANTHROPIC_H
#define LLM_ANTHROPIC_H

#include "../base/emit.h"
#include "dialect.h"

#define LLM_ANTHROPIC_DEPTH 512 /* how deep a provider's answer may nest */

/* The version that takes no sampling parameters any more. */
#define LLM_ANTHROPIC_2026 "2026-10-21"
#define LLM_ANTHROPIC_2023 "2023-06-01"

/* ---- answers as they stand ---------------------------------------------- */

llm_fault llm_anthropic_read_answer(const char *body, size_t n,
                                    llm_usage *usage);
llm_fault llm_anthropic_read_count(const char *body, size_t n,
                                   llm_usage *usage);
void llm_anthropic_read_event(const char *data, size_t n, llm_event *event);

/* ---- errors and models -------------------------------------------------- */

void llm_anthropic_read_error(int status, const char *body, size_t n,
                              const llm_secret *secret, llm_fault_detail *out,
                              apr_pool_t *p);
llm_fault llm_anthropic_write_error(const llm_fault_detail *detail,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out);
llm_fault llm_anthropic_write_model(const llm_model_entry *entry,
                                    llm_buf *out);
llm_fault llm_anthropic_write_models(const llm_model_entry *entries, int n,
                                     llm_buf *out);

/* ---- a client's request, read ------------------------------------------- */

typedef struct llm_anthropic_reading {
    llm_chat *chat;
    llm_fault_detail *detail;
    apr_pool_t *p;
} llm_anthropic_reading;

/* Where a value stands; written out only when something is to be said about
 * it. */
typedef struct llm_anthropic_place {
    const struct llm_anthropic_place *outer;    /* NULL: the body */
    const char *name;           /* NULL: an element */
    size_t index;
} llm_anthropic_place;

/* "messages[2].content[0]", and the member `name` of it (NULL: itself). */
const char *llm_anthropic_path(const llm_anthropic_place *at,
                               const char *name, apr_pool_t *p);

/* LLM_BAD_REQUEST, and the sentence for that member. */
llm_fault llm_anthropic_wrong(llm_anthropic_reading *in,
                              const llm_anthropic_place *at, const char *name,
                              const char *sentence);

/* A member without a place in the inner form. */
void llm_anthropic_unknown(llm_anthropic_reading *in,
                           const llm_anthropic_place *at, const char *name);
void llm_anthropic_hint(llm_anthropic_reading *in,
                        const llm_anthropic_place *at, const char *name);

/* Every member that is not null and not among `known`, which NULL ends. */
void llm_anthropic_others(llm_anthropic_reading *in,
                          const llm_anthropic_place *at,
                          const llm_json *object, const char *const *known);

/* A string member: LLM_BAD_REQUEST if it is missing (`must`) or none. *out is
 * NULL, or its len 0, for one that is missing or null. */
llm_fault llm_anthropic_word(llm_anthropic_reading *in,
                             const llm_anthropic_place *at,
                             const llm_json *object, const char *name,
                             int must, const char **out);
llm_fault llm_anthropic_text(llm_anthropic_reading *in,
                             const llm_anthropic_place *at,
                             const llm_json *object, const char *name,
                             int must, llm_span *out);
llm_fault llm_anthropic_cache(llm_anthropic_reading *in,
                              const llm_anthropic_place *at,
                              const llm_json *object, const char **out);

int llm_anthropic_is_null(const llm_json *value);

llm_fault llm_anthropic_read_messages(llm_anthropic_reading *in,
                                      const llm_json *messages);
llm_fault llm_anthropic_read_system(llm_anthropic_reading *in,
                                    const llm_json *system);
llm_fault llm_anthropic_read_source(llm_anthropic_reading *in,
                                    const llm_anthropic_place *at,
                                    const llm_json *block, llm_part *part);
llm_fault llm_anthropic_read_tools(llm_anthropic_reading *in,
                                   const llm_json *tools);
llm_fault llm_anthropic_read_choice(llm_anthropic_reading *in,
                                    const llm_json *choice);

llm_fault llm_anthropic_read_request(const llm_json *body, llm_chat *out,
                                     llm_fault_detail *detail);
llm_fault llm_anthropic_read_counting(const llm_json *body, llm_chat *out,
                                      llm_fault_detail *detail);

/* ---- a provider's request, written -------------------------------------- */

typedef struct llm_anthropic_writing {
    const llm_chat *chat;
    const llm_asking *how;
    llm_losses *lost;
    llm_fault_detail *detail;
    llm_emit e;
    apr_array_header_t *messages;       /* of llm_anthropic_message */
    apr_array_header_t *system;         /* of const llm_part * */
    int counting;               /* for count_tokens */
    int marks;                  /* cache breakpoints so far */
    long long max_tokens;
    int thinks;                 /* thinking is on */
} llm_anthropic_writing;

/* The schema of an answer, with what Anthropic wants to read in it. */
void llm_anthropic_put_schema(llm_emit *e, const char *name, llm_span schema,
                              apr_pool_t *p);

/* A message as the API wants them: of one role, results first. */
typedef struct llm_anthropic_message {
    llm_role role;
    apr_array_header_t *results;        /* of const llm_part * */
    apr_array_header_t *others;         /* of const llm_part * */
} llm_anthropic_message;

/* Sorts the turns into w->messages and w->system. */
llm_fault llm_anthropic_arrange(llm_anthropic_writing *w);

/* The two of them as members of the request. */
llm_fault llm_anthropic_put_messages(llm_anthropic_writing *w);
void llm_anthropic_put_system(llm_anthropic_writing *w);
void llm_anthropic_put_cache(llm_anthropic_writing *w, const char *ttl);
void llm_anthropic_put_media(llm_anthropic_writing *w, const llm_part *part);

/* 1 if the block can be written; what cannot be is told to w->lost. */
int llm_anthropic_can_media(llm_anthropic_writing *w, const llm_part *part);
int llm_anthropic_is_proven(const llm_part *part);      /* signed, sealed */

/* "thinking" and what belongs to it in w; the effort for output_config, or
 * NULL. Settles w->max_tokens. */
typedef struct llm_anthropic_thought {
    const char *type;           /* NULL: nothing is said */
    long long budget;           /* of type "enabled" */
    const char *effort;         /* NULL: nothing is said */
    const char *display;
} llm_anthropic_thought;

llm_anthropic_thought llm_anthropic_think(llm_anthropic_writing *w);

llm_fault llm_anthropic_write_request(const llm_chat *chat,
                                      const llm_asking *how, llm_losses *lost,
                                      llm_buf *out, llm_fault_detail *detail);
llm_fault llm_anthropic_write_counting(const llm_chat *chat,
                                       const llm_asking *how,
                                       llm_losses *lost, llm_buf *out,
                                       llm_fault_detail *detail);

/* The arguments of a call as a JSON object: 1 and the object, or 0. */
int llm_anthropic_input(llm_span arguments, llm_span *object);

/* ---- answers, read and written ------------------------------------------ */

llm_finish llm_anthropic_finish(const char *reason);
const char *llm_anthropic_reason(llm_finish finish, int calls, int refused);
const char *llm_anthropic_explanation(const llm_json *details);

/* 1 if it names a source. */
int llm_anthropic_read_citation(const llm_json *from, llm_citation *out,
                                apr_pool_t *p);
void llm_anthropic_put_citation(llm_emit *e, const char *name,
                                const llm_citation *citation);

void llm_anthropic_put_usage(llm_emit *e, const llm_usage *usage);
void llm_anthropic_put_stop(llm_emit *e, const char *reason,
                            const char *sequence);

llm_fault llm_anthropic_read_reply(const llm_json *body, llm_reply *out,
                                   apr_pool_t *p);
llm_fault llm_anthropic_write_reply(const llm_reply *reply,
                                    const llm_face *face, llm_buf *out,
                                    apr_pool_t *p);

/* What the states of a stream need, checked where they are. */
#define LLM_ANTHROPIC_READER 256
#define LLM_ANTHROPIC_WRITER 512

llm_fault llm_anthropic_read_piece(void *reader, const llm_json *event,
                                   llm_delta_fn each, void *baton,
                                   apr_pool_t *p, apr_pool_t *keep);
llm_fault llm_anthropic_write_delta(void *writer, const llm_delta *delta,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out, apr_pool_t *p,
                                    apr_pool_t *keep);
void llm_anthropic_passed(void *writer, const llm_json *event);

#endif
