/* Counts as bytes, and back. */
#include "../meter.h"
#include "../../src/base/digest.h"
#include "../../src/meter/save.h"

static void fill(const llm_meter *meter)
{
    const uint32_t a = llm_meter_row(meter, "p", "m", "alice");
    const uint32_t b = llm_meter_row(meter, "p", "m", "bob");
    const llm_record bad = { .fault = LLM_SLOW, .first_us = -1,
                             .total_us = 70, .bytes_in = 5 };

    llm_meter_row(meter, "never", "asked", "-");
    for (int i = 0; i < 3; i++)
        llm_meter_count(meter, a, &good);
    llm_meter_count(meter, b, &bad);
    llm_meter_failover(meter, b, LLM_LIMITED);
    llm_meter_count(meter, 0, &good);
}

static llm_buf bytes_of(const llm_meter *meter)
{
    llm_buf out;

    llm_buf_init(&out, 1 << 24);
    if (llm_save_write(&out, meter))
        exit(2);
    return out;
}

static int same_total(const llm_meter *a, const llm_meter *b)
{
    const llm_reading left = total(a), right = total(b);
    return memcmp(&left, &right, sizeof left) == 0;
}

/* --- round trip --------------------------------------------------------- */

static void round_trip(void)
{
    llm_meter from = make(1 << 20), to = make(1 << 21);
    llm_save save;

    fill(&from);
    llm_save_set_epoch(&from, 0x123456789abcdef);
    llm_buf bytes = bytes_of(&from);
    is_str(llm_save_open(&save, bytes.data, bytes.len), NULL, "it is read");
    is_int(save.count, 3, "rows that counted nothing are not in it");
    is_int(save.epoch, 0x123456789abcdef, "the epoch is");
    is_int(save.since, 1000, "and since when");
    is_int(llm_save_epoch_in(bytes.data, LLM_SAVE_HEAD), 0x123456789abcdef,
           "the head tells the epoch");

    llm_block_head_of(&to)->since = 5000;
    ok(!llm_save_is_loaded(&to), "fresh memory is not loaded");
    llm_save_load(&save, &to);
    ok(llm_save_is_loaded(&to), "then it is");
    ok(same_total(&from, &to), "nothing is lost or added");
    is_int(llm_meter_since(&to), 1000, "since the earlier time");
    const llm_reading r =
        read_row(&to, llm_meter_row(&to, "p", "m", "alice"));
    is_int(r.calls, 3, "each row has its own");
    is_int(r.tokens_in, 300, "all numbers of it");
    is_int(llm_histogram_count(&r.first), 3, "and its latencies");
    is_int(read_row(&to, llm_meter_row(&to, "p", "m", "bob")).given_up[
               LLM_LIMITED], 1, "what was given up");
    is_int(read_row(&to, 0).calls, 1, "and other has its own");
    llm_save_load(&save, &to);
    ok(same_total(&from, &to), "loading again adds nothing");
    llm_buf_free(&bytes);
    drop(&from);
    drop(&to);
}

static void empty(void)
{
    llm_meter meter = make(1 << 20);
    llm_buf bytes = bytes_of(&meter);
    llm_save save;

    is_str(llm_save_open(&save, bytes.data, bytes.len), NULL,
           "nothing counted is read");
    is_int(save.count, 0, "as nothing");
    llm_buf_free(&bytes);
    llm_buf_init(&bytes, LLM_SAVE_HEAD);
    is_int(llm_save_write(&bytes, &meter), LLM_TOO_LARGE,
           "the buffer's ceiling holds");
    llm_buf_free(&bytes);
    drop(&meter);
}

/* Every row and every count of it, in room that cannot grow. */
static void most(void)
{
    llm_meter meter = make(1 << 20);
    char name[LLM_METER_NAME_MAX + 1];
    llm_save save;

    for (uint32_t i = 1; i < meter.rows; i++) {
        snprintf(name, sizeof name, "%0*u", LLM_METER_NAME_MAX, i);
        llm_meter_row(&meter, name, name, name);
    }
    for (uint32_t i = 0; i < meter.rows; i++)
        for (unsigned k = 0; k < LLM_COUNTS; k++)
            atomic_store(&llm_block_rows(&meter)[i].count[k], UINT64_MAX);
    const size_t n = llm_save_most(&meter);
    char *const room = calloc(1, n + 1);
    llm_buf bytes = { .data = room, .room = n + 1, .ceiling = n };
    if (!room)
        exit(2);
    is_int(llm_save_write(&bytes, &meter), LLM_OK, "all that can be counted "
           "is no more than the most");
    ok(bytes.data == room && bytes.room == n + 1, "and needs no more room");
    is_str(llm_save_open(&save, bytes.data, bytes.len), NULL, "it is read");
    is_int(save.count, llm_meter_rows_used(&meter), "all of it");
    llm_buf_free(&bytes);
    drop(&meter);
}

