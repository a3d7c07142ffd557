#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echo_answer.h"

#define CHAT "/chat/completions"
#define BATCH 4096              /* a whole answer comes in pieces of this */

static const char json_type[] = "application/json";
static const char event_type[] = "text/event-stream; charset=utf-8";
static const char page_type[] = "text/html; charset=utf-8";

/*  HEAD -> OPEN -> TOKENS -> FINISH -> USAGE -> DONE -> OVER
 *     \--> FIXED ---------------------------------------^
 *
 * A fault jumps from anywhere to OVER, where `end` is what is left to do. */
typedef enum stage {
    HEAD, FIXED, OPEN, TOKENS, FINISH, USAGE, DONE, OVER
} stage;

typedef struct echo {
    llm_echo_request request;
    llm_echo_answer answer;
    const char *type;           /* of the head, and */
    int status;
    char retry_after[24];       /* "": none */
    stage stage;
    stage after_head;
    llm_step_kind end;
    apr_interval_time_t wait;   /* before the next step */
    int broken;                 /* the malformed event was sent */
} echo;

/* --- before the head ---------------------------------------------------- */

static void over(echo *self, llm_step_kind end)
{
    self->stage = OVER;
    self->end = end;
}

/* The body is in `out` already, and is all there is. */
static void fix(echo *self, int status, const char *type)
{
    self->status = status;
    self->type = type;
    self->after_head = FIXED;
}

static void fail(echo *self, const llm_echo_error *error)
{
    llm_echo_answer_error(&self->answer, error);
    fix(self, error->status, json_type);
}

static void fail_with_status(echo *self, int status)
{
    const long retry = self->request.options.retry;
    llm_echo_error error;

    llm_echo_error_of(&error, status);
    fail(self, &error);
    if (retry >= 0 && (status == 429 || status == 503))
        snprintf(self->retry_after, sizeof self->retry_after, "%ld", retry);
}

static void fail_early(echo *self)
{
    llm_echo_error error;

    llm_echo_error_of(&error, 500);
    error.status = 200;
    fail(self, &error);
    if (self->request.streamed)
        self->type = event_type;
}

static void fail_for_context(echo *self)
{
    const long tokens = self->request.prompt_tokens;
    llm_echo_error error;

    llm_echo_error_set(&error, 400, "messages", "context_length_exceeded",
                       "This model's maximum context length is %ld tokens. "
                       "However, your messages resulted in %ld tokens. Please "
                       "reduce the length of the messages.", tokens / 2,
                       tokens);
    fail(self, &error);
}

static void fail_for_policy(echo *self)
{
    llm_echo_error error;

    llm_echo_error_set(&error, 400, NULL, "content_policy_violation",
                       "Your request was rejected by our safety system.");
    fail(self, &error);
}

static void plan(echo *self)
{
    const llm_echo_options *options = &self->request.options;
    const int streamed = self->request.streamed;

    self->wait = options->delay;
    self->status = 200;
    self->type = streamed ? event_type : json_type;
    self->after_head = OPEN;
    self->end = LLM_STEP_END;
    switch (options->fault) {
    case LLM_ECHO_STATUS:
        fail_with_status(self, options->status);
        break;
    case LLM_ECHO_REFUSE:
        over(self, LLM_STEP_REFUSE);
        break;
    case LLM_ECHO_RESET:
        over(self, LLM_STEP_RESET);
        break;
    case LLM_ECHO_SILENT:
        over(self, LLM_STEP_HANG);
        break;
    case LLM_ECHO_LATE:
        self->after_head = OVER;
        self->end = LLM_STEP_HANG;
        break;
    case LLM_ECHO_MALFORMED:
        if (!streamed) {
            llm_echo_answer_broken(&self->answer);
            self->after_head = FIXED;
        }
        break;
    case LLM_ECHO_HTML:
        llm_echo_answer_page(&self->answer);
        fix(self, 200, page_type);
        break;
    case LLM_ECHO_CONTEXT:
        fail_for_context(self);
        break;
    case LLM_ECHO_POLICY:
        fail_for_policy(self);
        break;
    case LLM_ECHO_EARLYERROR:
        fail_early(self);
        break;
    default:                    /* goes wrong later, or not at all */
        break;
    }
}

/* --- the answer --------------------------------------------------------- */

static int goes_wrong_here(const echo *self, llm_echo_fault fault)
{
    const llm_echo_options *options = &self->request.options;

    return options->fault == fault && self->answer.token == options->at;
}

