/* SPDX-License-Identifier: MIT */
/* Comparing names as people type them. */
#ifndef VMX_NAMES_H
#define VMX_NAMES_H

#include <stdbool.h>

/* Equal but for case and for the separators ' ', '-', '/', '_', '.': "use I/O bitmaps", "use_io_bitmaps" and "USE-IO-BITMAPS" are one name. */
bool vmx_name_equal(const char *a, const char *b);
/* The rest of a name after a prefix (case-insensitive); the whole name when it does not begin with it. */
const char *vmx_name_after_prefix(const char *name, const char *prefix);
/* Edit distance (insert, delete, replace, swap of neighbours) for "did you mean", case-insensitive, separators alike; names over 63 characters
   count as far (64). */
unsigned vmx_name_distance(const char *a, const char *b);
/* Whether what was typed may be meant for a name at that distance: wrong in no more than a third of its letters and one, and alike in more than half of the
   longer of the two. */
bool vmx_name_is_near(unsigned distance, const char *typed, const char *name);

#endif
