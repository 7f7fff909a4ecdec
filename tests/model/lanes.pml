/*
 * Lane, claim, start, finish, cancel, heir and lease: two hosts, one CO, two jobs, one primary and
 * a standby that lags behind. README.md says what is modelled, and how to read a counterexample.
 *
 * A transition is one option of a loop, atomic as one statement is in the server. What the server
 * does to its tables is printed: "sql NAME" stands for src/db/sql/NAME.sql. tests/system/test_model.py
 * runs these lines on a real PostgreSQL and compares the tables after each "state" line.
 *
 * LAW numbers are those of the design. BROKEN_* takes a guard out; check-model tries each.
 */

/* Budgets of a configuration. */
#ifndef DEATHS
#define DEATHS 0      /* of workers */
#endif
#ifndef CRASHES
#define CRASHES 0     /* of supervisors, and with HOSTS_DIE of whole hosts */
#endif
#ifndef FREEZES
#define FREEZES 0     /* of supervisors */
#endif
#ifndef TICKS
#define TICKS 0       /* of every monotonic clock */
#endif
#ifndef CUTS
#define CUTS 0        /* of a worker's connection */
#endif
#ifndef FAILOVERS
#define FAILOVERS 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef HANDS
#define HANDS 0       /* 1: job 1 is In Progress, of a command that died; an administrator settles it */
#endif
#ifndef OTHERS
#define OTHERS 0      /* writes of the Registry's own programs */
#endif
#ifndef STEPS
#define STEPS 0       /* of the database's clock of day, forward by a lease */
#endif
#ifndef COPIES
#define COPIES 0      /* of the database, served by a daemon on the same host */
#endif

#ifndef LATE
#define LATE 0        /* job 1 is registered at any time, and not at the beginning */
#endif
#ifndef JOBS
#define JOBS 2        /* that are registered */
#endif

#define LAW(number, holds) assert(holds) /* check-model reads the number */
#define N_JOBS 2
#define N_ROWS 4      /* of jobd.supervisor, ever */
#ifndef LEASE
#define LEASE 2       /* in ticks */
#endif

#define FOR_JOBS for (j : 0 .. N_JOBS - 1)
#define FOR_ROWS for (r : 0 .. N_ROWS - 1)
#define FOR_HOSTS for (i : 0 .. 1)

/* Statuses of jobs. NONE is a row that is not there yet. */
#define NONE 0
#define Q 1
#define A 2
#define GO 3
#define OK 4
#define X 5
#define CX 6
#define IS_FINAL(s) ((s) >= OK)
#define IS_HELD(s) ((s) == A || (s) == GO)

/* Of a worker. */
#define EMPTY 0       /* its slot is free */
#define IDLE 1
#define TAKING 2      /* asked for the lane and its first job */
#define CLAIMED 3
#define STARTING 4
#define RUNNING 5     /* its plugin does */
#define ENDED 6       /* its plugin has, or its job is not to be run */
#define FINISHING 7   /* asked for its job's end and the next job, or to give the lane back */
#define RESUMING 8    /* looks at what it holds, after a lost connection */
#define DYING 9       /* killed; its plugin may still be there */
#define GONE 10       /* nothing of it lives */
#define IS_ALIVE(s) ((s) >= IDLE && (s) <= RESUMING)
#define IS_BUSY(s) ((s) >= CLAIMED && (s) <= RESUMING)

/* What a worker has sent. */
#define NOTHING 0
#define TAKE 1        /* lane_take, job_claim */
#define START 2       /* job_start */
#define NEXT 3        /* job_finish, job_claim */
#define LAST 4        /* job_finish, lane_free */
#define ALONE 5       /* job_start, job_finish, job_status */

/* ---- what is committed in the primary, and what the standby has ---- */

typedef Tables {
	byte status[N_JOBS];
	byte by[N_JOBS];      /* the worker: host and PID */
	byte lane_row;        /* 1 + row of jobd.supervisor, 0 for a free lane */
	byte lane_by;
	byte lane_token;
	bit is[N_ROWS];       /* rows of jobd.supervisor */
	byte token[N_ROWS];   /* 1, its owner's, or 2 + the host that condemned it */
};
Tables db, standby;
bit is_snapped;
byte n_rows;              /* registered ever */

/* Row locks of transactions that are under way: 1 + connection, 5 + host of a
 * settlement. */
byte job_lock[N_JOBS], lane_lock;

/* ---- the server's side of connections: workers 0 and 1, and what they left: 2 and 3 ---- */

byte sent[4], phase[4], sent_job[4], sent_token[4], sent_by[4], sent_row[4];
bit has_finished[4], is_taken[4];
byte claimed[4];          /* 1 + job */

/* ---- the two hosts ---- */

bit is_up[2], is_frozen[2];      /* their supervisors */
byte own_row[2];                 /* 1 + row, 0 when not a member */
byte age[2];                     /* of the lease, by the host's monotonic clock */
byte asked[2], asked_age[2];     /* renewal: 0 no, 1 sent, 2 carried out, 3 found no row */
byte worker[2], worker_pid[2], job[2], lane_of[2], row_of[2];
byte called[2];                  /* set of jobs whose plugins this worker has called */
byte plugin[2];                  /* 1 + job whose plugin runs there */
bit is_lost[2];                  /* the worker's connection, since its job began */
bit has_end[2];                  /* its plugin was called for the job: its end is to be written */
bit is_undone[2];                /* its last job was found Queued again */
bit is_doubtful[2];              /* reconnected: those at work must hold a lane */

/*
 * What an observer knows of a row: that its renewal counter has changed since the last look, and
 * for how long it has not. Counters never come back to a value, so that this says as much.
 */
bit is_fresh[8];
byte still[8];
#define AT(h, r) ((h) * N_ROWS + (r))
bit is_process_gone[N_ROWS];     /* of the row's supervisor, which its own host can see */
byte host_of[N_ROWS];            /* 2: of a boot that has ended */
byte db_age[N_ROWS];             /* since the row was renewed, by the database's clock of day */

/* Settlements: of one worker (PID), or of a whole supervisor (0). */
byte s_phase[2], s_row[2], s_pid[2], s_job[2], s_token[2], s_found[2];
#define CONDEMN 1
#define SURVIVORS 2
#define LOCK 3
#define SNAPSHOT 4
#define APPLY 5

