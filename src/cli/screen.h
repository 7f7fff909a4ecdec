/* The whole terminal, for a picture that is drawn again and again in its place. */
#pragma once

#include "util/macro.h"

/*
 * What ends a line of a picture: what stood in the next one before goes. (To clear the rest of a
 * line behind it would take its last character, where it is as wide as the terminal.)
 */
#define SCREEN_LINE_END "\n\033[2K"

typedef struct Screen {
        int signal_fd; /* readable when the size may have changed; screen_hear() reads it */
        int key_fd;    /* readable when a key was pressed; -1: standard input is no terminal */
} Screen;

/*
 * Takes the terminal over: another screen without a cursor, keys without an echo. Whatever ends the
 * process but SIGKILL gives it back: screen_end(), or one of the signals that end it. Only one
 * screen can be open. Returns 0 or -errno.
 */
int screen_begin(Screen *screen);
void screen_end(Screen *screen);

/* Lines of the terminal on standard output. */
int screen_height(void);

/* Begins a picture: the next line is the first one. */
void screen_home(void);

/* Ends a picture: what stood below it goes, and all is shown. Returns 0, or -errno. */
int screen_flush(void);

/* Forgets the signals that made `signal_fd` readable. */
void screen_hear(const Screen *screen);

/* Reads keys. Returns 1 when one of them is q, or when there is no terminal any more. */
int screen_is_left(const Screen *screen);
