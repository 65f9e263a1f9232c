/* SPDX-License-Identifier: MIT */
/* What a page allows: guest paging with protection keys, SMEP, SMAP and CR0.WP; EPT. SDM 3A, "Access Rights"; SDM 3C, "EPT Violations".
   The same rules judge the entries that a walk found and a translation that is cached. */
#include "access.h"

#include "registers.h"

/* SDM 3A, "Protection Keys". */
bool vmx_key_forbids(const struct vmx_access *a, uint16_t rights, uint8_t key, bool write)
{
    const struct vmx_state *s = &a->cpu->state;
    const bool user_page = (rights & VMX_PAGE_USER) != 0;
    if (vmx_paging_mode(s) < VMX_PAGING_4LEVEL || (s->cr4 & (user_page ? VMX_CR4_PKE : VMX_CR4_PKS)) == 0)
        return false;
    const uint32_t key_rights = (user_page ? s->pkru : (uint32_t)s->pkrs) >> (2 * key);
    const bool access_disabled = (key_rights & 1) != 0, write_disabled = (key_rights & 2) != 0;
    return access_disabled || (write && write_disabled && (a->user || (s->cr0 & VMX_CR0_WP) != 0));
}

/* Supervisor data access to a user page. */
static bool smap_forbids(const struct vmx_access *a)
{
    const struct vmx_state *s = &a->cpu->state;
    return (s->cr4 & VMX_CR4_SMAP) != 0 && (a->implicit || (s->rflags & VMX_RFLAGS_AC) == 0);
}

/* SDM 3A, "Determination of Access Rights". */
bool vmx_paging_permits(const struct vmx_access *a, uint16_t rights, uint8_t key, enum vmx_access_kind kind)
{
    const struct vmx_state *s = &a->cpu->state;
    const bool user_page = (rights & VMX_PAGE_USER) != 0;
    if ((s->cr0 & VMX_CR0_PG) == 0)
        return true;
    if (a->user && !user_page)
        return false;
    if (kind == VMX_ACCESS_FETCH)
        return (rights & VMX_PAGE_EXECUTE_DISABLED) == 0 && (a->user || !user_page || (s->cr4 & VMX_CR4_SMEP) == 0);
    if (!a->user && user_page && smap_forbids(a))
        return false;
    if (vmx_access_writes(kind) && (rights & VMX_PAGE_WRITABLE) == 0 && (a->user || (s->cr0 & VMX_CR0_WP) != 0))
        return false;
    return !vmx_key_forbids(a, rights, key, vmx_access_writes(kind));
}

bool vmx_ept_permits(const struct vmx_access *a, uint16_t rights, enum vmx_access_kind kind)
{
    switch (kind) {
    case VMX_ACCESS_READ:
        return (rights & VMX_PAGE_EPT_READ) != 0;
    case VMX_ACCESS_WRITE:
    case VMX_ACCESS_READ_WRITE: /* nothing can be written and not read */
        return (rights & VMX_PAGE_EPT_WRITE) != 0 && (!a->ept_flags || (rights & VMX_PAGE_EPT_DIRTY) != 0);
    case VMX_ACCESS_FETCH:
        break;
    }
    const bool of_user = a->mode_based_execute && (rights & VMX_PAGE_USER) != 0;
    return (rights & (of_user ? VMX_PAGE_EPT_USER_EXECUTE : VMX_PAGE_EPT_EXECUTE)) != 0;
}

unsigned vmx_page_serves(const struct vmx_access *a, uint16_t rights, uint8_t key)
{
    const struct vmx_state *s = &a->cpu->state;
    const bool user_page = (rights & VMX_PAGE_USER) != 0;
    bool reads = vmx_ept_permits(a, rights, VMX_ACCESS_READ), fetches = vmx_ept_permits(a, rights, VMX_ACCESS_FETCH);
    bool writes = (rights & VMX_PAGE_DIRTY) != 0 && vmx_ept_permits(a, rights, VMX_ACCESS_WRITE);
    if ((s->cr0 & VMX_CR0_PG) != 0) {
        const bool data = a->user ? user_page : !user_page || !smap_forbids(a);
        const bool writable = (rights & VMX_PAGE_WRITABLE) != 0 || (!a->user && (s->cr0 & VMX_CR0_WP) == 0);
        const bool fetchable = (rights & VMX_PAGE_EXECUTE_DISABLED) == 0 && (a->user ? user_page : !user_page || (s->cr4 & VMX_CR4_SMEP) == 0);
        const bool keyed = (s->cr4 & (user_page ? VMX_CR4_PKE : VMX_CR4_PKS)) != 0;
        reads = reads && data && !(keyed && vmx_key_forbids(a, rights, key, false));
        writes = writes && data && writable && !(keyed && vmx_key_forbids(a, rights, key, true));
        fetches = fetches && fetchable;
    }
    return (reads ? 1u << VMX_ACCESS_READ : 0) | (writes ? 1u << VMX_ACCESS_WRITE | 1u << VMX_ACCESS_READ_WRITE : 0) |
           (fetches ? 1u << VMX_ACCESS_FETCH : 0);
}
