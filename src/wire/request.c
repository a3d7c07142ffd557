#include "request.h"
#include <string.h>
#include <apr_strings.h>

llm_fault llm_request_wrong(llm_request_reading *in, const char *param,
                            const char *text)
{
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

llm_fault llm_request_once(llm_request_reading *in, unsigned bit,
                           const char *param)
{
    if (in->seen & bit)
        return llm_request_wrong(in, param, "A member stands twice in the "
                                 "request");
    in->seen |= bit;
    return LLM_OK;
}

static llm_fault model(llm_request_reading *in, const llm_member *member)
{
    llm_fault fault = llm_request_once(in, LLM_REQUEST_MODEL, "model");

    if (fault)
        return fault;
    if (member->kind != LLM_JSON_STRING)
        return llm_request_wrong(in, "model", "The model must be a string");
    in->out->model_at = member->value;
    if (llm_scan_string(member, in->out->model, sizeof in->out->model) < 1)
        return llm_request_wrong(in, "model", "The model's name is empty or "
                                 "too long");
    return LLM_OK;
}

static llm_fault stream(llm_request_reading *in, const llm_member *member)
{
    llm_fault fault = llm_request_once(in, LLM_REQUEST_STREAM, "stream");

    if (fault)
        return fault;
    if (member->kind > LLM_JSON_TRUE)
        return llm_request_wrong(in, "stream", "stream must be true or false");
    in->out->stream = member->kind == LLM_JSON_TRUE;
    return LLM_OK;
}

llm_fault llm_request_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "model"))
        return model(baton, member);
    if (llm_scan_is(member, "stream"))
        return stream(baton, member);
    return LLM_OK;
}

llm_fault llm_request_scanned(llm_fault fault, size_t where, size_t n,
                              unsigned depth, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    if (fault == LLM_BAD_JSON)
        detail->text = apr_psprintf(p, "The request body is not valid JSON: "
                                    "trouble at byte %" APR_SIZE_T_FMT
                                    " of %" APR_SIZE_T_FMT, where, n);
    if (fault == LLM_TOO_DEEP)
        detail->text = apr_psprintf(p, "The request body is nested deeper "
                                    "than %u levels", depth);
    detail->fault = fault;
    return fault;
}

llm_fault llm_request_read(llm_request_reading *in, llm_fault fault,
                           size_t where, unsigned depth, apr_pool_t *p)
{
    if (!fault && !(in->seen & LLM_REQUEST_MODEL))
        fault = llm_request_wrong(in, "model", "The request names no model");
    return llm_request_scanned(fault, where, in->out->body.len, depth,
                               in->detail, p);
}

llm_fault llm_request_put_model(const llm_request *request, const char *name,
                                llm_buf *out)
{
    if (!strcmp(name, request->model))
        return llm_buf_add(out, request->model_at.at, request->model_at.len);
    return llm_buf_json(out, name, strlen(name));
}

llm_fault llm_request_pass(const llm_request *request, const char *name,
                           llm_buf *out)
{
    const llm_span body = request->body, at = request->model_at;
    const size_t before = out->len, head = at.at - body.at;
    llm_fault fault = llm_buf_reserve(out, body.len + LLM_MODEL_MAX);

    if (!fault)
        fault = llm_buf_add(out, body.at, head);
    if (!fault)
        fault = llm_request_put_model(request, name, out);
    if (!fault)
        fault = llm_buf_add(out, at.at + at.len, body.len - head - at.len);
    if (fault)
        out->len = before;
    return fault;
}
