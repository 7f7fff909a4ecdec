/*
 * Reads the notifications that the triggers on public.jobs send. Every role of the database can
 * send one, so anything but the known forms is NOTICE_UNKNOWN.
 */
#pragma once

#include <stdint.h>

#define NOTICE_CHANNEL "registry_jobd"

typedef enum NoticeType {
        NOTICE_UNKNOWN,
        NOTICE_QUEUED,  /* "queued 2": a job of CO 2 is due */
        NOTICE_DELAYED, /* "delayed": a job becomes due within the hour */
        NOTICE_CANCEL,  /* "cancel 42": running job 42 became Canceled */
} NoticeType;

typedef struct Notice {
        NoticeType type;
        int32_t id; /* the CO's, or the job's */
} Notice;

Notice notice_parse(const char *payload);
