/* The tokens of one call, as its provider counted them, or, where it has not
 * said so, about.
 *
 * One meaning for every dialect: `input` includes cached and cache-write
 * tokens, `output` includes reasoning tokens (OpenAI's way; Anthropic's and
 * Gemini's numbers are brought to it by their dialects).
 */
#ifndef LLM_USAGE_H
#define LLM_USAGE_H

typedef struct llm_usage {
    long long input;
    long long output;
    long long cached;           /* of input, read from the provider's cache */
    long long cache_write;      /* of input, written to it */
    long long cache_write_1h;   /* of cache_write, to be kept for an hour */
    long long audio_input;      /* of input */
    long long tool_input;       /* of input, what the provider's own tools
                                 * put into the prompt */
    long long audio_output;     /* of output */
    long long reasoning;        /* of output */
    long long estimated;        /* of input and output, what rests on no word
                                 * of the provider's */
    int known;                  /* 0: the provider said nothing */
} llm_usage;

/* Of two attempts of one call. */
static inline llm_usage llm_usage_sum(const llm_usage *a, const llm_usage *b)
{
    const llm_usage sum = {
        a->input + b->input, a->output + b->output, a->cached + b->cached,
        a->cache_write + b->cache_write, a->cache_write_1h + b->cache_write_1h,
        a->audio_input + b->audio_input, a->tool_input + b->tool_input,
        a->audio_output + b->audio_output, a->reasoning + b->reasoning,
        a->estimated + b->estimated, a->known || b->known
    };

    return sum;
}

#endif
