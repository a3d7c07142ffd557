/* About how many tokens a conversation is, for providers that cannot be asked.
 *
 * Byte-pair vocabularies of today make one token of about four letters of
 * English, and of about one sign of Chinese, Japanese or Korean; each turn
 * and each tool has a few more around it (OpenAI's cookbook, "How to count
 * tokens"). Pure; any thread.
 */
#ifndef LLM_ESTIMATE_H
#define LLM_ESTIMATE_H

#include "message.h"

/* Twelfths of a token, by the first byte of a character; 0 for a byte within
 * one. */
int llm_estimate_weight(unsigned char first);

long long llm_estimate_text(llm_span text);
long long llm_estimate_chat(const llm_chat *chat);
long long llm_estimate_reply(const llm_reply *reply);
long long llm_estimate_embedding(const llm_embedding *embedding);

#endif
