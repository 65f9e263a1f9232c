/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The architecture's tables as a manual: a list of all entries, or one entry in full, as text or JSON. */
#ifndef TOOLS_MANUAL_H
#define TOOLS_MANUAL_H

#include <stddef.h>

enum { PAGE_LINES = 32, MANUAL_MATCHES = 8 };

/* One entry: a title and labelled texts. */
struct page {
    char title[160];
    unsigned count;
    struct {
        const char *key, *label; /* key: in JSON */
        char *text;
    } line[PAGE_LINES];
};

/* Adds a line; empty text adds nothing. */
__attribute__((format(printf, 4, 5))) void page_add(struct page *page, const char *key, const char *label, const char *format, ...);
/* Adds a line with the names of all controls that a text refers to as WORD[bit]. */
void page_add_controls(struct page *page, const char *const *texts, unsigned count);

struct manual {
    const char *command, *usage;
    const char *entry; /* what an entry is called: "exit reason" */
    unsigned count;
    void (*list)(void);                                  /* prints the compact list */
    void (*describe)(unsigned index, struct page *page); /* fills a page */
    unsigned (*find)(const char *name, unsigned matches[MANUAL_MATCHES]);
    const char *(*name)(unsigned index, unsigned alias); /* names for suggestions; NULL after the last alias */
};

/* Parses the command line and does what it asks for; the exit status. */
int manual_run(const struct manual *manual, int argc, char **argv);

#endif
