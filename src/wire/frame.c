#include "frame.h"
#include <string.h>

const char *llm_frame_type(llm_framing framing)
{
    switch (framing) {
    case LLM_FRAMING_LINES:
        return "application/x-ndjson";
    case LLM_FRAMING_ARRAY:
        return "application/json";
    default:
        return "text/event-stream";
    }
}

/* Data that holds line ends needs a "data:" for each of its lines. */
static llm_fault put_lines(llm_buf *out, const char *data, size_t n)
{
    const char *end = data + n, *line;
    llm_fault fault = LLM_OK;

    while (!fault && (line = memchr(data, '\n', end - data))) {
        fault = llm_buf_add(out, data, line + 1 - data);
        if (!fault)
            fault = llm_buf_add(out, "data: ", 6);
        data = line + 1;
    }
    return fault ? fault : llm_buf_add(out, data, end - data);
}

static llm_fault put_event(const char *name, size_t name_len,
                           const char *data, size_t n, llm_buf *out)
{
    llm_fault fault = LLM_OK;

    if (name_len) {
        fault = llm_buf_add(out, "event: ", 7);
        if (!fault)
            fault = llm_buf_add(out, name, name_len);
        if (!fault)
            fault = llm_buf_add(out, "\n", 1);
    }
    if (!fault)
        fault = llm_buf_add(out, "data: ", 6);
    if (!fault)
        fault = put_lines(out, data, n);
    return fault ? fault : llm_buf_add(out, "\n\n", 2);
}

llm_fault llm_frame_put(llm_frame *frame, const char *name, size_t name_len,
                        const char *data, size_t n, llm_buf *out)
{
    size_t before = out->len;
    llm_fault fault;

    if (frame->framing == LLM_FRAMING_EVENTS) {
        fault = put_event(name, name_len, data, n, out);
    }
    else if (frame->framing == LLM_FRAMING_LINES) {
        fault = llm_buf_add(out, data, n);
        if (!fault)
            fault = llm_buf_add(out, "\n", 1);
    }
    else {
        fault = llm_buf_puts(out, frame->begun ? ",\r\n" : "[");
        if (!fault)
            fault = llm_buf_add(out, data, n);
    }
    if (fault)
        out->len = before;
    else
        frame->begun++;
    return fault;
}

llm_fault llm_frame_ping(llm_frame *frame, llm_buf *out)
{
    if (frame->framing == LLM_FRAMING_EVENTS)
        return llm_buf_puts(out, ":\n\n");
    return LLM_OK;
}

llm_fault llm_frame_end(llm_frame *frame, llm_buf *out)
{
    if (frame->framing != LLM_FRAMING_ARRAY)
        return LLM_OK;
    return llm_buf_puts(out, frame->begun ? "]" : "[]");
}
