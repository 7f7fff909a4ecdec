/* Of each job eight bytes are kept: a million of them are no trouble. */
#include "cli/targets.h"

#include <errno.h>
#include <stdlib.h>

#include "util/error.h"

int targets_add(Targets *targets, int32_t co_id, int32_t id) {
        if (targets->n == targets->size) {
                size_t size = MAX_OF(targets->size * 2, (size_t) 64);
                Target *items = reallocarray(targets->items, size, sizeof(*items));
                if (!items)
                        return error_origin(-ENOMEM);
                targets->items = items;
                targets->size = size;
        }
        targets->items[targets->n++] = (Target){.co_id = co_id, .id = id};
        return 0;
}

static int compare(const void *a, const void *b) {
        const Target *x = a, *y = b;

        if (x->co_id != y->co_id)
                return x->co_id < y->co_id ? -1 : 1;
        return (x->id > y->id) - (x->id < y->id);
}

void targets_sort(Targets *targets) {
        size_t n = 0;

        if (targets->n)
                qsort(targets->items, targets->n, sizeof(*targets->items), compare);
        for (size_t i = 0; i < targets->n; i++)
                if (!i || compare(&targets->items[i], &targets->items[n - 1]))
                        targets->items[n++] = targets->items[i];
        targets->n = n;
}

size_t targets_count_cos(const Targets *targets) {
        size_t n = 0;

        for (size_t i = 0; i < targets->n; i++)
                n += !i || targets->items[i].co_id != targets->items[i - 1].co_id;
        return n;
}

int targets_read_ids(Cli *cli, Targets *ret) {
        for (size_t i = 1; i < cli->options->n_words; i++) {
                int32_t id;
                int code = cli_id(cli, i, &id);
                if (code)
                        return code;
                if (targets_add(ret, 0, id))
                        return cli_say_memory();
        }
        targets_sort(ret);
        return CLI_OK;
}

static int add_page(void *userdata, const PGresult *result, const JobPage *page) {
        int id = PQfnumber(result, "id"), co = PQfnumber(result, "co_id");

        for (int row = 0; row < page->rows; row++)
                if (targets_add(userdata, (int32_t) db_int(result, row, co),
                                (int32_t) db_int(result, row, id)))
                        return cli_say_memory();
        return CLI_OK;
}

int targets_find(Cli *cli, const JobFilter *filter, int64_t limit, Targets *ret) {
        int code = filter_walk(cli, *filter, limit, add_page, ret);
        targets_sort(ret);
        return code;
}
