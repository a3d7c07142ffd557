/* Errors of the Responses API: as those of all of OpenAI outside a stream;
 * within one the error's members stand at the top of an event, or in the
 * response that failed. */
#include "responses.h"
#include "openai.h"
#include <string.h>

#define ERROR_DEPTH 512

static llm_fault find_response(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "response") && member->kind == LLM_JSON_OBJECT)
        *(llm_span *)baton = member->value;
    return LLM_OK;
}

static llm_fault find_error(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "error") && member->kind == LLM_JSON_OBJECT)
        *(llm_span *)baton = member->value;
    return LLM_OK;
}

/* What of a body is the error; all of it if nothing else. A response is
 * large and deep, its error is neither. */
static llm_span narrow(const char *body, size_t n)
{
    llm_span all = { body, n }, found = { NULL, 0 };

    if (llm_scan_object(all.at, all.len, ERROR_DEPTH, find_response, &found,
                        NULL) == LLM_OK && found.at)
        all = found;
    found.at = NULL;
    if (llm_scan_object(all.at, all.len, ERROR_DEPTH, find_error, &found,
                        NULL) == LLM_OK && found.at)
        all = found;
    return all;
}

void llm_responses_read_error(int status, const char *body, size_t n,
                              const llm_secret *secret, llm_fault_detail *out,
                              apr_pool_t *p)
{
    const llm_span error = narrow(body, n);

    llm_openai_read_error(status, error.at, error.len, secret, out, p);
    if (out->type && !strcmp(out->type, "error"))
        out->type = NULL;       /* the event's, which says nothing */
}

static void put_or_null(llm_emit *e, const char *name, const char *text)
{
    if (text)
        llm_emit_string(e, name, text);
    else
        llm_emit_null(e, name);
}

llm_fault llm_responses_write_error(const llm_fault_detail *detail,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    llm_fault fault;
    llm_emit e;
    llm_buf json;

    if (!frame)
        return llm_openai_write_error(detail, face, NULL, out);
    llm_buf_init(&json, out->ceiling);
    llm_emit_begin(&e, &json);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "type", "error");
    llm_emit_whole(&e, "sequence_number", frame->begun);
    llm_emit_string(&e, "code", detail->code ? detail->code : row->code);
    llm_emit_string(&e, "message", detail->text ? detail->text : row->text);
    put_or_null(&e, "param", detail->param);
    llm_emit_end_object(&e);
    fault = e.fault;
    if (!fault)
        fault = llm_frame_put(frame, "error", 5, json.data, json.len, out);
    llm_buf_free(&json);
    return fault;
}
