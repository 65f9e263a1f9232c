/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial stream of the hardware image: text lines, and frames of the trace between them. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/frame.h"

/* Where the stream makes sense again behind a frame that has no end: at the next frame or word of the image. */
static size_t next_sense(const struct bytes *serial, size_t at)
{
    static const char *const words[] = {"VMXF", "note: ", "ran ", "refused ", "begin ", "end ", "vmxbench-hw: "};
    for (; at < serial->size; at++)
        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
            if (serial->size - at >= strlen(words[i]) && memcmp(serial->data + at, words[i], strlen(words[i])) == 0)
                return at;
    return at;
}

/* Behind the frame that begins at `at`; its payload goes to the scenario under way. `at` itself: none begins there. A number that is not the next one tells of
   frames that were lost or came twice; not so for the first frame of a scenario, whose predecessor was another one's: what is missing there shows in what is
   there. */
static size_t take_frame(const struct bytes *serial, size_t at, struct bochs_report *current, uint16_t *next)
{
    const uint8_t *frame = serial->data + at;
    uint32_t size = 0;
    uint16_t number = 0;
    const enum frame_kind kind = frame_read(frame, serial->size - at, &size, &number);
    if (kind == FRAME_NONE)
        return at;
    if (current != NULL) {
        current->damaged |= kind != FRAME_WHOLE || (current->trace.size != 0 && number != *next);
        if (kind == FRAME_WHOLE)
            (void)bytes_add(&current->trace, frame + FRAME_HEAD_BYTES, size - FRAME_HEAD_BYTES - FRAME_TAIL_BYTES);
    }
    *next = (uint16_t)(number + 1);
    return kind != FRAME_CUT ? at + size : next_sense(serial, at + 4);
}

/* "ran 12: text": the report of scenario 12 when the line starts with `word`; *text is what follows the colon, or "". */
static struct bochs_report *report_of(const char *line, const char *word, struct bochs_report *reports, size_t count, const char **text)
{
    const size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || line[length] != ' ')
        return NULL;
    char *end;
    const unsigned long number = strtoul(line + length + 1, &end, 10);
    *text = strncmp(end, ": ", 2) == 0 ? end + 2 : "";
    return number < count ? &reports[number] : NULL;
}

/* Lines from "VMCS ..." on, up to the next word of the image. */
static bool take_dump(const char *line, struct bochs_report *report)
{
    const size_t used = strlen(report->dump);
    report->in_dump |= strncmp(line, "VMCS ", 5) == 0;
    if (report->in_dump)
        snprintf(report->dump + used, sizeof report->dump - used, "%s\n", line);
    return report->in_dump;
}

static void take_line(const char *line, struct bochs_report *reports, size_t count, struct bochs_report **current, char last[160])
{
    const char *text;
    struct bochs_report *report;
    if ((report = report_of(line, "begin", reports, count, &text)) != NULL) {
        report->begun = true;
        *current = report;
        last[0] = '\0';
    } else if (strncmp(line, "note: ", 6) == 0 && *current != NULL) {
        snprintf((*current)->note, sizeof(*current)->note, "; %.*s", (int)sizeof(*current)->note - 3, line + 6);
    } else if ((report = report_of(line, "ran", reports, count, &text)) != NULL) {
        report->ran = true;
        *current = NULL;
        snprintf(report->text, sizeof report->text, "%.110s%s", text, report->note);
    } else if ((report = report_of(line, "refused", reports, count, &text)) != NULL) {
        report->refused = true;
        *current = NULL;
        snprintf(report->text, sizeof report->text, "%.159s", text);
    } else if (*current == NULL || !take_dump(line, *current)) {
        snprintf(last, 160, "%.159s", line);
    }
}

void bochs_parse(const struct bytes *serial, struct bochs_report *reports, size_t count, char last[160])
{
    struct bochs_report *current = NULL;
    uint16_t next = 0;
    char line[256] = "";
    size_t length = 0;
    last[0] = '\0';
    for (size_t at = 0; at < serial->size;) {
        const size_t behind = length == 0 ? take_frame(serial, at, current, &next) : at;
        if (behind != at) {
            at = behind;
            continue;
        }
        const char c = (char)serial->data[at++];
        if (c != '\n') {
            if (length + 1 < sizeof line)
                line[length++] = c >= ' ' && c <= '~' ? c : '.';
            continue;
        }
        line[length] = '\0';
        length = 0;
        take_line(line, reports, count, &current, last);
    }
}
