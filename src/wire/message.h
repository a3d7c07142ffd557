/* The inner form: a conversation, an answer and the pieces of a streamed
 * answer, as no dialect writes them. Every dialect reads into it and writes
 * from it, so that M clients and N providers cost M + N files.
 *
 * It carries what one dialect has and another lacks. What a dialect cannot
 * write is not left out in silence: its writer tells llm_losses.
 *
 * Everything is from one pool, usually the call's, and is only read once it
 * was made. Texts are spans (they may hold NUL); names and ids are C strings.
 * A span of JSON holds one whole value. Pure; one thread at a time.
 */
#ifndef LLM_MESSAGE_H
#define LLM_MESSAGE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "../base/json.h"
#include "../base/scan.h"
#include "../meter/usage.h"

/* ---- a conversation ----------------------------------------------------- */

typedef enum llm_role {
    LLM_ROLE_SYSTEM,
    LLM_ROLE_DEVELOPER,         /* OpenAI's word; to others it is system */
    LLM_ROLE_USER,              /* tool results stand in the user's turns */
    LLM_ROLE_ASSISTANT
} llm_role;

typedef enum llm_part_kind {
    LLM_PART_TEXT,
    LLM_PART_REFUSAL,           /* the assistant's */
    LLM_PART_REASONING,         /* the assistant's */
    LLM_PART_IMAGE, LLM_PART_AUDIO, LLM_PART_FILE,
    LLM_PART_CALL,              /* the assistant calls a tool */
    LLM_PART_RESULT             /* what the tool said */
} llm_part_kind;

/* A source that an answer names. */
typedef struct llm_citation {
    const char *url, *title;    /* NULL: not given */
    llm_span quote;             /* the source's words; len 0: not given */
    long long start, end;       /* where in the text, characters; -1 */
} llm_citation;

/* The proof that OpenAI gives for its reasoning is its item's id and its
 * encrypted_content: here it is a signature of this beginning. */
#define LLM_OPENAI_PROOF "openai~"

typedef struct llm_part {
    llm_part_kind kind;
    llm_span text;              /* TEXT, REFUSAL, REASONING: the words; CALL:
                                 * the arguments, JSON as the model wrote it,
                                 * "" for none */
    const char *signature;      /* REASONING: Anthropic's proof; CALL, TEXT:
                                 * Gemini's thoughtSignature; NULL: none */
    int redacted;               /* REASONING: `text` is sealed data */
    const char *media;          /* IMAGE, AUDIO, FILE: the MIME type; NULL */
    llm_span data;              /* base64 as it came; len 0: not inline */
    const char *url;            /* or NULL */
    const char *file_id;        /* at the provider; or NULL */
    const char *name;           /* FILE: its name, NULL; CALL, RESULT: the
                                 * tool's; NULL in a RESULT whose call is not
                                 * in the conversation */
    const char *detail;         /* IMAGE: OpenAI's low, high, auto; NULL */
    const char *id;             /* CALL, RESULT: which; NULL: none was given */
    apr_array_header_t *parts;  /* RESULT: of llm_part (TEXT, IMAGE, FILE) */
    int failed;                 /* RESULT: the tool says it failed */
    apr_array_header_t *citations;      /* TEXT: of llm_citation; NULL */
    const char *cache;          /* cache up to here: "5m", "1h"; NULL */
} llm_part;

typedef struct llm_turn {
    llm_role role;
    const char *name;           /* the speaker's; NULL */
    apr_array_header_t *parts;  /* of llm_part; may be empty */
} llm_turn;

typedef struct llm_tool {
    const char *name;
    const char *description;    /* NULL: none */
    llm_span schema;            /* JSON Schema of the arguments; len 0: none */
    int strict;                 /* -1: not said */
    const char *cache;
} llm_tool;

typedef enum llm_tool_choice {
    LLM_CHOICE_AUTO, LLM_CHOICE_NONE, LLM_CHOICE_REQUIRED,
    LLM_CHOICE_NAMED            /* one of choice_names */
} llm_tool_choice;

typedef enum llm_format {
    LLM_FORMAT_TEXT, LLM_FORMAT_JSON, LLM_FORMAT_SCHEMA
} llm_format;

/* What a request may say beside its conversation. A reader marks a member as
 * given by its client's own name for it, but not one that asks for nothing (a
 * default, null, an empty list). */
