#include "spin.h"
#include <sched.h>
#include <stdatomic.h>

int llm_spin(struct pollfd *fds, int n, apr_interval_time_t most)
{
    static _Atomic int taken;
    apr_time_t until;
    int ready = 0;

    if (most <= 0 || atomic_exchange(&taken, 1))
        return 0;
    until = apr_time_now() + most;
    do {
        ready = poll(fds, n, 0);
        if (!ready)
            sched_yield();
    } while (!ready && apr_time_now() < until);
    atomic_store(&taken, 0);
    return ready;
}
