/* When a peer is taken for dead: by a count that stands still, over our own clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/lease.h"
#include "core/peers.h"
#include "util/macro.h"

#define S USEC_PER_SEC
#define LEASE (32 * S)
#define MARGIN (2 * S) /* a sixteenth */

static Peers peers;

/* One look at one row. */
typedef struct Look {
        usec_t asked_usec, heard_usec;
        int32_t id; /* 0: no row */
        int64_t renewals;
        int is_new_connection; /* before it */
        int is_dead;
} Look;

#define LOOKS_MAX 5

static const struct {
        const char *what;
        Look looks[LOOKS_MAX]; /* ended by one that was heard of at 0 */
} rows[] = {
        {"a fresh observer waits a whole lease",
         {{S, S, 7, 100, 0, 0},
          {LEASE, LEASE, 7, 100, 0, 0},
          {S + LEASE + MARGIN - 1, S + LEASE + MARGIN, 7, 100, 0, 0},
          {S + LEASE + MARGIN, S + LEASE + MARGIN, 7, 100, 0, 1}}},
        {"one that renews lives, however long it is watched",
         {{S, S, 7, 100, 0, 0},
          {9 * LEASE, 9 * LEASE, 7, 101, 0, 0},
          {18 * LEASE, 18 * LEASE, 7, 102, 0, 0}}},
        {"a lease since the last change",
         {{S, S, 7, 100, 0, 0},
          {LEASE, LEASE, 7, 101, 0, 0},
          {2 * LEASE, 2 * LEASE, 7, 101, 0, 0},
          {2 * LEASE + MARGIN, 2 * LEASE + MARGIN, 7, 101, 0, 1}}},
        {"counted from when the first answer came",
         {{0, 5 * S, 7, 100, 0, 0}, {LEASE + MARGIN, LEASE + MARGIN, 7, 100, 0, 0}}},
        {"to when the last question was asked: the observer was suspended with the answer on its "
         "way",
         {{S, S, 7, 100, 0, 0}, {2 * S, 99 * LEASE, 7, 100, 0, 0}}},
        {"the observer was suspended, the peer was not",
         {{S, S, 7, 100, 0, 0}, {99 * LEASE, 99 * LEASE, 7, 400, 0, 0}}},
        {"a count that went back has changed: a failover",
         {{S, S, 7, 100, 0, 0}, {2 * LEASE, 2 * LEASE, 7, 98, 0, 0}}},
        {"a new connection may be to another server, where a count comes again",
         {{S, S, 7, 100, 0, 0}, {2 * LEASE, 2 * LEASE, 7, 100, 1, 0}}},
        {"whoever has a row anew is seen for the first time",
         {{S, S, 7, 100, 0, 0},
          {LEASE, LEASE, 0, 0, 0, 0},
          {2 * LEASE, 2 * LEASE, 7, 100, 0, 0},
          {3 * LEASE + MARGIN, 3 * LEASE + MARGIN, 7, 100, 0, 1}}},
        {"a peer that registered anew has another id",
         {{S, S, 7, 100, 0, 0}, {2 * LEASE, 2 * LEASE, 8, 100, 0, 0}}},
        {"our clock does not go back; if it did, nobody would be dead",
         {{9 * LEASE, 9 * LEASE, 7, 100, 0, 0}, {S, S, 7, 100, 0, 0}}},
        {"a count at its ends",
         {{S, S, 7, INT64_MAX, 0, 0}, {2 * LEASE, 2 * LEASE, 7, INT64_MIN, 0, 0}}},
};

static int look(const Look *at) {
        usec_t still = 0;

        if (at->is_new_connection)
                peers_clear(&peers);
        peers_begin_look(&peers);
        if (at->id)
                still = peers_note(&peers, at->id, at->renewals, at->asked_usec, at->heard_usec);
        peers_end_look(&peers);
        return still >= lease_patience(LEASE);
}

static void test_looks(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                peers_clear(&peers);
                for (size_t k = 0; k < LOOKS_MAX && rows[i].looks[k].heard_usec; k++)
                        if (look(&rows[i].looks[k]) != rows[i].looks[k].is_dead)
                                fail_msg("%s: look %zu", rows[i].what, k);
        }
}

/* Many rows at once: each has its own time, and what is gone makes room. */
static void test_many(void **state) {
        (void) state;
        peers_clear(&peers);
        for (int round = 0; round < 2; round++) {
                usec_t now = (usec_t) (round + 1) * LEASE;
                peers_begin_look(&peers);
                for (int32_t id = 1; id <= PEERS_MAX + 5; id++) {
                        usec_t still = peers_note(&peers, id, id % 2 ? 0 : round, now, now);
                        int is_old = round && id % 2 && id <= PEERS_MAX;
                        assert_true(still == (is_old ? LEASE : 0));
                }
                peers_end_look(&peers);
                assert_int_equal(peers.n, PEERS_MAX);
        }
        peers_begin_look(&peers);
        for (int32_t id = PEERS_MAX; id <= PEERS_MAX + 5; id++)
                (void) peers_note(&peers, id, 0, 3 * LEASE, 3 * LEASE);
        peers_end_look(&peers);
        assert_int_equal(peers.n, 1); /* the others find room with the next look */
        peers_begin_look(&peers);
        for (int32_t id = PEERS_MAX; id <= PEERS_MAX + 5; id++)
                (void) peers_note(&peers, id, 0, 4 * LEASE, 4 * LEASE);
        peers_end_look(&peers);
        assert_int_equal(peers.n, 6);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_looks),
                cmocka_unit_test(test_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
