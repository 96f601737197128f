/* Counts the lines and words of a text. Standard input is the input, whole, then end of file; standard output is the output, and it counts
 * when this exits with 0. Input is whatever the step before wrote: check it before use. */
#include <stdbool.h>
#include <stdio.h>

struct counts {
    size_t lines, words, longest; /* longest: bytes of the longest line */
};

static int fail(const char *why)
{
    fprintf(stderr, "@NAME@: %s\n", why); /* a constant: no part of the input gets into an error */
    return 1;
}

static bool is_space(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n';
}

static struct counts count(FILE *in)
{
    struct counts counts = {0, 0, 0};
    size_t line = 0;
    int last = '\n';
    for (int byte; (byte = getc(in)) != EOF; last = byte) {
        counts.lines += last == '\n';
        counts.words += is_space(last) && !is_space(byte);
        line = byte == '\n' ? 0 : line + 1;
        counts.longest = line > counts.longest ? line : counts.longest;
    }
    return counts;
}

int main(void)
{
    const struct counts counts = count(stdin);
    if (ferror(stdin)) {
        return fail("the input cannot be read");
    }
    if (counts.lines == 0) {
        return fail("the input is empty");
    }
    printf("{\"lines\": %zu, \"words\": %zu, \"longest\": %zu}\n", counts.lines, counts.words, counts.longest);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : fail("the output cannot be written");
}
