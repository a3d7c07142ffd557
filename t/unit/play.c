/* Plays: what a peer without a network says, whatever the size of its
 * pieces. */
#include "rig.h"

#define PIECE (5 * LLM_INBOX_CEILING / 2)       /* larger than any inbox */
#define TURNS 100               /* more than it needs; who spins takes all */

typedef struct conversation {
    int at;
    size_t len;
    char *piece;
} conversation;

static char byte_at(size_t at)
{
    return (char)('a' + (at * 7 + at / 1000) % 26);
}

/* The body is how long the one piece is. */
static void *peer_open(const char *path, const char *body, size_t n,
                       const char *options)
{
    conversation *const self = calloc(1, sizeof *self);
    char word[16];
    long len;

    (void)path;
    (void)options;
    snprintf(word, sizeof word, "%.*s", (int)n, body);
    if (!self || !llm_text_number(word, 0, PIECE, &len))
        abort();
    self->len = (size_t)len;
    self->piece = malloc(self->len + 1);
    if (!self->piece)
        abort();
    for (size_t i = 0; i < self->len; i++)
        self->piece[i] = byte_at(i);
    return self;
}

static void peer_next(void *data, llm_step *step)
{
    static const llm_step_kind kinds[] = {
        LLM_STEP_HEAD, LLM_STEP_BYTES, LLM_STEP_END
    };
    conversation *const self = data;

    memset(step, 0, sizeof *step);
    step->kind = kinds[self->at++];
    step->status = 200;
    if (step->kind == LLM_STEP_BYTES) {
        step->bytes = self->piece;
        step->len = self->len;
    }
}

static void peer_close(void *data)
{
    free(((conversation *)data)->piece);
    free(data);
}

static const llm_peer peer = { peer_open, peer_next, peer_close };
static const llm_endpoint endpoint = {
    .name = "large", .peer = &peer, .peer_options = ""
};

static int is_piece(const result *r, size_t n)
{
    if (r->bytes.len != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (r->bytes.data[i] != byte_at(i))
            return 0;
    return 1;
}

static void comes(size_t len, int whole)
{
    char word[16];
    result r;

    snprintf(word, sizeof word, "%zu", len);
    llm_exchange *const x = submit(&endpoint, word, whole);
    clear(&r);
    while (!r.ended && r.takes < TURNS && await_news(x))
        take(x, &r);
    ok(r.ended, "a piece of %zu bytes comes to an end", len);
    is_int(r.fault, LLM_OK, "a good one");
    is_int(r.head.framed, 1, "which it tells by itself");
    ok(is_piece(&r, len), "every byte is where it belongs");
    ok(r.largest <= 2 * LLM_INBOX_CEILING, "no more of them at once than the "
       "inbox holds: %zu", r.largest);
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
}

int main(void)
{
    static const size_t lens[] = {
        0, 1, LLM_INBOX_CEILING - 1, LLM_INBOX_CEILING, LLM_INBOX_CEILING + 1,
        2 * LLM_INBOX_CEILING, 2 * LLM_INBOX_CEILING + 1, PIECE
    };

    apr_initialize();
    start_engine();
    for (size_t i = 0; i < COUNT(lens) * 2; i++)
        comes(lens[i / 2], (int)(i % 2));
    end_engine();
    return done();
}
