/* The MESSAGE_ID of each line that people and programs look for in the journal. Never reused. */
#pragma once

#define LOG_ID_STARTED "0f3be0a4b6f94d0db3a1f3a2a5e6c101"
#define LOG_ID_FINISHED "0f3be0a4b6f94d0db3a1f3a2a5e6c102"
#define LOG_ID_FAILED "0f3be0a4b6f94d0db3a1f3a2a5e6c103"
#define LOG_ID_CANCELED "0f3be0a4b6f94d0db3a1f3a2a5e6c104"
#define LOG_ID_WORKER_DIED "0f3be0a4b6f94d0db3a1f3a2a5e6c105"
#define LOG_ID_SETTLED "0f3be0a4b6f94d0db3a1f3a2a5e6c106"
#define LOG_ID_DATABASE_LOST "0f3be0a4b6f94d0db3a1f3a2a5e6c107"
#define LOG_ID_DATABASE_BACK "0f3be0a4b6f94d0db3a1f3a2a5e6c108"
#define LOG_ID_LEASE_LOST "0f3be0a4b6f94d0db3a1f3a2a5e6c109"
#define LOG_ID_STALLED "0f3be0a4b6f94d0db3a1f3a2a5e6c10a"
#define LOG_ID_REGISTERED "0f3be0a4b6f94d0db3a1f3a2a5e6c10b"
#define LOG_ID_CANCEL "0f3be0a4b6f94d0db3a1f3a2a5e6c10c"