#define LLM_FIELDS(X)                                                         \
    X(MAX_TOKENS) X(TEMPERATURE) X(TOP_P) X(TOP_K) X(N) X(SEED) X(STOP)       \
    X(PRESENCE) X(FREQUENCY) X(LOGIT_BIAS) X(LOGPROBS) X(FORMAT)              \
    X(TOOLS) X(TOOL_CHOICE) X(PARALLEL) X(EFFORT) X(BUDGET) X(THOUGHTS)       \
    X(VERBOSITY) X(USER) X(METADATA) X(TIER) X(CACHE) X(SPEAKER)

typedef enum llm_field {
#define X(name) LLM_FIELD_##name,
    LLM_FIELDS(X)
#undef X
    LLM_FIELD_COUNT
} llm_field;

#define LLM_BIT(field) (1u << LLM_FIELD_##field)

typedef struct llm_chat {
    apr_pool_t *pool;
    apr_array_header_t *turns;  /* of llm_turn, in order, system turns too */
    apr_array_header_t *tools;  /* of llm_tool */

    const char *given[LLM_FIELD_COUNT]; /* the client's name; NULL: not */
    apr_array_header_t *unknown;        /* const char *: members without a
                                         * place here that change the answer */
    apr_array_header_t *hints;          /* the same, but the answer is none
                                         * the worse without them */

    long long max_tokens;               /* MAX_TOKENS */
    double temperature, top_p;          /* temperature from 0 to 2 */
    long long top_k, n, seed;
    apr_array_header_t *stops;          /* STOP: of llm_span */
    double presence, frequency;
    llm_span logit_bias;                /* JSON object */
    long long top_logprobs;             /* LOGPROBS; -1: only the token's */
    llm_format format;                  /* FORMAT */
    llm_span schema;                    /* of LLM_FORMAT_SCHEMA; len 0: none */
    const char *schema_name, *schema_description;       /* NULL */
    int schema_strict;                  /* -1: not said */
    llm_tool_choice choice;             /* TOOL_CHOICE */
    apr_array_header_t *choice_names;   /* const char *; NULL: none */
    int parallel;                       /* PARALLEL: calls at once allowed */
    const char *effort;                 /* EFFORT: "none" "minimal" "low"
                                         * "medium" "high" "xhigh" "max" */
    long long budget;                   /* BUDGET: tokens to think; 0: do not
                                         * think; -1: as the model likes */
    int thoughts;                       /* THOUGHTS: 1: show them */
    const char *verbosity;
    const char *user;                   /* USER */
    llm_span metadata;                  /* METADATA: JSON object */
    const char *tier;                   /* TIER, OpenAI's words */
} llm_chat;

llm_chat *llm_chat_make(apr_pool_t *p);
llm_turn *llm_chat_turn(llm_chat *chat, llm_role role);

/* The last turn if it has this role, else a new one. */
llm_turn *llm_chat_same_turn(llm_chat *chat, llm_role role);
llm_part *llm_turn_part(llm_turn *turn, llm_part_kind kind, apr_pool_t *p);
llm_part *llm_parts_add(apr_array_header_t *parts, llm_part_kind kind);
apr_array_header_t *llm_parts_make(apr_pool_t *p);
llm_tool *llm_chat_tool(llm_chat *chat);

/* After reading: results get the names of their calls, looked up by id. */
void llm_chat_name_results(llm_chat *chat);

/* A text part's words, of all of them, joined by `between`. */
llm_span llm_parts_text(const apr_array_header_t *parts, const char *between,
                        apr_pool_t *p);

/* `tokens` to think as an effort, and the other way round. */
const char *llm_effort_of_budget(long long tokens);
long long llm_budget_of_effort(const char *effort);

/* ---- what is lost ------------------------------------------------------- */

/* What a writer could not express, by the client's names for it, each once. */
typedef struct llm_losses {
    apr_array_header_t *names;  /* const char *: the answer would differ */
    apr_array_header_t *hints;  /* const char *: it would not */
} llm_losses;

void llm_losses_init(llm_losses *lost, apr_pool_t *p);
void llm_lose(llm_losses *lost, const char *name);
void llm_lose_hint(llm_losses *lost, const char *name);

/* Every given field that is not among `can` (LLM_BIT of each), the unknown
 * members and the hints. USER, METADATA, TIER, CACHE, VERBOSITY, THOUGHTS and
 * SPEAKER are lost as hints, the others as losses. */
