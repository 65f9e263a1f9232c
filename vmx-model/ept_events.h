/* SPDX-License-Identifier: MIT */
/* What the EPT walk meets besides tables: violations as exit or #VE, the page-modification log, sub-page permissions. */
#ifndef VMX_EPT_EVENTS_H
#define VMX_EPT_EVENTS_H

#include "access.h"

/* Turns an EPT violation into an exit, or into #VE when the deciding entry is convertible (bit 63 clear) and the rules allow it. */
void vmx_ept_violation(const struct vmx_access *a, gpa_t guest, uint64_t qualification, bool convertible, struct vmx_translation *out);

/* Called before EPT flags change: false with the exit in `out` when the log is full; logs the page when `dirties`. */
bool vmx_log_modification(const struct vmx_access *a, gpa_t guest, bool dirties, struct vmx_translation *out);

/* Whether sub-page write permissions decide a write that the EPT entries refuse: the leaf is a PTE with bit 61 set. */
bool vmx_sub_page_applies(const struct vmx_access *a, uint64_t leaf, unsigned level, uint64_t needed, uint64_t permissions);
/* False with out->kind an exit: SPPT misconfiguration or miss; false otherwise: the sub-page is not writable. */
bool vmx_sub_page_allows(const struct vmx_access *a, gpa_t guest, struct vmx_translation *out);

#endif