static void say(echo *self)
{
    if (goes_wrong_here(self, LLM_ECHO_CUT))
        over(self, LLM_STEP_RESET);
    else if (goes_wrong_here(self, LLM_ECHO_STALL))
        over(self, LLM_STEP_HANG);
    else if (goes_wrong_here(self, LLM_ECHO_MALFORMED) && !self->broken) {
        llm_echo_answer_broken(&self->answer);
        self->broken = 1;
    }
    else if (self->answer.token == self->request.said)
        self->stage = FINISH;
    else {
        llm_echo_answer_token(&self->answer);
        if (self->answer.token < self->request.said)
            self->wait = self->request.options.pace;
    }
}

static void finish(echo *self)
{
    const llm_echo_fault fault = self->request.options.fault;

    llm_echo_answer_finish(&self->answer);
    if (!self->request.streamed)
        self->stage = OVER;
    else if (self->request.wants_usage && fault != LLM_ECHO_NOUSAGE)
        self->stage = USAGE;
    else
        self->stage = DONE;
}

/* From one stage to the next, or one token on. */
static void advance(echo *self)
{
    switch (self->stage) {
    case OPEN:
        llm_echo_answer_open(&self->answer);
        self->stage = TOKENS;
        break;
    case TOKENS:
        say(self);
        break;
    case FINISH:
        finish(self);
        break;
    case USAGE:
        llm_echo_answer_usage(&self->answer);
        self->stage = DONE;
        break;
    default:
        if (self->request.options.fault != LLM_ECHO_NOEND)
            llm_echo_answer_done(&self->answer);
        self->stage = OVER;
        break;
    }
}

/* A stream goes event by event, however fast it is; a whole answer in as few
 * pieces as pace and memory allow. */
static int goes_on(const echo *self)
{
    const size_t len = self->answer.out.len;

    if (self->stage == OVER || self->answer.fault)
        return 0;
    return !len || (!self->request.streamed && !self->wait && len < BATCH);
}

/* --- the peer ----------------------------------------------------------- */

static int is_chat(const char *path)
{
    const size_t n = strcspn(path, "?"), tail = strlen(CHAT);

    return n >= tail && memcmp(path + n - tail, CHAT, tail) == 0;
}

static llm_fault read_request(echo *self, const char *path, const char *body,
                              size_t n, const char *options,
                              llm_echo_error *error)
{
    llm_fault fault = llm_echo_request_read(&self->request, body, n, options,
                                            error);

    if (fault != LLM_INTERNAL && !is_chat(path))
        fault = llm_echo_error_set(error, 404, NULL, "unknown_url",
                                   "Invalid URL (POST %.*s)",
                                   (int)strcspn(path, "?"), path);
    return fault;
}

static void close_echo(void *data)
{
    echo *self = data;

    llm_echo_answer_free(&self->answer);
    llm_echo_request_free(&self->request);
    free(self);
}

static void *open_echo(const char *path, const char *body, size_t n,
                       const char *options)
{
    echo *self = calloc(1, sizeof *self);
    llm_echo_error error;
    llm_fault fault;

    if (!self)
        return NULL;
    fault = read_request(self, path, body, n, options, &error);
    llm_echo_answer_init(&self->answer, &self->request);
    self->end = LLM_STEP_END;
    if (!fault)
        plan(self);
    else if (fault == LLM_BAD_REQUEST)
        fail(self, &error);
    if (fault == LLM_INTERNAL || self->answer.fault) {
        close_echo(self);
        return NULL;
    }
    return self;
}

static void begin(echo *self, llm_step *step)
{
    step->kind = LLM_STEP_HEAD;
    step->status = self->status;
    step->type = self->type;
    step->retry_after = *self->retry_after ? self->retry_after : NULL;
    self->stage = self->after_head;
    if (self->status == 200)
        self->wait = self->request.options.first;
}

static void next(void *data, llm_step *step)
{
    echo *self = data;
    llm_buf *out = &self->answer.out;

    memset(step, 0, sizeof *step);
    step->wait = self->wait;
    self->wait = 0;
    if (self->stage == HEAD) {
        begin(self, step);
        return;
    }
    if (self->stage == FIXED)
        self->stage = OVER;
    else
        llm_buf_clear(out);
    while (goes_on(self))
        advance(self);
    step->kind = out->len ? LLM_STEP_BYTES : self->end;
    if (self->answer.fault)
        step->kind = LLM_STEP_RESET;
    step->bytes = out->data;
    step->len = out->len;
}

const llm_peer llm_echo_peer = { open_echo, next, close_echo };
