/* SPDX-License-Identifier: MIT */
/* The APIC-access page as the walk meets it. Internal. */
#ifndef VMX_APIC_PAGE_H
#define VMX_APIC_PAGE_H

#include "access.h"

/* Whether the page of 2^shift bytes around a host-physical address holds the APIC-access page, where there is one. */
bool vmx_apic_page_within(const struct vmx_access *a, hpa_t host, unsigned shift);
/* A linear access that reached the page: exits at once, or is left to its size with out->apic_page. */
void vmx_apic_page_access(const struct vmx_access *a, struct vmx_translation *out);
/* A guest-physical access (paging structures, PDPTEs) that reached the page: always an exit. */
void vmx_apic_page_physical(const struct vmx_access *a, struct vmx_translation *out);

#endif
