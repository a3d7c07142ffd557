#include "save.h"
#include <string.h>
#include "../base/digest.h"
#include "block.h"

#define MAGIC UINT64_C(0x0273746e756f636d)      /* "mcounts", 2 */
#define LOADED UINT32_MAX
#define NAMES 3
#define NAMES_MOST ((size_t)LLM_COUNTS * LLM_COUNT_NAME)
#define ROW_MOST (NAMES * (1 + LLM_METER_NAME_MAX) + 2 + LLM_COUNTS * 10)

_Static_assert(LLM_COUNTS <= LLM_SAVE_NAMES, "all have a place in a file");

/* --- writing ------------------------------------------------------------ */

static char *put(char *at, uint64_t n, unsigned bytes)
{
    for (; bytes > 0; bytes--, n >>= 8)
        *at++ = (char)(n & 0xff);
    return at;
}

static char *put_name(char *at, const char *name)
{
    const size_t n = strlen(name);
    at = put(at, n, 1);
    memcpy(at, name, n);
    return at + n;
}

static char *put_counts(char *at, const llm_long *count)
{
    char *const how_many = at;
    unsigned n = 0;

    at += 2;
    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        const uint64_t value = llm_load(&count[i]);
        if (value == 0)
            continue;
        at = put(put(at, i, 2), value, 8);
        n++;
    }
    put(how_many, n, 2);
    return at;
}

static int is_zero(const llm_long *count)
{
    for (unsigned i = 0; i < LLM_COUNTS; i++)
        if (llm_load(&count[i]))
            return 0;
    return 1;
}

/* `n` counts the rows that had something to say. */
static llm_fault write_row(llm_buf *out, const llm_meter *meter, uint32_t row,
                           uint32_t *n)
{
    const llm_long *count = llm_block_rows(meter)[row].count;
    const int is_other = row == 0;
    llm_reading names;

    if ((!is_other && !llm_load(&llm_block_marks(meter)[row]))
        || is_zero(count) || !llm_meter_read(meter, row, &names))
        return LLM_OK;
    const llm_fault fault = llm_buf_reserve(out, ROW_MOST);
    if (fault)
        return fault;

    char *at = out->data + out->len;
    at = put_name(at, is_other ? "" : names.provider);
    at = put_name(at, is_other ? "" : names.model);
    at = put_name(at, is_other ? "" : names.customer);
    out->len = (size_t)(put_counts(at, count) - out->data);
    ++*n;
    return LLM_OK;
}

static void write_head(char *at, const llm_meter *meter, uint32_t rows)
{
    at = put(at, MAGIC, 8);
    at = put(at, llm_save_epoch(meter), 8);
    at = put(at, (uint64_t)llm_meter_since(meter), 8);
    at = put(at, rows, 4);
    put(at, LLM_COUNTS, 2);
}

static llm_fault write_names(llm_buf *out)
{
    char name[LLM_COUNT_NAME];
    const llm_fault fault = llm_buf_reserve(out, NAMES_MOST);

    if (fault)
        return fault;
    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        llm_block_count_name(i, name);
        out->len = (size_t)(put_name(out->data + out->len, name) - out->data);
    }
    return LLM_OK;
}

size_t llm_save_most(const llm_meter *meter)
{
    return LLM_SAVE_HEAD + NAMES_MOST + (size_t)meter->rows * ROW_MOST
        + LLM_DIGEST;
}

llm_fault llm_save_write(llm_buf *out, const llm_meter *meter)
{
    const size_t from = out->len;
    unsigned char digest[LLM_DIGEST];
    uint32_t n = 0;
    llm_fault fault = llm_buf_reserve(out, LLM_SAVE_HEAD);

    if (fault)
        return fault;
    out->len += LLM_SAVE_HEAD;
    fault = write_names(out);
    for (uint32_t i = 0; i < meter->rows && !fault; i++)
        fault = write_row(out, meter, i, &n);
    if (fault)
        return fault;
    write_head(out->data + from, meter, n);
    llm_digest(digest, out->data + from, out->len - from);
    return llm_buf_add(out, digest, sizeof digest);
}

