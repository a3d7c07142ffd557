/* Which mod_llm this is. */
#ifndef LLM_VERSION_H
#define LLM_VERSION_H

#define LLM_VERSION "0.1.0"

#endif
