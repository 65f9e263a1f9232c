/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing verdicts. */
#include "verdicts.h"

#include <string.h>

/* Each line of a text behind a prefix. */
static void indented(FILE *to, const char *prefix, const char *text)
{
    while (text != NULL && *text != '\0') {
        const size_t length = strcspn(text, "\n");
        fprintf(to, "%s%.*s\n", prefix, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void verdicts_line(FILE *to, const struct replay_verdict *verdict, int status)
{
    if (verdict->passed)
        fprintf(to, "ok    %s (%llu exit%s)\n", verdict->name, (unsigned long long)verdict->exits, verdict->exits == 1 ? "" : "s");
    else if (verdict->skipped)
        fprintf(to, "skip  %s: %s\n", verdict->name, verdict->text);
    else if (status != 2)
        fprintf(to, "FAIL  %s\n", verdict->name);
}

void verdicts_summary(FILE *to, const struct verdict_counts *counts)
{
    if (counts->broken != 0)
        fprintf(to, "%zu unusable script%s\n", counts->broken, counts->broken == 1 ? "" : "s");
    fprintf(to, "%zu passed, %zu failed", counts->passed, counts->failed + counts->broken);
    if (counts->skipped != 0)
        fprintf(to, ", %zu skipped", counts->skipped);
    fputc('\n', to);
}

void verdicts_tap_begin(FILE *to)
{
    fputs("TAP version 13\n", to);
}

void verdicts_tap(FILE *to, size_t number, const struct replay_verdict *verdict)
{
    if (verdict->skipped) {
        fprintf(to, "ok %zu - %s # SKIP %s\n", number, verdict->name, verdict->text);
        return;
    }
    fprintf(to, "%sok %zu - %s\n", verdict->passed ? "" : "not ", number, verdict->name);
    if (!verdict->passed)
        indented(to, "# ", verdict->text);
}

void verdicts_tap_end(FILE *to, size_t count)
{
    fprintf(to, "1..%zu\n", count);
}

static void escaped(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", to);
        else if (c == '<')
            fputs("&lt;", to);
        else if (c == '>')
            fputs("&gt;", to);
        else if (c == '"')
            fputs("&quot;", to);
        else if (c == '\n')
            fputs("&#10;", to);
        else
            fputc(c < 0x20 && c != '\t' ? '?' : c, to);
    }
}

void verdicts_junit_case(FILE *cases, const struct replay_verdict *verdict, int status)
{
    fputs("  <testcase classname=\"", cases);
    escaped(cases, verdict->file);
    fputs("\" name=\"", cases);
    escaped(cases, verdict->name);
    if (verdict->passed) {
        fputs("\"/>\n", cases);
        return;
    }
    if (verdict->skipped) {
        fputs("\">\n    <skipped message=\"", cases);
        escaped(cases, verdict->text);
        fputs("\"/>\n  </testcase>\n", cases);
        return;
    }
    const char *element = status == 2 ? "error" : "failure";
    const char *text = verdict->text != NULL ? verdict->text : "";
    fprintf(cases, "\">\n    <%s message=\"", element);
    char first[512];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(text, "\n"), text);
    escaped(cases, first);
    fputs("\">", cases);
    escaped(cases, text);
    fprintf(cases, "</%s>\n  </testcase>\n", element);
}

void verdicts_junit(FILE *to, const char *cases, const struct verdict_counts *counts)
{
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"vmxbench\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
            "skipped=\"%zu\">\n%s</testsuite>\n",
            counts->passed + counts->failed + counts->broken + counts->skipped, counts->failed, counts->broken, counts->skipped, cases);
}
