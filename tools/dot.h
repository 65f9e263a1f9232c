/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Graphviz's program `dot`, run as a child. */
#ifndef TOOLS_DOT_H
#define TOOLS_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Renders a graph in a format that `dot -T` knows ("svg", "png"). The caller frees *picture. False: `why` says what failed. */
bool dot_render(const char *graph, size_t graph_size, const char *format, uint8_t **picture, size_t *picture_size, char *why, size_t why_size);

#endif
