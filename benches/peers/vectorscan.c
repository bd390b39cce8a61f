/* Counts, for each expression of a file, the lines of a log that match it: what vectorscan does with a set, for comparison only.
 *
 *   cc -O2 -o vectorscan vectorscan.c $(pkg-config --cflags --libs libhs) && ./vectorscan line|block expressions.txt app.log
 *
 * "line" hands over every line, "block" 256 KiB of whole lines at a time. Prints matched (expression, line) pairs and the sum over
 * expressions of (number + 1) * count, so that two programs can be compared by more than a total. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, MOST = 20000 };

static unsigned long counts[MOST];
static const char *last[MOST];
static const char *base;

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
    (void)from, (void)flags, (void)context;
    /* The end of the line tells lines apart: one line counts once for an expression. */
    const char *end = base + (to ? to - 1 : 0);
    const char *start = end;
    if (last[id] && last[id] > end && last[id] != base) return 0;
    while (start > base && start[-1] != '\n') start--;
    const char *newline = strchr(end, '\n');
    last[id] = newline ? newline : end + 1;
    counts[id]++;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int by_line = strcmp(argv[1], "line") == 0;
    static char *texts[MOST];
    static unsigned flags[MOST], ids[MOST];
    unsigned n = 0;
    FILE *file = fopen(argv[2], "r");
    if (!file) return 2;
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; n < MOST && (len = getline(&line, &room, file)) > 0; n++) {
        if (line[len - 1] == '\n') line[len - 1] = 0;
        texts[n] = strdup(line);
        flags[n] = HS_FLAG_MULTILINE | HS_FLAG_SINGLEMATCH * (unsigned)by_line;
        ids[n] = n;
    }
    hs_database_t *database;
    hs_compile_error_t *error;
    if (hs_compile_multi((const char *const *)texts, flags, ids, n, HS_MODE_BLOCK, NULL, &database, &error)) {
        fprintf(stderr, "%d: %s\n", error->expression, error->message);
        return 1;
    }
    hs_scratch_t *scratch = NULL;
    hs_alloc_scratch(database, &scratch);
    int log = open(argv[3], O_RDONLY);
    static char buffer[2 * BLOCK + 1];
    size_t kept = 0;
    for (ssize_t got; (got = read(log, buffer + kept, BLOCK)) > 0;) {
        size_t len = kept + (size_t)got;
        char *end = memrchr(buffer, '\n', len);
        if (!end) return 3;
        size_t whole = (size_t)(end + 1 - buffer);
        char held = buffer[whole];
        buffer[whole] = 0;
        for (size_t at = 0; at < whole;) {
            base = buffer + at;
            size_t part = by_line ? (size_t)((char *)memchr(base, '\n', whole - at) - base) + 1 : whole;
            memset(last, 0, n * sizeof *last);
            hs_scan(database, base, (unsigned)part, 0, scratch, on_match, NULL);
            at += part;
        }
        buffer[whole] = held;
        kept = len - whole;
        memmove(buffer, buffer + whole, kept);
    }
    unsigned long total = 0, check = 0;
    for (unsigned at = 0; at < n; at++) total += counts[at], check += (at + 1) * counts[at];
    printf("%lu %lu\n", total, check);
    return 0;
}
