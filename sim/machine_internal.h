/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the simulated machine share. */
#ifndef SIM_MACHINE_INTERNAL_H
#define SIM_MACHINE_INTERNAL_H

#include "../vmx-model/decode.h"
#include "../vmx-model/virtual_apic.h"
#include "../vmx-model/walk_memo.h"
#include "engine.h"
#include "machine.h"
#include "ram_log.h"
#include "tlb.h"

enum { SIM_VCPUS_MAX = 8, SIM_PCPUS_MAX = 8, SIM_STIMULI_MAX = 64, SIM_ARRIVALS_MAX = 64, SIM_PAGE = 4096 };

#define COST(symbol, ticks, what) SIM_COST_##symbol = (ticks),
enum sim_cost {
#include "costs.def"
};
#undef COST

/* A stimulus that waits for its instant. */
struct sim_stimulus {
    enum bk_stimulus kind;
    uint8_t vector;
    uint64_t due; /* retired guest instructions of the vCPU */
};

/* A source of interrupts and how far it is. */
struct sim_source {
    struct bk_source source;
    uint64_t origin; /* sim_now() of bk_set_sources() */
    uint64_t raised; /* interrupts so far, */
    uint64_t merged; /* and those that found the one before them still requested */
    uint64_t due;    /* of the next one in sim_now(); UINT64_MAX: there is none */
};

/* Something that arrives at a physical CPU when its clock gets there: an external interrupt or an NMI; INIT and SIPI are for one of its virtual CPUs. */
struct sim_arrival {
    enum bk_stimulus kind;
    uint8_t vector, vcpu;
    uint64_t at;
};

/* A physical CPU: its clock, its cached translations, what has arrived at it. One of the virtual CPUs that are bound to it is current there: its VMCS
   is loaded, and it is the one that runs. */
struct sim_pcpu {
    unsigned index;
    uint64_t clock;         /* ticks since the machine was made, but for those that the engine of a virtual CPU in bk_enter() has run since */
    uint64_t interrupts[4]; /* external interrupts that wait in the local APIC, by vector */
    bool nmi;
    struct bk_vcpu *current; /* NULL: none was yet, or it moved away */
    unsigned arrival_count;
    uint64_t next_arrival; /* the earliest; UINT64_MAX: none */
    struct sim_arrival arrivals[SIM_ARRIVALS_MAX];
    struct sim_tlb tlb;
};

struct sim_board;
/* The engine's two sets of translations, and what goes with them. */
enum { SIM_SET_ROOT, SIM_SET_NON_ROOT, SIM_SETS };
enum { SIM_CODE_PAGES = 4 };
struct sim_translations {
    /* Whose translations these are: the tag, and what it and the rights of pages are made of. */
    struct vmx_tag tag;
    uint64_t cr0, cr3, cr4, efer, eptp;
    uint64_t primary, secondary, vpid;
    bool a20m;
    bool fetched; /* `code` is not all zeros */
    /* Pages that instructions were fetched from; each goes with its translation. */
    struct sim_code_page {
        const uint8_t *bytes; /* NULL: none */
        gva_t page;           /* linear address over SIM_PAGE */
        bool user;
    } code[SIM_CODE_PAGES];
};

enum { SIM_DECODED = 64 };
/* An instruction that was decoded: the bytes, 16, 32 or 64, and what they mean. */
struct sim_decoded {
    unsigned bits;
    uint8_t bytes[15];
    struct vmx_instruction instruction;
};

struct bk_vcpu {
    struct bk_machine *machine;
    unsigned index;
    struct sim_pcpu *pcpu; /* where it is bound to */
    struct sim_engine *engine;
    struct vmx_cpu cpu;
    enum vmx_check violated;
    uint32_t stale;   /* enum vmx_group: cpu.state differs from what the engine holds, which is older */
    uint32_t touched; /* enum vmx_group: changed since the VMCS was last in step, beyond IP and EVENT */
    uint64_t retired_at_clear;
    uint64_t cost_exit, cost_handler, cost_entry;
    uint64_t allowed_at, allowed_rip; /* ticks of the engine and RIP where it was last told to run an instruction that it had stopped at */
    uint64_t counted;                 /* ticks of the engine that are in the clock of a physical CPU already */
    uint64_t turn_end;                /* sim_vcpu_progress() at which the turn ends; UINT64_MAX: no turns */
    uint64_t turn_left;               /* of it, while others run */
    uint64_t not_before;              /* it left another physical CPU at this tick: here it runs from then on */
    uint64_t slept_at;                /* sim_now() up to which its sleep is accounted for; UINT64_MAX: it is awake */
    bool entered;                     /* preempted in VMX non-root operation */
    bool away;                        /* its VMCS is not loaded on its physical CPU any more, or not yet */
    bool stirred;                     /* something arrived since it last fell asleep in VMX non-root operation */
    struct sim_stimulus stimuli[SIM_STIMULI_MAX];
    unsigned stimulus_count;
    struct sim_translations set[SIM_SETS];
    unsigned set_in_use;
    bool apic_alone;                /* the instruction at RIP touches the APIC-access page: it runs alone, */
    struct vmx_apic_operation apic; /* and this is what it did there */
    bool device_wanted;             /* a translation met a device register: the instruction is to run alone, */
    bool device_alone;              /* and does */
    uint64_t exit_at;               /* with a board: sim_now() of the last VM exit */
    enum bk_entered judged;         /* within a run of the engine: how sim_vcpu_judge() ended the run, */
    bool judged_over;               /* and that it did */
    struct vmx_walk_memo memo[VMX_WALK_MEMOS];
    struct vmcs vmcs_cache; /* with a board: the data of the current VMCS */
    struct sim_decoded decoded[SIM_DECODED];
};

