/* JSON written member by member. */
#include <locale.h>
#include <math.h>

#include "../../src/base/emit.h"
#include "../tap.h"

static llm_buf out;

static const char *written(const llm_emit *e)
{
    llm_buf_add(&out, "", 1);
    is_int(e->fault, LLM_OK, "written");
    return out.data;
}

static void begin(llm_emit *e)
{
    llm_buf_clear(&out);
    llm_emit_begin(e, &out);
}

static void shapes(void)
{
    llm_emit e;

    begin(&e);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "a");
    llm_emit_whole(&e, NULL, -1);
    llm_emit_object(&e, NULL);
    llm_emit_end_object(&e);
    llm_emit_array(&e, NULL);
    llm_emit_end_array(&e);
    llm_emit_end_array(&e);
    llm_emit_bool(&e, "b", 1);
    llm_emit_null(&e, "c");
    llm_emit_string(&e, "d", "x\"\n");
    llm_emit_string(&e, "none", NULL);
    llm_emit_text(&e, "e", (llm_span){ "a\0b", 3 });
    llm_emit_text(&e, "f", (llm_span){ NULL, 0 });
    llm_emit_raw(&e, "g", (llm_span){ "[1, 2]", 6 });
    llm_emit_end_object(&e);
    is_str(written(&e), "{\"a\":[-1,{},[]],\"b\":true,\"c\":null,"
           "\"d\":\"x\\\"\\n\",\"e\":\"a\\u0000b\",\"f\":\"\",\"g\":[1, 2]}",
           "every kind of value, with commas where they belong");
}

static void numbers(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.1, "0.1" }, { 1, "1" }, { -2.5, "-2.5" }, { 1e300, "1e+300" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 1.0 / 3, "0.3333333333333333" },
        { NAN, "null" }, { INFINITY, "null" },
    };
    llm_emit e;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&e);
        llm_emit_number(&e, NULL, cases[i].value);
        is_str(written(&e), cases[i].text, "the shortest that reads back");
    }
}

static void names(void)
{
    llm_emit e;

    begin(&e);
    llm_emit_object(&e, NULL);
    llm_emit_whole(&e, "a", 1);
    llm_emit_name(&e, "\"b\"\n");
    llm_emit_array(&e, NULL);
    llm_emit_end_array(&e);
    llm_emit_whole(&e, "c", 2);
    llm_emit_end_object(&e);
    is_str(written(&e), "{\"a\":1,\"\\\"b\\\"\\n\":[],\"c\":2}",
           "a name that somebody made up");
}

static void ceilings(void)
{
    llm_buf small;
    llm_emit e;

    llm_buf_init(&small, 8);
    llm_emit_begin(&e, &small);
    llm_emit_array(&e, NULL);
    llm_emit_string(&e, NULL, "abcdefghij");
    llm_emit_end_array(&e);
    is_int(e.fault, LLM_TOO_LARGE, "the first fault is told");
    ok(small.len <= 8, "and nothing is written beyond it");
    llm_buf_free(&small);
}

int main(void)
{
    setlocale(LC_ALL, "de_DE.UTF-8");
    llm_buf_init(&out, 1 << 16);
    shapes();
    numbers();
    names();
    ceilings();
    llm_buf_free(&out);
    return done();
}
