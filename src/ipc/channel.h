/*
 * Messages between the supervisor and one worker, over a socket pair that keeps their boundaries.
 * A plugin can write to its worker's end: the supervisor takes only what is of a known form.
 */
#pragma once

#include <stdint.h>

typedef enum ChannelType {
        CHANNEL_ASSIGN = 1, /* supervisor: serve this CO */
        CHANNEL_SETTLED,    /* heir: what the dead worker left is settled, its lane is free */
        CHANNEL_READY,      /* worker: connected, has loaded its plugins */
        CHANNEL_TURN_OVER,  /* worker: the turn has ended */
        CHANNEL_OVERRUN,    /* its watch: overrun_job of the status page asks for a cancel */
        CHANNEL_RESIDUE,    /* worker: a plugin has left something behind */
        CHANNEL_TROUBLE,    /* worker: what fails, in `residue`; "": it does not any more */
        CHANNEL_BORN,       /* worker, first of all: when it started */
        CHANNEL_FAILED,     /* worker, heir, settler: job_id is Failed, as a hook wants to know */
        CHANNEL_HOOKED,     /* the hook's child: done with job_id; `residue` is what went wrong */
        _CHANNEL_TYPE_MAX,
} ChannelType;

/* Why a turn ended. */
typedef enum TurnEnd {
        TURN_EMPTY = 1, /* nothing more was ready, or somebody else holds the lane */
        TURN_SHARE,     /* had its share, more waits */
        TURN_STOPPED,   /* was told to stop */
        TURN_REFUSED,   /* the database refuses the first job: the CO has a pause */
        TURN_DOWN,      /* programs do not start that have to run first, as `residue` says; or they
                           tell other models than before: "" */
        _TURN_END_MAX,
} TurnEnd;

#define CHANNEL_PLUGIN_SIZE 81u
#define CHANNEL_RESIDUE_SIZE 440u

typedef struct ChannelMessage {
        uint32_t type;
        int32_t co_id;
        uint32_t end;     /* TurnEnd */
        uint32_t jobs;    /* run in this turn */
        uint32_t will;    /* SETTLED, of a settler: which of its wills */
        uint32_t is_last; /* TURN_OVER, RESIDUE: the worker is to be replaced */
        /* What an heir has done since its last message. */
        uint32_t settled;  /* jobs that became Failed */
        uint32_t canceled; /* jobs that were Canceled, and whose end it noted */
        uint32_t lost;     /* history records that nobody will write */
        uint32_t left;     /* history records of the dead worker that still wait */
        uint32_t untold;   /* FAILED, SETTLED: failed jobs for which no message found room */
        /* BORN. */
        int64_t start_ticks; /* as process_start_ticks() of util/process.h */
        /* RESIDUE, HOOKED; texts end within their room. */
        int32_t job_id;
        char plugin[CHANNEL_PLUGIN_SIZE]; /* Plugin.Model */
        char residue[CHANNEL_RESIDUE_SIZE];
} ChannelMessage;

#define CHANNEL_E_CLOSED 1
#define CHANNEL_E_AGAIN 2 /* nothing there, or no room */
#define CHANNEL_E_INVALID 3

/* Both ends are close-on-exec; `ret[0]`, the supervisor's, does not block. */
int channel_new(int ret[2]);

/* Returns 0, CHANNEL_E_* or -errno. */
int channel_send(int fd, const ChannelMessage *message);
int channel_receive(int fd, ChannelMessage *ret);

/* As channel_send(), but never waits: CHANNEL_E_AGAIN when there is no room. */
int channel_try_send(int fd, const ChannelMessage *message);
