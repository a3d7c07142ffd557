#include "emit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void llm_emit_begin(llm_emit *e, llm_buf *out)
{
    e->out = out;
    e->fault = LLM_OK;
    e->comma = 0;
}

static void put(llm_emit *e, const char *bytes, size_t n)
{
    if (!e->fault)
        e->fault = llm_buf_add(e->out, bytes, n);
}

static void lead(llm_emit *e, const char *name)
{
    if (e->comma)
        put(e, ",", 1);
    e->comma = 1;
    if (!name)
        return;
    put(e, "\"", 1);
    put(e, name, strlen(name));
    put(e, "\":", 2);
}

static void opening(llm_emit *e, const char *name, const char *bracket)
{
    lead(e, name);
    put(e, bracket, 1);
    e->comma = 0;
}

static void closing(llm_emit *e, const char *bracket)
{
    put(e, bracket, 1);
    e->comma = 1;
}

void llm_emit_object(llm_emit *e, const char *name)
{
    opening(e, name, "{");
}

void llm_emit_array(llm_emit *e, const char *name)
{
    opening(e, name, "[");
}

void llm_emit_end_object(llm_emit *e)
{
    closing(e, "}");
}

void llm_emit_end_array(llm_emit *e)
{
    closing(e, "]");
}

void llm_emit_text(llm_emit *e, const char *name, llm_span text)
{
    lead(e, name);
    if (!e->fault)
        e->fault = llm_buf_json(e->out, text.at ? text.at : "", text.len);
}

void llm_emit_string(llm_emit *e, const char *name, const char *text)
{
    if (text)
        llm_emit_text(e, name, (llm_span){ text, strlen(text) });
}

static void word(llm_emit *e, const char *name, const char *text)
{
    lead(e, name);
    put(e, text, strlen(text));
}

void llm_emit_whole(llm_emit *e, const char *name, long long value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", value);
    word(e, name, text);
}

void llm_emit_number(llm_emit *e, const char *name, double value)
{
    char text[40];
    int digits = 15;

    if (!isfinite(value)) {
        word(e, name, "null");
        return;
    }
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (digits++ < 17 && strtod(text, NULL) != value);
    word(e, name, text);
}

void llm_emit_bool(llm_emit *e, const char *name, int value)
{
    word(e, name, value ? "true" : "false");
}

void llm_emit_null(llm_emit *e, const char *name)
{
    word(e, name, "null");
}

void llm_emit_raw(llm_emit *e, const char *name, llm_span json)
{
    lead(e, name);
    put(e, json.at, json.len);
}

void llm_emit_name(llm_emit *e, const char *name)
{
    llm_emit_string(e, NULL, name);
    put(e, ":", 1);
    e->comma = 0;
}