/* --- reading ------------------------------------------------------------ */

typedef struct cursor {
    const unsigned char *at, *end;
} cursor;

typedef struct row {
    char name[NAMES][LLM_METER_NAME_MAX + 1];
    uint64_t counts;
    cursor pairs;
} row;

static int has(const cursor *in, size_t n)
{
    return (size_t)(in->end - in->at) >= n;
}

static int get(cursor *in, unsigned bytes, uint64_t *n)
{
    if (!has(in, bytes))
        return 0;
    *n = 0;
    for (unsigned i = 0; i < bytes; i++)
        *n |= (uint64_t)*in->at++ << 8 * i;
    return 1;
}

/* Into `name`, which has room for `most` bytes and a NUL. */
static int get_name(cursor *in, char *name, size_t most)
{
    uint64_t n;

    if (!get(in, 1, &n) || n > most || !has(in, n)
        || memchr(in->at, '\0', n))
        return 0;
    memcpy(name, in->at, n);
    name[n] = '\0';
    in->at += n;
    return 1;
}

static int get_pair(cursor *in, uint64_t *which, uint64_t *value)
{
    return get(in, 2, which) && get(in, 8, value);
}

/* 1 if it is a row; its counts are not looked at. */
static int get_row(cursor *in, row *to)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (!get_name(in, to->name[i], LLM_METER_NAME_MAX))
            return 0;
    if (!get(in, 2, &to->counts) || !has(in, to->counts * 10))
        return 0;
    to->pairs = (cursor) { in->at, in->at + to->counts * 10 };
    in->at = to->pairs.end;
    return 1;
}

/* "other" has no names, and is the first if it is there. */
static int are_names(const row *of, uint32_t number)
{
    int named = 0;
    for (unsigned i = 0; i < NAMES; i++)
        named += of->name[i][0] != '\0';
    return named == NAMES || (named == 0 && number == 0);
}

static int are_counts(const row *of, uint32_t names)
{
    cursor in = of->pairs;
    uint64_t which, value, least = 0;

    while (get_pair(&in, &which, &value)) {
        if (which < least || which >= names || value == 0)
            return 0;
        least = which + 1;
    }
    return of->counts > 0;
}

static int are_rows(const llm_save *save)
{
    cursor in = { save->rows, save->end };
    row next;

    for (uint32_t i = 0; i < save->count; i++)
        if (!get_row(&in, &next) || !are_names(&next, i)
            || !are_counts(&next, save->names))
            return 0;
    return in.at == in.end;
}

static unsigned meaning_of(const char *name)
{
    char known[LLM_COUNT_NAME];

    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        llm_block_count_name(i, known);
        if (strcmp(known, name) == 0)
            return i;
    }
    return LLM_COUNTS;
}

/* Nearly always all are what this module counts, in its order. */
static int get_names(cursor *in, llm_save *save)
{
    char name[LLM_COUNT_NAME], known[LLM_COUNT_NAME];

    if (save->names > LLM_SAVE_NAMES)
        return 0;
    for (unsigned i = 0; i < save->names; i++) {
        if (!get_name(in, name, sizeof name - 1))
            return 0;
        if (i < LLM_COUNTS)
            llm_block_count_name(i, known);
        save->meaning[i] = (uint16_t)
            (i < LLM_COUNTS && strcmp(known, name) == 0 ? i
                                                        : meaning_of(name));
    }
    return 1;
}

static int has_digest(const unsigned char *bytes, const unsigned char *end)
{
    unsigned char digest[LLM_DIGEST];
    llm_digest(digest, bytes, (size_t)(end - bytes));
    return memcmp(digest, end, sizeof digest) == 0;
}

