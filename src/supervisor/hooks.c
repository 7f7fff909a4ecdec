/*
 * Without a hook the workers are not told to say anything (ORDERS_WISH_FAILED), and nothing here
 * happens. The child runs no code of plugins, but its program's, in a process of its own: what it
 * says about a job is believed. It is bounded in all that it does, and is killed when a step of it
 * takes longer than all of these bounds together. While the database is away, which it reads,
 * everything waits.
 */
#include "supervisor/hooks.h"

#include <signal.h>
#include <unistd.h>

#include "config/config_program.h"
#include "journal/journal.h"
#include "process/spawn.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"
#include "worker/hook.h"

#define STOP_USEC (2 * USEC_PER_SEC)   /* for what is left when everything else has stopped */
#define SLACK_USEC (30 * USEC_PER_SEC) /* for all that a child does beside the program */
#define PAUSE_USEC USEC_PER_SEC        /* after a child that was not well */

static int is_killed(const Hooks *h) {
        return h->deadline_usec == USEC_INFINITY;
}

static void kill_child(Hooks *h) {
        spawn_signal(h->pid, SIGKILL);
        h->deadline_usec = USEC_INFINITY;
}

static void note_done(Hooks *h, const ChannelMessage *message) {
        LogFields fields = {
                .job_id = message->job_id, .co_id = message->co_id, .plugin = message->plugin};

        if (!is_killed(h))
                h->deadline_usec = usec_add(clock_now_usec(), h->patience_usec);
        h->done += message->job_id != 0;
        if (!*message->residue)
                return;
        if (message->job_id)
                log_write(LOG_WARNING, &fields, "job %d: the hook for failed jobs: %s",
                          message->job_id, message->residue);
        else
                log_warning("the hook for failed jobs: their rows cannot be read: %s",
                            message->residue);
}

static void hear_child(Hooks *h) {
        ChannelMessage message;
        int r;

        while (!(r = channel_receive(h->channel, &message)))
                if (message.type == CHANNEL_HOOKED)
                        note_done(h, &message);
        if (r != CHANNEL_E_AGAIN) /* SIGCHLD says the rest */
                ev_io_stop(h->io.data, &h->io);
}

static void on_child(struct ev_loop *loop, ev_io *io, int events) {
        char *hooks = (char *) io - offsetof(Hooks, io);
        (void) loop;
        (void) events;
        hear_child((Hooks *) (void *) hooks);
}

static int spawn_teller(Supervisor *s, const ExecModel *model, const int ends[2]) {
        int32_t ids[HOOK_BATCH_MAX];
        Hooks *h = &s->hooks;
        const HookArgs args = {.settings = &s->worker_settings,
                               .model = model,
                               .instance = journal_instance(),
                               .channel = ends[1],
                               .ids = ids,
                               .n = hook_queue_take(&h->queue, ids)};
        const int keep[] = {ends[1], s->worker_settings.log_fd};

        h->given = (unsigned) args.n;
        h->done = 0;
        return spawn_child(hook_main, (void *) &args, keep, ARRAY_SIZE(keep), &h->pid);
}

static int fork_child(Supervisor *s) {
        _cleanup_(exec_model_freep) ExecModel *model = NULL;
        Hooks *h = &s->hooks;
        int ends[2];

        int r = config_hook_model(s->config, &model);
        if (!r)
                r = channel_new(ends);
        if (r)
                return r;
        r = spawn_teller(s, model, ends);
        (void) close(ends[1]);
        if (r) {
                (void) close(ends[0]);
                h->pid = 0;
                hook_queue_drop(&h->queue, h->given, clock_now_usec());
                return r;
        }
        h->channel = ends[0];
        h->patience_usec = usec_add(s->config->hook_usec, SLACK_USEC);
        h->deadline_usec = usec_add(clock_now_usec(), h->patience_usec);
        ev_io_init(&h->io, on_child, h->channel, EV_READ);
        h->io.data = s->loop;
        ev_io_start(s->loop, &h->io);
        return 0;
}

