#include "body.h"
#include "http_config.h"
#include "http_protocol.h"
#include "util_filter.h"
#include "apr_strings.h"

/* The buckets of one brigade; *last when the body is whole. */
static llm_fault take(apr_bucket_brigade *bb, llm_buf *out, int *last)
{
    apr_bucket *b;
    const char *bytes;
    apr_size_t n;
    llm_fault fault;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b)) {
            *last = 1;
            return LLM_OK;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
            return LLM_BODY_CUT;
        if ((fault = llm_buf_add(out, bytes, n)))
            return fault;
    }
    return LLM_OK;
}

#define BELIEVED (1024 * 1024)  /* of what a client announces; who announces
                                 * more must send it first */

/* Room is made once. */
static llm_fault prepare(const request_rec *r, llm_buf *out)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t n = length ? apr_atoi64(length) : 0;

    if (n < 0 || (apr_uint64_t)n > out->ceiling)
        return LLM_TOO_LARGE;
    return llm_buf_reserve(out, n < BELIEVED ? n : BELIEVED);
}

/* LimitRequestBody says ENOSPC, mod_reqtimeout TIMEUP. */
static llm_fault fault_of(apr_status_t rv)
{
    if (rv == APR_ENOSPC)
        return LLM_TOO_LARGE;
    return APR_STATUS_IS_TIMEUP(rv) ? LLM_BODY_SLOW : LLM_BODY_CUT;
}

llm_fault llm_body_read(request_rec *r, llm_buf *out)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool,
                                                r->connection->bucket_alloc);
    llm_fault fault = prepare(r, out);
    apr_status_t rv;
    int last = 0;

    while (!fault && !last) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                            APR_BLOCK_READ, 65536);
        if (rv != APR_SUCCESS)
            fault = fault_of(rv);
        else
            fault = take(bb, out, &last);
        apr_brigade_cleanup(bb);
    }
    if (fault)
        r->connection->keepalive = AP_CONN_CLOSE;
    return fault;
}
