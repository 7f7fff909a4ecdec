#include "core/peers.h"

void peers_clear(Peers *peers) {
        peers->n = 0;
}

void peers_begin_look(Peers *peers) {
        for (size_t i = 0; i < peers->n; i++)
                peers->list[i].is_listed = 0;
}

static Standing *find_standing(Peers *peers, int32_t id) {
        for (size_t i = 0; i < peers->n; i++)
                if (peers->list[i].id == id)
                        return &peers->list[i];
        return NULL;
}

usec_t peers_note(Peers *peers, int32_t id, int64_t renewals, usec_t asked_usec,
                  usec_t heard_usec) {
        Standing *standing = find_standing(peers, id);
        int is_same = standing && standing->renewals == renewals;

        if (!standing && peers->n < PEERS_MAX)
                standing = &peers->list[peers->n++];
        if (!standing)
                return 0;
        if (!is_same)
                *standing = (Standing){.id = id, .renewals = renewals, .since_usec = heard_usec};
        standing->is_listed = 1;
        return usec_sub(asked_usec, standing->since_usec);
}

void peers_end_look(Peers *peers) {
        size_t n = 0;

        for (size_t i = 0; i < peers->n; i++)
                if (peers->list[i].is_listed)
                        peers->list[n++] = peers->list[i];
        peers->n = n;
}
