/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in columns of a terminal. */
#include "wrap.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The character at `text`: its length in bytes, whether it is wide. Bytes that are no UTF-8 count as one column each. */
static unsigned character(const char *text, bool *wide)
{
    const unsigned char *const byte = (const unsigned char *)text;
    const unsigned length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : byte[0] >= 0xc0 ? 2 : 1;
    uint32_t code = length == 1 ? byte[0] : byte[0] & (0x7fu >> length);
    *wide = false;
    for (unsigned i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 1;
        code = code << 6 | (byte[i] & 0x3fu);
    }
    *wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
            (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x20000;
    return length;
}

static bool is_one_of(const char *text, unsigned bytes, const char *characters)
{
    bool wide;
    for (unsigned length; *characters != '\0'; characters += length) {
        length = character(characters, &wide);
        if (length == bytes && memcmp(text, characters, bytes) == 0)
            return true;
    }
    return false;
}

/* Lines do not begin with closing punctuation, nor end with opening punctuation. */
static bool closes(const char *text, unsigned bytes)
{
    return is_one_of(text, bytes, "\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f\uff09\u300b\u300d\u300f\u3011\u201d\u2019.,:;!?)]");
}

static bool opens(const char *text, unsigned bytes)
{
    return is_one_of(text, bytes, "\uff08\u300a\u300c\u300e\u3010\u201c\u2018([");
}

/* The piece that may not be broken: it ends at a blank, or on either side of a wide character. */
static unsigned piece(const char *text, unsigned *columns)
{
    unsigned bytes = 0, last = 0; /* last: bytes of the last character so far */
    bool wide, last_wide = false;
    *columns = 0;
    while (text[bytes] != '\0' && text[bytes] != ' ') {
        const char *const at = text + bytes;
        const unsigned length = character(at, &wide);
        if (last != 0 && (wide || last_wide) && !closes(at, length) && !opens(at - last, last))
            break;
        bytes += length;
        *columns += wide ? 2 : 1;
        last = length;
        last_wide = wide;
    }
    return bytes;
}

unsigned text_columns(const char *text)
{
    unsigned columns = 0;
    bool wide;
    for (; *text != '\0'; text += character(text, &wide)) {
        (void)character(text, &wide);
        columns += wide ? 2 : 1;
    }
    return columns;
}

void wrap_text(FILE *to, unsigned at, const char *text)
{
    unsigned column = at;
    bool blank = false; /* blanks were skipped before this piece */
    while (*text != '\0') {
        unsigned columns;
        if (*text == ' ') {
            blank = true;
            text++;
            continue;
        }
        const unsigned bytes = piece(text, &columns);
        if (column != at && column + (blank ? 1 : 0) + columns > WRAP_COLUMNS) {
            fprintf(to, "\n%*s", (int)at, "");
            column = at;
        } else if (column != at && blank) {
            fputc(' ', to);
            column++;
        }
        fwrite(text, 1, bytes, to);
        column += columns;
        text += bytes;
        blank = false;
    }
    fputc('\n', to);
}
