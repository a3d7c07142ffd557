/* What the files of the OpenAI dialect share. */
#ifndef LLM_OPENAI_H
#define LLM_OPENAI_H

#include "../base/emit.h"
#include "dialect.h"

void llm_openai_read_error(int status, const char *body, size_t n,
                           const llm_secret *secret, llm_fault_detail *out,
                           apr_pool_t *p);
llm_fault llm_openai_write_error(const llm_fault_detail *detail,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out);

/* openai_request.c, openai_completions.c */
extern const llm_chat_form llm_openai_form, llm_openai_completions_form;

#endif
