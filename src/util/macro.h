/* Cleanup attributes, and small macros that every module uses. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))
#define _printf_(fmt, args) __attribute__((__format__(__printf__, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* Hands an owned pointer over: its value, with the variable that owned it set to NULL. */
#define TAKE_PTR(p)                       \
        ({                                \
                __auto_type _taken = (p); \
                (p) = NULL;               \
                _taken;                   \
        })

/* The same for a descriptor: the variable is -1 then. */
#define TAKE_FD(fd)             \
        ({                      \
                int _fd = (fd); \
                (fd) = -1;      \
                _fd;            \
        })

/* Makes x_freep() for _cleanup_ of "T *x_free(T *)", which accepts NULL and returns NULL. */
#define DEFINE_CLEANUP(type, fn)             \
        static inline void fn##p(type **p) { \
                if (*p)                      \
                        *p = fn(*p);         \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}

static inline void closep(const int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}
