/* A request's body, read whole. Worker. */
#ifndef LLM_BODY_H
#define LLM_BODY_H

#include "httpd.h"
#include "../base/text.h"

/* LLM_OK, LLM_TOO_LARGE beyond the buffer's ceiling, LLM_BODY_CUT when the
 * client stopped early. After a fault the connection will not be kept. */
llm_fault llm_body_read(request_rec *r, llm_buf *out);

#endif