/* ---- budgets and ghosts ---- */

byte deaths = DEATHS, crashes = CRASHES, freezes = FREEZES, ticks = TICKS, cuts = CUTS;
byte failovers = FAILOVERS, cancels = CANCELS, hands = HANDS, others = OTHERS, steps = STEPS, copies = COPIES;
byte calls[N_JOBS];
bit is_harmed;      /* something was killed, frozen or cut: jobs may become Failed */
bit is_excused;     /* a failover has lost a lane that was held: README.md, "Failover" */
bit is_forgotten[N_JOBS]; /* a failover has lost all of a job that nobody holds any more */
bit has_failed_over;
byte other_job, other_read; /* what a program of the Registry has read */
byte j, r, i;       /* hidden in loops; 0 between transitions */

inline print_state() {
	printf("state %d %d %d %d %d %d %d", db.status[0], db.by[0], db.status[1], db.by[1],
	       db.lane_row, db.lane_by, db.lane_token);
	printf(" %d %d %d %d", db.is[0] * db.token[0], db.is[1] * db.token[1],
	       db.is[2] * db.token[2], db.is[3] * db.token[3]);
	printf(" %d %d %d\n", job_lock[0] != 0, job_lock[1] != 0, lane_lock != 0);
}

/* LAW 2: legal steps only; a final status never changes. */
inline write_status(n, to) {
	LAW(2, (db.status[n] == Q && (to == A || to == CX)) ||
	       (db.status[n] == A && (to == GO || to == X || to == CX)) ||
	       (db.status[n] == GO && (to == OK || to == X || to == CX)));
	db.status[n] = to;
}

inline clear_loops() {
	j = 0;
	r = 0;
	i = 0;
}

/* ---- the server carries out what was sent ---- */

/* The first Queued job, as 1 + job; 0 for none. */
#ifdef BROKEN_CLAIM_WITHOUT_ORDER
#define HEAD (db.status[1] == Q -> 2 : (db.status[0] == Q -> 1 : 0))
#else
#define HEAD (db.status[0] == Q -> 1 : (db.status[1] == Q -> 2 : 0))
#endif

#ifdef BROKEN_CLAIM_WITHOUT_TOKEN
#define MAY_CLAIM(c) 1
#else
#define MAY_CLAIM(c) (db.lane_token == sent_token[c])
#endif
#ifdef BROKEN_CLAIM_WITHOUT_STATUS
#define IS_STILL_QUEUED(n) 1
#else
#define IS_STILL_QUEUED(n) (db.status[n] == Q)
#endif
#ifdef BROKEN_TAKE_HELD_LANE
#define LANE_LOOKS_FREE 1
#define MAY_TAKE(c) (db.is[sent_row[c]])
#elif defined(BROKEN_TAKE_WITHOUT_ROW)
#define LANE_LOOKS_FREE (!db.lane_row)
#define MAY_TAKE(c) (!db.lane_row)
#else
#define LANE_LOOKS_FREE (!db.lane_row)
#define MAY_TAKE(c) (!db.lane_row && db.is[sent_row[c]])
#endif
#ifdef BROKEN_START_WITHOUT_STATUS
#define MAY_START(c) (db.by[sent_job[c]] == sent_by[c])
#elif defined(BROKEN_START_WITHOUT_HOLDER)
#define MAY_START(c) (db.status[sent_job[c]] == A)
#else
#define MAY_START(c) (db.status[sent_job[c]] == A && db.by[sent_job[c]] == sent_by[c])
#endif
#ifdef BROKEN_FINISH_WITHOUT_STATUS
#define MAY_FINISH(c) (db.by[sent_job[c]] == sent_by[c])
#elif defined(BROKEN_FINISH_WITHOUT_HOLDER)
#define MAY_FINISH(c) (db.status[sent_job[c]] == GO)
#else
#define MAY_FINISH(c) (db.status[sent_job[c]] == GO && db.by[sent_job[c]] == sent_by[c])
#endif

inline claim(c, n) {
	write_status(n, A);
	db.by[n] = sent_by[c];
	claimed[c] = n + 1;
}

inline print_claim(c) {
	printf("sql job_claim c=%d token=%d by=%d\n", c, sent_token[c], sent_by[c]);
}

inline print_start(c) {
	printf("sql job_start c=%d job=%d by=%d\n", c, sent_job[c], sent_by[c]);
}

inline print_finish(c) {
	printf("sql job_finish c=%d job=%d by=%d\n", c, sent_job[c], sent_by[c]);
}

/* LAW 2: from Assigned on, only the holder. */
inline finish(c) {
	LAW(2, db.by[sent_job[c]] == sent_by[c]);
	write_status(sent_job[c], OK);
}

inline unlock(c) {
	FOR_JOBS {
		if
		:: job_lock[j] == c + 1 -> job_lock[j] = 0
		:: else
		fi
	}
	if
	:: lane_lock == c + 1 -> lane_lock = 0
	:: else
	fi
	j = 0;
}

inline forget_sent(c) {
	unlock(c);
	sent[c] = NOTHING;
	phase[c] = 0;
	sent_job[c] = 0;
	sent_token[c] = 0;
	sent_by[c] = 0;
	sent_row[c] = 0;
	has_finished[c] = 0;
	is_taken[c] = 0;
	claimed[c] = 0;
}

/* Nothing of the turn is left to be told apart. */
inline become_idle(h) {
	worker[h] = IDLE;
	job[h] = 0;
	lane_of[h] = 0;
	is_lost[h] = 0;
	has_end[h] = 0;
}

/* Whether there is work is asked by the statement that takes the lane: without it nothing happens. */
inline serve_take(c) {
	if
	:: HEAD != 0 ->
		printf("begin c=%d\n", c);
		printf("sql lane_take c=%d row=%d by=%d token=%d\n", c, sent_row[c], sent_by[c],
		       sent_token[c])
	:: else
	fi
	if
	:: HEAD != 0 && MAY_TAKE(c) ->
		db.lane_row = sent_row[c] + 1;
		db.lane_by = sent_by[c];
		db.lane_token = sent_token[c];
		is_taken[c] = 1
	:: else
	fi
	/* The foreign key ends the whole batch. */
	if
	:: HEAD != 0 ->
		print_claim(c);
		claimed[c] = (MAY_CLAIM(c) -> HEAD : 0);
		if
		:: claimed[c] -> claim(c, claimed[c] - 1)
		:: else
		fi
		printf("commit c=%d\n", c);
		print_state()
	:: else
	fi;
	unlock(c);
}

