#include "vector.h"
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base64.h"

static llm_fault read_numbers(const llm_json *list, llm_vector *out,
                              apr_pool_t *p)
{
    const size_t n = llm_json_count(list);
    float *values = apr_palloc(p, (n + 1) * sizeof *values);
    double number;
    size_t i;

    for (i = 0; i < n; i++) {
        if (!llm_json_number(llm_json_element(list, i), &number)
            || fabs(number) > FLT_MAX)
            return LLM_GARBAGE;
        values[i] = (float)number;
    }
    out->values = values;
    out->count = (int)n;
    return LLM_OK;
}

static float float_of(const unsigned char *bytes)
{
    const uint32_t bits = bytes[0] | (uint32_t)bytes[1] << 8
        | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static llm_fault read_base64(llm_span text, llm_vector *out, apr_pool_t *p)
{
    const llm_span bytes = llm_base64_decode(text, LLM_BASE64_PLAIN, p);
    float *values;
    size_t i;

    if (!bytes.at || bytes.len % 4)
        return LLM_GARBAGE;
    values = apr_palloc(p, bytes.len + sizeof *values);
    for (i = 0; i < bytes.len / 4; i++) {
        values[i] = float_of((const unsigned char *)bytes.at + 4 * i);
        if (!isfinite(values[i]))
            return LLM_GARBAGE;
    }
    out->values = values;
    out->count = (int)(bytes.len / 4);
    return LLM_OK;
}

llm_fault llm_vector_read(const llm_json *value, llm_vector *out,
                          apr_pool_t *p)
{
    if (llm_json_kind_of(value) == LLM_JSON_ARRAY)
        return read_numbers(value, out, p);
    if (llm_json_kind_of(value) == LLM_JSON_STRING)
        return read_base64(llm_json_span(value), out, p);
    return LLM_GARBAGE;
}

/* The double that is nearest to the shortest decimal for the float. */
static double shortest(float value)
{
    char text[32];
    double number;
    int digits = 6;

    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
        number = strtod(text, NULL);
    } while (digits++ < 9 && (float)number != value);
    return number;
}

void llm_vector_emit(llm_emit *e, const char *name, const llm_vector *vector)
{
    int i;

    llm_emit_array(e, name);
    for (i = 0; i < vector->count; i++)
        llm_emit_number(e, NULL, shortest(vector->values[i]));
    llm_emit_end_array(e);
}

void llm_vector_emit_base64(llm_emit *e, const char *name,
                            const llm_vector *vector, apr_pool_t *p)
{
    unsigned char *bytes = apr_palloc(p, 4 * (size_t)vector->count + 1);
    uint32_t bits;
    int i, j;

    for (i = 0; i < vector->count; i++) {
        memcpy(&bits, &vector->values[i], sizeof bits);
        for (j = 0; j < 4; j++)
            bytes[4 * i + j] = (unsigned char)(bits >> 8 * j);
    }
    llm_emit_text(e, name, llm_base64_encode(
        (llm_span){ (const char *)bytes, 4 * (size_t)vector->count },
        LLM_BASE64_PLAIN, p));
}
