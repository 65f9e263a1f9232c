/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the engine share.

   Guest code runs as Unicorn's translated blocks. At the start of each one engine_block() accounts for all of its instructions ahead;
   whoever leaves in its middle takes back those that did not run. Leaving is a jump out of the block through Unicorn's own
   longjmp, with RIP and flags restored from the block's table: from a replaced helper, from the page walk, or from engine_block(). */
#ifndef SIM_ENGINE_INTERNAL_H
#define SIM_ENGINE_INTERNAL_H

#include "engine.h"
#include "unicorn_internals.h"

#define RETURN_ADDRESS ((uintptr_t)__builtin_return_address(0))
#define RARELY(condition) __builtin_expect(!!(condition), 0)

/* A block's properties, found at translation. The low 16 bits of the word that engine_block() gets count its instructions. */
enum {
    BLOCK_COUNT = 0xffff,
    BLOCK_REP_FIRST = 1 << 16, /* its first instruction is a string instruction with REP */
    BLOCK_REP_LAST = 1 << 17,
    BLOCK_STRING_IO = 1 << 18,   /* it is an INS or OUTS alone */
    BLOCK_LOADS_SS = 1 << 19,    /* ends with MOV SS or POP SS */
    BLOCK_RF = 1 << 20,          /* translated for RFLAGS.RF = 1 */
    BLOCK_COUNTER_16 = 1 << 21,  /* REP counts in CX */
    BLOCK_COUNTER_32 = 1 << 22,  /* REP counts in ECX */
    BLOCK_CODE_LIMIT = 1 << 26,  /* the limit of CS is one of its own */
    BLOCK_BRANCH = 1 << 24,      /* ends with a branch, conditional or not */
    BLOCK_JUMP = 1 << 25,        /* ends with an unconditional one */
    BLOCK_OWN = 1 << 27,         /* it is an instruction alone that the engine executes */
    BLOCK_SETTLE_FLAGS = 1 << 23 /* begins with an instruction that needs the arithmetic flags as they are in RFLAGS */
};

#define ENGINE_HF_CODE_LIMIT (UINT32_C(1) << 31) /* the limit of CS is neither that nor 4 GiB */
/* hflags of the engine's own, which Unicorn leaves alone and looks blocks up by. */
enum {
    ENGINE_HF_SECOND_SET = 1 << 24, /* Unicorn's mark of I/O breakpoints, which only INS and OUTS would look at; they never run */
    ENGINE_HF_SEGMENTS = 1 << 27,   /* accesses through DS, ES and SS are checked */
    ENGINE_HF_ALIGNMENT = 1 << 28,  /* CR0.AM */
    ENGINE_HF_CODE_64K = 1 << 30,   /* the limit of CS is FFFFH */
    ENGINE_HF_BREAK = 1 << 29,      /* there are breakpoints on instructions */
};

/* The part of the environment that belongs to the groups of state, as it was when last moved. */
struct engine_snapshot {
    uint64_t regs[16];
    uint64_t eip, eflags;
    struct unicorn_segment segs[8], gdt, idt;
    uint64_t cr[5], efer, dr[8];
    uint64_t kernel_gs_base, xcr0;
    uint32_t pkru, inhibit, nmi;
    uint8_t v_tpr;
};

enum { ENGINE_SETS = 2, ENGINE_PAGES_MAX = 12 };

struct engine_page {
    uint64_t linear, physical; /* UINT64_MAX: no RAM */
    uint8_t modes;             /* a bit for each UNICORN_MMU_* */
    bool code;                 /* fetches were allowed */
};

/* What rights of pages follow from, beside the tables. */
struct engine_basis {
    uint64_t cr0, cr3, cr4, efer, pdpte[4], pkru, pkrs;
};

/* One set of translations. */
struct engine_translations {
    struct engine_page page[ENGINE_PAGES_MAX]; /* those that Unicorn may hold, as long as they are few */
    unsigned count;                            /* ENGINE_PAGES_MAX + 1: they are many */
    struct engine_page lapsed[ENGINE_PAGES_MAX];
    unsigned lapsed_count;
    struct engine_basis basis; /* while it is not in use */
};