inline serve_start(c) {
	print_start(c);
	if
	:: MAY_START(c) -> write_status(sent_job[c], GO); has_finished[c] = 1
	/* Tried again after a lost connection: that can only have been us. */
	:: else -> has_finished[c] = is_lost[c & 1] && db.status[sent_job[c]] == GO
	fi
	print_state();
}

inline serve_alone(c) {
	if
	:: is_taken[c] -> print_start(c)
	:: else
	fi
	if
	:: is_taken[c] && MAY_START(c) -> write_status(sent_job[c], GO)
	:: else
	fi
	if
	:: is_taken[c] -> print_finish(c)
	:: else
	fi
	if
	:: is_taken[c] && MAY_FINISH(c) -> finish(c)
	:: else
	fi
	print_state();
	has_finished[c] = db.status[sent_job[c]] == Q; /* undone, if it was called */
}

/* job_finish: the row is locked to the end of the transaction. phase 2 when there is nothing. */
inline serve_finish(c) {
	printf("begin c=%d\n", c);
	print_finish(c);
	has_finished[c] = MAY_FINISH(c);
	if
	:: has_finished[c] -> job_lock[sent_job[c]] = c + 1
	:: else
	fi
	phase[c] = 2;
	print_state();
}

inline serve_rest(c) {
	if
	:: sent[c] == NEXT -> print_claim(c)
	:: else -> printf("sql lane_free c=%d token=%d\n", c, sent_token[c])
	fi
	if
	:: db.lane_token == sent_token[c] -> lane_lock = c + 1
	:: else
	fi
	if
	:: sent[c] == NEXT && MAY_CLAIM(c) -> claimed[c] = HEAD
	:: else
	fi
	phase[c] = 3;
}

/* The head that was found is claimed if it is still Queued. */
inline serve_commit(c) {
	if
	:: has_finished[c] -> finish(c)
	:: else
	fi
	if
	:: claimed[c] && IS_STILL_QUEUED(claimed[c] - 1) -> claim(c, claimed[c] - 1)
	:: else -> claimed[c] = 0
	fi
	if
	:: sent[c] == LAST && lane_lock == c + 1 ->
		db.lane_row = 0;
		db.lane_by = 0;
		db.lane_token = 0
	:: else
	fi
	printf("commit c=%d\n", c);
	unlock(c);
	print_state();
}

/* Whose transaction waits for which: PostgreSQL ends one of the two. */
#define WAITS_FOR_LANE(c) \
	(phase[c] == 2 && lane_lock != 0 && lane_lock != c + 1 && db.lane_token == sent_token[c])
#define WAITS_FOR_JOB(h) \
	(s_phase[h] == APPLY && ((s_found[h] & 1 && job_lock[0]) || (s_found[h] & 2 && job_lock[1])))
#define IS_DEADLOCK(c) \
	(WAITS_FOR_LANE(c) && has_finished[c] && \
	 ((lane_lock == 5 && WAITS_FOR_JOB(0)) || (lane_lock == 6 && WAITS_FOR_JOB(1))))

#define MAY_GO_ON(c) (phase[c] == 2 && (!lane_lock || db.lane_token != sent_token[c]))

/* What was sent over a connection that is lost: the server may still come to it, or never. */
proctype left_over(byte c) {
	do
	:: d_step { sent[c] == TAKE && !lane_lock -> serve_take(c); forget_sent(c) }
	:: d_step { sent[c] == START && !job_lock[sent_job[c]] -> serve_start(c); forget_sent(c) }
	:: d_step { sent[c] == ALONE && !job_lock[sent_job[c]] -> serve_alone(c); forget_sent(c) }
	:: d_step { phase[c] == 1 && !job_lock[sent_job[c]] -> serve_finish(c) }
#ifdef REPLAY
	:: d_step { MAY_GO_ON(c) -> serve_rest(c); serve_commit(c); forget_sent(c) }
#else
	:: d_step { MAY_GO_ON(c) -> serve_rest(c) }
	:: d_step { phase[c] == 3 -> serve_commit(c); forget_sent(c) }
#endif
	:: d_step { sent[c] != NOTHING && phase[c] <= 1 -> forget_sent(c) }
	:: d_step { IS_DEADLOCK(c) -> printf("rollback c=%d\n", c); forget_sent(c); print_state() }
	od
}

/* ---- a worker ---- */

/* The lowest that nothing remembers: as random as the real one. */
#define IS_TOKEN_USED(n) \
	(db.lane_token == n || standby.lane_token == n || sent_token[0] == n || sent_token[1] == n || \
	 sent_token[2] == n || sent_token[3] == n || lane_of[0] == n || lane_of[1] == n)
inline new_token(h) {
	i = 1;
	do
	:: IS_TOKEN_USED(i) -> i++
	:: else -> break
	od;
	lane_of[h] = i;
	i = 0;
}

inline send(h, what) {
	sent[h] = what;
	sent_job[h] = job[h];
	sent_token[h] = lane_of[h];
	sent_by[h] = worker_pid[h];
	sent_row[h] = row_of[h];
	if
	:: what == ALONE -> is_taken[h] = has_end[h]
	:: (what == NEXT || what == LAST) && has_end[h] -> phase[h] = 1
	:: (what == NEXT || what == LAST) && !has_end[h] -> phase[h] = 2; printf("begin c=%d\n", h)
	:: else
	fi
}

/* A connection goes; what was sent over it may still come to the server. */
#define MAY_LOSE(h) (sent[h] == NOTHING || sent[h + 2] == NOTHING)
inline lose_connection(h) {
	if
	:: sent[h] == NOTHING
	:: else ->
		printf("orphan c=%d\n", h);
		sent[h + 2] = sent[h];
		phase[h + 2] = phase[h];
		sent_job[h + 2] = sent_job[h];
		sent_token[h + 2] = sent_token[h];
		sent_by[h + 2] = sent_by[h];
		sent_row[h + 2] = sent_row[h];
		has_finished[h + 2] = has_finished[h];
		claimed[h + 2] = claimed[h];
		FOR_JOBS {
			if
			:: job_lock[j] == h + 1 -> job_lock[j] = h + 3
			:: else
			fi
		}
		if
		:: lane_lock == h + 1 -> lane_lock = h + 3
		:: else
		fi
		forget_sent(h)
	fi
	j = 0;
}

