/* why: collects the facts about a job, and prints the sentence that core/why finds. */
#include <jansson.h>
#include <time.h>

#include "cli/evidence.h"
#include "cli/output.h"
#include "cli/verbs.h"

#define SECOND_LOOK_SECONDS 1

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

/* The same job comes first, nothing keeps it from starting, and nobody has taken it. */
static int is_unchanged(const WhyFacts *before, const WhyFacts *after) {
        return before->head == after->head && before->ready_since == after->ready_since;
}

/* Where nothing explains that the job waits, a second look tells chance from trouble. */
static int look_again(Cli *cli, int32_t id, Evidence *evidence, WhyAnswer *answer) {
        const struct timespec pause = {.tv_sec = SECOND_LOOK_SECONDS};
        WhyFacts before = evidence->facts;

        (void) nanosleep(&pause, NULL);
        evidence_done(evidence);
        int code = evidence_collect(cli, id, evidence);
        if (code)
                return code;
        why_decide(&evidence->facts, answer);
        if (!why_is_suspicious(&evidence->facts, answer) ||
            !is_unchanged(&before, &evidence->facts))
                return CLI_OK;
        evidence->facts.is_stuck = 1;
        why_decide(&evidence->facts, answer);
        return CLI_OK;
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
        if (why_is_suspicious(&evidence.facts, &answer))
                code = look_again(cli, id, &evidence, &answer);
        if (code)
                return code;
        if (cli->options->is_json)
                code = print_json(&evidence.facts, &answer);
        else if (answer.reason == WHY_NO_JOB)
                cli_say("%s", answer.sentence);
        else
                output_line(answer.sentence);
        return answer.reason == WHY_NO_JOB ? CLI_NOT_FOUND : code;
}
