/* mod_llm: an LLM gateway inside Apache httpd.
 *
 * This file is the map: the module record, and the hooks in the order they
 * run. What happens in them is elsewhere:
 *
 *   src/base/      faults, bytes, secrets, JSON: knows nobody
 *   src/wire/      dialects of model APIs, the form between them (message.h),
 *                  translation, event streams, the echo provider
 *   src/route/     which target is asked next, and how targets fare
 *   src/upstream/  the engine: one thread per child, all of libcurl
 *   src/meter/     what is counted, in shared memory, without a lock
 *   src/call/      the call, a state machine without I/O: begin reading there
 *   src/httpd/     all that knows httpd: settings, serving, parking, pages
 *
 * The way of one call: face.c tells which API it speaks, gateway.c reads the
 * request, call.c admits it and says what to do next, serve.c does it (asks
 * through the engine, waits parked or in the thread, sends). chain.c finds its
 * targets, route.c turns to one, ask.c writes the request for it, answer.c
 * takes what the provider says, hold.c holds it back until it is proven,
 * alive.c keeps the client from giving up, recover.c goes on with what was
 * cut, spent.c tells what its attempts took, call.c settles it in the meter.
 */
#include "httpd.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mod_status.h"
#include "mpm_common.h"
#include "src/httpd/config.h"
#include "src/httpd/exposure.h"
#include "src/httpd/gateway.h"
#include "src/httpd/park.h"
#include "src/httpd/probe.h"
#include "src/httpd/serve.h"
#include "src/httpd/shared.h"
#include "src/httpd/start.h"
#include "src/httpd/status.h"

/* Parent, before the configuration is read. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf, (void)plog, (void)ptemp;
    llm_config_begin();
    return OK;
}

/* Parent, also for apachectl -t. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *main)
{
    const int rc = llm_config_check(main);

    (void)pconf, (void)plog;
    if (rc == OK)
        llm_exposure_check(main, ptemp);
    return rc == OK ? llm_probe_check(main) : rc;
}

static void hooks(apr_pool_t *p)
{
    /* It looks for what others want of it in its own post_config. */
    static const char *const before[] = { "mod_watchdog.c", NULL };

    (void)p;
    /* parent, at each start and restart */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(llm_start_post_config, NULL, before, APR_HOOK_MIDDLE);

    /* child, once: the meter, the engine */
    ap_hook_child_init(llm_gateway_child_init, NULL, before, APR_HOOK_MIDDLE);

    ap_hook_child_stopping(llm_serve_child_stopping, NULL, NULL,
                           APR_HOOK_MIDDLE);

    /* worker, for each connection: waiting without a thread */
    ap_hook_process_connection(llm_park_process, NULL, NULL,
                               APR_HOOK_REALLY_FIRST);
    ap_hook_suspend_connection(llm_park_suspend, NULL, NULL, APR_HOOK_LAST);
    ap_hook_resume_connection(llm_park_resume, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);

    /* worker, for each request */
    ap_hook_translate_name(llm_gateway_translate, NULL, NULL,
                           APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(llm_gateway_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(llm_gateway_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(llm_status_handler, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, llm_status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
}

/* The one symbol that httpd looks for; all others are hidden. */
extern module AP_MODULE_DECLARE_DATA llm_module
    __attribute__((visibility("default")));

AP_DECLARE_MODULE(llm) = {
    STANDARD20_MODULE_STUFF,
    llm_config_make_dir,
    llm_config_merge_dir,
    llm_config_make_server,
    llm_config_merge_server,
    llm_config_commands,
    hooks
#if defined(AP_MODULE_FLAG_NONE)
    , AP_MODULE_FLAG_NONE
#endif
};
