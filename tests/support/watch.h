/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the case of a long run that ends the program, or takes a minute of processor time. */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include <stdint.h>

/* `what` names a case ("guest"); the string stays. Without a sanitizer, which says more itself, wild accesses are told as well. */
void watch_begin(const char *what);
/* Case `number` begins: its minute too. */
void watch_case(uint64_t number);

#endif
