/* SPDX-License-Identifier: MIT */
/* The trace: one binary format for every machine.
   Layout, little-endian: header { "VMXT", u16 version = 1, u16 0, u32 0, u32 0 }, then records { u8 kind, u8 vcpu, payload of LEB128 numbers },
   TRACE_END last; in a file "VMXC" and u32 CRC-32 of all before may follow. Every record of a vCPU may leave out what did not change: the exit record names the general registers it carries;
   all are 0 when a scenario begins. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum { TRACE_VERSION = 1, TRACE_HEADER_BYTES = 16, TRACE_RECORD_MAX = 700, TRACE_VCPUS = 8, TRACE_NUMBERS_MAX = 23 };

enum trace_kind {
    TRACE_END = 0,        /* exits, guest instructions, ticks, enum trace_stop; text length, text */
    TRACE_SCENARIO = 1,   /* CRC-32 of the packed scenario; text length, name; text length, profile; text length, machine ("sim", "hw") */
    TRACE_EXIT = 2,       /* mask of items, the items in order of enum trace_item; mask of registers, the registers that changed */
    TRACE_ENTRY_FAIL = 3, /* 0 VMfailInvalid, 1 VMfailValid, 2 fault; number; ticks */
    TRACE_INJECT = 4,     /* VM-entry interruption information, error code, instruction length: the next entry injects this */
    TRACE_STIMULUS = 5,   /* enum packed_step_kind, a, b: a stimulus was applied */
    TRACE_OUTPUT = 6,     /* port, byte: the guest wrote to a console port */
    TRACE_REPORT = 7,     /* text length, text: a handler's words */
    TRACE_FINAL = 8,      /* RIP, RSP, RFLAGS, CR0, CR3, CR4, EFER, 16 registers (RSP again) */
    TRACE_MEMORY = 9,     /* guest-physical address; length, bytes (long dumps take several records) */
    TRACE_COST = 10,      /* ticks of the handler and of the entry after the last exit of this vCPU; readers find them in the exit record */
    TRACE_INTERRUPT =
        12, /* vector, physical CPU, vCPU that it is for, 1: it waited there already; the host took an interrupt that has a route, or a kick */
    TRACE_SOURCE = 13, /* vector, interrupts, those of them that were requested already when they came: a source at the end */
    TRACE_RULE = 11    /* text length, text: the rule of VM entry that the entry of the next record violates, where the machine knows; readers find
                             it as the text of that record */
};

enum trace_stop {
    TRACE_STOP_STEPS,  /* all steps done */
    TRACE_STOP_HALTED, /* the guest halted and nothing will wake it */
    TRACE_STOP_POWER_OFF,
    TRACE_STOP_HANDLER, /* a handler stopped the guest: text */
    TRACE_STOP_LIMIT,   /* the instruction limit */
    TRACE_STOP_ENTRY_FAIL,
    TRACE_STOP_HOST_ERROR /* text */
};

/* Items of an exit record. Items of value 0 are left out (absent = 0). */
enum trace_item {
    TRACE_REASON, /* exit reason, flags included */
    TRACE_QUALIFICATION,
    TRACE_RIP,
    TRACE_RSP,
    TRACE_RFLAGS,
    TRACE_INSTRUCTION_LENGTH,
    TRACE_INSTRUCTION_INFO,
    TRACE_GUEST_LINEAR,
    TRACE_GUEST_PHYSICAL,
    TRACE_INTERRUPTION_INFO,
    TRACE_INTERRUPTION_ERROR,
    TRACE_IDT_INFO,
    TRACE_IDT_ERROR,
    TRACE_INTERRUPTIBILITY,
    TRACE_ACTIVITY,
    TRACE_PENDING_DEBUG,
    TRACE_CR0,
    TRACE_CR3,
    TRACE_CR4,
    TRACE_PHYSICAL_CPU,
    /* time: not compared between machines */
    TRACE_TICKS,              /* since the start of the run, at the exit */
    TRACE_GUEST_INSTRUCTIONS, /* retired since the last entry */
    TRACE_COST_EXIT,
    TRACE_COST_HANDLER,
    TRACE_COST_ENTRY, /* COST_ENTRY: of the entry that follows */
    TRACE_ITEM_COUNT
};
extern const char *const trace_item_names[TRACE_ITEM_COUNT]; /* "reason", "qualification", "rip", ... */

/* One record, decoded. */
struct trace_record {
    enum trace_kind kind;
    uint8_t vcpu;
    uint64_t item[TRACE_ITEM_COUNT]; /* TRACE_EXIT */
    uint64_t gpr[16];                /* TRACE_EXIT, TRACE_FINAL: all registers, carried over */
    uint64_t number[10];             /* other kinds: payload numbers in order */
    const uint8_t *text; /* TRACE_MEMORY: bytes; TRACE_END, TRACE_REPORT, TRACE_SCENARIO: text; of a failed entry the violated rule; not terminated */
    uint32_t text_length;
    const uint8_t *text2, *text3; /* TRACE_SCENARIO: profile, machine */
    uint32_t text2_length, text3_length;
};

/* ---- writing ---- */
struct trace_writer {
    bool (*sink)(void *context, const void *bytes, uint32_t size); /* false: the rest of the trace is lost, writer->failed is set */
    void *context;
    bool failed;
    uint64_t gpr[TRACE_VCPUS][16]; /* as last written */
    uint64_t exits;
};
/* Writes the header; sink and context are set, all else is cleared. */
void trace_begin(struct trace_writer *writer);
/* Starts the records of one scenario. */
void trace_scenario(struct trace_writer *writer, uint32_t crc, const char *name, const char *profile, const char *machine);
void trace_exit(struct trace_writer *writer, uint8_t vcpu, const uint64_t item[TRACE_ITEM_COUNT], const uint64_t gpr[16]);
/* Kinds whose payload is numbers (as many as the kind has) and at most one text. TRACE_FINAL takes its 23 numbers this way. */
void trace_numbers(struct trace_writer *writer, enum trace_kind kind, uint8_t vcpu, const uint64_t *number, unsigned count, const void *text,
                   uint32_t text_length);

/* ---- reading ---- */
struct trace_reader {
    const uint8_t *data;
    uint64_t size, at;
    bool open; /* inside a scenario: TRACE_END is still to come */
    uint64_t gpr[TRACE_VCPUS][16];
};
/* NULL when the header is good, else what is wrong in a few words. */
const char *trace_open(struct trace_reader *reader, const void *data, uint64_t size);
/* 1: a record; 0: the end (after TRACE_END, at end of data); -1: truncated or malformed at reader->at. A file may hold several traces:
   after TRACE_END the next scenario's records follow without a new header. TRACE_COST and TRACE_RULE are folded into the record that they belong to. */
int trace_next(struct trace_reader *reader, struct trace_record *record);

#endif
