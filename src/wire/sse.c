#include <string.h>

#include "sse.h"

/* One call of llm_sse_feed. Each byte is looked at once for an LF and once
 * for a CR, whichever of them the stream uses. */
typedef struct feeding {
    llm_sse *in;
    llm_sse_fn each;
    void *baton;
    const char *at;
    const char *end;
    const char *lf;             /* the next one, or `end` */
    const char *cr;
    const char *data;           /* the event's only data line so far, where */
    size_t data_len;            /* it was fed; NULL: in->data has it all */
} feeding;

static const char *find(const char *at, const char *end, char c)
{
    const char *const found = memchr(at, c, (size_t)(end - at));

    return found ? found : end;
}

/* The end of the line at f->at, `end` if it was not fed yet. */
static const char *line_end(feeding *f)
{
    if (f->lf < f->at)
        f->lf = find(f->at, f->end, '\n');
    if (f->cr < f->at)
        f->cr = find(f->at, f->end, '\r');
    return f->lf < f->cr ? f->lf : f->cr;
}

/* What was only lent must be kept: the feeding ends or more data comes. */
static llm_fault keep(feeding *f)
{
    const char *const data = f->data;

    f->data = NULL;
    return data ? llm_buf_add(&f->in->data, data, f->data_len) : LLM_OK;
}

static llm_fault more_data(feeding *f, const char *at, size_t n, int fed)
{
    llm_sse *const in = f->in;
    const int first = !in->has_data;
    llm_fault fault;

    in->has_data = 1;
    if (first && fed) {
        f->data = at;
        f->data_len = n;
        return LLM_OK;
    }
    fault = keep(f);
    if (!fault && !first)
        fault = llm_buf_add(&in->data, "\n", 1);
    return fault ? fault : llm_buf_add(&in->data, at, n);
}

static void rename_event(llm_sse *in, const char *at, size_t n)
{
    in->name_len = n < sizeof in->name ? n : sizeof in->name;
    memcpy(in->name, at, in->name_len);
}

static llm_fault dispatch(feeding *f)
{
    llm_sse *const in = f->in;
    llm_sse_event event = { in->name, in->name_len, f->data, f->data_len };
    llm_fault fault = LLM_OK;

    if (!f->data) {
        event.data = in->data.len ? in->data.data : "";
        event.data_len = in->data.len;
    }
    if (in->has_data)
        fault = f->each(f->baton, &event);
    f->data = NULL;
    llm_buf_clear(&in->data);
    in->has_data = 0;
    in->name_len = 0;
    return fault;
}

/* `fed`: the line lies in the fed bytes, which outlive this feeding's
 * events; the gathered line does not. */
static llm_fault line(feeding *f, const char *at, size_t n, int fed)
{
    const char *value, *const end = at + n;
    size_t name_len;

    if (!f->in->started && n >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
        at += 3;
    f->in->started = 1;
    if (at == end)
        return dispatch(f);
    value = find(at, end, ':');
    name_len = (size_t)(value - at);
    if (value < end)
        value++;
    if (value < end && *value == ' ')
        value++;
    if (name_len == 4 && !memcmp(at, "data", 4))
        return more_data(f, value, (size_t)(end - value), fed);
    if (name_len == 5 && !memcmp(at, "event", 5))
        rename_event(f->in, value, (size_t)(end - value));
    return LLM_OK;
}

static llm_fault gathered_line(feeding *f, size_t n)
{
    llm_buf *const gathered = &f->in->line;
    llm_fault fault = llm_buf_add(gathered, f->at, n);

    if (!fault)
        fault = line(f, gathered->data, gathered->len, 0);
    llm_buf_clear(gathered);
    return fault;
}

/* Every line that ends in the fed bytes. */
static llm_fault lines(feeding *f)
{
    llm_sse *const in = f->in;

    while (f->at < f->end) {
        const char *const end = line_end(f);
        const size_t n = (size_t)(end - f->at);
        llm_fault fault;

        if (in->after_cr && end == f->at && *end == '\n') {
            in->after_cr = 0;
            f->at++;
            continue;
        }
        in->after_cr = 0;
        if (end == f->end)
            return LLM_OK;
        if (in->line.len)
            fault = gathered_line(f, n);
        else if (n > in->line.ceiling)
            fault = LLM_TOO_LARGE;
        else
            fault = line(f, f->at, n, 1);
        if (fault)
            return fault;
        in->after_cr = *end == '\r';
        f->at = end + 1;
    }
    return LLM_OK;
}

void llm_sse_init(llm_sse *in, size_t ceiling)
{
    memset(in, 0, sizeof *in);
    llm_buf_init(&in->line, ceiling);
    llm_buf_init(&in->data, ceiling);
}

llm_fault llm_sse_feed(llm_sse *in, const char *bytes, size_t n,
                       llm_sse_fn each, void *baton)
{
    feeding f = { .in = in, .each = each, .baton = baton };
    llm_fault fault;

    if (!n)
        return LLM_OK;
    f.at = bytes;
    f.end = bytes + n;
    f.lf = find(bytes, f.end, '\n');
    f.cr = find(bytes, f.end, '\r');
    fault = lines(&f);
    if (!fault)
        fault = keep(&f);
    if (!fault && f.at < f.end)
        fault = llm_buf_add(&in->line, f.at, (size_t)(f.end - f.at));
    return fault;
}

int llm_sse_is_empty(const llm_sse *in)
{
    return !in->line.len && !in->has_data && !in->name_len;
}

void llm_sse_free(llm_sse *in)
{
    llm_buf_free(&in->line);
    llm_buf_free(&in->data);
}