static void adds(void)
{
    llm_meter from = make(1 << 20), to = make(1 << 20);
    llm_save save;

    fill(&from);
    fill(&to);
    llm_block_head_of(&to)->since = 500;
    llm_buf bytes = bytes_of(&from);
    llm_save_open(&save, bytes.data, bytes.len);
    llm_save_load(&save, &to);
    is_int(total(&to).calls, 10, "what was counted before loading stays");
    is_int(llm_meter_since(&to), 500, "and so does the earlier time");
    llm_buf_free(&bytes);
    drop(&from);
    drop(&to);
}

static void small_table(void)
{
    llm_meter from = make(1 << 20), to = make(llm_meter_smallest());
    char name[16];
    llm_save save;

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "m%d", i);
        llm_meter_count(&from, llm_meter_row(&from, "p", name, "c"), &good);
    }
    llm_buf bytes = bytes_of(&from);
    llm_save_open(&save, bytes.data, bytes.len);
    llm_save_load(&save, &to);
    ok(same_total(&from, &to), "a smaller table loses nothing");
    is_int(read_row(&to, 0).calls, 100 - (to.rows - 1),
           "other has what found no row");
    llm_buf_free(&bytes);
    drop(&from);
    drop(&to);
}

/* --- marks -------------------------------------------------------------- */

static void marks(void)
{
    llm_meter meter = make(1 << 20);

    fill(&meter);
    llm_buf first = bytes_of(&meter), second = bytes_of(&meter);
    is_mem(first.data, first.len, second.data, second.len,
           "the same counts are the same bytes");
    is_int(llm_save_mark(&first), llm_save_mark(&second), "of one mark");
    ok(llm_save_mark(&first) != llm_save_noted(&meter), "not noted yet");
    llm_save_note(&meter, llm_save_mark(&first));
    ok(llm_save_mark(&first) == llm_save_noted(&meter), "then it is");
    llm_buf_free(&second);
    llm_meter_count(&meter, 0, &good);
    second = bytes_of(&meter);
    ok(llm_save_mark(&second) != llm_save_noted(&meter),
       "one more call is another mark");
    llm_buf_free(&first);
    llm_buf_free(&second);
    drop(&meter);
}

/* --- damage ------------------------------------------------------------- */

static void damage(void)
{
    llm_meter meter = make(1 << 20);
    llm_save save;
    unsigned read = 0;

    fill(&meter);
    llm_buf bytes = bytes_of(&meter);
    for (size_t n = 0; n < bytes.len; n++) {
        char *cut = malloc(n ? n : 1);  /* so that a byte behind is seen */
        if (!cut)
            exit(2);
        memcpy(cut, bytes.data, n);
        read += llm_save_open(&save, cut, n) == NULL;
        free(cut);
    }
    is_int(read, 0, "none of %zu cut ones is read", bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= 1 << bit;
            read += llm_save_open(&save, bytes.data, bytes.len) == NULL;
            bytes.data[i] ^= 1 << bit;
        }
    is_int(read, 0, "nor with any bit flipped");
    is_str(llm_save_open(&save, bytes.data, bytes.len), NULL, "else it is");
    llm_buf_add(&bytes, "", 1);
    ok(llm_save_open(&save, bytes.data, bytes.len), "nor with one more byte");
    bytes.data[0] ^= 1;
    is_int(llm_save_epoch_in(bytes.data, bytes.len), 0,
           "no head, no epoch");
    is_str(llm_save_open(&save, bytes.data, bytes.len),
           "is no file of a meter", "and the reason is told");
    llm_buf_free(&bytes);
    drop(&meter);
}

static void seal(char *bytes, size_t n)
{
    unsigned char digest[LLM_DIGEST];
    const size_t body = n - LLM_DIGEST;

    llm_digest(digest, bytes, body);
    memcpy(bytes + body, digest, sizeof digest);
}

/* What a file says that nobody wrote, though its digest holds. */
static const char *forged(const llm_buf *good_one, size_t at, int value)
{
    static char copy[1 << 16];
    llm_save save;

    memcpy(copy, good_one->data, good_one->len);
    copy[at] = (char)value;
    seal(copy, good_one->len);
    return llm_save_open(&save, copy, good_one->len);
}