/* The worker's side of a lost connection. Without a job it ends, as in worker.c. */
inline note_lost(h) {
	is_lost[h] = IS_BUSY(worker[h]);
	if
	:: worker[h] == IDLE || worker[h] == TAKING -> worker[h] = GONE
	:: worker[h] == STARTING -> worker[h] = CLAIMED
	:: worker[h] == FINISHING -> worker[h] = ENDED
	:: else
	fi
}

/* Its plugin dies a moment later. */
inline kill_worker(h) {
	lose_connection(h);
	worker[h] = DYING;
	is_excused = is_excused || has_failed_over;
	is_harmed = 1;
}

/* LAWS 1 and 3: no plugin beside another one of its CO, none twice for a job. */
inline call_plugin(h) {
	LAW(3, !(called[h] & (1 << job[h])));
	plugin[h] = job[h] + 1;
	called[h] = called[h] | (1 << job[h]);
	calls[job[h]]++;
	LAW(3, calls[job[h]] == 1 || is_excused || is_forgotten[job[h]]);
	LAW(1, !plugin[1 - h] || is_excused);
	LAW(1, job[h] == 0 || db.status[0] != Q || is_excused || has_failed_over);
	has_end[h] = 1;
	worker[h] = RUNNING;
}

/* The worker ends with its lane held: its heir settles. TURN_E_LOST in turn.c. */
inline end_turn_lost(h) {
	worker[h] = GONE;
	is_lost[h] = 0;
	is_undone[h] = 0;
}

#ifdef BROKEN_RESUME_WITHOUT_RECLAIM
#define MAY_RECLAIM 0
#else
#define MAY_RECLAIM 1
#endif

/* lane_resume, job_resume, job_reclaim; what is found decides. */
inline resume(h) {
	printf("begin c=%d\n", h);
	r = lane_of[h];
	new_token(h);
	printf("sql lane_resume c=%d token=%d new=%d\n", h, r, lane_of[h]);
	printf("sql job_resume c=%d token=%d by=%d\n", h, lane_of[h], worker_pid[h]);
	if
	:: db.lane_token == r ->
		db.lane_token = lane_of[h];
		r = 0;
		FOR_JOBS {
			if
			:: IS_HELD(db.status[j]) && db.by[j] == worker_pid[h] && r != GO ->
				r = db.status[j];
				i = j
			:: else
			fi
		}
		if
		:: is_undone[h] && MAY_RECLAIM ->
			printf("sql job_reclaim c=%d job=%d token=%d by=%d\n", h, job[h], lane_of[h], worker_pid[h]);
			if
			:: db.status[job[h]] == Q -> write_status(job[h], A); db.by[job[h]] = worker_pid[h]; r = GO
			:: else
			fi
		:: else
		fi;
		printf("commit c=%d\n", h);
		if
		:: r == GO -> end_turn_lost(h)
		:: r == A -> worker[h] = CLAIMED; job[h] = i; is_lost[h] = 0
		:: else -> worker[h] = ENDED; is_lost[h] = 0
		fi
	:: else ->
		printf("commit c=%d\n", h);
		end_turn_lost(h)
	fi
	is_undone[h] = 0;
	clear_loops();
	print_state();
}

#ifdef BROKEN_CALL_AGAIN
#define HAS_CALLED(h) 0
#else
#define HAS_CALLED(h) ((called[h] >> job[h]) & 1)
#endif

/* The answers are heard when they are given: one that is lost is of a batch that is left over. */
inline hear_take(h) {
	if
	:: claimed[h] -> worker[h] = CLAIMED; job[h] = claimed[h] - 1; forget_sent(h)
	:: !claimed[h] && is_taken[h] -> forget_sent(h); send(h, LAST); worker[h] = FINISHING
	:: else -> become_idle(h); forget_sent(h)
	fi
}

inline hear_start(h) {
	if
	:: has_finished[h] -> call_plugin(h)
	:: else -> worker[h] = ENDED
	fi
	forget_sent(h);
}

inline hear_alone(h) {
	is_undone[h] = has_finished[h] && HAS_CALLED(h);
	has_end[h] = 0;
	worker[h] = RESUMING;
	forget_sent(h);
}

inline hear_rest(h) {
	has_end[h] = 0;
	if
	:: claimed[h] -> worker[h] = CLAIMED; job[h] = claimed[h] - 1; forget_sent(h)
	/* The head was lost, or the queue is empty: the lane is given back. */
	:: !claimed[h] && sent[h] == NEXT -> forget_sent(h); send(h, LAST)
	:: else -> become_idle(h); forget_sent(h)
	fi
}

/* The supervisor gives work while it is a member and its lease is held. */
#define IS_MEMBER(h) (is_up[h] && own_row[h] && age[h] < LEASE)
#define MAY_SERVE(h) (IS_MEMBER(h) && !is_frozen[h])

/* Where nothing befalls host 0 alone, the hosts are alike: the one that takes the lane first is 0. */
#ifdef ALIKE
#define IS_FIRST(h) (h == 0 || worker[0] != IDLE || db.status[0] != Q)
#else
#define IS_FIRST(h) 1
#endif