static void start_child(Supervisor *s, usec_t now) {
        Hooks *h = &s->hooks;

        int r = fork_child(s);
        if (!r)
                return;
        log_error_errno(r, "could not fork for the hook for failed jobs");
        h->next_usec = usec_add(now, PAUSE_USEC);
}

void hooks_note_failed(Supervisor *s, int32_t job_id, uint32_t untold) {
        usec_t now = clock_now_usec();

        if (!s->config->hook_failed)
                return;
        if (job_id > 0)
                hook_queue_add(&s->hooks.queue, job_id, now);
        hook_queue_drop(&s->hooks.queue, MIN_OF(untold, HOOK_WAITING_MAX), now);
}

static void say_dropped(Hooks *h, int is_last, usec_t now) {
        uint64_t n = hook_queue_say(&h->queue, is_last, now);
        LogFields fields = {.hint = "registry-job list --status failed shows them"};

        if (n)
                log_write(LOG_WARNING, &fields,
                          "the hook for failed jobs was not told of %llu job%s",
                          (unsigned long long) n, n == 1 ? "" : "s");
}

/* What the loop has not heard of is heard before the child is judged. */
static usec_t check_child(Hooks *h, usec_t now) {
        if (now >= h->deadline_usec)
                hear_child(h);
        if (now < h->deadline_usec)
                return h->deadline_usec;
        log_warning("the process that tells the hook of failed jobs does not go on, killing it");
        kill_child(h);
        return USEC_INFINITY;
}

usec_t hooks_check(Supervisor *s, usec_t now_usec) {
        Hooks *h = &s->hooks;
        usec_t wake = USEC_INFINITY;

        if (!s->config->hook_failed)
                h->queue = (HookQueue){0}; /* a reload has taken it away */
        if (!h->pid && h->queue.n && s->is_member && !s->is_leaving && now_usec >= h->next_usec)
                start_child(s, now_usec);
        if (h->pid)
                wake = check_child(h, now_usec);
        else if (h->queue.n && s->is_member)
                wake = h->next_usec;
        say_dropped(h, 0, now_usec);
        if (h->stop_usec > now_usec)
                wake = MIN_OF(wake, h->stop_usec);
        return MIN_OF(wake, hook_queue_wake(&h->queue));
}

void hooks_end_child(Supervisor *s, int wait_status) {
        Hooks *h = &s->hooks;
        Outcome outcome = spawn_outcome(wait_status);
        usec_t now = clock_now_usec();
        char how[128];

        hear_child(h);
        ev_io_stop(s->loop, &h->io);
        (void) close(h->channel);
        h->pid = 0;
        hook_queue_drop(&h->queue, h->given - MIN_OF(h->given, h->done), now);
        if (outcome.kind == OUTCOME_EXITED && !outcome.value)
                return;
        h->next_usec = usec_add(now, PAUSE_USEC);
        if (outcome.kind == OUTCOME_EXITED && outcome.value == WORKER_EXIT_UNAVAILABLE)
                return; /* it has said why */
        outcome_describe(outcome, is_killed(h) ? "its supervisor" : NULL, how, sizeof(how));
        log_warning("the process that tells the hook of failed jobs %s", how);
}

int hooks_are_over(Supervisor *s, usec_t now_usec) {
        Hooks *h = &s->hooks;

        if (!h->stop_usec)
                h->stop_usec = usec_add(now_usec, STOP_USEC);
        if (now_usec >= h->stop_usec) {
                hook_queue_drop_all(&h->queue, now_usec);
                if (h->pid && !is_killed(h))
                        kill_child(h);
        }
        if (h->pid || h->queue.n)
                return 0;
        say_dropped(h, 1, now_usec);
        return 1;
}

void hooks_abandon(Supervisor *s) {
        Hooks *h = &s->hooks;

        if (!h->pid)
                return;
        kill_child(h);
        ev_io_stop(s->loop, &h->io);
        (void) close(h->channel);
        h->pid = 0;
}