/* The name of a count in a file, behind its length. */
static char *name_in(const llm_buf *bytes, const char *name)
{
    const size_t n = strlen(name);

    for (char *at = bytes->data + LLM_SAVE_HEAD; ; at += 1 + *at)
        if ((size_t)*at == n && memcmp(at + 1, name, n) == 0)
            return at + 1;
}

/* What another version wrote, which has them in another order, has one that
 * is unknown here, and none that is known here. */
static void another_version(void)
{
    llm_meter from = make(1 << 20), to = make(1 << 20);
    llm_reading r;
    llm_save save;

    llm_meter_count(&from, row_for(&from, 1), &good);
    llm_meter_failover(&from, row_for(&from, 1), LLM_LIMITED);
    llm_buf bytes = bytes_of(&from);
    memcpy(name_in(&bytes, "failovers"), "TOKENS_IN", 9);
    memcpy(name_in(&bytes, "tokens_in"), "failovers", 9);
    memcpy(name_in(&bytes, "TOKENS_IN"), "tokens_in", 9);
    memcpy(name_in(&bytes, "tokens_out"), "tokens_odd", 10);
    seal(bytes.data, bytes.len);
    is_str(llm_save_open(&save, bytes.data, bytes.len), NULL, "it is read");
    llm_save_load(&save, &to);
    llm_meter_read(&to, row_for(&to, 1), &r);
    is_int(r.calls, 1, "what both count");
    is_int(r.given_up[LLM_LIMITED], 1, "faults by their words");
    is_int(r.failovers, good.usage.input, "in whatever order");
    is_int(r.tokens_in, 1, "each by its name");
    is_int(r.tokens_out, 0, "what only the other one counts is left out");
    is_int(llm_histogram_count(&r.total), 1, "times too");
    llm_buf_free(&bytes);
    drop(&from);
    drop(&to);
}

static void names_differ(void)
{
    char one[LLM_COUNT_NAME], other[LLM_COUNT_NAME];
    int same = 0, longest = 0;

    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        llm_block_count_name(i, one);
        if ((int)strlen(one) > longest)
            longest = (int)strlen(one);
        for (unsigned k = 0; k < i; k++) {
            llm_block_count_name(k, other);
            same += strcmp(one, other) == 0;
        }
    }
    is_int(same, 0, "no two counts have one name");
    ok(longest < LLM_COUNT_NAME - 1, "none was cut short");
}

static void forgery(void)
{
    llm_meter meter = make(1 << 20);
    const char *shape = "is not well formed";
    llm_save save;

    llm_meter_count(&meter, llm_meter_row(&meter, "p", "m", "cu"), &good);
    llm_buf bytes = bytes_of(&meter);
    const size_t last = bytes.len - LLM_DIGEST - 10;
    llm_save_open(&save, bytes.data, bytes.len);
    const size_t row = (size_t)(save.rows - (unsigned char *)bytes.data);
    is_str(forged(&bytes, row, 1), NULL, "the row as it was written");
    is_str(forged(&bytes, 24, 0), shape, "too few rows");
    is_str(forged(&bytes, 24, 2), shape, "too many");
    is_str(forged(&bytes, 27, 0x7f), shape, "far too many");
    is_str(forged(&bytes, 28, bytes.data[28] + 1), shape, "too many names");
    is_str(forged(&bytes, 29, 0x7f), shape, "far too many");
    is_str(forged(&bytes, LLM_SAVE_HEAD, 200), shape, "one too long");
    is_str(forged(&bytes, row, 200), shape, "a name too long");
    is_str(forged(&bytes, row, 0), shape, "a name missing");
    is_str(forged(&bytes, row + 6, 0), shape, "a NUL in it");
    is_str(forged(&bytes, row + 7, 0), shape, "no counts");
    is_str(forged(&bytes, row + 8, 0xff), shape, "more counts than bytes");
    is_str(forged(&bytes, last + 1, 0xff), shape, "a count of another kind");
    is_str(forged(&bytes, row + 19, 0), shape, "the same count twice");
    is_str(forged(&bytes, row + 11, 0), shape, "a count of zero");
    llm_buf_free(&bytes);
    drop(&meter);
}

/* --- processes that die ------------------------------------------------- */

