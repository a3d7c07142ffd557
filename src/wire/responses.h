/* What the files of the OpenAI Responses dialect share. Shapes: OpenAI's
 * OpenAPI description 2.3.0, CreateResponse, Response, Response*Event. */
#ifndef LLM_RESPONSES_H
#define LLM_RESPONSES_H

#include "../base/emit.h"
#include "dialect.h"

/* ---- sealed reasoning --------------------------------------------------- */

/* Somebody else's proof stands in encrypted_content behind this; the same
 * mark as in ids that carry. */
#define LLM_RESPONSES_OWN "~llm~"

/* A reasoning part's id and encrypted_content, from `p`; *content NULL: it
 * has no proof. *id NULL: it is not OpenAI's. */
void llm_responses_seal(const llm_part *part, const char **id,
                        const char **content, apr_pool_t *p);

/* The other way: adds what a reasoning item holds; 0 if that is nothing. */
int llm_responses_unseal(const llm_json *item, apr_array_header_t *parts,
                         apr_pool_t *p);

/* Adds reasoning parts, but none that is there already. */
void llm_responses_add_reasoning(apr_array_header_t *parts,
                                 const apr_array_header_t *more);

/* ---- what is in items --------------------------------------------------- */

/* The url_citations among annotations; NULL: there is none. *other is set if
 * there are others. */
apr_array_header_t *llm_responses_citations(const llm_json *annotations,
                                            int *other, apr_pool_t *p);
int llm_responses_citation(const llm_json *annotation, llm_citation *out,
                           apr_pool_t *p);

llm_span llm_responses_copy(llm_span text, apr_pool_t *p);

/* "data:image/png;base64,..." split into a part; 0 if it is none. */
int llm_responses_data_url(llm_span url, llm_part *part, apr_pool_t *p);

/* ---- a client's request ------------------------------------------------- */

typedef struct llm_responses_reading {
    llm_chat *chat;
    llm_fault_detail *detail;
    apr_pool_t *p;
} llm_responses_reading;

llm_fault llm_responses_wrong(llm_responses_reading *in, const char *param,
                              const char *text);
void llm_responses_unknown(llm_responses_reading *in, const char *name);
void llm_responses_hint(llm_responses_reading *in, const char *name);

llm_fault llm_responses_read_input(llm_responses_reading *in,
                                   const llm_json *input);
llm_fault llm_responses_read_tools(llm_responses_reading *in,
                                   const llm_json *tools);
llm_fault llm_responses_read_choice(llm_responses_reading *in,
                                    const llm_json *choice);
llm_fault llm_responses_read_request(const llm_json *body, llm_chat *out,
                                     llm_fault_detail *detail);

/* ---- a provider's request ----------------------------------------------- */

void llm_responses_put_input(llm_emit *e, const llm_chat *chat, int from,
                             llm_losses *lost);
llm_fault llm_responses_write_request(const llm_chat *chat,
                                      const llm_asking *how, llm_losses *lost,
                                      llm_buf *out, llm_fault_detail *detail);

/* ---- answers ------------------------------------------------------------ */

/* An output item: a message with its contents, or one part. */
typedef struct llm_responses_item {
    llm_part_kind kind;         /* TEXT: a message */
    const char *id;
    const llm_part *parts;      /* of a message, TEXT and REFUSAL */
    int count;
    llm_span logprobs;          /* of its first text: a JSON array */
    const char *status;
} llm_responses_item;

/* The object Response but for its output: begin, put the items, end. */
typedef struct llm_responses_head {
    const char *id, *model, *status, *tier;
    const char *incomplete;     /* the reason; NULL */
    long long created;
    const llm_usage *usage;     /* NULL: not known yet */
} llm_responses_head;

void llm_responses_begin(llm_emit *e, const char *name,
                         const llm_responses_head *head);
void llm_responses_end(llm_emit *e, const llm_responses_head *head);
void llm_responses_put_item(llm_emit *e, const char *name,
                            const llm_responses_item *item, apr_pool_t *p);
void llm_responses_put_content(llm_emit *e, const char *name,
                               const llm_part *part, llm_span logprobs);
void llm_responses_put_annotation(llm_emit *e, const char *name,
                                  const llm_citation *citation);

/* "completed" or "incomplete", and why it is. */
const char *llm_responses_status(llm_finish finish, int refused,
                                 const char **incomplete);

/* The id of an item, from what the call is called, and of a call that has
 * none. */
const char *llm_responses_id(const char *what, const llm_face *face,
                             int number, apr_pool_t *p);

/* The array behind "content" in what chat completions call logprobs; len 0:
 * there is none. */
llm_span llm_responses_logprobs(llm_span chat);

llm_fault llm_responses_read_reply(const llm_json *body, llm_reply *out,
                                   apr_pool_t *p);
llm_fault llm_responses_write_reply(const llm_reply *reply,
                                    const llm_face *face, llm_buf *out,
                                    apr_pool_t *p);

/* Whether it ended for lack of room, by a filter, or else as `usual`. */
llm_finish llm_responses_finish(const llm_json *response, llm_finish usual);

/* ---- streams ------------------------------------------------------------ */

typedef struct llm_responses_reader {
    int begun, calls, refused, finished;
    apr_array_header_t *items;
} llm_responses_reader;

llm_fault llm_responses_read_piece(void *reader, const llm_json *event,
                                   llm_delta_fn each, void *baton,
                                   apr_pool_t *p, apr_pool_t *keep);

typedef struct llm_responses_writer {
    int begun, ended, calls, refused;
    apr_array_header_t *items;  /* of pointers, in order of output_index */
    struct llm_responses_open *open;    /* the message or reasoning that
                                         * grows; calls grow beside it */
    size_t gathered;            /* bytes of all items */
    llm_finish finish;
    llm_usage usage;
    llm_responses_head head;
} llm_responses_writer;

llm_fault llm_responses_write_delta(void *writer, const llm_delta *delta,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out, apr_pool_t *p,
                                    apr_pool_t *keep);

/* ---- errors ------------------------------------------------------------- */

void llm_responses_read_error(int status, const char *body, size_t n,
                              const llm_secret *secret, llm_fault_detail *out,
                              apr_pool_t *p);
llm_fault llm_responses_write_error(const llm_fault_detail *detail,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out);

#endif
