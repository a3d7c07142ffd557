/* Exchanges with a peer that needs no network: plays its steps in time.
 * Engine thread only. */
#ifndef LLM_PLAY_H
#define LLM_PLAY_H

#include "engine.h"

void llm_play_start(llm_engine *engine, llm_exchange *x);
void llm_play_due(llm_engine *engine, llm_exchange *x);
void llm_play_resume(llm_engine *engine, llm_exchange *x);
void llm_play_cancel(llm_engine *engine, llm_exchange *x);

#endif
