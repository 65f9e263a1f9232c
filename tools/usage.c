/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help texts in the columns of a terminal. */
#include "usage.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "wrap.h"

enum { PARAGRAPH_BYTES = 4096, USAGE_INDENT = 7, DEEP_INDENT = 6 };

/* What is gathered until a line begins something new. */
struct paragraph {
    char text[PARAGRAPH_BYTES];
    size_t size;
    unsigned indent;
    bool open;
};

static void flush(struct paragraph *p)
{
    if (p->open)
        wrap_text(stdout, p->indent, p->text);
    *p = (struct paragraph){.size = 0};
}

static void add(struct paragraph *p, const char *text, size_t length)
{
    const int added = snprintf(p->text + p->size, sizeof p->text - p->size, "%s%.*s", p->size != 0 ? " " : "", (int)length, text);
    p->size += added > 0 && (size_t)added < sizeof p->text - p->size ? (size_t)added : 0;
    p->open = true;
}

/* "  --key WORD   what it does": prints the first part. */
static void begin_option(struct paragraph *p, const char *line, size_t length)
{
    size_t at = 2;
    while (at + 1 < length && (line[at] != ' ' || line[at + 1] != ' '))
        at++;
    size_t text = at;
    while (text < length && line[text] == ' ')
        text++;
    if (at + 1 >= length) {
        printf("%.*s\n", (int)length, line);
        return;
    }
    printf("%.*s", (int)text, line);
    p->indent = (unsigned)text;
    add(p, line + text, length - text);
}

void usage_print(const char *usage)
{
    struct paragraph p = {.size = 0};
    for (const char *line = usage; *line != '\0';) {
        const size_t length = strcspn(line, "\n"), blanks = strspn(line, " ");
        if (length == 0) {
            flush(&p);
            putchar('\n');
        } else if (blanks == 0) {
            if (p.open && p.indent != 0)
                flush(&p);
            const bool first = strncmp(line, "usage: ", 7) == 0;
            add(&p, line, length);
            if (first) {
                p.indent = USAGE_INDENT;
                flush(&p);
            }
        } else if (blanks >= DEEP_INDENT) {
            if (blanks == USAGE_INDENT && strncmp(line + blanks, "vmxbench ", 9) == 0) /* another form of the command */
                flush(&p);
            if (!p.open) {
                p.indent = (unsigned)blanks;
                printf("%*s", (int)blanks, "");
            }
            add(&p, line + blanks, length - blanks);
        } else {
            flush(&p);
            begin_option(&p, line, length);
        }
        line += length + (line[length] == '\n');
    }
    flush(&p);
}