/* Unicorn's TLB of the set that is not in use. */
struct engine_tlb_away {
    struct unicorn_tlb tlb[UNICORN_MMU_MODES];
    struct unicorn_tlb_description description[UNICORN_MMU_MODES];
    uint16_t filled;
};

/* Where the operand beside ST(0) comes from. */
enum engine_fpu_form { ENGINE_FPU_REGISTER, ENGINE_FPU_SINGLE, ENGINE_FPU_DOUBLE, ENGINE_FPU_INTEGER };

/* Bytes of an instruction at a linear address that are translated as others: those with a bit in `changed`. */
enum { ENGINE_LONGEST = 15 };
struct engine_rewriting {
    uint64_t pc;
    uint16_t changed; /* 0: none */
    uint8_t bytes[ENGINE_LONGEST];
};

/* A stack that is reached with the rights of ring 3 whatever the library asks for: `bytes` (0: none) from an offset on, which may wrap around. */
struct engine_user_stack {
    uint64_t base, offset, mask;
    unsigned bytes;
};

/* The stack of a far return in IA-32e mode whose items have 2 or 4 bytes (0: none), for which the library pops items of 8: see engine_narrow.c. */
struct engine_narrow_stack {
    uint64_t rsp, base, mask;
    uint64_t released;    /* bytes behind the first two items */
    uint64_t upper_flags; /* of RFLAGS, that IRET does not pop */
    unsigned items, size;
};

struct sim_engine {
    /* what translated code itself touches: engine_account.c */
    struct sim_engine_count count; /* `left` and `limit` less `bias` */
    const struct unicorn_block *block;

    int64_t bias; /* of `left`, and of `limit`: not 0 where every block is looked at */
    /* The last block that was looked at, what is known of it, and `left` behind it: while that stands, no other has run. */
    const struct unicorn_block *looked_at;
    uint32_t looked_at_word;
    int64_t looked_at_left;
    bool hook_known; /* Unicorn has registered engine_block() */

    struct unicorn_env *env;
    void *cpu, *uc, *tcg;

    int64_t set_aside; /* ticks to the deadline beyond the instruction that is allowed */
    bool allow;        /* the next run starts with an allowed instruction */
    bool allowing;     /* it is under way */
    bool watch;        /* the next run ends when an event is no longer blocked */
    bool looking_back; /* code that has run is read once more */
    bool translating, stopped;
    void *constant[2];                 /* temporaries of the block, for arguments of calls that are added to it */
    bool has_waitpkg;                  /* promised: see sim_engine_promise() */
    struct engine_rewriting rewriting; /* of the instruction that is being translated */
    uint64_t translated_pc;            /* of the block that is being translated */
    uint64_t fetch_retry;              /* linear address of an instruction that runs alone since a fetch looked further, */
    int64_t fetch_retry_left;          /* and `left` at that time */
    uint32_t blocked;                  /* at the start of a watched run: BLOCKED_* */
    uint32_t shadow;                   /* VMX_BLOCKING_BY_STI or _MOV_SS: what HF_INHIBIT_IRQ stands for */
    uint64_t resume_flag;              /* RFLAGS.RF, put aside for this run, */
    uint64_t ticks_at_start;           /* whose first instruction ends it */
    bool iret_unblocked;               /* an IRET that has ended blocking by NMI is under way, or was left by a fault */
    bool smap_exempt;                  /* of the access that is being translated */
    unsigned access_size;              /* of it */
    struct engine_user_stack user_stack;
    struct engine_narrow_stack narrow;
    uint64_t missed_at; /* ticks at the last stop for a translation, */
    unsigned misses;    /* and how many followed each other closely */
    struct sim_engine_result *result;

    unsigned code_breaks, data_breaks; /* which of DR0 to DR3 are breakpoints on instructions and data */
    unsigned hits;                     /* which of them the instruction under way has hit */
    uint64_t code_base;                /* base of CS in 64-bit mode, where Unicorn has 0 */

