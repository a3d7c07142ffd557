/* Which API a request speaks, told by its path and its headers. Worker. */
#ifndef LLM_FACE_H
#define LLM_FACE_H

#include "httpd.h"
#include "../wire/dialect.h"

typedef enum llm_place_kind {
    LLM_PLACE_NOWHERE,
    LLM_PLACE_CALL,
    LLM_PLACE_MODELS,           /* the list */
    LLM_PLACE_MODEL,            /* one of it */
    LLM_PLACE_ABOUT             /* the seed's GET / */
} llm_place_kind;

typedef struct llm_place {
    llm_place_kind kind;
    llm_face face;
    int stream;                 /* the path says so */
    const char *model;          /* MODEL, or of a CALL whose path names it;
                                 * "" for none */
    int takes_query;            /* a CALL that may be a GET */
} llm_place;

llm_place llm_place_of(request_rec *r);

/* What a request at this place should be: "POST", "GET" or both. */
const char *llm_place_method(const llm_place *place);

#endif
