#include "base64.h"
#include <sodium.h>

static int variant(llm_base64 kind)
{
    return kind == LLM_BASE64_URL ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
                                  : sodium_base64_VARIANT_ORIGINAL;
}

llm_span llm_base64_encode(llm_span bytes, llm_base64 kind, apr_pool_t *p)
{
    size_t room = sodium_base64_encoded_len(bytes.len, variant(kind));
    char *text = apr_palloc(p, room);
    llm_span span = { text, room - 1 };

    sodium_bin2base64(text, room, (const unsigned char *)bytes.at, bytes.len,
                      variant(kind));
    return span;
}

llm_span llm_base64_decode(llm_span text, llm_base64 kind, apr_pool_t *p)
{
    size_t room = text.len / 4 * 3 + 3;
    unsigned char *bytes = apr_palloc(p, room + 1);
    llm_span span = { NULL, 0 };

    if (sodium_base642bin(bytes, room, text.at, text.len, NULL, &span.len,
                          NULL, variant(kind)))
        return span;
    bytes[span.len] = '\0';
    span.at = (const char *)bytes;
    return span;
}

llm_fault llm_base64_decode_to(llm_span text, llm_base64 kind, llm_buf *out)
{
    size_t room = text.len / 4 * 3 + 3, n = 0;
    llm_fault fault = llm_buf_reserve(out, room);

    if (fault)
        return fault;
    if (sodium_base642bin((unsigned char *)out->data + out->len, room,
                          text.at, text.len, NULL, &n, NULL, variant(kind)))
        return LLM_GARBAGE;
    out->len += n;
    return LLM_OK;
}
