/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing verdicts. */
#include "verdicts.h"

#include <string.h>

#include "trace_writers.h"

/* A name or reason in a line of TAP: '#' would begin a directive, control characters would end the line. */
static void tap_text(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '#' || c == '\\')
            fputc('\\', to);
        fputc(c < 0x20 || c == 0x7f ? '?' : c, to);
    }
}

/* Each line of a text behind a prefix. */
static void indented(FILE *to, const char *prefix, const char *text)
{
    while (text != NULL && *text != '\0') {
        const size_t length = strcspn(text, "\n");
        fprintf(to, "%s%.*s\n", prefix, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void verdicts_line(FILE *to, const struct replay_verdict *verdict)
{
    if (verdict->passed)
        fprintf(to, "ok    %s (%llu exit%s)\n", verdict->name, (unsigned long long)verdict->exits, verdict->exits == 1 ? "" : "s");
    else if (verdict->skipped)
        fprintf(to, "skip  %s: %s\n", verdict->name, verdict->text);
    else if (!verdict->broken)
        fprintf(to, "FAIL  %s\n", verdict->name);
}

void verdicts_summary(FILE *to, const struct verdict_counts *counts)
{
    fprintf(to, "%zu passed, %zu failed", counts->passed, counts->failed);
    if (counts->broken != 0)
        fprintf(to, ", %zu unusable", counts->broken);
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
    fprintf(to, "%sok %zu - ", verdict->passed || verdict->skipped ? "" : "not ", number);
    tap_text(to, verdict->name);
    if (verdict->skipped) {
        fputs(" # SKIP ", to);
        tap_text(to, verdict->text);
    }
    fputc('\n', to);
    if (!verdict->passed && !verdict->skipped)
        indented(to, "# ", verdict->text);
}

void verdicts_tap_end(FILE *to, size_t count)
{
    fprintf(to, "1..%zu\n", count);
}

/* A character that XML 1.0 cannot hold, not even escaped. */
static bool is_forbidden(const char *at, size_t length)
{
    return ((unsigned char)*at < 0x20 && *at != '\t' && *at != '\n') ||
           (length == 3 && memcmp(at, "\xef\xbf", 2) == 0 && (unsigned char)at[2] >= 0xbe);
}

static void escaped(FILE *to, const char *text)
{
    for (size_t left = strlen(text), length; left != 0; text += length, left -= length) {
        length = utf8_length((const unsigned char *)text, left);
        if (length == 0 || is_forbidden(text, length))
            fputs("\xef\xbf\xbd", to); /* U+FFFD */
        else if (*text == '&')
            fputs("&amp;", to);
        else if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '"')
            fputs("&quot;", to);
        else if (*text == '\n')
            fputs("&#10;", to);
        else
            fwrite(text, 1, length, to);
        length += length == 0;
    }
}

void verdicts_junit_case(FILE *cases, const struct replay_verdict *verdict)
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
    const char *element = verdict->broken ? "error" : "failure";
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
