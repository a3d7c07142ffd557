/* How pieces stand in the bytes of a stream. */
#include "../../src/wire/frame.h"
#include "../tap.h"

static void put(llm_frame *frame, const char *name, const char *data,
                llm_buf *out)
{
    is_int(llm_frame_put(frame, name, name ? strlen(name) : 0, data,
                         strlen(data), out), LLM_OK, "put");
}

static void all(llm_framing framing, const char *want)
{
    llm_frame frame = { framing, 0 };
    llm_buf out;

    llm_buf_init(&out, 1 << 10);
    llm_frame_ping(&frame, &out);
    put(&frame, "one", "{\"a\":1}", &out);
    put(&frame, NULL, "{}", &out);
    llm_frame_end(&frame, &out);
    is_mem(out.data, out.len, want, strlen(want), "framing %d", framing);
    llm_buf_free(&out);
}

static void lines(void)
{
    llm_frame frame = { LLM_FRAMING_EVENTS, 0 };
    llm_buf out;

    llm_buf_init(&out, 1 << 10);
    put(&frame, "", "{\n}", &out);
    is_mem(out.data, out.len, "data: {\ndata: }\n\n", 17, "lines of data");
    llm_buf_free(&out);
}

static void nothing(void)
{
    llm_frame frame = { LLM_FRAMING_ARRAY, 0 };
    llm_buf out;

    llm_buf_init(&out, 1 << 10);
    llm_frame_end(&frame, &out);
    is_mem(out.data, out.len, "[]", 2, "an array of nothing");
    llm_buf_free(&out);
}

static void too_small(void)
{
    static const llm_framing framings[] = {
        LLM_FRAMING_EVENTS, LLM_FRAMING_LINES, LLM_FRAMING_ARRAY
    };
    llm_buf out;

    for (size_t i = 0; i < 3; i++) {
        llm_frame frame = { framings[i], 0 };

        for (size_t room = 0; room < 8; room++) {
            llm_buf_init(&out, room);
            ok(llm_frame_put(&frame, "n", 1, "12345678", 8, &out)
               == LLM_TOO_LARGE && !out.len && !frame.begun,
               "whole or not at all");
            llm_buf_free(&out);
        }
    }
}

int main(void)
{
    all(LLM_FRAMING_EVENTS,
        ":\n\nevent: one\ndata: {\"a\":1}\n\ndata: {}\n\n");
    all(LLM_FRAMING_LINES, "{\"a\":1}\n{}\n");
    all(LLM_FRAMING_ARRAY, "[{\"a\":1},\r\n{}]");
    lines();
    nothing();
    too_small();
    return done();
}
