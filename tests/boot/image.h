/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random multiboot images that mean harm, each a function of a number. */
#ifndef TESTS_IMAGE_H
#define TESTS_IMAGE_H

#include "sim/bare.h"

enum image_kind {
    IMAGE_HYPERVISOR, /* random blocks of root and guest code in a kernel that has entered VMX operation */
    IMAGE_DAMAGED,    /* the same with nonsense in page tables, VMCS regions, descriptors */
    IMAGE_KERNEL,     /* one of the kernels of this folder, bytes of which are others */
    IMAGE_BYTES,      /* nothing but random bytes behind the header */
    IMAGE_KINDS
};
extern const char *const image_kind_names[IMAGE_KINDS];

enum { IMAGE_BYTES_MAX = 1 << 17, IMAGE_PATCHES_MAX = 16, IMAGE_PATCH_BYTES = 0x2000 };
#define IMAGE_LIMIT UINT64_C(50000)

struct image {
    enum image_kind kind;
    const struct vmx_caps *caps;
    uint64_t ram_bytes;
    unsigned cpus;
    uint8_t bytes[IMAGE_BYTES_MAX];
    size_t size;
    /* Memory that is written behind the loader. */
    unsigned patches;
    struct image_patch {
        hpa_t address;
        uint32_t size;
        uint8_t bytes[IMAGE_PATCH_BYTES];
    } patch[IMAGE_PATCHES_MAX];
};

/* False: a kernel is not there. */
bool image_make(struct image *image, uint64_t number);

#endif
