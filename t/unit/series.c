/* Rows, and what is counted in them. */
#include "../meter.h"

/* --- the block ---------------------------------------------------------- */

static void shape(void)
{
    const size_t size = llm_meter_smallest();
    llm_meter small = make(size), view;

    ok(small.slots >= 64 && small.rows >= 16 && small.children >= 64,
       "the smallest block has some slots, rows and children");
    ok(llm_meter_format(small.block, size - 1, 0), "a smaller one has not");
    ok(llm_meter_format((char *)small.block + 8, size - 64, 0),
       "a crooked one is refused");
    ok(llm_meter_attach(&view, small.block, size + 1), "another size too");
    const char *end = (char *)(llm_block_rows(&small) + small.rows);
    ok(end <= (char *)small.block + size, "the last row ends inside");

    llm_block_head *head = small.block;
    head->layout++;
    ok(llm_meter_attach(&view, small.block, size), "another layout too");
    head->layout--;
    head->rows++;
    ok(llm_meter_attach(&view, small.block, size), "and wrong numbers");
    head->rows--;
    is_int(llm_meter_attach(&view, small.block, size), LLM_OK,
           "only what was formatted is attached");
    is_int(llm_meter_since(&view), 1000, "and knows since when");
    drop(&small);

    llm_meter usual = make(16 << 20);
    is_int(usual.slots, 16384, "16M is 16384 slots");
    ok(usual.rows > 5000 && usual.rows < 7000, "and some 6000 rows (%u)",
       usual.rows);
    end = (char *)(llm_block_rows(&usual) + usual.rows);
    ok(end <= (char *)usual.block + usual.size, "that end inside");
    ok(((uintptr_t)llm_block_rows(&usual) & 63) == 0, "on whole lines");
    drop(&usual);
}

/* --- rows --------------------------------------------------------------- */

static void names(void)
{
    llm_meter meter = make(1 << 20);
    char just[LLM_METER_NAME_MAX + 1], longer[200], wide[200];
    memset(just, 'x', sizeof just - 1);
    just[sizeof just - 1] = '\0';
    snprintf(longer, sizeof longer, "%syz", just);
    snprintf(wide, sizeof wide, "%.61s\xe2\x82\xac", just);

    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    ok(row > 0 && row < meter.rows, "names have a row");
    is_int(llm_meter_row(&meter, "p", "m", "c"), row, "always the same");
    ok(llm_meter_row(&meter, "m", "p", "c") != row, "in their order");
    ok(llm_meter_row(&meter, "pm", "", "c") != row, "each its own");
    is_int(llm_meter_row(&meter, NULL, "", "-"),
           llm_meter_row(&meter, "-", "-", "-"), "no name is a dash");
    is_int(llm_meter_row(&meter, longer, "", ""),
           llm_meter_row(&meter, just, "", ""), "a long one is cut");
    is_str(read_row(&meter, llm_meter_row(&meter, wide, "", "")).provider,
           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
           "but not within a character");
    llm_reading r = read_row(&meter, row);
    is_str(r.provider, "p", "the provider is read");
    is_str(r.model, "m", "the model");
    is_str(r.customer, "c", "the customer");
    is_str(read_row(&meter, 0).model, "other", "row 0 is other");
    is_int(llm_meter_rows_used(&meter), 7, "rows in use");
    is_int(llm_meter_read(&meter, meter.rows, &r), 0, "no row, no reading");
    drop(&meter);
}

