/*
 * Lines of thousands of jobs help nobody: after some the count alone tells. A program that reads
 * JSON is told of all.
 */
#include "cli/report.h"

#include <stdio.h>

#define LINES_MAX 1000
#define REFUSALS_MAX 100

static void add_object(Report *report, int32_t id, const char *result, json_t *members) {
        json_t *object = json_pack("{si ss}", "id", (int) id, "result", result);

        if (object && members)
                (void) json_object_update(object, members);
        json_decref(members);
        int code = output_array_add(&report->array, object);
        report->code = report->code ? report->code : code;
}

void report_done(Report *report, int32_t id, const char *line, json_t *members) {
        size_t n = ++report->counts.n[CHANGE_DONE];

        if (report->cli->options->is_json && !report->is_single) {
                add_object(report, id, "done", members);
                return;
        }
        json_decref(members);
        if (report->is_single)
                return;
        if (n <= LINES_MAX)
                output_line(line);
        else if (n == LINES_MAX + 1)
                output_line("... (more of them are only counted)");
}

void report_refused(Report *report, int32_t id, ChangeResult result, const char *why) {
        size_t n = ++report->counts.n[result];

        if (report->cli->options->is_json && !report->is_single) {
                add_object(report, id, result == CHANGE_NOT_FOUND ? "not found" : "refused",
                           json_pack("{ss}", "reason", why));
                return;
        }
        if (n <= REFUSALS_MAX)
                cli_say("%s", why);
        else if (n == REFUSALS_MAX + 1)
                cli_say("... (more like that are only counted)");
}

int report_end(Report *report, int is_whole) {
        static const int codes[] = {[CHANGE_DONE] = CLI_OK,
                                    [CHANGE_REFUSED] = CLI_FAILED,
                                    [CHANGE_NOT_FOUND] = CLI_NOT_FOUND};
        char words[CHANGE_WORDS_SIZE];

        if (!report->is_single) {
                if (report->cli->options->is_json && is_whole)
                        output_array_end(&report->array);
                change_count_words(&report->counts, report->done, words);
                (void) fflush(stdout); /* the count is the last line where both are one terminal */
                cli_tell(report->cli, "%s", words);
        }
        return report->code ? report->code : codes[change_worst(&report->counts)];
}
