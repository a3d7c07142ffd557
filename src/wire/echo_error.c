#include "echo_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

static const struct row {
    int status;
    const char *type, *code, *text;
} rows[] = {
    { 400, "invalid_request_error", NULL, "The request is invalid." },
    { 401, "invalid_request_error", "invalid_api_key",
      "Incorrect API key provided: sk-echo************echo." },
    { 402, "insufficient_quota", "insufficient_balance",
      "The balance of the account is used up." },
    { 403, "invalid_request_error", "unsupported_country_region_territory",
      "Country, region, or territory not supported" },
    { 404, "invalid_request_error", "model_not_found",
      "The model does not exist or you do not have access to it." },
    { 408, "invalid_request_error", "request_timeout",
      "The request took too long to arrive." },
    { 429, "requests", "rate_limit_exceeded",
      "Rate limit reached for requests per minute." },
    { 500, "server_error", NULL,
      "The server had an error while processing your request." },
    { 502, "server_error", "bad_gateway", "The server is not reachable." },
    { 503, "server_error", "overloaded",
      "The engine is currently overloaded, please try again later." },
    { 504, "server_error", "gateway_timeout",
      "The server did not answer in time." },
    { 529, "overloaded_error", "overloaded", "Overloaded" },
};

llm_fault llm_echo_error_set(llm_echo_error *error, int status,
                             const char *param, const char *code,
                             const char *format, ...)
{
    va_list args;

    error->status = status;
    error->type = "invalid_request_error";
    error->code = code;
    apr_cpystrn(error->param, param ? param : "", sizeof error->param);
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return LLM_BAD_REQUEST;
}

void llm_echo_error_of(llm_echo_error *error, int status)
{
    const struct row *row = rows;
    size_t i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status)
            row = &rows[i];
    }
    llm_echo_error_set(error, status, NULL, row->code, "%s", row->text);
    error->type = row->type;
}

/* ,"name":"text", or null for none. */
static llm_fault member(llm_buf *out, const char *name, const char *text)
{
    llm_fault fault = llm_buf_printf(out, ",\"%s\":", name);

    if (fault)
        return fault;
    return text && *text ? llm_buf_json(out, text, strlen(text))
                         : llm_buf_puts(out, "null");
}

llm_fault llm_echo_error_write(const llm_echo_error *error, llm_buf *out)
{
    llm_fault fault = llm_buf_puts(out, "{\"error\":{\"message\":");

    if (!fault)
        fault = llm_buf_json(out, error->text, strlen(error->text));
    if (!fault)
        fault = member(out, "type", error->type);
    if (!fault)
        fault = member(out, "param", error->param);
    if (!fault)
        fault = member(out, "code", error->code);
    return fault ? fault : llm_buf_puts(out, "}}");
}