struct bk_machine {
    struct vmx_caps caps;
    uint8_t *ram;
    uint64_t ram_size, guest_size;
    hpa_t next_page;
    uint64_t longest_run;                      /* as in the options; UINT64_MAX for 0 */
    uint64_t limit;                            /* of sim_used(); UINT64_MAX: none */
    uint64_t retired_at_limit, ticks_at_limit; /* when the limit was set */
    uint64_t pause;                            /* in the measure of `limit`: there the run pauses; UINT64_MAX: nowhere */
    uint64_t tsc_read;                         /* the latest time that a processor has read from its time-stamp counter, of several */
    uint64_t steps;                            /* VM exits and event deliveries, which bound a guest that makes no progress */
    struct sim_source sources[BK_SOURCES_MAX];
    unsigned source_count;
    unsigned vcpu_count, pcpu_count;
    bool free_of_charge;     /* what the bench does costs nothing */
    struct sim_board *board; /* what stands around the processors of a bare machine; NULL: root software is native code */
    struct bk_vcpu vcpu[SIM_VCPUS_MAX];
    struct sim_pcpu pcpu[SIM_PCPUS_MAX];
    uint8_t field_exists[VMCS_FIELD_COUNT];
    struct sim_ram_log log;           /* every store to RAM is noted here but those to current VMCSs, whose pages count as written all the time */
    sim_entry_watcher *entry_watcher; /* NULL: nobody asks */
    void *entry_watcher_context;
    char error[160];
};

/* Time of the vCPU's physical CPU in ticks since the machine was made. */
static inline uint64_t sim_now(const struct bk_vcpu *vcpu)
{
    return vcpu->pcpu->clock + (sim_engine_ticks(vcpu->engine) - vcpu->counted);
}
/* The clock of the physical CPU takes up what the engine has run. */
static inline void sim_settle(struct bk_vcpu *vcpu)
{
    const uint64_t ticks = sim_engine_ticks(vcpu->engine);
    vcpu->pcpu->clock += ticks - vcpu->counted;
    vcpu->counted = ticks;
}
/* Time passes outside of the engine: costs, deliveries. */
static inline void sim_spend(struct bk_vcpu *vcpu, uint64_t ticks)
{
    vcpu->pcpu->clock += ticks;
}
static inline void sim_charge(struct bk_vcpu *vcpu, uint64_t ticks)
{
    if (vcpu->machine->free_of_charge)
        return;
    sim_spend(vcpu, ticks);
    vcpu->cost_handler += ticks;
}

/* A machine with that much RAM and vCPUs whose engines are joined, without a VMCS; NULL: *message says why. */
struct bk_machine *sim_machine_with_ram(const struct vmx_caps *caps, uint64_t ram_size, unsigned vcpus, const char **message);
/* Where a range of host-physical memory stands in machine->ram; false: not all of it is memory. */
bool sim_machine_memory(const struct bk_machine *machine, hpa_t address, uint64_t size, uint64_t *offset);

/* Instructions of all guests since the machine was made. */
uint64_t sim_retired(const struct bk_machine *machine);
/* What limits and pauses count: these, VM exits and event deliveries; of a guest that iterates REP, at least a sixteenth of its ticks. */
uint64_t sim_used(const struct bk_machine *machine);

/* The sources' interrupts that are due at a physical CPU by `now` of its clock are requested from its local APIC: bits by vector. True: there were any. */
bool sim_sources_arrive(struct bk_machine *machine, unsigned physical_cpu, uint64_t now, uint64_t requested[4]);
/* Ticks until the next one is due there; UINT64_MAX when there is none. */
uint64_t sim_sources_distance(const struct bk_machine *machine, unsigned physical_cpu, uint64_t now);

/* ---- pcpu.c ---- */
/* All physical CPUs as they are at the start: so many take part, vCPU n is bound to CPU n modulo their number, nothing waits. All clocks stand where the
   one stood that was ahead. */
