/* The echo provider: it says what it was told, without a network.
 *
 * OpenAI chat completions, whole and streamed; the same request has the same
 * answer, byte for byte. How it behaves, and misbehaves, is in
 * echo_options.h: from the provider's section, and over that from the model's
 * name, "echo?pace=20ms&length=100".
 *
 * Pure. One conversation belongs to one thread at a time; it takes about two
 * kilobytes and what was said, at most 16, however long the answer is.
 */
#ifndef LLM_ECHO_H
#define LLM_ECHO_H

#include "../base/step.h"

extern const llm_peer llm_echo_peer;

#endif
