/* A history record on its way from a plugin to the table. */
#pragma once

#include <stdint.h>

#define HISTORY_KEY_CHARS 512
#define HISTORY_COMMENT_CHARS 256
#define HISTORY_KEY_SIZE (4 * HISTORY_KEY_CHARS + 1)
#define HISTORY_COMMENT_SIZE (4 * HISTORY_COMMENT_CHARS + 1)

/* Characters of jobs.*_summary, and room for them. */
#define SUMMARY_CHARS 256
#define SUMMARY_SIZE (4 * SUMMARY_CHARS + 1)

typedef struct HistoryRecord {
        int32_t id; /* reserved in the table's sequence, or 0 */
        int32_t job_id;
        int32_t person_id;            /* or 0 */
        int32_t external_identity_id; /* or 0 */
        uint32_t status;              /* RJ_RECORD_* */
        char key[HISTORY_KEY_SIZE];   /* "" is none */
        char comment[HISTORY_COMMENT_SIZE];
} HistoryRecord;
