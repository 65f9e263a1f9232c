/* SPDX-License-Identifier: MIT */
/* Comparing names as people type them. */
#ifndef VMX_NAMES_H
#define VMX_NAMES_H

#include <stdbool.h>

/* Equal but for case and for ' ', '-', '/', '_', '.' being alike. */
bool vmx_name_equal(const char *a, const char *b);
/* Edit distance (insert, delete, replace, swap of neighbours) for "did you mean", case-insensitive; names over 63 characters count as far (64). */
unsigned vmx_name_distance(const char *a, const char *b);

#endif
