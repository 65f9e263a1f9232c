/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial stream of the hardware image: text lines, and frames { "VMXF", u32 length, payload, u32 CRC-32 } between them. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/packed.h"

enum { FRAME_HEAD_BYTES = 8, FRAME_TAIL_BYTES = 4 };

static uint32_t get_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Bytes of the whole frame that begins here; 0: none does, or it is cut short or damaged. */
static size_t frame_at(const uint8_t *at, size_t size)
{
    if (size < FRAME_HEAD_BYTES + FRAME_TAIL_BYTES || memcmp(at, "VMXF", 4) != 0)
        return 0;
    const size_t length = get_u32(at + 4);
    if (length > size - FRAME_HEAD_BYTES - FRAME_TAIL_BYTES)
        return 0;
    const uint8_t *payload = at + FRAME_HEAD_BYTES;
    return bench_crc32(0, payload, length) == get_u32(payload + length) ? FRAME_HEAD_BYTES + length + FRAME_TAIL_BYTES : 0;
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
        snprintf(report->text, sizeof report->text, "%.110s%s", text, report->note);
    } else if ((report = report_of(line, "refused", reports, count, &text)) != NULL) {
        report->refused = true;
        snprintf(report->text, sizeof report->text, "%.159s", text);
    } else {
        snprintf(last, 160, "%.159s", line);
    }
}

void bochs_parse(const struct bytes *serial, struct bochs_report *reports, size_t count, char last[160])
{
    struct bochs_report *current = NULL;
    char line[256];
    size_t length = 0;
    last[0] = '\0';
    for (size_t at = 0; at < serial->size;) {
        const size_t frame = length == 0 ? frame_at(serial->data + at, serial->size - at) : 0;
        if (frame != 0) {
            if (current != NULL)
                (void)bytes_add(&current->trace, serial->data + at + FRAME_HEAD_BYTES, frame - FRAME_HEAD_BYTES - FRAME_TAIL_BYTES);
            at += frame;
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
