/* Acts that use more than their share. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"

#define MB (1024 * 1024L)
#define MEMORY_MAX_MB 2048 /* so that no mistake in a test takes the machine with it */

static int64_t memory_of(const Chaos *chaos) {
        return chaos->value > 0 && chaos->value < MEMORY_MAX_MB ? chaos->value : MEMORY_MAX_MB;
}

/* Every page is written to, or it would be no memory at all. */
static void touch(char *memory, size_t size) {
        for (size_t i = 0; i < size; i += 1024)
                ((volatile char *) memory)[i] = 1;
}

int act_memory(const Chaos *chaos) {
        for (int64_t i = 0; i < memory_of(chaos); i++) {
                char *memory = malloc(MB); /* kept: that is the act */
                if (!memory) {
                        chaos_say(chaos, "got %lld MB, and no more", (long long) i);
                        return RJ_FAILED;
                }
                touch(memory, MB);
                chaos_sleep_ms(2);
        }
        chaos_sleep();
}

int act_memory_fast(const Chaos *chaos) {
        size_t size = (size_t) (memory_of(chaos) * MB);
        char *memory = malloc(size);

        if (!memory)
                abort();
        touch(memory, size);
        chaos_sleep();
}

static int64_t cpu_ms(void) {
        struct timespec used;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        return used.tv_sec * 1000LL + used.tv_nsec / 1000000;
}

int act_cpu(const Chaos *chaos) {
        int64_t end = cpu_ms() + chaos->value;

        while (cpu_ms() < end)
                ;
        return RJ_OK;
}

int act_cpu_ignoring(const Chaos *chaos) {
        (void) signal(SIGXCPU, SIG_IGN);
        return act_cpu(chaos);
}

int act_open_descriptors(const Chaos *chaos) {
        int fds[4096], error = 0;
        int64_t n = 0;

        for (; n < chaos->value && n < 4096 && !error; n++) {
                fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (fds[n] < 0)
                        error = errno;
        }
        chaos_say(chaos, error ? "%lld descriptors: %s" : "%lld descriptors%s",
                  (long long) (error ? n - 1 : n), error ? strerror(error) : "");
        while (n > 0)
                (void) close(fds[--n]);
        return error ? RJ_FAILED : RJ_OK;
}