proctype work(byte h) {
	do
	:: d_step { worker[h] == IDLE && MAY_SERVE(h) && HEAD != 0 && IS_FIRST(h) && LANE_LOOKS_FREE &&
	            row_of[h] == own_row[h] - 1 -> new_token(h); send(h, TAKE); worker[h] = TAKING }
	:: d_step { sent[h] == TAKE && !lane_lock -> serve_take(h); hear_take(h) }
	:: d_step { worker[h] == CLAIMED && HAS_CALLED(h) -> end_turn_lost(h) }
	:: d_step { worker[h] == CLAIMED && !HAS_CALLED(h) -> send(h, START); worker[h] = STARTING }
	:: d_step { sent[h] == START && !job_lock[sent_job[h]] -> serve_start(h); hear_start(h) }
	:: d_step { worker[h] == RUNNING -> plugin[h] = 0; worker[h] = ENDED }
	:: d_step { worker[h] == ENDED && !is_lost[h] && MAY_SERVE(h) -> send(h, NEXT); worker[h] = FINISHING }
	:: d_step { worker[h] == ENDED && !is_lost[h] -> send(h, LAST); worker[h] = FINISHING }
	:: d_step { worker[h] == ENDED && is_lost[h] && sent[h] == NOTHING -> send(h, ALONE) }
	:: d_step { sent[h] == ALONE && !job_lock[sent_job[h]] -> serve_alone(h); hear_alone(h) }
	:: d_step { worker[h] == RESUMING && (!lane_lock || db.lane_token != lane_of[h]) -> resume(h) }
	:: d_step { phase[h] == 1 && !job_lock[sent_job[h]] -> serve_finish(h) }
#ifdef REPLAY /* in one step, as the real statement */
	:: d_step { MAY_GO_ON(h) -> serve_rest(h); serve_commit(h); hear_rest(h) }
#else
	:: d_step { MAY_GO_ON(h) -> serve_rest(h) }
	:: d_step { phase[h] == 3 -> serve_commit(h); hear_rest(h) }
#endif
	:: d_step { IS_DEADLOCK(h) -> printf("rollback c=%d\n", h); unlock(h); print_state();
	            has_finished[h] = 0; phase[h] = 1 }
	/* Killed: the plugin goes a moment later, an external program by its guard. */
	:: d_step { worker[h] == DYING -> plugin[h] = 0; worker[h] = GONE }
	od
}

/* ---- a supervisor ---- */

#define IS_OBSERVED(h, n) (db.is[n] && own_row[h] && own_row[h] != (n) + 1)
inline observe_anew(h) {
	FOR_ROWS {
		is_fresh[AT(h, r)] = IS_OBSERVED(h, r);
		still[AT(h, r)] = 0
	}
	clear_loops();
}

inline register(h) {
	db.is[n_rows] = 1;
	db.token[n_rows] = 1;
	host_of[n_rows] = h;
	printf("sql supervisor_register row=%d host=%d\n", n_rows, h);
	n_rows++;
	own_row[h] = n_rows;
	is_fresh[AT(1 - h, n_rows - 1)] = own_row[1 - h] != 0;
	age[h] = 0;
	observe_anew(h);
	print_state();
}

/* What is asked for last says when the lease ends: an answer may come late. */
#ifdef BROKEN_LEASE_FROM_ANSWER
#define EXTEND_LEASE(h) age[h] = 0
#else
#define EXTEND_LEASE(h) age[h] = asked_age[h]
#endif

inline serve_renewal(h) {
	printf("sql supervisor_renew row=%d\n", own_row[h] - 1);
	if
	:: db.is[own_row[h] - 1] && db.token[own_row[h] - 1] == 1 ->
		is_fresh[AT(1 - h, own_row[h] - 1)] = own_row[1 - h] != 0;
		db_age[own_row[h] - 1] = 0;
		asked[h] = 2
	:: else -> asked[h] = 3
	fi
	print_state();
}

inline lose_membership(h) {
	own_row[h] = 0;
	asked[h] = 0;
	asked_age[h] = 0;
	if
	:: IS_ALIVE(worker[h]) -> kill_worker(h)
	:: else
	fi
}

/* Peers are judged by a counter that stands still for a lease of the observer's clock. */
#ifdef BROKEN_JUDGED_BY_TIME
#define HAS_LAPSED(h, n) (db_age[n] >= LEASE)
#else
#define HAS_LAPSED(h, n) (!is_fresh[AT(h, n)] && still[AT(h, n)] >= LEASE)
#endif
#define IS_GONE_HERE(h, n) (host_of[n] == (h) && is_process_gone[n])

#ifdef BROKEN_CONDEMN_WITHOUT_COUNTER
#define MAY_CONDEMN(h) (db.is[s_row[h]] && db.token[s_row[h]] == s_token[h])
#else
#define MAY_CONDEMN(h) \
	(db.is[s_row[h]] && db.token[s_row[h]] == s_token[h] && HAS_LAPSED(h, s_row[h]))
#endif
#ifdef BROKEN_CONDEMN_KEEPS_TOKEN
#define CONDEMNED(h) s_token[h]
#else
#define CONDEMNED(h) (2 + (h))
#endif

inline begin_settlement(h, n, from) {
	s_row[h] = n;
	s_token[h] = db.token[n];
	s_phase[h] = from;
}

inline look(h) {
	printf("sql supervisor_others host=%d row=%d\n", h, own_row[h] - 1);
	FOR_ROWS {
		if
		:: is_fresh[AT(h, r)] -> is_fresh[AT(h, r)] = 0; still[AT(h, r)] = 0
		:: else
		fi
	}
	r = 0;
}

inline condemn(h) {
	printf("sql supervisor_condemn host=%d row=%d token=%d new=%d\n", h, s_row[h], s_token[h],
	       CONDEMNED(h));
	if
	:: MAY_CONDEMN(h) ->
		db.token[s_row[h]] = CONDEMNED(h);
		s_token[h] = CONDEMNED(h);
		s_phase[h] = SURVIVORS
	:: else -> s_phase[h] = 0
	fi
	print_state();
}

/* ---- settling: an heir, or a settler ---- */

#define IS_SETTLED_LANE(h) (db.lane_row == s_row[h] + 1 && (!s_pid[h] || db.lane_by == s_pid[h]))
#define IS_ITS_JOB(h, n) \
	((IS_SETTLED_LANE(h) && db.by[n] == db.lane_by) || \
	 (s_pid[h] && s_job[h] == n + 1 && db.by[n] == s_pid[h]))

/* A worker of this host that holds a lane of the row is not gone yet. */
#define HAS_SURVIVOR(h) \
	(db.lane_row == s_row[h] + 1 && db.lane_by == worker_pid[h] && \
	 (IS_ALIVE(worker[h]) || worker[h] == DYING))

