/*
 * The lease of a supervisor on everything that it runs. It is counted from when the supervisor
 * asked for its last renewal, by its own clock. Others count by theirs, from when they first heard
 * of that renewal, which is later (core/peers.h). What follows from its length, in one place.
 */
#pragma once

#include "util/clock.h"

typedef struct LeaseTimes {
        usec_t statement_usec; /* the server's limit for a statement of the supervisor */
        usec_t deadline_usec;  /* after which a connection that does not answer is given up */
        usec_t connect_usec; /* for one attempt to connect to one host; libpq takes 2 s at least */
        usec_t step_usec;    /* between the word and SIGTERM, and SIGTERM and SIGKILL, at its end */
} LeaseTimes;

/*
 * A silent connection must be noticed and replaced before the lease is in doubt: with a heartbeat
 * of a sixth, a deadline of a quarter and an attempt to connect of a sixth, there is a twelfth left
 * of the two thirds. (Not with a lease below 12 s, with several silent hosts, or with a
 * connect_timeout in the conninfo: then what runs may be ended although another connection could
 * have been had.) The steps at the end fit into the last third.
 */
LeaseTimes lease_times(usec_t lease_usec);

/* When what runs is asked to stop: two thirds after the last renewal. 0 for no lease at all. */
usec_t lease_stop_at(usec_t end_usec, usec_t lease_usec);

/*
 * For how long others see no renewal before they take the supervisor for dead: the lease, and a
 * sixteenth for clocks that do not go equally fast, and for a watch that is late.
 */
usec_t lease_patience(usec_t lease_usec);
