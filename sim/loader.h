/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the scenario loader share. */
#ifndef SIM_LOADER_H
#define SIM_LOADER_H

#include "../handlers/bench/bench.h"
#include "../vmx-model/caps.h"
#include "../vmx-model/controls.h"
#include "pack.h"
#include "scenario.h"
#include "script.h"

enum { LOADER_CODE_CACHE = 64 };

/* Code that was assembled before: sweeps use the same text many times. */
struct code_cache;

/* One scenario { } on its way into a struct sim_scenario. */
struct loader {
    const char *path;
    const struct script *script;
    const struct script_table *table;
    const struct sim_override *overrides;
    bool *overrides_used; /* of those that name something which the scenario may lack */
    size_t override_count;
    struct sim_error *error;
    struct code_cache *cache;
    struct sim_scenario *out;
    struct pack pack;
    const struct vmx_caps *caps;
    enum packed_mode mode;
    unsigned physical_cpus;
    uint32_t step_vcpu;               /* of the step that is being loaded */
    bool profile_is_named;            /* by the script */
    bool profile_is_assumed;          /* the script names none, an override does */
    bool profile_lacks_control;       /* and the assumed one does not offer what the script wants */
    bool expects_entry_failure;       /* then controls may be as wrong as they like */
    bool timer_counts;                /* a value of the VMX-preemption timer is not 0 */
    uint64_t word[VMX_WORD_CONTROLS]; /* controls as the bench will work them out */
};

/* ---- loader_values.c ---- */
/* Fills in the error and returns false. `word` narrows the line down to where it stands in the script; may be NULL. */
__attribute__((format(printf, 4, 5))) bool load_fail(const struct loader *loader, unsigned line, const char *word, const char *format, ...);
/* A whole number, or a label of the guest's code with an optional "+number" or "-number". */
bool load_number(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint64_t *out);
/* The same with an upper bound. */
bool load_number_to(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint64_t most, uint64_t *out);
bool load_boolean(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, bool *out);
/* A table without a constructor's tag. */
bool load_is_plain(const struct loader *loader, unsigned line, const struct script_value *value, const char *what);
/* Bytes: a string, a table of byte values, or file "path". The result is the caller's. */
bool load_bytes(struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint8_t **bytes, size_t *size);
/* An entry of a table by its key: the number it names, or the row of that name. */
struct load_name {
    const char *name;
    uint64_t value;
};
bool load_name(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, const struct load_name *names,
               uint64_t *out);
/* A general register by name, "rax" to "r15". */
bool load_register(const struct loader *loader, unsigned line, const char *name, unsigned *gpr);
bool load_field(const struct loader *loader, unsigned line, const char *name, enum vmcs_field *field);
/* Closest of `count` names to a mistyped one; NULL when none is near. */
const char *load_nearest(const char *name, const char *(*name_at)(size_t index, const void *context), size_t count, const void *context);
/* Fails unless every key of the table is one of the NULL-terminated list. */
bool load_only_keys(const struct loader *loader, unsigned line, const struct script_table *table, const char *where, const char *const *keys);

/* ---- loader_code.c ---- */
bool load_guest(struct loader *loader, const struct script_value *value);
bool load_memory(struct loader *loader, const struct script_value *value);
bool load_address_of(const struct loader *loader, const char *label, uint64_t *address);
struct code_cache *load_cache_new(void);
void load_cache_free(struct code_cache *cache);

/* Guest RAM holds these bytes at the start. */
void load_pack_memory(struct loader *loader, uint64_t address, const void *bytes, size_t size);

/* ---- loader_linux.c ---- */
/* guest = linux { }: a kernel with command line, initrd, memory map and ACPI tables as a boot loader leaves them. */
bool load_linux(struct loader *loader, const struct script_value *value);

/* ---- loader_controls.c ---- */
/* lacks = { "secondary.enable_pml" }: features that the profile's processor loses. */
bool load_lacks(struct loader *loader, const struct script_value *value);
bool load_controls(struct loader *loader, const struct script_value *value);
/* The processor may set this bit to 1. Notes what the assumed profile lacks. */
bool load_offers_control(struct loader *loader, enum vmx_control_word word, unsigned bit);
/* One table of words: bits to set and to clear by word. */
bool load_control_words(const struct loader *loader, unsigned line, const struct script_value *value, uint64_t set[VMX_WORD_CONTROLS],
                        uint64_t clear[VMX_WORD_CONTROLS]);

