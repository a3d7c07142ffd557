/* Amazon's framing: messages at any split, what Bedrock puts into them, and
 * streams that are broken in every way. */
#include <stdint.h>
#include <stdlib.h>

#include <sodium.h>

#include "../../src/wire/eventstream.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TEXT(s) (s), sizeof(s) - 1

typedef struct bytes {
    char at[8192];
    size_t n;
} bytes;

/* --- writing messages ---------------------------------------------------- */

/* Bit by bit, unlike the code's own. */
static uint32_t crc(const char *at, size_t n)
{
    uint32_t sum = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        sum ^= (unsigned char)at[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

static void put(bytes *to, const char *at, size_t n)
{
    memcpy(to->at + to->n, at, n);
    to->n += n;
}

static void put_number(bytes *to, uint32_t number)
{
    const char at[4] = { (char)(number >> 24), (char)(number >> 16),
                         (char)(number >> 8), (char)number };

    put(to, at, 4);
}

static void header(bytes *to, const char *name, const char *value)
{
    const char n = (char)strlen(name), type = 7;
    const char size[2] = { (char)(strlen(value) >> 8), (char)strlen(value) };

    put(to, &n, 1);
    put(to, name, strlen(name));
    put(to, &type, 1);
    put(to, size, 2);
    put(to, value, strlen(value));
}

static void frame(bytes *to, const bytes *headers, const char *payload,
                  size_t n)
{
    const size_t from = to->n;

    put_number(to, (uint32_t)(16 + headers->n + n));
    put_number(to, (uint32_t)headers->n);
    put_number(to, crc(to->at + from, 8));
    put(to, headers->at, headers->n);
    put(to, payload, n);
    put_number(to, crc(to->at + from, to->n - from));
}

static void message(bytes *to, const char *kind, const char *type_name,
                    const char *type, const char *payload)
{
    bytes headers = { .n = 0 };

    header(&headers, type_name, type);
    header(&headers, ":content-type", "application/json");
    header(&headers, ":message-type", kind);
    frame(to, &headers, payload, strlen(payload));
}

static void chunk(bytes *to, const char *event)
{
    char text[4096], payload[4200];

    sodium_bin2base64(text, sizeof text, (const unsigned char *)event,
                      strlen(event), sodium_base64_VARIANT_ORIGINAL);
    snprintf(payload, sizeof payload, "{\"bytes\":\"%s\",\"p\":\"abcdef\"}",
             text);
    message(to, "event", ":event-type", "chunk", payload);
}

/* --- reading them -------------------------------------------------------- */

typedef struct story {
    char text[8192];
    size_t n;
    int stop_after, events;
    llm_fault fault;
    int empty;
} story;

static llm_fault write_down(void *baton, const llm_sse_event *event)
{
    story *const to = baton;

    to->n += (size_t)snprintf(to->text + to->n, sizeof to->text - to->n,
                              "%.*s|%.*s;", (int)event->name_len, event->name,
                              (int)event->data_len, event->data);
    return ++to->events == to->stop_after ? LLM_FAILED : LLM_OK;
}

/* In pieces of `step`, each gone once fed. */
static void read_all(story *told, const bytes *stream, size_t first,
                     size_t step, size_t ceiling)
{
    llm_eventstream in;
    size_t at = 0, len = first;

    told->n = 0;
    told->events = 0;
    told->text[0] = '\0';
    told->fault = LLM_OK;
    llm_eventstream_init(&in, ceiling);
    while (at < stream->n && !told->fault) {
        char *piece;

        len = len < stream->n - at ? len : stream->n - at;
        piece = malloc(len ? len : 1);
        memcpy(piece, stream->at + at, len);
        told->fault = llm_eventstream_feed(&in, piece, len, write_down, told);
        free(piece);
        at += len;
        len = step;
    }
    told->empty = llm_eventstream_is_empty(&in);
    llm_eventstream_free(&in);
}

static int same_at_any_split(const bytes *stream, size_t ceiling)
{
    static story whole, told;
    int wrong = 0;

    memset(&whole, 0, sizeof whole);
    memset(&told, 0, sizeof told);
    read_all(&whole, stream, stream->n, stream->n, ceiling);
    for (size_t first = 0; first < stream->n; first++) {
        read_all(&told, stream, first, stream->n, ceiling);
        wrong += told.fault != whole.fault || strcmp(told.text, whole.text)
            || (!told.fault && told.empty != whole.empty);
    }
    for (size_t step = 1; step < 20; step++) {
        read_all(&told, stream, step, step, ceiling);
        wrong += told.fault != whole.fault || strcmp(told.text, whole.text);
    }
    return wrong;
}

static void is_story(const bytes *stream, const char *want, llm_fault fault,
                     const char *name)
{
    static story told;

    told.stop_after = 0;
    read_all(&told, stream, stream->n, stream->n, 4096);
    is_str(told.text, want, "%s", name);
    is_int(told.fault, fault, "%s: the fault", name);
    is_int(same_at_any_split(stream, 4096), 0, "%s: at any split", name);
}

/* --- what is right ------------------------------------------------------- */

static void events(void)
{
    bytes stream = { .n = 0 };

    chunk(&stream, "{\"type\":\"message_start\",\"message\":{}}");
    chunk(&stream, "{\"index\":0,\"type\":\"content_block_delta\","
          "\"delta\":{\"text\":\"\xc3\xa9\"}}");
    message(&stream, "event", ":event-type", "initial-response", "{}");
    chunk(&stream, "{\"type\":\"message_stop\"}");
    is_story(&stream, "message_start|{\"type\":\"message_start\","
             "\"message\":{}};content_block_delta|{\"index\":0,\"type\":"
             "\"content_block_delta\",\"delta\":{\"text\":\"\xc3\xa9\"}};"
             "message_stop|{\"type\":\"message_stop\"};", LLM_OK, "events");
}

static void odd_payloads(void)
{
    static const struct {
        const char *payload, *told;
    } all[] = {
        { "{\"bytes\":\"e30=\"}", "|{};" },
        { "{\"x\":1,\"bytes\":\"e30\\u003d\"}", "|{};" },
        { "{\"bytes\":\"\"}", "|;" },
        { "{\"bytes\":\"!\"}", "|{\"bytes\":\"!\"};" },
        { "{\"bytes\":7}", "|{\"bytes\":7};" },
        { "{}", "|{};" }, { "nonsense", "|nonsense;" }, { "", "|;" },
        { "{\"bytes\":\"eyJ0eXBlIjoiYSBiIn0=\"}", "|{\"type\":\"a b\"};" },
        { "{\"bytes\":\"eyJ0eXBlIjo3fQ==\"}", "|{\"type\":7};" },
    };

    for (size_t i = 0; i < COUNT(all); i++) {
        bytes stream = { .n = 0 };

        message(&stream, "event", ":event-type", "chunk", all[i].payload);
        is_story(&stream, all[i].told, LLM_OK, all[i].payload);
    }
}

static void exceptions(void)
{
    static const struct {
        const char *type, *payload, *told;
    } all[] = {
        { "throttlingException", "{\"message\":\"slow \\\"down\\\"\"}",
          "error|{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\""
          ",\"message\":\"slow \\\"down\\\"\"}};" },
        { "ServiceUnavailableException", "{\"Message\":\"x\"}",
          "error|{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\""
          ",\"message\":\"ServiceUnavailableException\"}};" },
        { "modelStreamErrorException", "",
          "error|{\"type\":\"error\",\"error\":{\"type\":\"api_error\","
          "\"message\":\"modelStreamErrorException\"}};" },
    };
    bytes stream = { .n = 0 }, headers = { .n = 0 };

    for (size_t i = 0; i < COUNT(all); i++) {
        stream.n = 0;
        message(&stream, "exception", ":exception-type", all[i].type,
                all[i].payload);
        is_story(&stream, all[i].told, LLM_OK, all[i].type);
    }
    stream.n = 0;
    header(&headers, ":message-type", "error");
    header(&headers, ":error-code", "internalServerError");
    header(&headers, ":error-message", "it broke");
    frame(&stream, &headers, "", 0);
    is_story(&stream, "error|{\"type\":\"error\",\"error\":{\"type\":"
             "\"api_error\",\"message\":\"it broke\"}};", LLM_OK,
             "an error in the headers");
}

/* Every type of header stands in the way of the one that counts. */
static void headers(void)
{
    static const struct {
        const char *at;
        size_t n;
    } all[] = {
        { TEXT("\1a\0") }, { TEXT("\1a\1") }, { TEXT("\1a\2x") },
        { TEXT("\1a\3xx") }, { TEXT("\1a\4xxxx") },
        { TEXT("\1a\5xxxxxxxx") }, { TEXT("\1a\6\0\3xxx") },
        { TEXT("\1a\7\0\0") }, { TEXT("\1a\10xxxxxxxx") },
        { TEXT("\1a\11xxxxxxxxxxxxxxxx") }, { TEXT("\0\0") },
    };
    static const struct {
        const char *at;
        size_t n;
    } wrong[] = {
        { TEXT("\1a\12") }, { TEXT("\1a\377") }, { TEXT("\1a") },
        { TEXT("\5a") }, { TEXT("\1a\7\0") }, { TEXT("\1a\7\0\1") },
        { TEXT("\1a\7\377\377x") }, { TEXT("\1a\5xxxxxxx") }, { TEXT("\0") },
        { TEXT("\1a\11xxx") },
    };

    for (size_t i = 0; i < COUNT(all) + COUNT(wrong); i++) {
        const int right = i < COUNT(all);
        const size_t k = right ? i : i - COUNT(all);
        bytes stream = { .n = 0 }, list = { .n = 0 };

        if (right)
            put(&list, all[k].at, all[k].n);
        header(&list, ":event-type", "chunk");
        if (!right)
            put(&list, wrong[k].at, wrong[k].n);
        frame(&stream, &list, "{}", 2);
        is_story(&stream, right ? "|{};" : "", right ? LLM_OK : LLM_GARBAGE,
                 right ? "a header of another type" : "a broken header");
    }
}

/* --- what is not --------------------------------------------------------- */

/* Any bit turned is found out, and nothing of the message told. */
static void turned_bits(void)
{
    bytes stream = { .n = 0 };
    static story told;
    int wrong = 0;

    chunk(&stream, "{\"type\":\"ping\"}");
    for (size_t i = 0; i < stream.n * 8; i++) {
        bytes turned = stream;

        turned.at[i / 8] ^= (char)(1 << i % 8);
        told.stop_after = 0;
        read_all(&told, &turned, turned.n, turned.n, 4096);
        wrong += told.n || !told.fault;
    }
    is_int(wrong, 0, "every turned bit is found out");
}

static void lengths(void)
{
    static const uint32_t all[][2] = {
        { 0, 0 }, { 12, 0 }, { 15, 0 }, { 16, 1 }, { 16, 0xffffffff },
        { 100, 85 }, { 20, 0x80000000 },
    };
    bytes stream = { .n = 0 };

    for (size_t i = 0; i < COUNT(all); i++) {
        stream.n = 0;
        put_number(&stream, all[i][0]);
        put_number(&stream, all[i][1]);
        put_number(&stream, crc(stream.at, 8));
        put(&stream, stream.at, 8);
        is_story(&stream, "", LLM_GARBAGE, "lengths that cannot be");
    }
    stream.n = 0;
    put_number(&stream, 4097);
    put_number(&stream, 0);
    put_number(&stream, crc(stream.at, 8));
    is_story(&stream, "", LLM_TOO_LARGE, "a message beyond the ceiling");
    put(&stream, "x", 1);
    is_story(&stream, "", LLM_TOO_LARGE, "which is not waited for");
}

static void ends(void)
{
    bytes stream = { .n = 0 };
    static story told;
    int wrong = 0;

    told.stop_after = 0;
    chunk(&stream, "{\"type\":\"ping\"}");
    read_all(&told, &stream, stream.n, stream.n, 4096);
    ok(told.empty, "it may end after a message");
    for (size_t cut = stream.n - 1; cut; cut--) {
        bytes part = stream;

        part.n = cut;
        read_all(&told, &part, cut, cut, 4096);
        wrong += told.fault || told.n || told.empty;
    }
    is_int(wrong, 0, "and nowhere within one");
}

static void stops(void)
{
    bytes stream = { .n = 0 };
    static story told;

    for (int i = 0; i < 3; i++)
        chunk(&stream, "{}");
    told.stop_after = 2;
    read_all(&told, &stream, stream.n, stream.n, 4096);
    is_int(told.fault, LLM_FAILED, "what the called one said comes back");
    is_int(told.events, 2, "and it was not called again");
    read_all(&told, &stream, 5, 7, 4096);
    is_int(told.events, 2, "nor when it came in pieces");
}

int main(void)
{
    if (sodium_init() < 0)
        return 2;
    events();
    odd_payloads();
    exceptions();
    headers();
    turned_bits();
    lengths();
    ends();
    stops();
    return done();
}
