/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads of the library's helpers from pages that its TLB holds. Its own function asks for hooks and regions first, some 100 host instructions a load,
   and IRET makes ten. Whatever is not a plain hit is left to it. */
#include <string.h>

#include "engine_far.h"

/* The bytes in RAM; NULL: the TLB does not hold the page for reading, or there is more to do. An entry with flags below its page is none of these.
   The last byte's page tells of a crossing: neighbours do not share an index. */
static inline const void *held(struct unicorn_env *env, uint64_t address, unsigned size, int mode)
{
    enum { ENTRY_BITS = 5, IN_PAGE = UNICORN_PAGE_SIZE - 1 };
    _Static_assert(sizeof(struct unicorn_tlb_entry) == 1 << ENTRY_BITS, "the mask is of byte offsets");
    const struct unicorn_tlb *tlb = &UNICORN_FIELD(env, UNICORN_ENV_TLB_FAST + mode * (int)sizeof(struct unicorn_tlb), struct unicorn_tlb);
    const uint64_t offset = address >> (UNICORN_PAGE_BITS - ENTRY_BITS) & tlb->mask;
    const struct unicorn_tlb_entry *entry = (const void *)((const char *)tlb->table + offset);
    if (entry->read != ((address + size - 1) & ~(uint64_t)IN_PAGE))
        return NULL;
    return (const void *)(uintptr_t)(address + entry->addend);
}

#define LOAD(name, returned, type, first)                                                                                                            \
    returned __real_cpu_##name##_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);                    \
    returned __wrap_cpu_##name##_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);                    \
    returned __wrap_cpu_##name##_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address)                     \
    {                                                                                                                                                \
        first const void *bytes = held(env, address, sizeof(type), mode);                                                                            \
        type value;                                                                                                                                  \
        if (bytes == NULL)                                                                                                                           \
            return __real_cpu_##name##_mmuidx_ra_x86_64(env, address, mode, return_address);                                                         \
        memcpy(&value, bytes, sizeof value);                                                                                                         \
        return value;                                                                                                                                \
    }
#define ITEM_OF_FAR_RETURN                                                                                                                           \
    if (engine_running->narrow.size != 0)                                                                                                            \
        return engine_narrow_item(engine_running, address, return_address);
LOAD(ldub, uint32_t, uint8_t, )
LOAD(lduw, uint32_t, uint16_t, )
LOAD(ldl, uint32_t, uint32_t, )
LOAD(ldq, uint64_t, uint64_t, ITEM_OF_FAR_RETURN)