/* ---- loader_portable.c ---- */
/* Notes the first reason why only the simulator can run the scenario. */
void load_only_simulator(struct loader *loader, const char *because);
/* Looks for such reasons in loader->word, and in code of 16, 32 or 64 bits. */
void load_portable_controls(struct loader *loader);
void load_portable_timer(struct loader *loader);
void load_portable_code(struct loader *loader, const uint8_t *bytes, size_t size, unsigned bits);

/* ---- loader_setup.c ---- */
bool load_name_of(struct loader *loader, const struct script_value *value);
bool load_profile(struct loader *loader, const struct script_value *value);
bool load_mode(struct loader *loader, const struct script_value *value);
bool load_guest_ram(struct loader *loader, const struct script_value *value);
void load_pack_field(struct loader *loader, enum vmcs_field field, uint64_t value);
void load_pack_register(struct loader *loader, unsigned gpr, uint64_t value);
bool load_fields(struct loader *loader, const struct script_value *value);
bool load_registers(struct loader *loader, const struct script_value *value);
bool load_idt(struct loader *loader, const struct script_value *value);
bool load_pages(struct loader *loader, const struct script_value *value);
bool load_msr_load(struct loader *loader, const struct script_value *value);
bool load_limit(struct loader *loader, const struct script_value *value);
bool load_rest(struct loader *loader, const struct script_value *value);

/* ---- loader_cpus.c ---- */
bool load_vcpus(struct loader *loader, const struct script_value *value);
bool load_start(struct loader *loader, const struct script_value *value);
/* The vCPU that a step names, 0 when it names none. */
bool load_vcpu(const struct loader *loader, unsigned line, const struct script_table *table, uint32_t *vcpu);
bool load_physical_cpus(struct loader *loader, const struct script_value *value);
bool load_pin(struct loader *loader, const struct script_value *value);
bool load_quantum(struct loader *loader, const struct script_value *value);
bool load_move(struct loader *loader, const struct script_table *table);

/* ---- loader_sources.c ---- */
/* sources = { { vector = 0x40, period = 5000, vcpu = 1 } } with affinity = { [0x40] = 1 }: devices of the host that interrupt by themselves. */
bool load_sources(struct loader *loader, const struct script_value *value);
bool load_affinity(struct loader *loader, const struct script_value *value);

/* ---- loader_bitmaps.c ---- */
bool load_io_bitmap(struct loader *loader, const struct script_value *value);
bool load_msr_bitmap(struct loader *loader, const struct script_value *value);
bool load_exception_bitmap(struct loader *loader, const struct script_value *value);

/* ---- loader_policy.c ---- */
bool load_policy(struct loader *loader, const struct script_value *value);
bool load_msrs(struct loader *loader, const struct script_value *value);
bool load_ept(struct loader *loader, const struct script_value *value);
/* Guest-physical range and rights of ept { }. */
struct load_ept_range {
    uint64_t guest, bytes;
    uint32_t rights, page_size;
    bool invept; /* of a step: INVEPT follows */
};
bool load_ept_range(const struct loader *loader, unsigned line, const struct script_value *value, struct load_ept_range *range);

/* ---- loader_steps.c, loader_match.c ---- */
bool load_steps(struct loader *loader, const struct script_value *value);
void load_pack_step(struct loader *loader, const struct packed_step *step, const void *extra, size_t size);
/* loader_invalidate.c */
bool load_ept_change(struct loader *loader, const struct script_value *value);
bool load_invept(struct loader *loader, const struct script_table *table);
bool load_invvpid(struct loader *loader, const struct script_table *table);
/* Does any step expect a failed entry? Looked up before all else. */
bool load_expects_entry_failure(const struct script_value *value);
/* Expected values of an exit of this reason; keys of `other_keys` are the caller's. One more match fits behind them. */
bool load_matches(const struct loader *loader, unsigned line, const struct script_table *match, uint32_t reason, const char *const *other_keys,
                  struct packed_match **out, size_t *count);

/* ---- loader_final.c ---- */
bool load_final(struct loader *loader, const struct script_value *value);

#endif