#ifdef BROKEN_SETTLE_WITHOUT_LOCK
#define MAY_LOCK(h) 1
#else
#define MAY_LOCK(h) (!lane_lock || !IS_SETTLED_LANE(h))
#endif
#ifdef BROKEN_SETTLE_WITHOUT_STATUS
#define MAY_SETTLE(n) 1
#else
#define MAY_SETTLE(n) IS_HELD(db.status[n])
#endif

inline lock_lane(h) {
	printf("begin c=%d\n", h + 4);
	printf("sql lane_lock c=%d row=%d by=%d\n", h + 4, s_row[h], s_pid[h]);
#ifndef BROKEN_SETTLE_WITHOUT_LOCK
	if
	:: IS_SETTLED_LANE(h) -> lane_lock = 5 + h
	:: else
	fi;
#endif
	print_state();
	s_phase[h] = SNAPSHOT;
}

/* One snapshot decides what was held, lane and jobs: settle is one statement. */
#define HAS_LANE 4
inline look_at_jobs(h) {
	s_found[h] = (IS_SETTLED_LANE(h) -> HAS_LANE : 0);
	FOR_JOBS {
		if
		:: IS_HELD(db.status[j]) && IS_ITS_JOB(h, j) -> s_found[h] = s_found[h] | (1 << j)
		:: else
		fi
	}
	clear_loops();
	s_phase[h] = APPLY;
}

inline unlock_settled(h) {
	if
	:: lane_lock == 5 + h -> lane_lock = 0
	:: else
	fi
}

inline end_settlement(h) {
	unlock_settled(h);
	s_phase[h] = 0;
	s_row[h] = 0;
	s_pid[h] = 0;
	s_job[h] = 0;
	s_token[h] = 0;
	s_found[h] = 0;
}

/* LAWS 1, 4 and 13: what is settled was lost, and nothing of it runs. */
inline settle(h) {
	printf("sql settle c=%d row=%d by=%d job=%d\n", h + 4, s_row[h], s_pid[h], s_job[h]);
	FOR_JOBS {
		if
		:: (s_found[h] & (1 << j)) && MAY_SETTLE(j) ->
			LAW(13, is_harmed);
			LAW(1, (plugin[0] != j + 1 && plugin[1] != j + 1) || is_excused);
			write_status(j, X)
		:: else
		fi
	}
	if
	:: (s_found[h] & HAS_LANE) && IS_SETTLED_LANE(h) ->
		db.lane_row = 0;
		db.lane_by = 0;
		db.lane_token = 0
	:: else
	fi
	if
	:: !s_pid[h] ->
		printf("sql supervisor_remove c=%d row=%d token=%d\n", h + 4, s_row[h], s_token[h]);
		if
		:: db.lane_row != s_row[h] + 1 && db.token[s_row[h]] == s_token[h] ->
			db.is[s_row[h]] = 0;
			db.token[s_row[h]] = 0
		:: else
		fi
	:: else
	fi
	printf("commit c=%d\n", h + 4);
	if
	:: s_pid[h] && s_pid[h] == worker_pid[h] && worker[h] == GONE -> worker[h] = EMPTY
	:: else
	fi
	end_settlement(h);
	clear_loops();
	print_state();
}

#ifdef BROKEN_HEIR_BEFORE_END
#define MAY_INHERIT(h) (worker[h] == GONE || worker[h] == DYING)
#define IS_WAITED_FOR(h) 0
#else
#define MAY_INHERIT(h) (worker[h] == GONE)
#define IS_WAITED_FOR(h) (host_of[s_row[h]] == (h) && HAS_SURVIVOR(h))
#endif
#define WAITS_FOR_BATCH(h) \
	(s_phase[h] == APPLY && lane_lock && lane_lock != 5 + (h) && (s_found[h] & HAS_LANE))

#define IS_OWN(h, n) (own_row[h] == (n) + 1)
#define SUPERVISES(h) (is_up[h] && !is_frozen[h])

proctype supervise(byte h) {
	do
	:: d_step { SUPERVISES(h) && !own_row[h] && !asked[h] && n_rows < N_ROWS -> register(h) }
	:: d_step { SUPERVISES(h) && own_row[h] && !asked[h] && (age[h] || db_age[own_row[h] - 1]) ->
	            asked[h] = 1; asked_age[h] = 0 }
	:: d_step { asked[h] == 1 -> serve_renewal(h) }
	:: d_step { SUPERVISES(h) && asked[h] == 2 -> EXTEND_LEASE(h); asked[h] = 0; asked_age[h] = 0 }
	:: d_step { SUPERVISES(h) && asked[h] == 3 -> lose_membership(h) }

	/* A worker's slot: a new worker, or the heir of a dead one. */
	:: d_step { SUPERVISES(h) && own_row[h] && worker[h] == EMPTY ->
	            worker_pid[h]++; assert(worker_pid[h] <= 4 + 4 * h); become_idle(h);
	            row_of[h] = own_row[h] - 1; called[h] = 0; is_undone[h] = 0 }
	:: d_step { SUPERVISES(h) && own_row[h] && worker[h] == GONE && row_of[h] != own_row[h] - 1 ->
	            worker[h] = EMPTY } /* of a row that is settled as a whole */
	:: d_step { SUPERVISES(h) && own_row[h] && MAY_INHERIT(h) && row_of[h] == own_row[h] - 1 &&
	            !s_phase[h] ->
	            s_pid[h] = worker_pid[h]; s_job[h] = job[h] + 1;
	            begin_settlement(h, row_of[h], LOCK) }
	/* What a batch of a dead worker took after it was settled. */
	:: d_step { SUPERVISES(h) && own_row[h] && !s_phase[h] && db.lane_row == own_row[h] &&
	            db.lane_by != worker_pid[h] ->
	            s_pid[h] = db.lane_by; begin_settlement(h, own_row[h] - 1, LOCK) }
	:: d_step { SUPERVISES(h) && own_row[h] && is_doubtful[h] ->
		if
		:: worker[h] == RUNNING && db.lane_by != worker_pid[h] -> kill_worker(h)
		:: else
		fi
		is_doubtful[h] = 0 }

	/* Peers. */
#define LOOK_AT(n) \
	:: d_step { SUPERVISES(h) && own_row[h] && !s_phase[h] && db.is[n] && !IS_OWN(h, n) && \
	            HAS_LAPSED(h, n) -> begin_settlement(h, n, CONDEMN) } \
	:: d_step { SUPERVISES(h) && own_row[h] && !s_phase[h] && db.is[n] && !IS_OWN(h, n) && \
	            IS_GONE_HERE(h, n) -> begin_settlement(h, n, SURVIVORS) }
	LOOK_AT(0)
	LOOK_AT(1)
	LOOK_AT(2)
	LOOK_AT(3)
	:: d_step { s_phase[h] == CONDEMN -> condemn(h) }
	:: d_step { s_phase[h] == SURVIVORS && !IS_WAITED_FOR(h) -> s_phase[h] = LOCK }
	:: d_step { s_phase[h] == LOCK && MAY_LOCK(h) -> lock_lane(h) }
	:: d_step { s_phase[h] == SNAPSHOT -> look_at_jobs(h) }
	:: d_step { s_phase[h] == APPLY && !WAITS_FOR_JOB(h) && !WAITS_FOR_BATCH(h) -> settle(h) }
	:: d_step { WAITS_FOR_JOB(h) && (IS_DEADLOCK(0) || IS_DEADLOCK(1) || IS_DEADLOCK(2) || IS_DEADLOCK(3)) ->
	            printf("rollback c=%d\n", h + 4); unlock_settled(h); s_phase[h] = LOCK }
	od
}

