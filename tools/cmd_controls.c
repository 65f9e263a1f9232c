/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench controls: the VMX controls and capability bits as a manual. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"
#include "commands.h"
#include "manual.h"

static const char usage[] =
    "usage: vmxbench controls [--json] [NAME]\n"
    "The VMX controls and capability bits: without NAME all of them, with NAME one in full: word and bit, default, what it depends on, which\n"
    "processors offer it, which exit reasons it decides.\n"
    "NAME is a script name (use_msr_bitmaps, or primary.use_msr_bitmaps for one word alone), the manual's name (\"use MSR bitmaps\"), a QEMU "
    "property\n"
    "(vmx-msr-bitmap) or a bit (PRIMARY[28]); case does not matter.\n"
    "\n"
    "  --json   as JSON\n";

static bool is_reserved(const struct vmx_control_row *row)
{
    return strncmp(row->sdm_name, "reserved", 8) == 0 || strcmp(row->sdm_name, "always 0") == 0;
}

static void bits_text(const struct vmx_control_row *row, char text[8])
{
    if (row->high == row->low)
        snprintf(text, 8, "%u", row->low);
    else
        snprintf(text, 8, "%u:%u", row->high, row->low);
}

static void list(void)
{
    enum vmx_control_word word = VMX_WORD_COUNT;
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        char bits[8];
        if (is_reserved(row))
            continue;
        if (row->word != word)
            printf("%s%s\n", i == 0 ? "" : "\n", vmx_control_word_name(row->word));
        word = row->word;
        bits_text(row, bits);
        printf("  %5s  %-44s  %s\n", bits, row->name, row->qemu_name != NULL ? row->qemu_name : "");
    }
}

static void add_profiles(struct page *page, const struct vmx_control_row *row)
{
    char text[512] = "";
    size_t used = 0;
    for (unsigned p = 0; p < vmx_profile_count; p++)
        if (vmx_control_may_be_1(&vmx_profiles[p], row->word, row->low))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : " ", vmx_profiles[p].name);
    page_add(page, "profiles", "Processors that offer it", "%s", used == 0 ? "none of the profiles" : text);
}

/* The value of a range of capability bits, processor by processor. */
static void add_values(struct page *page, const struct vmx_control_row *row)
{
    char text[512] = "";
    size_t used = 0;
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        uint64_t must_be_1, value;
        vmx_control_allowed(&vmx_profiles[p], row->word, &must_be_1, &value);
        value = value >> row->low & (UINT64_MAX >> (63 - (row->high - row->low)));
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s %llu", used == 0 ? "" : ", ", vmx_profiles[p].name, (unsigned long long)value);
    }
    page_add(page, "values", "Values", "%s", text);
}

static bool text_names(const char *text, const struct vmx_control_row *row)
{
    struct vmx_control_reference reference;
    while ((text = vmx_next_control_reference(text, &reference)) != NULL)
        if (reference.word == row->word && reference.low == row->low)
            return true;
    return false;
}

static void add_reasons(struct page *page, const struct vmx_control_row *row)
{
    char text[1024] = "";
    size_t used = 0;
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++)
        if (text_names(vmx_reasons[i].decided_by, row))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : " ", vmx_reasons[i].name);
    page_add(page, "exit_reasons", "Decides the exits", "%s", text);
}

static void add_fields(struct page *page, const struct vmx_control_row *row)
{
    char text[1024] = "";
    size_t used = 0;
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        if (text_names(vmcs_fields[f].exists, row))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : " ", vmcs_fields[f].name);
    page_add(page, "fields", "Brings the VMCS fields", "%s", text);
}

static void describe(unsigned index, struct page *page)
{
    const struct vmx_control_row *row = &vmx_controls[index];
    const enum vmcs_field field = vmx_control_field(row->word);
    char bits[8], word[16];
    unsigned i = 0;
    for (const char *c = vmx_control_word_name(row->word); *c != '\0' && i < sizeof word - 1; c++)
        word[i++] = (char)toupper((unsigned char)*c);
    word[i] = '\0';
    bits_text(row, bits);
    snprintf(page->title, sizeof page->title, "%s.%s: %s[%s]", vmx_control_word_name(row->word), row->name, word, bits);
    page_add(page, "name", "Script name", "%s.%s", vmx_control_word_name(row->word), row->name);
    page_add(page, "sdm_name", "Manual's name", "%s", row->sdm_name);
    page_add(page, "qemu_name", "QEMU property", "%s", row->qemu_name != NULL ? row->qemu_name : "");
    page_add(page, "bits", row->high == row->low ? "Bit" : "Bits", "%s", bits);
    if (field != VMCS_NO_FIELD) {
        page_add(page, "field", "VMCS field", "%s (%s)", vmcs_fields[field].name, vmcs_fields[field].sdm_name);
        page_add(page, "mask", "Mask", "0x%llx", 1ULL << row->low);
        page_add(page, "default", "Default setting", "%s", row->default1 ? "1 (default1 class)" : "0");
    }
    page_add(page, "depends", "Needs", "%s", row->depends);
    page_add(page, "notes", "Notes", "%s", row->notes);
    const char *const texts[] = {row->depends, row->notes};
    page_add_controls(page, texts, 2);
    if (row->high == row->low)
        add_profiles(page, row);
    else
        add_values(page, row);
    add_reasons(page, row);
    add_fields(page, row);
}

static unsigned index_of(const struct vmx_control_row *row)
{
    return (unsigned)(row - vmx_controls);
}

/* "primary.hlt_exiting": the word and the rest; VMX_WORD_COUNT when the name begins with no word. */
static enum vmx_control_word word_prefix(const char *name, const char **rest)
{
    const char *const dot = strchr(name, '.');
    char word[16];
    if (dot == NULL || (size_t)(dot - name) >= sizeof word)
        return VMX_WORD_COUNT;
    memcpy(word, name, (size_t)(dot - name));
    word[dot - name] = '\0';
    *rest = dot + 1;
    return vmx_control_word_of_name(word);
}

static unsigned find(const char *name, unsigned matches[MANUAL_MATCHES])
{
    struct vmx_control_reference reference;
    char upper[64] = "";
    const char *rest = name;
    for (unsigned i = 0; i < sizeof upper - 1 && name[i] != '\0'; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    const char *const end = vmx_next_control_reference(upper, &reference);
    const struct vmx_control_row *row = end != NULL && *end == '\0' ? vmx_control_of_bit(reference.word, reference.low) : NULL;
    const enum vmx_control_word only = word_prefix(name, &rest);
    if (row == NULL && only != VMX_WORD_COUNT)
        row = vmx_control_of_name(only, rest);
    if (row != NULL) {
        matches[0] = index_of(row);
        return 1;
    }
    unsigned count = 0;
    for (unsigned word = 0; word < VMX_WORD_COUNT && count < MANUAL_MATCHES; word++) {
        row = vmx_control_of_name((enum vmx_control_word)word, name);
        if (row != NULL)
            matches[count++] = index_of(row);
    }
    return count;
}

static const char *name(unsigned index, unsigned alias)
{
    const struct vmx_control_row *row = &vmx_controls[index];
    const char *const names[] = {row->name, is_reserved(row) ? NULL : row->sdm_name, row->qemu_name, NULL};
    return names[alias];
}

int cmd_controls(int argc, char **argv)
{
    const struct manual manual = {"controls", usage, "control", vmx_control_count, list, describe, find, name};
    return manual_run(&manual, argc, argv);
}
