/*
 * Messages between the supervisor and one worker, over a socket pair that keeps their boundaries.
 * A plugin can write to its worker's end: the supervisor takes only what is of a known form.
 */
#pragma once

#include <stdint.h>

typedef enum ChannelType {
        CHANNEL_ASSIGN = 1, /* supervisor: serve this CO */
        CHANNEL_READY,      /* worker: connected, has loaded its plugins */
        CHANNEL_TURN_OVER,  /* worker: the turn has ended */
} ChannelType;

/* Why a turn ended. */
typedef enum TurnEnd {
        TURN_EMPTY = 1,   /* nothing more was ready */
        TURN_SHARE,       /* had its share, more waits */
        TURN_BUSY,        /* somebody else holds the lane */
        TURN_STOPPED,     /* was told to stop */
        TURN_UNAVAILABLE, /* the database was not to be reached */
        _TURN_END_MAX,
} TurnEnd;

typedef struct ChannelMessage {
        uint32_t type;
        int32_t co_id;
        uint32_t end;     /* TurnEnd */
        uint32_t jobs;    /* run in this turn */
        uint32_t is_last; /* TURN_OVER: the worker is to be replaced, its plugin left something */
} ChannelMessage;

#define CHANNEL_E_CLOSED 1
#define CHANNEL_E_AGAIN 2 /* nothing there, or no room */
#define CHANNEL_E_INVALID 3

/* Both ends are close-on-exec; `ret[0]`, the supervisor's, does not block. */
int channel_new(int ret[2]);

/* Returns 0, CHANNEL_E_* or -errno. */
int channel_send(int fd, const ChannelMessage *message);
int channel_receive(int fd, ChannelMessage *ret);