static void counts(void)
{
    llm_meter meter = make(1 << 20);
    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    const llm_record silent = { .fault = LLM_OK, .first_us = -1 };
    const llm_record bad = { .fault = LLM_SLOW, .first_us = -1,
                             .total_us = 70, .usage = { .input = 9 } };
    const llm_record about = { .first_us = -1, .usage = {
        .input = 5, .output = 2, .estimated = 7 } };

    for (int i = 0; i < 3; i++)
        llm_meter_count(&meter, row, &good);
    llm_meter_count(&meter, row, &silent);
    llm_meter_count(&meter, row, &bad);
    llm_meter_count(&meter, row, &about);
    llm_meter_failover(&meter, row, LLM_LIMITED);
    llm_meter_count(&meter, UINT32_MAX, &good);

    const llm_reading r = read_row(&meter, row);
    static const struct { const char *name; uint64_t n; } want[] = {
        { "calls", 6 }, { "streams", 3 }, { "errors", 1 }, { "failovers", 1 },
        { "tokens_in", 305 }, { "tokens_out", 62 }, { "tokens_cached", 90 },
        { "tokens_cache_write", 12 }, { "tokens_reasoning", 15 },
        { "tokens_estimated", 7 }, { "unmetered", 2 }, { "bytes_in", 3000 }, { "bytes_out", 6000 }
    };
    unsigned at = 0;
#define X(field, ...)                                                         \
    is_int(r.field, want[at].n, "%s", want[at].name);                         \
    ok(!strcmp(want[at].name, #field), "%s is number %u", #field, at);        \
    at++;
#include "../../src/meter/metrics.def"
#undef X
    is_int(r.faults[LLM_OK], 5, "answered");
    is_int(r.faults[LLM_SLOW], 1, "slow");
    is_int(sum(r.faults, LLM_FAULT_COUNT), r.calls, "every end is a call's");
    is_int(r.given_up[LLM_LIMITED], 1, "given up because of the limit");
    is_int(r.first.bucket[llm_histogram_bucket(300)], 3, "first tokens");
    is_int(llm_histogram_count(&r.first), 3, "of the calls that had one");
    is_int(r.first.sum, 900, "together");
    is_int(llm_histogram_count(&r.total), 6, "times of all calls");
    is_int(r.total.sum, 15070, "together");
    is_int(read_row(&meter, 0).calls, 1, "a row that is none is other");
    is_int(total(&meter).calls, 7, "all together");
    drop(&meter);
}

static void full(void)
{
    llm_meter meter = make(llm_meter_smallest());
    char name[32];
    uint32_t others = 0;

    for (uint32_t i = 0; i < meter.rows + 5; i++) {
        snprintf(name, sizeof name, "model-%u", i);
        const uint32_t row = llm_meter_row(&meter, "p", name, "c");
        others += row == 0;
        llm_meter_count(&meter, row, &good);
    }
    is_int(others, 6, "who finds no free row is other");
    is_int(read_row(&meter, 0).calls, 6, "and is counted there");
    is_int(llm_meter_rows_used(&meter), meter.rows, "the table is full");
    ok(llm_meter_row(&meter, "p", "model-0", "c") > 0,
       "who has a row keeps it");
    is_int(total(&meter).calls, meter.rows + 5, "nobody is lost");
    drop(&meter);
}

/* The claimer of a row died before it wrote the names. */
static void half_a_row(void)
{
    llm_meter meter = make(1 << 20);
    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    llm_block_row *at = llm_block_rows(&meter) + row;
    llm_reading r;

    at->named = 0;
    for (int i = 0; i < LLM_BLOCK_WORDS; i++)
        at->name[i] = 0;
    is_int(llm_meter_read(&meter, row, &r), 0, "a row without names is none");
    is_int(llm_meter_row(&meter, "p", "m", "c"), row,
           "the next who looks for it has it");
    is_str(read_row(&meter, row).model, "m", "and named it");

    /* Other names that happen to have this row's fingerprint. */
    at->name[0]++;
    const uint32_t next = llm_meter_row(&meter, "p", "m", "c");
    ok(next != row && next != 0, "one fingerprint of two names is two rows");
    is_int(llm_meter_row(&meter, "p", "m", "c"), next, "for ever");
    drop(&meter);
}

/* --- moving ------------------------------------------------------------- */

static llm_meter old_one;       /* what drains into the one that is given */

static void count_old(const llm_meter *meter, journal *book, int who)
{
    (void)meter;
    for (int i = 0; i < CALLS; i++)
        llm_meter_count(&old_one, row_for(&old_one, i), &good);
    book->settled[who] = CALLS;
}

static void drain_old(const llm_meter *meter, journal *book, int who)
{
    (void)who;
    while (book->settled[0] + book->settled[1] + book->settled[2]
           < 3 * CALLS)
        llm_meter_drain(meter, &old_one);
}

static void moved(void)
{
    llm_meter meter = make(2 << 20);
    journal *book = map(sizeof *book);
    pid_t pid[PROCESSES];

    old_one = make(1 << 20);
    llm_meter_count(&old_one, 0, &good);
    for (int i = 0; i < PROCESSES; i++)
        start(&pid[i], i < 3 ? count_old : drain_old, &meter, book, i);
    ok(all_well(pid, PROCESSES), "counting and draining end well");
    llm_meter_drain(&meter, &old_one);
    llm_meter_drain(&meter, &old_one);

    const llm_reading r = total(&meter);
    is_int(r.calls, 3 * CALLS + 1, "all calls have moved");
    is_int(r.bytes_out, 2000 * (3 * CALLS + 1L), "with their bytes");
    is_int(llm_histogram_count(&r.first), r.calls, "and times");
    is_int(read_row(&meter, 0).calls, 1, "other to other");
    is_int(read_row(&meter, llm_meter_row(&meter, "p", "m0", "c")).calls,
           3 * ((CALLS + 6) / 7), "names to names");
    is_int(total(&old_one).calls, 0, "nothing is left behind");
    munmap(book, sizeof *book);
    drop(&old_one);
    drop(&meter);
}

int main(void)
{
    shape();
    names();
    counts();
    full();
    half_a_row();
    moved();
    return done();
}
