/* A meter's counts as bytes, to be kept where shared memory is not.
 *
 *   | head | name[names] | row[rows] | digest |
 *
 *   head    | magic 8 | epoch 8 | since 8 | rows 4 | names 2 |
 *   name    of a count: | length 1 | bytes |
 *   row     | three names, each | length 1 | bytes | ; none for "other" |
 *           | how many counts 2 | each: | which name 2 | value 8 | |
 *   digest  of all before it
 *
 * Numbers begin with their lowest byte. Only rows and counts that are not
 * zero are there, in the order of the block, so the same counts are the same
 * bytes. Counts are known by their names: a module that counts other numbers
 * loads those that it counts, too, and leaves the others out.
 *
 * What is loaded is added, never set: others may count meanwhile. Each row is
 * begun once in the life of a block, by compare-and-swap of the number of rows
 * begun, however many processes load and wherever they die: the worst is the
 * part of one row that its process did not come to add. The next one goes on
 * behind it. That demands the same bytes, so nobody may save before all is
 * loaded.
 *
 * The epoch tells which of two blocks the bytes belong to, when the one that
 * is left behind (after a change of LLMMeterSize) is still counted into: the
 * greater one. 0 is a block that has none yet, 1 one that was left behind
 * before it had any.
 *
 * Pure; any thread of any process.
 */
#ifndef LLM_SAVE_H
#define LLM_SAVE_H

#include "../base/text.h"
#include "series.h"

#define LLM_SAVE_HEAD 30        /* bytes */

/* The most bytes that llm_save_write adds. */
size_t llm_save_most(const llm_meter *meter);

/* Adds the bytes of all that was counted to `out`, which may be cleared and
 * used again whatever the result: LLM_TOO_LARGE, LLM_INTERNAL. Each count is
 * exact; two of them may be a call apart. */
llm_fault llm_save_write(llm_buf *out, const llm_meter *meter);

#define LLM_SAVE_NAMES 1024     /* the most counts that a file may have */

/* What llm_save_open found. Points into the bytes it was given. */
typedef struct llm_save {
    const unsigned char *rows, *end;
    uint32_t names;
    uint16_t meaning[LLM_SAVE_NAMES];   /* which count a name is here; one
                                         * beyond the last: none */
    uint64_t epoch;
    int64_t since;              /* microseconds */
    uint32_t count;             /* of rows */
} llm_save;

/* NULL if every byte is as llm_save_write wrote it; else why not, as the end
 * of a sentence about the file. */
const char *llm_save_open(llm_save *save, const void *bytes, size_t n);

/* The epoch that the head of some bytes tells, whatever is behind it; 0 if it
 * is no such head. */
uint64_t llm_save_epoch_in(const void *bytes, size_t n);

/* Adds all rows that were not begun before, and remembers that all is loaded.
 * The meter counts since the earlier of both times. */
void llm_save_load(const llm_save *save, const llm_meter *meter);

/* 1 when there is nothing more to load into this block. */
int llm_save_is_loaded(const llm_meter *meter);
void llm_save_set_loaded(const llm_meter *meter);

/* `from` is left behind for `to`, which is drained into from it: what was
 * loaded there is not loaded again in either. */
void llm_save_take_over(const llm_meter *to, const llm_meter *from);

uint64_t llm_save_epoch(const llm_meter *meter);
void llm_save_set_epoch(const llm_meter *meter, uint64_t epoch);

/* The mark of bytes that were written; and the mark last noted in the block,
 * by which a process knows that nothing has changed since. */
uint64_t llm_save_mark(const llm_buf *bytes);
uint64_t llm_save_noted(const llm_meter *meter);
void llm_save_note(const llm_meter *meter, uint64_t mark);

#endif