const char *llm_save_open(llm_save *save, const void *bytes, size_t n)
{
    uint64_t magic = 0, since = 0, rows = 0, names = 0;
    cursor in = { bytes, bytes };

    if (n < LLM_SAVE_HEAD + LLM_DIGEST)
        return "is cut short";
    in.end = in.at + n - LLM_DIGEST;
    get(&in, 8, &magic);
    get(&in, 8, &save->epoch);
    get(&in, 8, &since);
    get(&in, 4, &rows);
    get(&in, 2, &names);
    if (magic != MAGIC)
        return "is no file of a meter";
    if (!has_digest(bytes, in.end))
        return "is damaged";
    save->since = (int64_t)since;
    save->count = (uint32_t)rows;
    save->names = (uint32_t)names;
    if (!get_names(&in, save))
        return "is not well formed";
    save->rows = in.at;
    save->end = in.end;
    return are_rows(save) ? NULL : "is not well formed";
}

uint64_t llm_save_epoch_in(const void *bytes, size_t n)
{
    cursor in = { bytes, bytes };
    uint64_t magic = 0, epoch = 0;

    in.end = in.at + n;
    return get(&in, 8, &magic) && magic == MAGIC && get(&in, 8, &epoch)
        ? epoch : 0;
}

/* --- loading ------------------------------------------------------------ */

static llm_word *loaded_of(const llm_meter *meter)
{
    return &llm_block_head_of(meter)->loaded;
}

static void add_row(const llm_save *save, const llm_meter *meter,
                    const row *from)
{
    const uint32_t to = from->name[0][0]
        ? llm_meter_row(meter, from->name[0], from->name[1], from->name[2])
        : 0;
    llm_long *count = llm_block_rows(meter)[to].count;
    cursor in = from->pairs;
    uint64_t which, value;

    while (get_pair(&in, &which, &value))
        if (save->meaning[which] < LLM_COUNTS)
            atomic_fetch_add_explicit(&count[save->meaning[which]], value,
                                      memory_order_relaxed);
}

void llm_save_load(const llm_save *save, const llm_meter *meter)
{
    cursor in = { save->rows, save->end };
    row next;

    llm_block_reckon(meter, save->since);
    for (uint32_t i = 0; i < save->count && get_row(&in, &next); i++) {
        uint32_t begun = i;
        if (atomic_compare_exchange_strong(loaded_of(meter), &begun, i + 1))
            add_row(save, meter, &next);
    }
    llm_save_set_loaded(meter);
}

int llm_save_is_loaded(const llm_meter *meter)
{
    return atomic_load(loaded_of(meter)) == LOADED;
}

void llm_save_set_loaded(const llm_meter *meter)
{
    atomic_store(loaded_of(meter), LOADED);
}

/* In this order: who dies in between leaves `from` to be taken over again.
 * Without an epoch `from` would begin once more, with a later one. */
void llm_save_take_over(const llm_meter *to, const llm_meter *from)
{
    const uint32_t begun = atomic_load(loaded_of(from));
    uint32_t known = atomic_load(loaded_of(to));
    uint64_t none = 0;

    while (known < begun)
        if (atomic_compare_exchange_weak(loaded_of(to), &known, begun))
            break;
    llm_save_set_loaded(from);
    atomic_compare_exchange_strong(&llm_block_head_of(from)->epoch, &none, 1);
}

/* --- where saving stands ------------------------------------------------ */

uint64_t llm_save_epoch(const llm_meter *meter)
{
    return atomic_load(&llm_block_head_of(meter)->epoch);
}

void llm_save_set_epoch(const llm_meter *meter, uint64_t epoch)
{
    atomic_store(&llm_block_head_of(meter)->epoch, epoch);
}

uint64_t llm_save_mark(const llm_buf *bytes)
{
    cursor in = { NULL, NULL };
    uint64_t mark = 0;

    if (bytes->len < LLM_DIGEST)
        return 0;
    in.end = (const unsigned char *)bytes->data + bytes->len;
    in.at = in.end - LLM_DIGEST;
    get(&in, 8, &mark);
    return mark;
}

uint64_t llm_save_noted(const llm_meter *meter)
{
    return atomic_load(&llm_block_head_of(meter)->saved);
}

void llm_save_note(const llm_meter *meter, uint64_t mark)
{
    atomic_store(&llm_block_head_of(meter)->saved, mark);
}