/* ---- people, the Registry, faults and clocks ---- */

inline cancel(n) {
	printf("sql job_cancel job=%d\n", n);
	cancels--;
	write_status(n, CX);
	print_state();
}

/* LAW 11: the database refuses what would change a final status, or take over what a daemon serves. */
#ifdef BROKEN_NO_GUARD
#define IS_REFUSED(n, to) 0
#else
#define IS_REFUSED(n, to) (IS_FINAL(db.status[n]) || to != CX)
#endif

/* As the Registry writes: it has read the row before, and updates by id alone. */
inline write_as_others(to) {
	j = other_job - 1;
	printf("other job=%d status=%d refused=%d\n", j, to, IS_REFUSED(j, to));
	if
	:: !IS_REFUSED(j, to) -> LAW(11, to == CX && !IS_FINAL(db.status[j])); write_status(j, to)
	:: else
	fi
	other_job = 0;
	clear_loops();
	print_state();
}

/* An administrator ends what no daemon and no command runs. */
#define IS_ABANDONED(n) (IS_HELD(db.status[n]) && db.by[n] == 9)

inline settle_by_hand(n) {
	hands--;
	printf("sql settle_job job=%d by=%d status=%d\n", n, db.by[n], db.status[n]);
	write_status(n, X);
	print_state();
}

#ifdef BROKEN_NO_WATCH
#define HAS_WATCH(h) (!is_frozen[h])
#else
#define HAS_WATCH(h) 1
#endif

#define IS_UNSETTLED(n) (db.is[n] && own_row[0] != (n) + 1 && own_row[1] != (n) + 1)

/*
 * Time passes while it matters to somebody: a supervisor is frozen, its renewal is under way, or a
 * row is left that nobody renews. All others do what they do in time, and look at their peers.
 */
#define TIME_MATTERS \
	(is_frozen[0] || asked[0] || \
	 ((!own_row[0] || !age[0]) && \
	  (IS_UNSETTLED(0) || IS_UNSETTLED(1) || IS_UNSETTLED(2) || IS_UNSETTLED(3))))

/* What was killed is gone before time passes. */
#define IS_DEAD_GONE (worker[0] != DYING && worker[1] != DYING)

inline tick() {
	ticks--;
	FOR_HOSTS {
		if
		:: SUPERVISES(i) && own_row[i] -> look(i)
		:: else
		fi
		if
		:: age[i] < LEASE -> age[i]++
		:: else
		fi
		if
		:: asked[i] && asked_age[i] < LEASE -> asked_age[i]++
		:: else
		fi
		/* The watch of each worker reads the end of the lease, whatever its supervisor does. */
		if
		:: age[i] >= LEASE && IS_ALIVE(worker[i]) && HAS_WATCH(i) ->
			kill_worker(i);
			plugin[i] = 0;
			worker[i] = GONE
		:: else
		fi
		FOR_ROWS {
			if
			:: still[AT(i, r)] < LEASE && IS_OBSERVED(i, r) -> still[AT(i, r)]++
			:: else
			fi
		}
	}
	/* The host that is never in trouble renews in time, and host 0 unless it may freeze. */
	FOR_HOSTS {
		if
		:: own_row[i] && (i == 1 || !FREEZES) ->
			printf("sql supervisor_renew row=%d\n", own_row[i] - 1);
			age[i] = 0;
			is_fresh[AT(1 - i, own_row[i] - 1)] = own_row[1 - i] != 0
		:: else
		fi
	}
	clear_loops();
	print_state();
}

inline crash(h) {
	crashes--;
	is_harmed = 1;
	is_excused = is_excused || has_failed_over;
	if
	:: own_row[h] -> is_process_gone[own_row[h] - 1] = 1
	:: else
	fi
	is_up[h] = 0;
	is_frozen[h] = 0;
	own_row[h] = 0;
	asked[h] = 0;
	asked_age[h] = 0;
	if
	:: s_phase[h] > LOCK -> printf("rollback c=%d\n", h + 4)
	:: else
	fi
	end_settlement(h);
	if
	:: IS_ALIVE(worker[h]) -> kill_worker(h)
	:: else
	fi
#ifdef HOSTS_DIE
	if
	:: worker[h] -> worker[h] = GONE
	:: else
	fi;
	plugin[h] = 0;
	FOR_ROWS {
		if
		:: r < n_rows && host_of[r] == h -> host_of[r] = 2
		:: else
		fi
	}
	clear_loops();
#endif
	print_state();
}

inline copy_tables(from, to) {
	FOR_JOBS {
		to.status[j] = from.status[j];
		to.by[j] = from.by[j]
	}
	to.lane_row = from.lane_row;
	to.lane_by = from.lane_by;
	to.lane_token = from.lane_token;
	FOR_ROWS {
		to.is[r] = from.is[r];
		to.token[r] = from.token[r]
	}
	clear_loops();
}

