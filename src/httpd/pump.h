/* The pump: moves the pieces of parked streams, on the engine's thread.
 *
 * A stream of fifty tokens a second would otherwise take fifty turns through
 * the MPM, three thread switches each; and a thread of its own one switch,
 * which still costs more than the piece. What a piece needs - take it, look
 * at it, write it to a client that takes it - does not wait. Who starts and
 * ends a request, and who waits for a client that takes nothing, is a worker
 * of the MPM as ever.
 */
#ifndef LLM_PUMP_H
#define LLM_PUMP_H

/* Stands inside what is to be pumped; zero at first. */
typedef struct llm_pumped {
    void (*run)(struct llm_pumped *pumped);     /* on the engine's thread */
    struct llm_pumped *next;
    int queued;
    int allowed;                /* between llm_pump_allow and _withdraw */
} llm_pumped;

/* A worker: from now on it may be pushed. */
void llm_pump_allow(llm_pumped *pumped);

/* The engine's thread: it is run at the end of the round, once however often
 * it was pushed. */
void llm_pump_push(llm_pumped *pumped);

/* The engine's thread, at the end of a round: runs what was pushed until
 * now. 1 if something was pushed again meanwhile. */
int llm_pump_run(void);

/* A worker: after this it is not run, however often it is pushed, until it is
 * allowed again. Waits while it is being run. */
void llm_pump_withdraw(llm_pumped *pumped);

#endif
