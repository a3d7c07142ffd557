#include "trouble.h"
#include <curl/curl.h>

llm_fault llm_trouble_of(int code, int begun)
{
    switch ((CURLcode)code) {
    case CURLE_OK:
        return begun ? LLM_OK : LLM_RESET;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return LLM_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return LLM_UNTRUSTED;
    case CURLE_OPERATION_TIMEDOUT:
        return LLM_SLOW;
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return LLM_INTERNAL;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK:     /* sent often enough */
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return begun ? LLM_CUT : LLM_RESET;
    default:
        return LLM_GARBAGE;
    }
}