void sim_pcpus_reset(struct bk_machine *machine, unsigned count);
/* Nothing waits there, nothing is on its way. */
void sim_pcpu_clear(struct sim_pcpu *pcpu);
/* What is due at the physical CPU has arrived. */
void sim_pcpu_arrive(struct bk_machine *machine, struct sim_pcpu *pcpu);
/* It is to arrive at `at`, at once when that is past. False: too much is on its way already. */
bool sim_pcpu_expect(struct bk_machine *machine, struct sim_pcpu *pcpu, const struct sim_arrival *arrival);
/* Ticks from `now` of its clock until something arrives; UINT64_MAX: nothing will. */
uint64_t sim_pcpu_distance(const struct bk_machine *machine, const struct sim_pcpu *pcpu, uint64_t now);
/* Highest vector that waits in the local APIC; -1: none. */
int sim_pcpu_interrupt(const struct sim_pcpu *pcpu);
void sim_pcpu_acknowledge(struct sim_pcpu *pcpu, uint8_t vector);
/* The vCPU becomes current on its physical CPU, which takes time when another one was. */
void sim_pcpu_take(struct bk_vcpu *vcpu);

/* ---- stimuli.c ---- */
/* Turns stimuli that are due into pending events of the processor, and offers the local APIC's highest interrupt. */
void sim_stimuli_arrive(struct bk_vcpu *vcpu);
/* Ticks until the next stimulus, arrival or interrupt of a source is due; UINT64_MAX when there is none. */
uint64_t sim_stimuli_distance(const struct bk_vcpu *vcpu);
/* Time passes until the next stimulus is due, at most `ticks`. */
void sim_stimuli_wait(struct bk_vcpu *vcpu, uint64_t ticks);
/* The same without the clock: for a vCPU that sleeps while time passes. */
void sim_stimuli_pass(struct bk_vcpu *vcpu, uint64_t ticks);
/* After a boundary: takes what the processor acknowledged out of the local APIC. */
void sim_stimuli_settle(struct bk_vcpu *vcpu, bool offered, bool still_waits);

/* The door of the model to the cached translations. */
struct vmx_translation_cache sim_vcpu_cache(struct bk_vcpu *vcpu);
/* What decides whose translations serve may have changed: control registers, VMX operation, EPTP, controls of the VMCS. */
void sim_vcpu_retag(struct bk_vcpu *vcpu);
/* Drops all cached translations and what was fetched through them, as reset does. */
void sim_vcpu_flush(struct bk_vcpu *vcpu);
/* What its engine holds of them may have been invalidated by others, or by a snapshot. */
void sim_vcpu_forget(struct bk_vcpu *vcpu);
/* The bytes of the page that a linear address is on, when instructions were fetched from there and the translation still stands; NULL otherwise. */
const uint8_t *sim_vcpu_code(const struct bk_vcpu *vcpu, gva_t linear, bool user);
/* Instructions were fetched from a page, through a translation that the tagged cache has; `bytes` are those of the page. */
void sim_vcpu_fetched(struct bk_vcpu *vcpu, gva_t linear, bool user, const uint8_t *bytes);
/* The engine's callback for translations that it does not hold. */
void sim_vcpu_translate(void *context, gva_t linear, enum vmx_access_kind access, bool user, struct vmx_translation *out);
/* The engine's callback for instructions that change VMX operation, in the middle of a run. */
uint64_t sim_vcpu_judge(void *context);
/* The engine's question at an IRET while NMIs are blocked. */
bool sim_vcpu_iret_unblocks_nmis(void *context);
/* A VM entry succeeded: the engine takes the groups of guest state that changed. */
void sim_vcpu_entered(struct bk_vcpu *vcpu, uint32_t changed);
/* turns.c: time that passes while this vCPU sleeps passes for its stimuli too. It falls asleep, or sleeps on; it wakes. */
void sim_sleep(struct bk_vcpu *vcpu);
void sim_wake(struct bk_vcpu *vcpu);
/* bk_enter() has returned so: what is left of the turn. */
void sim_turn_pauses(struct bk_vcpu *vcpu, enum bk_entered entered);
/* What this vCPU has done: instructions, iterations of REP beyond the first, and the machine's exits and deliveries. */
uint64_t sim_vcpu_progress(const struct bk_vcpu *vcpu);
/* Ticks after which the VMX-preemption timer wakes a processor that is not active; UINT64_MAX: it does not. */
uint64_t sim_vcpu_timer_wakes_after(const struct bk_vcpu *vcpu);
/* The guest stops without a VM exit: its state goes to the VMCS, where everybody looks for it. Returns `why`. */
enum bk_entered sim_vcpu_leave(struct bk_vcpu *vcpu, enum bk_entered why);
/* Runs the entered guest, after delivery of `event` (NULL: none is injected), up to its next VM exit, limit or end. */
enum bk_entered sim_vcpu_run(struct bk_vcpu *vcpu, const struct vmx_event *event);

#endif
