/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Horizontal additions and subtractions of integers. Unicorn's write the low half of the destination before they read the source, which may be the same
   register: its part is taken from a copy then. SDM 2, "PHADDW/PHADDD", "PHADDSW", "PHSUBW/PHSUBD", "PHSUBSW". */
#include <string.h>

#include "engine_internal.h"

enum { REGISTER_BYTES_MMX = 8, REGISTER_BYTES_XMM = 16 };

typedef void helper(struct unicorn_env *env, void *destination, const void *source);

static void run(helper *original, struct unicorn_env *env, void *destination, const void *source, size_t bytes)
{
    uint8_t copy[REGISTER_BYTES_XMM] __attribute__((aligned(REGISTER_BYTES_XMM)));
    if (source != destination) {
        original(env, destination, source);
        return;
    }
    memcpy(copy, source, bytes);
    original(env, destination, copy);
}

#define HORIZONTAL(name, bytes)                                                                                                                      \
    helper __wrap_helper_##name##_x86_64, __real_helper_##name##_x86_64;                                                                             \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, void *destination, const void *source)                                               \
    {                                                                                                                                                \
        run(__real_helper_##name##_x86_64, env, destination, source, bytes);                                                                         \
    }
HORIZONTAL(phaddw_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phaddw_xmm, REGISTER_BYTES_XMM)
HORIZONTAL(phaddd_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phaddd_xmm, REGISTER_BYTES_XMM)
HORIZONTAL(phaddsw_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phaddsw_xmm, REGISTER_BYTES_XMM)
HORIZONTAL(phsubw_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phsubw_xmm, REGISTER_BYTES_XMM)
HORIZONTAL(phsubd_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phsubd_xmm, REGISTER_BYTES_XMM)
HORIZONTAL(phsubsw_mmx, REGISTER_BYTES_MMX)
HORIZONTAL(phsubsw_xmm, REGISTER_BYTES_XMM)