/* What came after the standby's last word is undone, and every connection is lost. */
inline fail_over() {
	failovers--;
	is_harmed = 1;
	has_failed_over = 1;
	printf("failover\n");
	FOR_JOBS {
		is_forgotten[j] = db.status[j] != standby.status[j] && standby.status[j] <= Q &&
			!(IS_BUSY(worker[0]) && job[0] == j && standby.lane_token == lane_of[0]) &&
			!(IS_BUSY(worker[1]) && job[1] == j && standby.lane_token == lane_of[1])
	}
	copy_tables(standby, db);
	i = 0;
	do
	:: i < 2 ->
		printf("lost c=%d\n", i);
		asked[i] = 0;
		asked_age[i] = 0;
		end_settlement(i);
		if
		:: IS_BUSY(worker[i]) && db.lane_by != worker_pid[i] -> is_excused = 1
		:: else
		fi
		note_lost(i);
		is_doubtful[i] = 1;
		i++
	:: else -> break
	od;
	FOR_JOBS {
		job_lock[j] = 0
	}
	lane_lock = 0;
	for (i : 0 .. 3) {
		sent[i] = NOTHING;
		phase[i] = 0;
		sent_job[i] = 0;
		sent_token[i] = 0;
		sent_by[i] = 0;
		sent_row[i] = 0;
		has_finished[i] = 0;
		is_taken[i] = 0;
		claimed[i] = 0
	}
	observe_anew(0);
	observe_anew(1);
	clear_loops();
	print_state();
}

/* What a daemon of a copy of the database does on host h, where a worker of the original runs. */
#ifdef BROKEN_KILLED_BY_ROW
#define COPY_KILLS(h) (db.lane_by == worker_pid[h] && IS_ALIVE(worker[h]))
#else
#define COPY_KILLS(h) 0
#endif

inline serve_copy(h) {
	copies--;
	if
	:: COPY_KILLS(h) ->
		i = is_harmed;
		kill_worker(h);
		is_harmed = i /* nobody who may has killed it */
	:: else
	fi
	clear_loops();
}

/* A run by chance is worth replaying when what befalls it does so in the midst of things. */
#ifdef REPLAY
#define IS_TIMELY(condition) (condition)
#else
#define IS_TIMELY(condition) 1
#endif
#define IS_UNDOING (db.status[0] != standby.status[0] || db.status[1] != standby.status[1])

proctype world() {
	do
	:: d_step { LATE && db.status[1] == NONE ->
	            printf("sql job_register job=1\n"); db.status[1] = Q; print_state() }
#define EACH_JOB(n) \
	:: d_step { cancels && IS_TIMELY(IS_HELD(db.status[n])) && (db.status[n] == Q || IS_HELD(db.status[n])) && !job_lock[n] -> cancel(n) } \
	:: d_step { others && !other_job && IS_TIMELY(IS_HELD(db.status[n])) && \
	            db.status[n] != NONE && !IS_FINAL(db.status[n]) -> \
	            others--; other_job = n + 1; other_read = db.status[n] } \
	:: d_step { hands && IS_ABANDONED(n) -> settle_by_hand(n) }
	EACH_JOB(0)
	EACH_JOB(1)
	:: d_step { other_job && !job_lock[other_job - 1] -> write_as_others(CX) }
	:: d_step { other_job && !job_lock[other_job - 1] && other_read == Q -> write_as_others(GO) }
	:: d_step { other_job && !job_lock[other_job - 1] && other_read != Q -> write_as_others(X) }
#define EACH_HOST(h) \
	:: d_step { deaths && IS_ALIVE(worker[h]) && IS_TIMELY(sent[h] || plugin[h]) && MAY_LOSE(h) -> deaths--; kill_worker(h) } \
	:: d_step { cuts && IS_BUSY(worker[h]) && MAY_LOSE(h) -> \
	            cuts--; is_harmed = 1; lose_connection(h); note_lost(h) } \
	:: d_step { crashes && is_up[h] && IS_TIMELY(sent[h] || plugin[h]) && MAY_LOSE(h) -> crash(h) } \
	:: d_step { !is_up[h] -> is_up[h] = 1; age[h] = LEASE } \
	:: d_step { freezes && is_up[h] && !is_frozen[h] && IS_TIMELY(sent[h] || plugin[h]) -> freezes--; is_frozen[h] = 1 } \
	:: d_step { is_frozen[h] && IS_TIMELY(!ticks) -> is_frozen[h] = 0 } \
	:: d_step { copies && worker[h] != EMPTY && MAY_LOSE(h) -> serve_copy(h) }
	EACH_HOST(0) /* the other one is as good: what befalls one of them is shown by either */
	:: d_step { ticks && TIME_MATTERS && IS_DEAD_GONE && MAY_LOSE(0) && MAY_LOSE(1) -> tick() }
	:: d_step { steps -> steps--; FOR_ROWS { db_age[r] = LEASE } clear_loops() }
	:: d_step { failovers && !is_snapped ->
	            printf("snapshot\n"); is_snapped = 1; copy_tables(db, standby) }
	:: d_step { failovers && is_snapped && IS_TIMELY(IS_UNDOING && (plugin[0] || plugin[1])) ->
	            fail_over() }
	od
}

/* LAW 4: when nothing moves any more, every job is final, and the lane is free. */
#define IS_TIME_UP \
	(!ticks && (IS_UNSETTLED(0) || IS_UNSETTLED(1) || IS_UNSETTLED(2) || IS_UNSETTLED(3)))
active proctype monitor() {
	d_step {
		db.status[0] = Q;
		db.status[1] = (HANDS -> GO : (JOBS == 2 && !LATE -> Q : NONE));
		db.by[1] = (HANDS -> 9 : 0);
		is_up[0] = 1;
		is_up[1] = 1;
		worker_pid[1] = 4;
		printf("begun\n");
		register(0);
		register(1)
	}
	atomic {
		run work(0);
		run work(1);
		run left_over(2);
		run left_over(3);
		run supervise(0);
		run supervise(1);
		run world()
	}
	timeout ->
	LAW(4, (IS_FINAL(db.status[0]) && (IS_FINAL(db.status[1]) || JOBS == 1) && !db.lane_row) || IS_TIME_UP)
}
