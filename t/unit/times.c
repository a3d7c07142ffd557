/* How long a provider may take, as the configuration says it. */
#include <string.h>
#include "../../src/base/times.h"
#include "../tap.h"

static void words(void)
{
    static const struct {
        const char *word;
        int is;                 /* one of the words */
        const char *wrong;      /* in what is said; NULL: it is right */
    } cases[] = {
        { "connect=1ms", 1, NULL }, { "first=30s", 1, NULL },
        { "whole=5m", 1, NULL }, { "idle=20", 1, NULL },
        { "total=24h", 1, NULL },
        { "connect=0", 1, "1ms to 24h" }, { "first=25h", 1, "1ms to 24h" },
        { "whole=", 1, "1ms to 24h" }, { "idle=soon", 1, "1ms to 24h" },
        { "total=-1s", 1, "1ms to 24h" },
        { "min-rate=100/5s", 1, NULL }, { "min-rate=off", 1, NULL },
        { "min-rate=1000000/10m", 1, NULL },
        { "min-rate=", 1, "such as" }, { "min-rate=100", 1, "such as" },
        { "min-rate=0/5s", 1, "such as" }, { "min-rate=5s/100", 1, "such as" },
        { "min-rate=100/0", 1, "such as" }, { "min-rate=100/11m", 1, "such" },
        { "min-rate=00000000000000000000000000000000001/5s", 1, "such as" },
        { "min-rate", 0, "none of" },
        { "first", 0, "none of connect=" }, { "First=1s", 0, "none of" },
        { "last=1s", 0, "none of" }, { "", 0, "none of" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        llm_times times = { 0 };
        const char *const said = llm_times_read(&times, cases[i].word);

        is_int(llm_times_has(cases[i].word), cases[i].is, "\"%s\"",
               cases[i].word);
        if (cases[i].wrong)
            ok(said && strstr(said, cases[i].wrong), "it is wrong: %s",
               said ? said : "");
        else
            ok(!said, "it is right");
    }
}

static void values(void)
{
    llm_times own = { 0 }, others = { 0 }, both;

    llm_times_read(&own, "first=2s");
    llm_times_read(&own, "first=3s");
    llm_times_read(&own, "total=1m");
    llm_times_read(&others, "first=5s");
    llm_times_read(&others, "idle=7ms");
    both = llm_times_or(own, &others);
    is_int(both.first, 3000000, "the later of two, and the own");
    is_int(both.total, 60000000, "the own alone");
    is_int(both.idle, 7000, "the others' where there is none");
    is_int(both.connect, 0, "none at all");
    is_int(both.rate, 0, "no rate either");
    llm_times_read(&others, "min-rate=100/5s");
    both = llm_times_or(own, &others);
    is_int(both.rate, 100, "the others' rate");
    is_int(both.probe, 5000000, "and its time");
    llm_times_read(&own, "min-rate=7/1s");
    both = llm_times_or(own, &others);
    is_int(both.rate, 7, "the own rate");
    is_int(both.probe, 1000000, "and its time");
    llm_times_read(&own, "min-rate=off");
    is_int(llm_times_or(own, &others).rate, -1, "or none");
}

int main(void)
{
    words();
    values();
    return done();
}