static void gone_on_with(void)
{
    llm_meter from = make(1 << 20), to = make(1 << 20);
    llm_save save;

    for (int i = 0; i < 7; i++)
        llm_meter_count(&from, row_for(&from, i), &good);
    llm_buf bytes = bytes_of(&from);
    llm_save_open(&save, bytes.data, bytes.len);
    llm_block_head_of(&to)->loaded = 3;
    ok(!llm_save_is_loaded(&to), "three rows begun are not all");
    llm_save_load(&save, &to);
    is_int(total(&to).calls, 4, "rows that were begun are not added again");
    ok(llm_save_is_loaded(&to), "the rest is loaded");
    llm_buf_free(&bytes);
    drop(&from);
    drop(&to);
}

static const llm_save *shared_save;

static void load(const llm_meter *meter, journal *book, int who)
{
    (void)who;
    book->held++;
    while (book->held < PROCESSES)
        sched_yield();
    llm_save_load(shared_save, meter);
}

static void at_once(void)
{
    llm_meter from = make(1 << 22), to = make(1 << 22);
    journal *book = map(sizeof *book);
    pid_t pid[PROCESSES];
    char name[16];
    llm_save save;

    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "m%d", i);
        llm_meter_count(&from, llm_meter_row(&from, "p", name, "c"), &good);
    }
    llm_buf bytes = bytes_of(&from);
    llm_save_open(&save, bytes.data, bytes.len);
    shared_save = &save;
    for (int i = 0; i < PROCESSES; i++)
        start(&pid[i], load, &to, book, i);
    ok(all_well(pid, PROCESSES), "%d processes load at once", PROCESSES);
    ok(same_total(&from, &to), "each row is added once");
    llm_buf_free(&bytes);
    munmap(book, sizeof *book);
    drop(&from);
    drop(&to);
}

/* --- memory left behind ------------------------------------------------- */

static void left_behind(void)
{
    llm_meter old = make(1 << 20), next = make(1 << 21);
    llm_save save;

    llm_save_set_loaded(&old);
    llm_save_set_epoch(&old, 77);
    llm_save_take_over(&next, &old);
    ok(llm_save_is_loaded(&next), "what was loaded there is not loaded here");
    is_int(llm_save_epoch(&old), 77, "its epoch stays");
    drop(&old);
    drop(&next);

    old = make(1 << 20);
    next = make(1 << 21);
    fill(&old);
    llm_buf bytes = bytes_of(&old);
    llm_block_head_of(&old)->loaded = 1;
    llm_save_take_over(&next, &old);
    ok(!llm_save_is_loaded(&next), "what was not all loaded");
    llm_save_open(&save, bytes.data, bytes.len);
    llm_save_load(&save, &next);
    is_int(total(&next).calls, 4, "goes on here");
    ok(llm_save_is_loaded(&old), "and not there");
    is_int(llm_save_epoch(&old), 1, "which does not begin any more");
    llm_block_head_of(&old)->since = 400;
    llm_meter_drain(&next, &old);
    is_int(llm_meter_since(&next), 400, "draining brings since when");
    is_int(total(&next).calls, 9, "and the counts");
    llm_buf_free(&bytes);
    drop(&old);
    drop(&next);
}

static void stopped(void)
{
    llm_meter meter = make(1 << 20);
    const uint32_t child = llm_meter_child_enter(&meter, 5, BIRTH);
    const uint32_t other = llm_meter_child_enter(&meter, 6, BIRTH);
    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    const int32_t mine = llm_meter_enter(&meter, child, 100, 2000);

    llm_meter_assign(&meter, mine, row);
    llm_meter_enter(&meter, other, 100, 2000);
    is_int(llm_meter_child_stop(&meter, child, 9000), 1,
           "a process that ends settles its own calls");
    is_int(read_row(&meter, row).faults[LLM_STOPPING], 1, "as stopping");
    is_int(llm_meter_in_flight(&meter), 1, "and nobody else's");
    llm_meter_settle(&meter, mine, &good);
    is_int(total(&meter).calls, 1, "each once");
    llm_meter_child_leave(&meter, child);
    is_int(llm_meter_child_stop(&meter, 0, 9000), 0, "nobody has none");
    ok(llm_meter_child_enter(&meter, 7, BIRTH) != 0, "its number is free");
    drop(&meter);
}

int main(void)
{
    round_trip();
    empty();
    most();
    adds();
    small_table();
    marks();
    damage();
    forgery();
    another_version();
    names_differ();
    gone_on_with();
    at_once();
    left_behind();
    stopped();
    return done();
}
