/* Runs a fuzzer's entry over files, and over those of folders, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (4 * 1024 * 1024)

/* In a block of exactly its size, so that a sanitizer sees every byte too many. */
static int replay_file(const char *path) {
        FILE *file = fopen(path, "re");
        uint8_t *data = malloc(INPUT_MAX);
        size_t n = file && data ? fread(data, 1, INPUT_MAX, file) : 0;
        uint8_t *exact = malloc(n ? n : 1);
        int is_read = file && data && exact && !ferror(file);

        if (is_read) {
                memcpy(exact, data, n);
                (void) LLVMFuzzerTestOneInput(exact, n);
        } else {
                (void) fprintf(stderr, "could not read %s\n", path);
        }
        if (file)
                (void) fclose(file);
        free(exact);
        free(data);
        return is_read ? 1 : -1;
}

/* The number of files, or -1. */
static int replay(const char *path) {
        struct stat st;
        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return replay_file(path);

        DIR *dir = opendir(path);
        int count = dir ? 0 : -1;
        for (struct dirent *entry; count >= 0 && (entry = readdir(dir));) {
                char *child = NULL;
                if (entry->d_name[0] == '.')
                        continue;
                int n = asprintf(&child, "%s/%s", path, entry->d_name) < 0 ? -1 : replay(child);
                count = n < 0 ? -1 : count + n;
                free(child);
        }
        if (dir)
                (void) closedir(dir);
        return count;
}

int main(int argc, char *argv[]) {
        int count = 0;
        for (int i = 1; i < argc; i++) {
                int n = replay(argv[i]);
                if (n < 0)
                        return EXIT_FAILURE;
                count += n;
        }
        (void) printf("%d inputs\n", count);
        return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
