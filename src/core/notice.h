/* What the triggers say in their notifications. Anybody can send one: only known forms count. */
#pragma once

#include <stdint.h>

#define NOTICE_CHANNEL "registry_jobd"

typedef enum NoticeType {
        NOTICE_UNKNOWN,
        NOTICE_QUEUED,  /* "queued 2": CO 2 has a job that is due */
        NOTICE_DELAYED, /* "delayed": a job falls due within the hour */
        NOTICE_CANCEL,  /* "cancel 42": running job 42 became Canceled */
} NoticeType;

typedef struct Notice {
        NoticeType type;
        int32_t id; /* of the CO or the job */
} Notice;

Notice notice_parse(const char *payload);
