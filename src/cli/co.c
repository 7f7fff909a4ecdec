/*
 * An id is taken as it is: whether there is such a CO is the business of the verb, which may ask
 * for the jobs of one that is suspended. A name is one of an active CO.
 */
#include "cli/co.h"

#include <string.h>

#include "core/co_name.h"
#include "util/parse.h"

#define NAME_CHARS 128 /* cos.name */
#define NAMES_MAX \
        10000 /* exact ones come first: the others are only for what may have been meant */

static int find_name(Cli *cli, const char *name, int32_t *ret) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char why[CO_NAME_WHY_SIZE];
        Batch batch = {0};

        int code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_CO_NAMES);
        batch_words(&batch, name, NAME_CHARS);
        batch_int(&batch, NAMES_MAX);
        code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        size_t n = (size_t) db_rows(&reply, 0);
        _cleanup_(freep) CoName *all = calloc(n + 1, sizeof(*all));
        if (!all)
                return cli_say_memory();
        for (size_t i = 0; i < n; i++)
                all[i] = (CoName){.id = (int32_t) db_int(reply.results[0], (int) i, 0),
                                  .name = db_text(reply.results[0], (int) i, 1)};
        if (!co_name_find(all, n, name, ret, why))
                return CLI_OK;
        cli_say("-c: %s", why);
        return CLI_USAGE;
}

int co_read(Cli *cli, int32_t *ret) {
        const char *co = cli->options->co;

        *ret = 0;
        if (!co || !strcmp(co, "all") || !parse_int32(co, 1, INT32_MAX, ret))
                return CLI_OK;
        if (*co && co[strspn(co, "0123456789")])
                return find_name(cli, co, ret);
        cli_say("-c must be the id or the name of a CO, or 'all', not '%s'", co);
        return CLI_USAGE;
}