    void *ram;
    uint64_t size;
    uint8_t *code_pages;     /* for each page of RAM: this engine has translated code of it */
    struct sim_engine *peer; /* ring of engines on the same RAM */
    struct sim_ram_log *log; /* of stores; NULL: none */
    struct engine_translations set[ENGINE_SETS];
    struct engine_tlb_away away;
    uint64_t ram_base; /* of RAM in the library's count of it */
    bool ram_base_known;
    uint8_t set_in_use;
    bool selected; /* since the last run: what the set was made from may have changed meanwhile */
    struct sim_engine_callbacks callbacks;

    /* of the x87 instruction under way */
    struct {
        enum engine_fpu_form form;
        uint64_t raw;       /* its operand in memory */
        bool operand_empty; /* or that register */
        bool abandoned;     /* it does nothing more */
        bool pushed;        /* it has made room for what it loads */
    } fpu;

    struct unicorn_block last_block; /* `block`, when the code buffer no longer has it, */
    uint64_t last_block_end;         /* and where its last instruction began */
    struct vmx_state held;           /* what Unicorn has no place for */

    /* The last instruction whose load missed the TLB, and whether it writes back what it loads; forgotten with each translation of code. */
    struct {
        const struct unicorn_block *block; /* NULL: none */
        uintptr_t return_address;
        bool writes_back;
    } missing;
    struct engine_snapshot snapshot;
    struct vmx_segment shown[VMX_SEGMENT_COUNT]; /* as they were last set, */
    bool shown_stand;                            /* and no getting of them has come between */
};
_Static_assert(offsetof(struct sim_engine, count) == 0, "sim_engine_ticks() reads it there");

/* The engine that runs on this thread; NULL outside of sim_engine_run() and sim_engine_new(). */
extern _Thread_local struct sim_engine *engine_running;

/* What a block that has to be looked at costs beyond its instructions; bias of runs in which all have to be. Deadlines are far below both. */
#define BLOCK_LOOK (INT64_C(1) << 62)
#define LOOK_AT_ALL (INT64_C(1) << 61)

/* engine_account.c */
/* Completes the accounting of a block that has just been translated; false: the library does not work as expected. */
bool engine_account_for(const struct sim_engine *engine, const struct unicorn_block *block, uint32_t word);

/* engine_time.c */
void engine_block(const struct unicorn_block *block, uint64_t pc, uint32_t word, void *engine);
/* Restores RIP and condition codes of the instruction that made the call and takes back all from it on. 0 or an address outside of
   the block: RIP says which instruction it is. */
void engine_unwind(struct sim_engine *engine, uintptr_t return_address);
/* The same for the last instruction of the block, which has made RIP and condition codes right itself. */
void engine_unwind_last(struct sim_engine *engine);
/* The same without taking back. */
void engine_restore(struct sim_engine *engine, uintptr_t return_address);
/* Leaves the run at the current RIP. */
_Noreturn void engine_stop(struct sim_engine *engine, enum sim_stop stop);
/* The same behind a completed instruction or iteration of REP. */
_Noreturn void engine_stop_at_boundary(struct sim_engine *engine, enum sim_stop stop);
/* From the next block on engine_block() sees every one until the run ends. */
void engine_look_at_all(struct sim_engine *engine);
/* The instruction or iteration that has just completed transferred control: what DEBUGCTL.BTF steps by. */
bool engine_has_branched(const struct sim_engine *engine);
/* RIP is at a boundary where the run has to end: the deadline, or what is watched for. */
bool engine_boundary_is_due(const struct sim_engine *engine);
/* Leaves the block and looks again for one to run at the current RIP; `count` instructions long, 0: any length. */
_Noreturn void engine_retry(struct sim_engine *engine, uint32_t count);
/* Starts and ends the accounting of one run. */
void engine_time_start(struct sim_engine *engine, uint64_t deadline);
void engine_time_end(struct sim_engine *engine);

/* Linear address of the instruction that made the call; nothing changes. */
uint64_t engine_instruction_of(const struct sim_engine *engine, uintptr_t return_address);
/* Where the last instruction of the block that ran last begins. */
uint64_t engine_last_instruction(const struct sim_engine *engine);

