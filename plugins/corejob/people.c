#include "people.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 256

int people_add(People *people, int32_t id) {
        if (people->n == people->room) {
                size_t room = people->room ? people->room * 2 : FIRST_ROOM;
                int32_t *ids = reallocarray(people->ids, room, sizeof(*ids));
                if (!ids)
                        return -ENOMEM;
                people->ids = ids;
                people->room = room;
        }
        people->ids[people->n++] = id;
        return 0;
}

void people_clear(People *people) {
        people->n = 0;
}

void people_done(People *people) {
        free(people->ids);
        *people = (People){0};
}
