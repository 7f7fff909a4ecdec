/* All acts of ChaosJob: `act_name` is what `act=name` does. Each returns RJ_*, if it returns. */
#pragma once

#include "chaos.h"

#define ACTS(X)                                                                              \
        X(nothing)                                                                           \
        /* hangs.c; value: milliseconds, where there is an end */                            \
        X(obey)         /* sleeps until it is canceled */                                    \
        X(loop)         /* for ever, in a loop */                                            \
        X(loop_blocked) /* the same with all signals blocked */                              \
        X(loop_ignored) /* the same with all signals ignored */                              \
        X(pause)        /* for ever in system calls */                                       \
        X(read_pipe)    /* for ever in one system call */                                    \
        X(stop)         /* stops itself, as by SIGSTOP */                                    \
        X(progress)     /* reports progress all the time */                                  \
        X(silent)       /* shows no sign of life, then one */                                \
        /* hoards.c */                                                                       \
        X(memory)           /* grows to value MB, a bit at a time, and keeps it */           \
        X(memory_fast)      /* value MB at once; aborts without them */                      \
        X(cpu)              /* value ms of CPU time */                                       \
        X(cpu_ignoring)     /* the same with SIGXCPU ignored */                              \
        X(open_descriptors) /* value descriptors, closed again; fails where that fails */    \
        /* children.c; value: how many */                                                    \
        X(fork_children) /* leaves sleeping children in its group */                         \
        X(fork_stubborn) /* the same with all signals ignored */                             \
        X(fork_orphans)  /* the same, their parents dead */                                  \
        X(fork_session)  /* leaves daemons: own session, own group, no parent */             \
        X(fork_again)    /* leaves one that forks a daemon every 10 ms, value times */       \
        X(witness)       /* says which of the processes named in `path` live */              \
        /* descriptors.c */                                                                  \
        X(write_all_descriptors) /* garbage to each */                                       \
        X(flood_channel)         /* garbage to the supervisor for value ms */                \
        X(reborn)                /* says that it started at another time, and obeys */       \
        X(close_all_descriptors) /* 0 to 2 as well */                                        \
        X(leak_descriptors)      /* value of them */                                         \
        X(write_standard)        /* value lines to standard output and standard error */     \
        X(complain)              /* value lines with stdio to standard error */              \
        /* remains.c */                                                                      \
        X(directory)               /* goes elsewhere */                                      \
        X(umask)                   /* 0 */                                                   \
        X(environment)             /* clears it, and makes libpq fail by it */               \
        X(locale)                  /* of the process and of the thread */                    \
        X(handlers)                /* handles or ignores every signal, SIGCHLD ignored */    \
        X(mask)                    /* blocks all signals */                                  \
        X(timer)                   /* SIGALRM and SIGUSR1 after value ms */                  \
        X(thread_sleep)            /* leaves a thread that sleeps */                         \
        X(thread_spin)             /* leaves a thread that spins */                          \
        X(thread_calls)            /* leaves a thread that calls host functions */           \
        X(limits)                  /* lowers its soft limits */                              \
        X(transaction)             /* leaves a transaction open that locks `jobs` */         \
        X(own_connection_settings) /* SET, PREPARE, temporary table, LISTEN */               \
        X(everything)              /* most of the above */                                   \
        /* deaths.c */                                                                       \
        X(exit)        /* exit(value) */                                                     \
        X(exit_now)    /* _exit(value) */                                                    \
        X(abort)       /* abort() */                                                         \
        X(signal)      /* dies of signal `value`; with a path: there, where its core goes */ \
        X(segv)        /* reads what it may not */                                           \
        X(thread_exit) /* ends its thread, not its process */                                \
        X(execute)     /* becomes another program, that ends with 0 */                       \
        /* heap.c */                                                                         \
        X(heap_overrun)     /* writes over the header of the next chunk, frees that */       \
        X(heap_double_free) /* frees twice */                                                \
        X(heap_wild_free)   /* frees what is no chunk */                                     \
        X(heap_rest)        /* writes over the heap, from a chunk of its own on */           \
        X(heap_hang)        /* leaves malloc locked */                                       \
        /* page.c */                                                                         \
        X(page)        /* fills its status page with bytes `value`; below 0 random ones */   \
        X(page_counts) /* fills its worker's counts with `value` */                          \
        X(page_reach)  /* says how many shared mappings it can write to */                   \
        X(page_orders) /* tries to write what the supervisor tells; says what it could */    \
        X(page_forge)  /* a history record of job `value`, in the ring only */               \
        /* others */                                                                         \
        X(records)            /* chaos.c: value records */                                   \
        X(inspect)            /* inspect.c: what its process is like, as records */          \
        X(inspect_connection) /* inspect.c: the same for its own connection */

#define X(name) int act_##name(const Chaos *chaos);
ACTS(X)
#undef X
