/* SPDX-License-Identifier: MIT */
/* A small formatter in place of printf. */
#ifndef HANDLERS_TEXT_H
#define HANDLERS_TEXT_H

#include <stdarg.h>

/* As vsnprintf() does, for %s, %u, %x, %lu and %lx, with a width that zeros fill (%08x). Longer texts are cut. */
void hv_format(char *buffer, unsigned size, const char *format, va_list arguments);

#endif
