/*
 * The files are other people's: each is read to a limit, only regular files are opened, and what
 * is shown of a line is cut and made harmless by whoever shows it.
 */
#include "cli/runner_lines.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/text.h"

#define FILE_BYTES 65536u
#define FILES_MAX 4000u

/*
 * Words: cake or cake.php, perhaps in quotation marks or behind a path; options of cake; job; then
 * anywhere -r, alone or among other short options, or --run.
 */
#define BLANK "[[:space:]]+"
#define QUOTE "[\"']?"
static const char pattern[] =
        "cake(\\.php)?" QUOTE "(" BLANK "-[^[:space:]]+)*" BLANK QUOTE "job" QUOTE "(" BLANK
        ".*)?" BLANK QUOTE "(--run|-[[:alpha:]]*r[[:alpha:]]*)" QUOTE "([[:space:];|&)]|$)";

int runner_line_is(const char *line) {
        regex_t compiled;

        if (!strstr(line, "cake") || regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB))
                return 0;
        int is_found = !regexec(&compiled, line, 0, NULL, 0);
        regfree(&compiled);
        return is_found;
}

typedef struct Search {
        RunnerLineFn *on_found, *on_unread;
        void *userdata;
        int is_unit; /* only what a unit starts counts */
} Search;

/* 1 for a comment, and in a unit for all that starts nothing. */
static int is_passed_over(const Search *search, const char *line) {
        line += strspn(line, " \t");
        return *line == '#' || (search->is_unit && (*line == ';' || strncmp(line, "Exec", 4)));
}

static void search_text(const Search *search, const char *path, char *text) {
        char place[512];
        unsigned number = 0;

        for (char *line = text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                number++;
                if (is_passed_over(search, line) || !runner_line_is(line))
                        continue;
                (void) snprintf(place, sizeof(place), "%.480s:%u", path, number);
                search->on_found(search->userdata, place, line + strspn(line, " \t"));
        }
}

/* Returns the bytes read, or -errno; a directory or a device has none. */
static ssize_t read_file(const char *path, char text[FILE_BYTES]) {
        struct stat status;
        ssize_t n = 0, length = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return -errno;
        if (!fstat(fd, &status) && S_ISREG(status.st_mode))
                while (length < (ssize_t) FILE_BYTES - 1 &&
                       (n = read(fd, text + length, FILE_BYTES - 1 - (size_t) length)) > 0)
                        length += n;
        int r = n < 0 ? -errno : 0;
        (void) close(fd);
        text[length] = '\0';
        return r ? r : length;
}

static void search_file(const Search *search, const char *path) {
        _cleanup_(freep) char *text = calloc(1, FILE_BYTES);
        ssize_t n = text ? read_file(path, text) : -ENOMEM;

        if (n > 0)
                search_text(search, path, text);
        else if (n < 0 && n != -ENOENT)
                search->on_unread(search->userdata, path, strerror((int) -n));
}

static int on_glob_error(const char *path, int error) {
        (void) path, (void) error; /* its files are asked for by name below */
        return 0;
}

/* A directory that may not be listed is told, like a file that may not be read. */
static void search_pattern(const Search *search, const char *root, const char *name) {
        char path[1024], directory[1024];
        glob_t found;

        (void) snprintf(path, sizeof(path), "%s%s", root, name);
        (void) snprintf(directory, sizeof(directory), "%.*s", (int) (strrchr(path, '/') - path),
                        path);
        if (strchr(name, '*') && access(directory, R_OK) < 0 && errno != ENOENT && errno != ENOTDIR)
                search->on_unread(search->userdata, directory, strerror(errno));
        if (glob(path, 0, on_glob_error, &found))
                return;
        for (size_t i = 0; i < found.gl_pathc && i < FILES_MAX; i++)
                search_file(search, found.gl_pathv[i]);
        globfree(&found);
}

void runner_lines_in_crontabs(const char *root, RunnerLineFn *on_found, RunnerLineFn *on_unread,
                              void *userdata) {
        static const char *const names[] = {
                "/etc/crontab",        "/etc/anacrontab",
                "/etc/cron.d/*",       "/etc/cron.hourly/*",
                "/etc/cron.daily/*",   "/etc/cron.weekly/*",
                "/etc/cron.monthly/*", "/var/spool/cron/crontabs/*",
                "/var/spool/cron/*",
        };
        const Search search = {.on_found = on_found, .on_unread = on_unread, .userdata = userdata};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                search_pattern(&search, root, names[i]);
}

void runner_lines_in_units(const char *root, RunnerLineFn *on_found, RunnerLineFn *on_unread,
                           void *userdata) {
        static const char *const names[] = {
                "/etc/systemd/system/*.service",          "/etc/systemd/system/*.d/*.conf",
                "/run/systemd/system/*.service",          "/run/systemd/transient/*.service",
                "/usr/lib/systemd/system/*.service",      "/etc/systemd/user/*.service",
                "/home/*/.config/systemd/user/*.service",
        };
        const Search search = {
                .on_found = on_found, .on_unread = on_unread, .userdata = userdata, .is_unit = 1};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                search_pattern(&search, root, names[i]);
}

/* The words of a command line of /proc, with blanks between them. */
static void join_words(char *text, ssize_t length) {
        for (ssize_t i = 0; i + 1 < length; i++)
                if (!text[i])
                        text[i] = ' ';
        text_make_line(text);
}

/* The shell that runs such a line is one of them, too. */
void runner_lines_of_processes(RunnerLineFn *on_found, void *userdata) {
        _cleanup_(freep) char *text = calloc(1, FILE_BYTES);
        DIR *proc = opendir("/proc");
        char place[320];

        for (const struct dirent *entry; text && proc && (entry = readdir(proc));) {
                if (!isdigit((unsigned char) *entry->d_name))
                        continue;
                (void) snprintf(place, sizeof(place), "/proc/%s/cmdline", entry->d_name);
                ssize_t n = read_file(place, text);
                if (n <= 0)
                        continue;
                join_words(text, n);
                if (!runner_line_is(text))
                        continue;
                (void) snprintf(place, sizeof(place), "PID %s", entry->d_name);
                on_found(userdata, place, text);
        }
        if (proc)
                (void) closedir(proc);
}
