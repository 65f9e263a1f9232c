/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a multiboot image asks for, read from its bytes. Multiboot Specification 0.6.96, "OS image format". */
#include "multiboot_image.h"

#include <elf.h>
#include <string.h>

enum { HEADER_SEARCH_BYTES = 8192, HEADER_BYTES = 48, FLAG_ADDRESSES = 1 << 16, FLAGS_REQUIRED = 0xffff, FLAGS_KNOWN = 7 };
#define HEADER_MAGIC 0x1badb002u

struct header {
    uint32_t magic, flags, checksum, header_address, load_address, load_end, bss_end, entry;
};

/* Finds the header: in the first 8 KiB, on a boundary of 4 bytes. */
static bool find_header(const uint8_t *bytes, uint64_t size, struct header *header, uint64_t *at)
{
    enum { CHECKED_BYTES = 12 };
    for (uint64_t i = 0; i + CHECKED_BYTES <= size && i + CHECKED_BYTES <= HEADER_SEARCH_BYTES; i += 4) {
        const uint64_t left = size - i;
        *header = (struct header){0};
        memcpy(header, bytes + i, left < sizeof *header ? left : sizeof *header);
        *at = i;
        if (header->magic == HEADER_MAGIC && header->magic + header->flags + header->checksum == 0)
            return true;
    }
    return false;
}

static bool overlaps(const struct multiboot_image *image, const struct multiboot_segment *segment)
{
    for (unsigned i = 0; i < image->segments; i++) {
        const struct multiboot_segment *other = &image->segment[i];
        if (segment->address < other->address + other->memory_bytes && other->address < segment->address + segment->memory_bytes)
            return true;
    }
    return false;
}

static const char *add(struct multiboot_image *image, const struct multiboot_segment *segment, uint64_t size)
{
    if (segment->memory_bytes == 0)
        return NULL;
    if (segment->from > size || segment->file_bytes > size - segment->from || segment->file_bytes > segment->memory_bytes)
        return "a segment lies outside of the file: the image is truncated or corrupted";
    if (segment->address > UINT32_MAX || segment->memory_bytes > UINT32_MAX - segment->address)
        return "a segment lies beyond 4 GiB of physical memory";
    if (overlaps(image, segment))
        return "two segments want the same physical memory";
    if (image->segments == MULTIBOOT_SEGMENTS_MAX)
        return "more than 32 loadable segments";
    image->segment[image->segments++] = *segment;
    if (segment->address + segment->memory_bytes > image->end)
        image->end = segment->address + segment->memory_bytes;
    return NULL;
}

static const char *read_addresses(const struct header *header, uint64_t at, uint64_t size, struct multiboot_image *image)
{
    const uint64_t before = (uint64_t)header->header_address - header->load_address;
    const uint64_t last = header->load_end != 0 ? header->load_end : header->load_address;
    if (size - at < sizeof *header)
        return "the multiboot header is truncated: its addresses (flag 16) lie outside of the file";
    if (header->header_address < header->load_address || before > at || last < header->load_address ||
        (header->bss_end != 0 && header->bss_end < last))
        return "the addresses in the multiboot header contradict each other";
    const uint64_t from = at - before;
    const uint64_t file_bytes = header->load_end != 0 ? (uint64_t)header->load_end - header->load_address : size - from;
    const uint64_t memory_bytes = header->bss_end != 0 ? (uint64_t)header->bss_end - header->load_address : file_bytes;
    image->entry = header->entry;
    return add(image, &(struct multiboot_segment){from, file_bytes, memory_bytes, header->load_address}, size);
}

static bool entry_is_loaded(const struct multiboot_image *image)
{
    for (unsigned i = 0; i < image->segments; i++)
        if (image->entry - image->segment[i].address < image->segment[i].memory_bytes)
            return true;
    return false;
}

/* The entry may be given as a virtual address of a segment. */
static void set_entry(struct multiboot_image *image, uint64_t entry, uint64_t virtual, uint64_t physical, uint64_t bytes)
{
    if (entry >= virtual && entry - virtual < bytes)
        image->entry = (uint32_t)(entry - virtual + physical);
}

#define READ_ELF(bits)                                                                                                                               \
    static const char *read_elf##bits(const uint8_t *bytes, uint64_t size, struct multiboot_image *image)                                            \
    {                                                                                                                                                \
        Elf##bits##_Ehdr file;                                                                                                                       \
        if (size < sizeof file)                                                                                                                      \
            return "the ELF header is truncated";                                                                                                    \
        memcpy(&file, bytes, sizeof file);                                                                                                           \
        image->entry = (uint32_t)file.e_entry;                                                                                                       \
        for (unsigned i = 0; i < file.e_phnum; i++) {                                                                                                \
            Elf##bits##_Phdr row;                                                                                                                    \
            const uint64_t at = file.e_phoff + (uint64_t)i * file.e_phentsize;                                                                       \
            if (file.e_phentsize < sizeof row || at > size || sizeof row > size - at)                                                                \
                return "the ELF program headers lie outside of the file: the image is truncated or corrupted";                                       \
            memcpy(&row, bytes + at, sizeof row);                                                                                                    \
            if (row.p_type != PT_LOAD)                                                                                                               \
                continue;                                                                                                                            \
            const char *why = add(image, &(struct multiboot_segment){row.p_offset, row.p_filesz, row.p_memsz, row.p_paddr}, size);                   \
            if (why != NULL)                                                                                                                         \
                return why;                                                                                                                          \
            set_entry(image, file.e_entry, row.p_vaddr, row.p_paddr, row.p_memsz);                                                                   \
        }                                                                                                                                            \
        return NULL;                                                                                                                                 \
    }
READ_ELF(32)
READ_ELF(64)

const char *multiboot_read_image(const uint8_t *bytes, uint64_t size, struct multiboot_image *image)
{
    struct header header;
    uint64_t at;
    *image = (struct multiboot_image){0};
    const bool elf = size >= EI_NIDENT && memcmp(bytes, ELFMAG, SELFMAG) == 0;
    if (!find_header(bytes, size, &header, &at))
        return elf ? "an ELF file without a multiboot header (magic 1BADB002H in its first 8 KiB)"
                   : "not a multiboot image: no header (magic 1BADB002H) in its first 8 KiB";
    if ((header.flags & FLAGS_REQUIRED & ~(uint32_t)FLAGS_KNOWN) != 0)
        return "the multiboot header asks for what no loader of version 1 knows (flags 15:3)";
    const char *why = "neither an ELF file nor does the multiboot header give addresses (flag 16)";
    if ((header.flags & FLAG_ADDRESSES) != 0)
        why = read_addresses(&header, at, size, image);
    else if (elf)
        why = bytes[EI_CLASS] == ELFCLASS32   ? read_elf32(bytes, size, image)
              : bytes[EI_CLASS] == ELFCLASS64 ? read_elf64(bytes, size, image)
                                              : "an ELF file of an unknown class";
    if (why == NULL && image->segments == 0)
        why = "the image has nothing to load";
    if (why == NULL && !entry_is_loaded(image))
        why = "the entry point lies outside of what is loaded";
    return why;
}
