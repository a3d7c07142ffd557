/* Rows: who was called, and what was counted. block.h has the proof. */
#include <string.h>
#include "block.h"

#define PROBES 64               /* places looked at before "other" */
#define NAME_ROOM (LLM_METER_NAME_MAX + 1)

typedef union label {           /* three names as a row holds them */
    char name[3][NAME_ROOM];
    uint64_t word[LLM_BLOCK_WORDS];
} label;

/* The label is all zeros before. A name that must be cut is not cut within
 * a character. */
static void label_name(char *to, const char *name)
{
    const char *from = name && *name ? name : "-";
    size_t n = strnlen(from, NAME_ROOM);

    if (n > LLM_METER_NAME_MAX) {
        n = LLM_METER_NAME_MAX;
        for (int i = 0; i < 3 && ((unsigned char)from[n] & 0xc0) == 0x80; i++)
            n--;
    }
    memcpy(to, from, n);
}

/* Each step is a bijection of the state, so labels that differ in one word
 * only never meet. Not 0: that is a free place. */
static uint64_t fingerprint(const label *who, uint64_t seed)
{
    uint64_t hash = seed;
    for (unsigned i = 0; i < LLM_BLOCK_WORDS; i++) {
        hash = (hash ^ who->word[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash ? hash : 1;
}

static void write_names(llm_block_row *row, const label *who)
{
    for (unsigned i = 0; i < LLM_BLOCK_WORDS; i++)
        atomic_store_explicit(&row->name[i], who->word[i],
                              memory_order_relaxed);
    atomic_store_explicit(&row->named, 1, memory_order_release);
}

static int read_names(const llm_block_row *row, label *who)
{
    if (!atomic_load_explicit(&row->named, memory_order_acquire))
        return 0;
    for (unsigned i = 0; i < LLM_BLOCK_WORDS; i++)
        who->word[i] = llm_load(&row->name[i]);
    return 1;
}

/* 1 if the row, whose mark is the label's, is the label's. */
static int is_row_of(llm_block_row *row, const label *who)
{
    label there;
    if (!read_names(row, &there)) {
        write_names(row, who);
        return 1;
    }
    return memcmp(&there, who, sizeof there) == 0;
}

static uint32_t row_of(const llm_meter *meter, const label *who)
{
    const uint64_t print =
        fingerprint(who, llm_block_head_of(meter)->seed);
    llm_long *mark = llm_block_marks(meter);
    llm_block_row *rows = llm_block_rows(meter);
    const uint32_t places = meter->rows - 1;
    uint32_t at = (uint32_t)(print % places);

    for (uint32_t i = 0; i < PROBES && i < places; i++) {
        const uint32_t row = 1 + at;
        uint64_t found = llm_load(&mark[row]);
        if (found == 0)
            atomic_compare_exchange_strong(&mark[row], &found, print);
        if ((found == 0 || found == print) && is_row_of(&rows[row], who))
            return row;
        at = at + 1 < places ? at + 1 : 0;
    }
    return 0;
}

uint32_t llm_meter_row(const llm_meter *meter, const char *provider,
                       const char *model, const char *customer)
{
    label who;
    memset(&who, 0, sizeof who);
    label_name(who.name[0], provider);
    label_name(who.name[1], model);
    label_name(who.name[2], customer);
    return row_of(meter, &who);
}

/* --- counting ----------------------------------------------------------- */

static llm_block_row *row_at(const llm_meter *meter, uint32_t row)
{
    return llm_block_rows(meter) + (row < meter->rows ? row : 0);
}

static void add(llm_block_row *row, unsigned at, long long n)
{
    if (n > 0)
        atomic_fetch_add_explicit(&row->count[at], (uint64_t)n,
                                  memory_order_relaxed);
}

static unsigned fault_at(unsigned base, llm_fault fault)
{
    return base + ((unsigned)fault < LLM_FAULT_COUNT ? fault : LLM_INTERNAL);
}

static void add_usage(llm_block_row *row, const llm_usage *usage)
{
    add(row, LLM_AT_tokens_in, usage->input);
    add(row, LLM_AT_tokens_out, usage->output);
    add(row, LLM_AT_tokens_cached, usage->cached);
    add(row, LLM_AT_tokens_cache_write, usage->cache_write);
    add(row, LLM_AT_tokens_reasoning, usage->reasoning);
    add(row, LLM_AT_tokens_estimated, usage->estimated);
}

void llm_meter_count(const llm_meter *meter, uint32_t row,
                     const llm_record *record)
{
    llm_block_row *to = row_at(meter, row);

    add(to, LLM_AT_calls, 1);
    add(to, fault_at(LLM_AT_FAULTS, record->fault), 1);
    add(to, LLM_AT_errors, record->fault != LLM_OK);
    add(to, LLM_AT_streams, record->streamed != 0);
    if (record->usage.known || record->usage.estimated)
        add_usage(to, &record->usage);
    add(to, LLM_AT_unmetered,
        record->fault == LLM_OK && !record->usage.known);
    add(to, LLM_AT_bytes_in, record->bytes_in);
    add(to, LLM_AT_bytes_out, record->bytes_out);
    if (record->first_us >= 0) {
        add(to, LLM_AT_FIRST + llm_histogram_bucket(record->first_us), 1);
        add(to, LLM_AT_FIRST_SUM, record->first_us);
    }
    add(to, LLM_AT_TOTAL + llm_histogram_bucket(record->total_us), 1);
    add(to, LLM_AT_TOTAL_SUM, record->total_us);
}

void llm_meter_spend(const llm_meter *meter, uint32_t row,
                     const llm_usage *usage)
{
    add_usage(row_at(meter, row), usage);
}

void llm_meter_failover(const llm_meter *meter, uint32_t row, llm_fault why)
{
    llm_block_row *to = row_at(meter, row);
    add(to, LLM_AT_failovers, 1);
    add(to, fault_at(LLM_AT_GIVEN_UP, why), 1);
}

/* --- moving ------------------------------------------------------------- */

static void move_counts(llm_block_row *to, llm_block_row *from)
{
    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        if (llm_load(&from->count[i]) == 0)
            continue;
        const uint64_t n = atomic_exchange_explicit(&from->count[i], 0,
                                                    memory_order_relaxed);
        atomic_fetch_add_explicit(&to->count[i], n, memory_order_relaxed);
    }
}

static int has_counts(const llm_block_row *row)
{
    for (unsigned i = 0; i < LLM_COUNTS; i++)
        if (llm_load(&row->count[i]))
            return 1;
    return 0;
}

/* A row without names has no counts either: nobody is given its number
 * before it is named. */
void llm_meter_drain(const llm_meter *to, const llm_meter *from)
{
    llm_block_row *rows = llm_block_rows(from);
    const llm_long *mark = llm_block_marks(from);
    label who;

    llm_block_reckon(to, llm_meter_since(from));
    move_counts(row_at(to, 0), &rows[0]);
    for (uint32_t i = 1; i < from->rows; i++)
        if (llm_load(&mark[i]) && has_counts(&rows[i])
            && read_names(&rows[i], &who))
            move_counts(row_at(to, row_of(to, &who)), &rows[i]);
}

/* --- reading ------------------------------------------------------------ */

static void add_histogram(llm_histogram *to, const llm_long *from)
{
    for (unsigned i = 0; i < LLM_BUCKETS; i++)
        to->bucket[i] += llm_load(&from[i]);
    to->sum += llm_load(&from[LLM_BUCKETS]);
}

static void add_counts(llm_reading *out, const llm_block_row *row)
{
    const llm_long *count = row->count;
#define X(field, ...) out->field += llm_load(&count[LLM_AT_##field]);
#include "metrics.def"
#undef X
    for (unsigned i = 0; i < LLM_FAULT_COUNT; i++) {
        out->faults[i] += llm_load(&count[LLM_AT_FAULTS + i]);
        out->given_up[i] += llm_load(&count[LLM_AT_GIVEN_UP + i]);
    }
    add_histogram(&out->first, &count[LLM_AT_FIRST]);
    add_histogram(&out->total, &count[LLM_AT_TOTAL]);
}

static void copy_name(char *to, const char *from)
{
    memcpy(to, from, LLM_METER_NAME_MAX);
    to[LLM_METER_NAME_MAX] = '\0';
}

int llm_meter_read(const llm_meter *meter, uint32_t row, llm_reading *out)
{
    label who = { .name = { "other", "other", "other" } };

    memset(out, 0, sizeof *out);
    if (row >= meter->rows)
        return 0;
    if (row > 0 && !read_names(row_at(meter, row), &who))
        return 0;
    copy_name(out->provider, who.name[0]);
    copy_name(out->model, who.name[1]);
    copy_name(out->customer, who.name[2]);
    add_counts(out, row_at(meter, row));
    return 1;
}

int llm_meter_is_provider(const llm_meter *meter, uint32_t row,
                          const char *provider)
{
    label who;

    return row > 0 && row < meter->rows
        && read_names(row_at(meter, row), &who)
        && !strncmp(who.name[0], provider, LLM_METER_NAME_MAX);
}

static int is_used(const llm_meter *meter, uint32_t row)
{
    return row == 0 || llm_load(&llm_block_marks(meter)[row]) != 0;
}

void llm_meter_total(const llm_meter *meter, llm_reading *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < meter->rows; i++)
        if (is_used(meter, i))
            add_counts(out, row_at(meter, i));
}

uint32_t llm_meter_rows_used(const llm_meter *meter)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < meter->rows; i++)
        used += is_used(meter, i) != 0;
    return used;
}