void llm_lose_fields(llm_losses *lost, const llm_chat *chat, unsigned can);

/* ---- an answer ---------------------------------------------------------- */

typedef enum llm_finish {
    LLM_FINISH_NONE,            /* not said */
    LLM_FINISH_STOP, LLM_FINISH_LENGTH, LLM_FINISH_TOOLS,
    LLM_FINISH_FILTER,          /* refused, by the model or a filter */
    LLM_FINISH_SEQUENCE,        /* a stop sequence of the request */
    LLM_FINISH_PAUSE,           /* Anthropic's pause_turn: ask to go on */
    LLM_FINISH_OTHER
} llm_finish;

typedef struct llm_answer_choice {
    apr_array_header_t *parts;  /* of llm_part */
    llm_finish finish;
    const char *sequence;       /* SEQUENCE: which; NULL: not said */
    llm_span logprobs;          /* OpenAI's JSON; len 0: none */
} llm_answer_choice;

typedef struct llm_reply {
    const char *id;             /* NULL: none */
    const char *model;          /* as the provider calls it; NULL */
    long long created;          /* seconds since 1970; 0: the caller's now */
    apr_array_header_t *choices;        /* of llm_answer_choice */
    llm_usage usage;
    const char *tier;
} llm_reply;

llm_reply *llm_reply_make(apr_pool_t *p);
llm_answer_choice *llm_reply_choice(llm_reply *reply, apr_pool_t *p);

/* ---- an answer in pieces ------------------------------------------------ */

typedef enum llm_delta_kind {
    LLM_DELTA_BEGIN,            /* id, model; before all others, and again
                                 * where another attempt goes on: who */
    LLM_DELTA_TEXT, LLM_DELTA_REFUSAL,
    LLM_DELTA_REASONING,
    LLM_DELTA_SIGNATURE,        /* of the reasoning before it: signature */
    LLM_DELTA_REDACTED,         /* sealed reasoning, whole: text */
    LLM_DELTA_CALL,             /* call, id, name, signature: a call begins */
    LLM_DELTA_ARGUMENTS,        /* call, text: a piece of its arguments */
    LLM_DELTA_CITATION,         /* citation, of the text before it */
    LLM_DELTA_LOGPROBS,         /* text: OpenAI's JSON */
    LLM_DELTA_FINISH,           /* finish, sequence; once for a choice */
    LLM_DELTA_USAGE,            /* usage so far; each replaces the last */
    LLM_DELTA_PING,
    LLM_DELTA_MEDIA,            /* a picture, say, whole: its type in `name`,
                                 * its bytes in base64 in `text` */
    LLM_DELTA_END               /* nothing comes after; always sent */
} llm_delta_kind;

typedef struct llm_delta {
    llm_delta_kind kind;
    int choice;                 /* from 0 */
    int call;                   /* from 0 within its choice */
    llm_span text;
    const char *id, *model, *name, *signature, *sequence;
    llm_finish finish;
    const llm_citation *citation;
    const llm_usage *usage;
} llm_delta;

/* IMAGE, AUDIO or FILE. */
llm_part_kind llm_media_kind(const char *media);
llm_part llm_media_part(const llm_delta *delta);

/* Words in the place of media that an answer cannot hold. */
llm_span llm_media_notice(const char *media, size_t base64, apr_pool_t *p);

/* Not LLM_OK ends the reading with that. The delta and all it points to live
 * during the call. */
typedef llm_fault (*llm_delta_fn)(void *baton, const llm_delta *delta);

/* ---- embeddings --------------------------------------------------------- */

typedef struct llm_embedding {
    apr_array_header_t *texts;  /* of llm_span */
    llm_span tokens;            /* JSON: the input as token numbers, instead
                                 * of texts; len 0: none */
    long long dimensions;       /* 0: not said */
    int base64;                 /* answer in base64 */
    int single;                 /* Gemini's embedContent: one, not a list */
    const char *task, *title;   /* Gemini's; NULL */
    const char *user;           /* NULL */
    apr_array_header_t *unknown;        /* const char * */
} llm_embedding;

typedef struct llm_vector {
    const float *values;
    int count;
} llm_vector;

typedef struct llm_vectors {
    apr_array_header_t *list;   /* of llm_vector, in the order of the texts */
    const char *model;          /* NULL */
    llm_usage usage;
} llm_vectors;

#endif
