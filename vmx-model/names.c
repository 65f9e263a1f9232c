/* SPDX-License-Identifier: MIT */
/* Comparing names as people type them. */
#include "names.h"

#include <stddef.h>

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_separator(char c)
{
    return c == ' ' || c == '-' || c == '/' || c == '_' || c == '.';
}

bool vmx_name_equal(const char *a, const char *b)
{
    for (;;) {
        while (is_separator(*a))
            a++;
        while (is_separator(*b))
            b++;
        if (lower(*a) != lower(*b))
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

const char *vmx_name_after_prefix(const char *name, const char *prefix)
{
    const char *rest = name;
    for (; *prefix != '\0'; prefix++, rest++)
        if (lower(*rest) != lower(*prefix))
            return name;
    return rest;
}

enum { NAME_MAX = 63, FAR = NAME_MAX + 1 };

static unsigned length_up_to_far(const char *name)
{
    unsigned length = 0;
    while (length < FAR && name[length] != '\0')
        length++;
    return length;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool alike(char a, char b)
{
    return lower(a) == lower(b) || (is_separator(a) && is_separator(b));
}

unsigned vmx_name_distance(const char *a, const char *b)
{
    const unsigned rows = length_up_to_far(a), columns = length_up_to_far(b);
    if (rows > NAME_MAX || columns > NAME_MAX)
        return FAR;
    unsigned line[3][FAR]; /* the last three rows of the table of distances between prefixes */
    for (unsigned j = 0; j <= columns; j++)
        line[0][j] = j;
    for (unsigned i = 1; i <= rows; i++) {
        unsigned *const now = line[i % 3], *const above = line[(i - 1) % 3], *const above2 = line[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            const unsigned replaced = above[j - 1] + (alike(a[i - 1], b[j - 1]) ? 0 : 1);
            now[j] = smaller(replaced, smaller(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && alike(a[i - 1], b[j - 2]) && alike(a[i - 2], b[j - 1]))
                now[j] = smaller(now[j], above2[j - 2] + 1);
        }
    }
    return line[rows % 3][columns];
}

bool vmx_name_is_near(unsigned distance, const char *typed, const char *name)
{
    const unsigned letters = length_up_to_far(typed), others = length_up_to_far(name);
    return distance <= letters / 3 + 1 && 2 * distance < (letters > others ? letters : others);
}
