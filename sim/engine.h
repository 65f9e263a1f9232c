/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine room: runs guest code until something happens that the model must judge. One engine per virtual CPU; Unicorn lives behind
   this interface and nowhere else.

   Counts, stops and states are exact to the instruction. Not modelled, as Unicorn does not: AVX (#UD), 64-bit precision and some flags of
   x87 transcendentals. tools/limits.def has the rest. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../vmx-model/caps.h"
#include "../vmx-model/state.h"
#include "../vmx-model/walk.h"

/* An engine begins with its count, which is asked for many times in each VM exit. */
struct sim_engine_count {
    int64_t left;       /* ticks to `limit` */
    uint64_t limit;     /* ticks at the deadline */
    uint64_t unretired; /* ticks that are not a retired instruction: iterations of REP beyond the first, or of an unfinished REP */
};
struct sim_engine;

enum sim_stop {
    SIM_STOP_INSTRUCTION,    /* before a sensitive instruction acts: RIP, registers and flags are those before it */
    SIM_STOP_EXCEPTION,      /* an exception is due at RIP (fault: of the instruction; trap: of the one before): result->event */
    SIM_STOP_SOFT_INTERRUPT, /* INT n, INT3, INTO, INT1 at RIP, before it acts: result->event with type and length */
    SIM_STOP_TRANSLATION,    /* the translate callback answered with a fault or an exit: result->translation */
    SIM_STOP_DEADLINE,       /* exactly the asked number of ticks has passed */
    SIM_STOP_JUDGED,         /* callbacks.judge() wants it */
    SIM_STOP_HOST_ERROR      /* Unicorn failed: result->message */
};

struct sim_engine_result {
    enum sim_stop stop;
    struct vmx_event event;
    struct vmx_translation translation;
    bool repeats; /* the boundary is one between iterations of REP */
    gva_t linear; /* SIM_STOP_TRANSLATION: the address that missed */
    enum vmx_access_kind access;
    const char *message;
};

enum { SIM_ENGINE_STOPS = 16 };
#define SIM_ENGINE_REFUSES UINT64_MAX

struct sim_engine_callbacks {
    void *context;
    /* A translation is not cached. May change page tables (accessed and dirty flags). The state of the CONTROL group as of the last
       sim_engine_set() is valid; RIP is not. What else a walk needs of the running state: sim_engine_smap_exempt(), sim_engine_pkru().
       An answer without the right that a data access needs serves this access alone: the next one to the page asks again. */
    void (*translate)(void *context, gva_t linear, enum vmx_access_kind access, bool user, struct vmx_translation *out);
    /* In the middle of a run, at CPL 0 in 64-bit mode, without traps, breakpoints or blocking: an instruction that the engine does not know stands at
       RIP. May execute it in the engine's place, and answers its length then; SIM_ENGINE_STOPS for one that stops the run as #UD, 0 for one that the
       engine is to look at once more. It may change the general registers (sim_engine_gpr(), which has RSP too) and the arithmetic flags, *flags, which
       are 0 unless it sets them, and nothing else. NULL: they all stop. */
    unsigned (*undefined)(void *context, uint64_t rip, uint64_t *flags);
    /* In the middle of a run, at CPL 0 in 64-bit mode, without traps, breakpoints or blocking: VMREAD, or VMWRITE, of general registers, by their numbers.
       As for `undefined`: may execute it and change registers and *flags; false: it stops the run as #UD. NULL: it always does. */
    bool (*field)(void *context, bool write, unsigned encoding, unsigned value, uint64_t *flags);
    /* In the middle of a run: VMCALL, VMLAUNCH or VMRESUME, which the engine does not know, stands at RIP. May judge it there, moving state and changing
       translations as between two runs. Answers the ticks of the run that goes on from there, as sim_engine_run() is told; 0: the run ends with
       SIM_STOP_JUDGED. SIM_ENGINE_REFUSES: nothing was done, and the run stops at RIP with #UD. NULL: it always does. */
    uint64_t (*judge)(void *context);
    /* Data accesses to physical addresses from the end of RAM on, 1 to 8 bytes; NULL: reads give all ones, writes vanish. Called in the middle
       of an instruction: only one that runs alone may get there. */
    uint64_t (*mmio_read)(void *context, hpa_t address, unsigned size);
    void (*mmio_write)(void *context, hpa_t address, unsigned size, uint64_t value);
    unsigned linear_bits; /* of the processor, for bases that instructions load; 0 stands for 48 */
    /* Does an IRET that begins now end blocking by NMI? NULL: it does. */
    bool (*iret_unblocks_nmis)(void *context);
};

/* RAM is one host mapping of `size` bytes that stands at host-physical address 0; it outlives the engine. NULL: no engine can be had,
   *message says why (wrong Unicorn version or layout, no memory). */
struct sim_engine *sim_engine_new(void *ram, uint64_t size, const struct sim_engine_callbacks *callbacks, const char **message);
void sim_engine_free(struct sim_engine *engine);
/* What CPUID does not promise is #UD, or what it was before the feature. To be called before the engine runs; until then everything is promised that
   it can execute. */
void sim_engine_promise(struct sim_engine *engine, const struct vmx_caps *caps);

/* Runs until a stop; `deadline` is the number of ticks from now (UINT64_MAX: none): of instructions, where each iteration of REP counts, so
   that an endless or huge REP is interrupted as on hardware. */
void sim_engine_run(struct sim_engine *engine, uint64_t deadline, struct sim_engine_result *result);
/* Lets the sensitive instruction at the current RIP run as the processor would outside VMX, without a stop, when the next run starts:
   SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT, LTR, SMSW, LMSW, CLTS, MOV from CR and DR, MOV to DR, INVLPG, INVD, WBINVD, MONITOR, PAUSE,
   XSETBV. The others (CPUID, RDTSC, RDMSR, IN, HLT, RDRAND ...) need what only the machine has and stop nevertheless. */
void sim_engine_allow_once(struct sim_engine *engine);
/* The next run ends, as at a deadline, also at the first boundary where something that blocked events at its start has ended: RFLAGS.IF = 0,
   blocking by STI or MOV SS, blocking by NMI. */
void sim_engine_watch_once(struct sim_engine *engine);
/* Instructions retired since the engine was made. A REP string instruction counts once, when it completes. */
static inline uint64_t sim_engine_retired(const struct sim_engine *engine);
/* Time: instructions retired plus REP iterations beyond the first. */
static inline uint64_t sim_engine_ticks(const struct sim_engine *engine);
/* During the translate callback: true when SMAP does not apply to the access (RFLAGS.AC = 1 and explicit, or user mode); PKRU. */
bool sim_engine_smap_exempt(const struct sim_engine *engine);
uint32_t sim_engine_pkru(const struct sim_engine *engine);
/* During the translate callback: bytes of a data access, from the linear address on; 0 when nothing is accessed yet (fetch, probe). */
unsigned sim_engine_access_size(const struct sim_engine *engine);
/* True when the last run was left by a fault, or by a translation that failed, of an IRET that began with NMIs blocked: they are not any more. */
bool sim_engine_iret_unblocked(const struct sim_engine *engine);
/* Adds one to both: an instruction that the model executed in the engine's place. */
void sim_engine_count_one(struct sim_engine *engine);
/* Adds one to the ticks alone: an iteration of REP that is not the last. */
void sim_engine_count_iteration(struct sim_engine *engine);

/* Moves groups of state (enum vmx_group mask) out of and into the engine. Setting CONTROL or SEGMENTS recomputes the mode; changes of CR0, CR3, CR4,
   EFER, PDPTEs, PKRU or IA32_PKRS flush the translations in use. Interruptibility: STI and MOV SS blocking of the boundary the engine stands at. */
void sim_engine_get(struct sim_engine *engine, uint32_t groups, struct vmx_state *state);
void sim_engine_set(struct sim_engine *engine, uint32_t groups, const struct vmx_state *state);
/* Groups that guest code may have changed since they were last moved in or out, by comparison. */
uint32_t sim_engine_changed(struct sim_engine *engine);
/* Direct access to the general registers, in the order of enum vmx_gpr. */
uint64_t *sim_engine_gpr(struct sim_engine *engine);

/* x87 and SSE, which no group of state holds. */
struct sim_engine_float {
    uint16_t control, status, tags, opcode;
    uint64_t instruction, data; /* offsets of the last x87 instruction and its operand */
    struct {
        uint64_t significand;
        uint16_t exponent; /* and sign */
    } x87[8];              /* physical registers; ST(0) is the one that the top of stack in `status` names */
    uint64_t sse[16][2];
    uint32_t mxcsr;
};
void sim_engine_get_float(struct sim_engine *engine, struct sim_engine_float *floating);
void sim_engine_set_float(struct sim_engine *engine, struct sim_engine_float *floating);

/* Cached translations stand in two sets, 0 and 1, of which one is in use: 0 at first. The other keeps what it has. A set that is selected holds what
   it held when it was left, less what was flushed; if control registers, EFER, PDPTEs or protection keys are others then, nothing. */
void sim_engine_select(struct sim_engine *engine, unsigned set);
/* Forgets cached translations: all, those of a set, or those of a set in a page of `size` bytes. */
void sim_engine_flush(struct sim_engine *engine);
void sim_engine_flush_set(struct sim_engine *engine, unsigned set);
void sim_engine_flush_page(struct sim_engine *engine, unsigned set, gva_t linear, uint64_t size);
/* RAM was written from outside (handlers, devices): translated code there is dropped. */
void sim_engine_ram_written(struct sim_engine *engine, hpa_t address, uint64_t size);
/* Engines on the same RAM: stores of each, and what sim_engine_ram_written() tells one, drop translated code of all. To be
   called before either runs; those that are joined already stay so. All run on one thread. */
void sim_engine_join(struct sim_engine *engine, struct sim_engine *other);

static inline uint64_t sim_engine_ticks(const struct sim_engine *engine)
{
    const struct sim_engine_count *count = (const struct sim_engine_count *)(const void *)engine;
    return count->limit - (uint64_t)count->left;
}

static inline uint64_t sim_engine_retired(const struct sim_engine *engine)
{
    const struct sim_engine_count *count = (const struct sim_engine_count *)(const void *)engine;
    return count->limit - (uint64_t)count->left - count->unretired;
}

/* ---- snapshots ---- */
struct sim_ram_log;
/* Whatever lets stores of guest code through marks the page in the log. NULL: no longer. */
void sim_engine_log_stores(struct sim_engine *engine, struct sim_ram_log *log);

/* All that decides how the guest goes on, between two runs. */
struct sim_engine_image {
    struct vmx_state state;
    struct sim_engine_float floating;
    uint64_t ticks, unretired;
    bool allow, watch; /* what was asked for the next run */
};
void sim_engine_save(struct sim_engine *engine, struct sim_engine_image *image);
/* Cached translations are forgotten; translated code stays, as RAM does: sim_engine_ram_written() tells what changes there. */
void sim_engine_restore(struct sim_engine *engine, struct sim_engine_image *image);

#endif
