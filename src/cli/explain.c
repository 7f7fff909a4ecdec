/* why: one sentence about one job. */
#include <jansson.h>

#include "cli/evidence.h"
#include "cli/output.h"
#include "cli/verbs.h"

static json_t *number_or_null(int64_t value) {
        return value ? json_integer(value) : json_null();
}

static json_t *text_or_null(const char *text) {
        return text && *text ? json_string(text) : json_null();
}

static int print_json(const WhyFacts *f, const WhyAnswer *a) {
        char since[WHEN_SIZE];

        when_iso(a->since, since);
        return output_value_json(json_pack(
                "{si so ss ss so so so so so so so}", "id", (int) f->id, "status",
                text_or_null(f->state ? job_state_code(f->state) : NULL), "reason",
                why_word(a->reason), "sentence", a->sentence, "co_id", number_or_null(f->co_id),
                "plugin", text_or_null(f->plugin), "behind", number_or_null(a->behind), "host",
                text_or_null(a->host), "pid", number_or_null(a->pid), "time", text_or_null(since),
                "successor", number_or_null(f->successor)));
}

int verb_why(Cli *cli) {
        _cleanup_(evidence_donep) Evidence evidence = {0};
        WhyAnswer answer;
        int32_t id;

        int code = cli_id(cli, 1, &id);
        if (!code)
                code = evidence_collect(cli, id, &evidence);
        if (code)
                return code;
        why_decide(&evidence.facts, &answer);
        code = CLI_OK;
        if (cli->options->is_json)
                code = print_json(&evidence.facts, &answer);
        else if (answer.reason == WHY_NO_JOB)
                cli_say("%s", answer.sentence);
        else
                output_line(answer.sentence);
        return answer.reason == WHY_NO_JOB ? CLI_NOT_FOUND : code;
}