/* engine_near.c */
/* RIP is where a block would begin. A near branch that must not lead there has not happened: it faults. */
void engine_check_target(struct sim_engine *engine);
/* Code may run there: within the limit of CS, or canonical. */
bool engine_target_is_allowed(const struct unicorn_env *env, uint64_t rip);
/* engine_target.c: puts a look at the target into a block that has been translated, when the instruction at `last`, which ends it, needs that. */
void engine_add_target_check(struct sim_engine *engine, const struct unicorn_block *block, uint64_t last);
/* engine_fast_call.c */
bool engine_is_canonical(const struct unicorn_env *env, uint64_t address);

/* engine_translate.c */
bool engine_translation_present(void);
/* The run stops for a translation. */
void engine_note_miss(struct sim_engine *engine);
/* During translation: instructions of the block before the one that is being translated. */
unsigned engine_translated(const struct sim_engine *engine);

/* engine_memory.c */
bool engine_memory_init(struct sim_engine *engine);
void engine_memory_free(struct sim_engine *engine);
/* All translated code is gone. */
void engine_code_forgotten(struct sim_engine *engine);
/* A page of RAM, by its number, holds translated code of this engine or of another on the same RAM. */
bool engine_page_has_code(const struct sim_engine *engine, uint64_t page);
/* Asks for the translation of a linear address, and enters it where there is one. `address` is that of the library. */
bool engine_translate(struct sim_engine *engine, uint64_t address, uint64_t linear, unsigned size, enum vmx_access_kind kind, int mode,
                      uintptr_t return_address);

/* engine_hooks.c */
/* At a boundary: an exception of the instruction at RIP of which nothing has run. */
_Noreturn void engine_raise_at_boundary(struct sim_engine *engine, uint8_t vector);
_Noreturn void engine_stop_event(struct sim_engine *engine, enum sim_stop stop, const struct vmx_event *event);
/* Ends the run before the instruction that made the call. */
_Noreturn void engine_stop_before(struct sim_engine *engine, uintptr_t return_address);
/* The helper of a block's last instruction, VMREAD or VMWRITE of registers: returns when it has been executed. */
void engine_field_access(struct unicorn_env *env, uint64_t word);
/* Its word. */
enum { ENGINE_FIELD_WRITE = 1 << 0, ENGINE_FIELD_ENCODING_SHIFT = 8, ENGINE_FIELD_VALUE_SHIFT = 16, ENGINE_FIELD_LENGTH_SHIFT = 24 };
/* engine_judge.c: the same for VMCALL, VMLAUNCH and VMRESUME. It returns where the run goes on, perhaps elsewhere. */
void engine_judge(struct unicorn_env *env, int vector);
_Noreturn void engine_raise(struct sim_engine *engine, uint8_t vector, uint32_t error_code, uintptr_t return_address);

/* engine_hooks.c: Unicorn's form of the arithmetic flags becomes that of RFLAGS. */
void engine_settle_flags(struct unicorn_env *env);

/* engine_mode.c */
void engine_set_features(struct sim_engine *engine);
/* Brings hflags in line with control registers, EFER, segments and RFLAGS.VM. */
void engine_update_mode(struct unicorn_env *env);

/* engine_state.c */
void engine_settle_code_base(struct sim_engine *engine);

/* engine_hooks.c: the trap of RFLAGS.TF, where DEBUGCTL.BTF does not keep it. */
_Noreturn void engine_single_step(void);

/* engine_fpu.c */
enum {
    ENGINE_FPU_OPCODE = 0x7ff,
    ENGINE_FPU_WAITS = 1 << 16,
    ENGINE_FPU_NOTES_OPCODE = 1 << 17,
    ENGINE_FPU_ANY = 1 << 18,
    ENGINE_FPU_IS_WAIT = 1 << 19
};
/* Called by translated code before an instruction of x87 or MMX. */
void engine_fpu_begin(struct sim_engine *engine, uint64_t word);
/* The words of status or control have been written: ES and B follow. */
void engine_fpu_summarize(struct unicorn_env *env);

/* engine_sse.c: MXCSR has been written. */
void engine_settle_mxcsr(struct unicorn_env *env);

/* engine_changed.c */
void engine_snapshot(struct sim_engine *engine, uint32_t groups);
/* Setting these segments would change nothing, as long as the mode stays what it is. */
bool engine_segments_stand(const struct sim_engine *engine, const struct vmx_segment segments[VMX_SEGMENT_COUNT]);

#endif
