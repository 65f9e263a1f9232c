/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench fields: the VMCS fields as a manual. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/caps.h"
#include "../vmx-model/checks.h"
#include "../vmx-model/names.h"
#include "../vmx-model/vmcs.h"
#include "commands.h"
#include "manual.h"
#include "wrap.h"

static const char usage[] =
    "usage: vmxbench fields [--json] [NAME]\n"
    "The VMCS fields: without NAME all of them, with NAME one in full: encoding, width, area, who has it, and the VM-entry checks that read it.\n"
    "NAME is a name as KVM spells it (GUEST_RIP), the manual's name (\"guest RIP\") or an encoding (0x681e); case does not matter.\n"
    "\n"
    "  --json   as JSON\n";

static const char *width_name(enum vmcs_field f)
{
    static const char *const names[] = {[VMCS_16] = "16-bit", [VMCS_64] = "64-bit", [VMCS_32] = "32-bit", [VMCS_NATURAL] = "natural"};
    return names[vmcs_width(f)];
}

static const char *type_name(enum vmcs_field f)
{
    static const char *const names[] = {
        [VMCS_CONTROL] = "control", [VMCS_EXIT_INFORMATION] = "exit information", [VMCS_GUEST] = "guest state", [VMCS_HOST] = "host state"};
    return names[vmcs_type(f)];
}

static void list(void)
{
    static const char *const areas[] = {[VMCS_CONTROL] = "control", [VMCS_EXIT_INFORMATION] = "exit", [VMCS_GUEST] = "guest", [VMCS_HOST] = "host"};
    enum { SDM_NAME_COLUMN = 58 };
    printf("Encoding  Width    Area     Name                          Manual's name\n");
    for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
        const enum vmcs_field f = (enum vmcs_field)i;
        printf("0x%04x    %-7s  %-7s  %-30s", vmcs_fields[f].encoding, width_name(f), areas[vmcs_type(f)], vmcs_fields[f].name);
        wrap_text(stdout, SDM_NAME_COLUMN, vmcs_fields[f].sdm_name);
    }
}

/* True iff `list`, names separated by blanks, holds the name. */
static bool list_holds(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static void add_checks(struct page *page, const char *field)
{
    char text[2048] = "";
    size_t used = 0;
    for (unsigned c = VMX_CHECK_NONE + 1; c < VMX_CHECK_COUNT; c++)
        if (list_holds(vmx_check_rows[c].fields, field) && used + strlen(vmx_check_rows[c].id) + 2 < sizeof text)
            used += (size_t)sprintf(text + used, "%s%s", used == 0 ? "" : " ", vmx_check_rows[c].id);
    page_add(page, "checks", "Read by the checks", "%s", text);
}

static void add_profiles(struct page *page, enum vmcs_field f)
{
    char text[512] = "";
    size_t used = 0;
    for (unsigned p = 0; p < vmx_profile_count; p++)
        if (vmcs_field_exists(&vmx_profiles[p], f))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : " ", vmx_profiles[p].name);
    page_add(page, "profiles", "Processors that have it", "%s", used == 0 ? "none of the profiles" : text);
}

static void describe(unsigned index, struct page *page)
{
    const enum vmcs_field f = (enum vmcs_field)index;
    const struct vmcs_field_row *row = &vmcs_fields[f];
    snprintf(page->title, sizeof page->title, "%s: VMCS field 0x%04x", row->name, row->encoding);
    page_add(page, "name", "Name", "%s", row->name);
    page_add(page, "sdm_name", "Manual's name", "%s", row->sdm_name);
    page_add(page, "encoding", "Encoding", "0x%04x", row->encoding);
    if (vmcs_width(f) == VMCS_64)
        page_add(page, "encoding_high", "Encoding of bits 63:32", "0x%04x", row->encoding | 1);
    page_add(page, "width", "Width", "%s", width_name(f));
    page_add(page, "area", "Area", "%s", type_name(f));
    page_add(page, "index", "Index", "%u", row->encoding >> 1 & 0x1ff);
    page_add(page, "write", "VMWRITE", "%s", vmcs_type(f) == VMCS_EXIT_INFORMATION ? "only where IA32_VMX_MISC[29] = 1, otherwise error 13" : "yes");
    page_add(page, "exists", "Exists", "%s%s", strcmp(row->exists, "always") == 0 || strncmp(row->exists, "never", 5) == 0 ? "" : "with ",
             row->exists);
    page_add_controls(page, &row->exists, 1);
    add_profiles(page, f);
    add_checks(page, row->name);
}

static unsigned find(const char *name, unsigned matches[MANUAL_MATCHES])
{
    char *end;
    const unsigned long long encoding = strtoull(name, &end, 16);
    enum vmcs_field f = vmcs_field_of_name(name);
    if (f == VMCS_NO_FIELD && *name != '\0' && *end == '\0')
        f = vmcs_field_of_encoding(encoding);
    if (f == VMCS_NO_FIELD)
        return 0;
    matches[0] = f;
    return 1;
}

static const char *name(unsigned index, unsigned alias)
{
    const char *const names[] = {vmcs_fields[index].name, vmcs_fields[index].sdm_name, NULL};
    return names[alias];
}

int cmd_fields(int argc, char **argv)
{
    const struct manual manual = {"fields", usage, "VMCS field", VMCS_FIELD_COUNT, list, describe, find, name};
    return manual_run(&manual, argc, argv);
}
