/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a long run keeps memory: what is allocated and what is resident after it, against after its first steps. */
#define _DEFAULT_SOURCE
#include "growth.h"

#include <stdio.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <stddef.h>
/* Of AddressSanitizer's run-time library; the header that declares it comes with one compiler only. */
size_t __sanitizer_get_current_allocated_bytes(void); /* NOLINT(bugprone-reserved-identifier) */
#else
#include <malloc.h>
#endif

static long heap_kib(void)
{
#ifdef __SANITIZE_ADDRESS__
    return (long)(__sanitizer_get_current_allocated_bytes() / 1024);
#else
    const struct mallinfo2 info = mallinfo2();
    return (long)((info.uordblks + info.hblkhd) / 1024);
#endif
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) /* NOLINT(cert-err34-c): the kernel wrote it */
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

void growth_mark(struct growth *growth)
{
    *growth = (struct growth){heap_kib(), resident_kib(), true};
}

bool growth_found(const struct growth *growth)
{
    if (!growth->marked)
        return false;
    const long heap = heap_kib() - growth->heap_kib, resident = resident_kib() - growth->resident_kib;
    printf("memory: %+ld KiB allocated, %+ld KiB resident since the warm-up\n", heap, resident);
    return heap > GROWTH_HEAP_KIB || resident > GROWTH_RESIDENT_KIB;
}
