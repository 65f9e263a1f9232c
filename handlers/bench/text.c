/* SPDX-License-Identifier: MIT */
/* Words for people, without a library. */
#include "internal.h"

void bench_say_more(struct bench_result *result, const char *text)
{
    unsigned at = 0;
    while (result->text[at] != '\0')
        at++;
    while (*text != '\0' && at + 1 < sizeof result->text)
        result->text[at++] = *text++;
    result->text[at] = '\0';
}

void bench_say(struct bench_result *result, const char *text)
{
    result->text[0] = '\0';
    bench_say_more(result, text);
}

void bench_say_number(struct bench_result *result, uint64_t number)
{
    char digits[21];
    unsigned at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    bench_say_more(result, digits + at);
}

bool bench_fail(struct bench_result *result, const char *why)
{
    bench_say(result, why);
    return false;
}
