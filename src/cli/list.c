/* list: prints jobs page by page, so that however many there are, a page of them is in memory. */
#include <stdio.h>

#include "cli/filter.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "db/json_row.h"

#define LIMIT 50 /* rows, where nobody says how many */

typedef struct Listing {
        OutputArray array; /* --json */
        Table table;
} Listing;

static int print_objects(void *userdata, const PGresult *result, const JobPage *page) {
        Listing *listing = userdata;
        int code = CLI_OK;

        for (int row = 0; !code && row < page->rows; row++)
                code = output_array_add(&listing->array, json_row(result, row, page->columns));
        return code;
}

static int print_rows(void *userdata, const PGresult *result, const JobPage *page) {
        Listing *listing = userdata;

        table_add(&listing->table, result, page->rows);
        return CLI_OK;
}

int verb_list(Cli *cli) {
        static const Column columns[] = {{"ID", "id"},
                                         {"CO", "co_id"},
                                         {"PLUGIN", "plugin"},
                                         {"STATUS", "status"},
                                         {"%", "percent_complete"},
                                         {"START AFTER", "start_after_time"},
                                         {"FINISHED", "finish_time"},
                                         {"SUMMARY", "summary"}};
        Listing listing = {.table = {.columns = columns, .n = ARRAY_SIZE(columns)}};
        int64_t limit = cli->options->limit ? cli->options->limit : LIMIT;
        JobFilter filter;

        int code = filter_read(cli, &filter);
        if (code)
                return code;
        if (!cli->options->is_json) {
                code = filter_walk(cli, filter, limit, print_rows, &listing);
                if (!code)
                        table_add(&listing.table, NULL, 0); /* the titles, of no row */
                return code;
        }
        code = filter_walk(cli, filter, limit, print_objects, &listing);
        if (!code)
                output_array_end(&listing.array);
        return code;
}
