/* SPDX-License-Identifier: MIT */
/* What the files of the bench share. */
#ifndef BENCH_INTERNAL_H
#define BENCH_INTERNAL_H

#include "../../vmx-model/controls.h"
#include "bench.h"

enum { BENCH_PAGE = 4096, BENCH_NAME_BYTES = 96, BENCH_WORDS = VMX_WORD_CONTROLS, BENCH_VCPUS = TRACE_VCPUS, BENCH_PHYSICAL_CPUS = HV_PHYSICAL_CPUS };

/* A packed scenario, gathered: what stands once in it, and what its records add up to. */
struct bench_plan {
    struct packed_reader records; /* at the first record */
    uint32_t first[PACKED_KINDS]; /* where the first record of each kind stands; UINT32_MAX: there is none */
    uint32_t crc;
    char name[BENCH_NAME_BYTES], profile[BENCH_NAME_BYTES];
    enum packed_mode mode;
    uint64_t guest_bytes, limit;
    bool rest_any;
    unsigned vcpus, physical_cpus;
    uint8_t pin[BENCH_VCPUS]; /* physical CPU of each vCPU */
    uint64_t quantum;
    uint32_t starts; /* mask of vCPUs with a start address */
    uint64_t start[BENCH_VCPUS];
    uint64_t set[BENCH_WORDS], clear[BENCH_WORDS]; /* control bits over the least valid set */
    uint64_t word[BENCH_WORDS];                    /* controls as the first entry meets them */
    struct hv_policy policy;
};

/* A scenario on its way into a machine. */
struct bench_setup {
    struct bk_machine *machine;
    struct hv_vm *vm;
    struct bk_vcpu *vcpu; /* the one that is being set up, */
    unsigned index;       /* and its number */
    hpa_t apic_access;    /* the page that all of them share; 0: none so far */
    struct bench_plan plan;
    struct bench_result *result;
    unsigned more_tables; /* pages of BENCH_MORE_PAGE_TABLES in use */
};

/* ---- text.c: words into the result ---- */
void bench_say(struct bench_result *result, const char *text);
void bench_say_more(struct bench_result *result, const char *text);
void bench_say_number(struct bench_result *result, uint64_t number);
/* Says why and returns false, so that a caller can return it. */
bool bench_fail(struct bench_result *result, const char *why);

/* ---- plan.c ---- */
bool bench_read_plan(struct bench_plan *plan, const void *packed, uint64_t size, struct bench_result *result);
/* At the first record of a kind, */
struct packed_reader bench_records_of(const struct bench_plan *plan, enum packed_kind kind);
/* and the next one; false at the end. */
bool bench_next_of(struct packed_reader *reader, enum packed_kind kind, struct packed_record *record);

static inline bool bench_ept_on(const struct bench_plan *plan)
{
    return (plan->word[VMX_WORD_SECONDARY] & VMX_SEC_ENABLE_EPT) != 0 && (plan->word[VMX_WORD_PRIMARY] & VMX_PRI_ACTIVATE_SECONDARY) != 0;
}
static inline bool bench_unrestricted(const struct bench_plan *plan)
{
    return (plan->word[VMX_WORD_SECONDARY] & VMX_SEC_UNRESTRICTED_GUEST) != 0 && bench_ept_on(plan);
}

/* This vCPU begins in the wait-for-SIPI state. */
static inline bool bench_waits_for_sipi(const struct bench_plan *plan, unsigned vcpu)
{
    return vcpu != 0 && (plan->starts >> vcpu & 1) == 0;
}

/* ---- setup.c ---- */
/* From a plan that was read to the first VM entry. */
bool bench_prepare_plan(struct bench_setup *setup);

/* ---- structures.c ---- */
/* Bitmaps, lists and pages that the controls in use point to. */
bool bench_write_structures(struct bench_setup *setup);

/* ---- memory.c, paging.c ---- */
bool bench_clear_memory(struct bench_setup *setup);
/* Descriptor tables, TSS and gates of the mode; page tables; then the scenario's own bytes over them. */
bool bench_write_memory(struct bench_setup *setup);
bool bench_write_page_tables(struct bench_setup *setup);
bool bench_put(struct bench_setup *setup, gpa_t address, uint64_t value, unsigned bytes);
bool bench_put_bytes(struct bench_setup *setup, gpa_t address, const void *bytes, uint32_t size);
/* Maps the extended page tables' part of a PACKED_EPT record or STEP_EPT. */
bool bench_change_ept(struct hv_vm *vm, gpa_t guest, uint64_t bytes, unsigned rights, unsigned page_size);

/* ---- state.c ---- */
/* Guest-state fields and registers of the mode. */
void bench_write_state(struct bench_setup *setup);

/* ---- record.c ---- */
/* The items of the last VM exit; what the manual leaves undefined for it is 0. Time and costs are left to the caller. */
void bench_exit_items(struct bk_vcpu *vcpu, bool extended_ept_information, uint64_t item[TRACE_ITEM_COUNT]);
void bench_registers(struct bk_vcpu *vcpu, uint64_t gpr[16]);

/* ---- stimuli.c ---- */
/* Applies one step that is not an expectation; false: the machine cannot, result->text says so. */
bool bench_stimulate(struct hv_vm *vm, const struct packed_step *step, const uint8_t *extra, struct bench_result *result);

#endif
