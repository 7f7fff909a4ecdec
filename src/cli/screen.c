/*
 * A process that ends must give the terminal back, also in the middle of a wait for the database
 * that nobody can interrupt. So the signals that end it have a handler, which does that, and then
 * let the signal do what it does: whoever started the command sees how it ended. What the handler
 * needs is the only data of a file here: a handler is given nothing. Ctrl-Z gives the terminal back
 * as well, until the process goes on.
 *
 * Lines that are too long end at the edge (no wrapping): a picture never has more lines than it
 * was given, whatever is in it.
 */
#include "cli/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "util/error.h"

/* Another screen, no cursor, no wrapping; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HEIGHT_UNKNOWN 24
#define KEYS_AT_ONCE 64
#define PICTURE_BYTES 65536 /* a picture of less is written at once, and seen as a whole */

static struct {
        volatile sig_atomic_t is_taken;
        int has_keys;
        struct termios usual, ours;
} terminal;

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* The next three functions run in handlers. */
static void write_all(const char *text, size_t n) {
        while (n) {
                ssize_t written = write(STDOUT_FILENO, text, n);
                if (written < 0 && errno != EINTR)
                        return;
                text += written > 0 ? written : 0;
                n -= written > 0 ? (size_t) written : 0;
        }
}

/* In the background the first call waits, as SIGTTOU stops the process. */
static void take_terminal(void) {
        if (terminal.has_keys)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &terminal.ours);
        terminal.is_taken = 1;
        write_all(ENTER, sizeof(ENTER) - 1);
}

static void give_back_terminal(void) {
        if (!terminal.is_taken)
                return;
        write_all(LEAVE, sizeof(LEAVE) - 1);
        if (terminal.has_keys)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &terminal.usual);
        terminal.is_taken = 0;
}

/* The signal has its default action back already, and does it. */
static void on_end(int number) {
        (void) signal(SIGTTOU, SIG_IGN); /* nothing stops it any more */
        give_back_terminal();
        (void) raise(number);
}

static void on_stop(int number) {
        int error = errno;

        (void) number;
        give_back_terminal();
        (void) raise(SIGSTOP);
        take_terminal();
        errno = error;
}

static void set_handlers(void) {
        struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESETHAND | SA_NODEFER};
        struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                (void) sigaction(ends[i], &end, NULL);
        (void) sigaction(SIGTSTP, &stop, NULL);
        (void) signal(SIGTTOU, SIG_DFL); /* for take_terminal() */
}

static void reset_handlers(void) {
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                (void) signal(ends[i], SIG_DFL);
        (void) signal(SIGTSTP, SIG_DFL);
}

static void heard_signals(sigset_t *ret) {
        (void) sigemptyset(ret);
        (void) sigaddset(ret, SIGWINCH);
        (void) sigaddset(ret, SIGCONT);
}

int screen_begin(Screen *screen) {
        sigset_t heard;

        terminal.has_keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &terminal.usual);
        terminal.ours = terminal.usual;
        terminal.ours.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
        heard_signals(&heard);
        (void) sigprocmask(SIG_BLOCK, &heard, NULL);
        int fd = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return error_origin(-errno);
        *screen = (Screen){.signal_fd = fd, .key_fd = terminal.has_keys ? STDIN_FILENO : -1};
        (void) setvbuf(stdout, NULL, _IOFBF, PICTURE_BYTES);
        set_handlers();
        take_terminal();
        return 0;
}

void screen_end(Screen *screen) {
        sigset_t heard;

        give_back_terminal();
        reset_handlers();
        (void) close(screen->signal_fd);
        heard_signals(&heard);
        (void) sigprocmask(SIG_UNBLOCK, &heard, NULL);
}

int screen_height(void) {
        struct winsize size;

        return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row ? size.ws_row
                                                                       : HEIGHT_UNKNOWN;
}

void screen_home(void) {
        (void) fputs("\033[H\033[2K", stdout);
}

int screen_flush(void) {
        (void) fputs("\033[J", stdout);
        return fflush(stdout) == EOF ? -errno : 0;
}

void screen_hear(const Screen *screen) {
        struct signalfd_siginfo info;
        while (read(screen->signal_fd, &info, sizeof(info)) > 0)
                ;
}

int screen_is_left(const Screen *screen) {
        char keys[KEYS_AT_ONCE];
        ssize_t n = read(screen->key_fd, keys, sizeof(keys));

        if (n < 0)
                return errno != EINTR && errno != EAGAIN;
        return !n || memchr(keys, 'q', (size_t) n) || memchr(keys, 'Q', (size_t) n);
}
