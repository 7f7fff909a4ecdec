/* Acts against malloc, as glibc has it; pointless under a sanitizer, which has its own. */
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acts.h"

#define CHUNK 2000 /* too large for the thread's own cache: the arena sees it */

/* No compiler may know what these pointers point to. */
static char *hide(char *pointer) {
        __asm__ volatile("" : "+r"(pointer));
        return pointer;
}

int act_heap_overrun(const Chaos *chaos) {
        char *first = malloc(CHUNK), *second = malloc(CHUNK);

        (void) chaos;
        if (!first || !second)
                return RJ_FAILED;
        memset(hide(first) + CHUNK, 0xff, 3 * sizeof(size_t));
        free(second);
        free(first);
        return RJ_OK;
}

int act_heap_double_free(const Chaos *chaos) {
        char *chunk = malloc(CHUNK), *barrier = malloc(CHUNK);
        char *same = hide(chunk);

        (void) chaos;
        free(chunk);
        free(same);
        free(barrier);
        return RJ_OK;
}

int act_heap_wild_free(const Chaos *chaos) {
        char *chunk = calloc(1, CHUNK);

        (void) chaos;
        if (chunk)
                free(hide(chunk + 40));
        return RJ_OK;
}

int act_heap_rest(const Chaos *chaos) {
        char *chunk = malloc(CHUNK);

        (void) chaos;
        if (!chunk)
                return RJ_FAILED;
        char *end = sbrk(0);
        if (end == (char *) -1 || end < chunk)
                return RJ_FAILED;
        memset(hide(chunk), 0x41, (size_t) (end - chunk));
        return RJ_OK;
}

typedef struct Lock {
        sem_t is_held;
} Lock;

static ssize_t never_write(void *cookie, const char *bytes, size_t size) {
        Lock *lock = cookie;

        (void) bytes;
        (void) sem_post(&lock->is_held);
        chaos_sleep();
        return (ssize_t) size;
}

/* malloc_stats() prints while it holds the arena's lock. */
static void *hold(void *arg) {
        cookie_io_functions_t functions = {.write = never_write};
        FILE *file = fopencookie(arg, "w", functions);

        if (file) {
                setvbuf(file, NULL, _IONBF, 0);
                stderr = file;
                malloc_stats();
        }
        return NULL;
}

int act_heap_hang(const Chaos *chaos) {
        static Lock lock; /* outlives this call, as the thread does */
        FILE *before = stderr;
        pthread_t thread;

        if (sem_init(&lock.is_held, 0, 0) || pthread_create(&thread, NULL, hold, &lock))
                return RJ_FAILED;
        while (sem_wait(&lock.is_held))
                ;
        stderr = before;
        chaos_mark(chaos, getpid());
        return RJ_OK;
}
