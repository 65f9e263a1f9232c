/* SPDX-License-Identifier: MIT */
/* The packed scenario: plain data that the loader writes and every machine reads.
   Layout, little-endian: header { "VMXS", u16 version = 1, u16 0, u32 total bytes, u32 CRC-32 of all bytes after the header }, then records
   { u16 kind, u16 0, u32 payload bytes, payload }, each padded with zeros to a multiple of 4, PACKED_END last. */
#ifndef BENCH_PACKED_H
#define BENCH_PACKED_H

#include <stdbool.h>
#include <stdint.h>

enum { PACKED_VERSION = 1, PACKED_HEADER_BYTES = 16, PACKED_RECORD_BYTES = 8 };

enum packed_kind {
    PACKED_END = 0,
    PACKED_NAME = 1,      /* text: scenario name */
    PACKED_PROFILE = 2,   /* text: CPU profile */
    PACKED_MODE = 3,      /* u32 enum packed_mode */
    PACKED_GUEST_RAM = 4, /* u64 bytes of guest RAM, a multiple of 4 KiB */
    PACKED_MEMORY = 5,    /* u64 guest-physical address, bytes */
    PACKED_FIELD = 6,     /* u32 field encoding, u32 0, u64 value: over the preset, after controls */
    PACKED_CONTROL = 7,   /* u32 enum vmx_control_word, u32 0, u64 bits to set, u64 bits to clear: over the least valid set */
    PACKED_IO_EXITS = 8,  /* u16 first port, u16 last port: exit (bitmaps start all clear) */
    PACKED_MSR_EXITS = 9, /* u32 first MSR, u32 last MSR, u32 1 read | 2 write (bitmap starts all clear) */
    PACKED_REGISTER = 10, /* u32 enum vmx_gpr, u32 0, u64 initial value */
    PACKED_IDT_GATE = 11, /* u32 vector, u32 DPL, u64 handler's linear address (real mode: segment << 16 | offset) */
    PACKED_POLICY = 12,   /* u32 enum packed_policy, u32 0, u64 value */
    PACKED_MSR_RULE = 13, /* u32 MSR, u32 writable, u64 value: handler policy */
    PACKED_EPT =
        14, /* u64 guest-physical, u64 bytes (multiple of 4 KiB), u32 rights (1 R 2 W 4 X; 0 unmaps), u32 page size: 0 4 KiB, 1 2 MiB, 2 1 GiB */
    PACKED_STEP = 15,     /* struct packed_step */
    PACKED_REST_ANY = 16, /* empty: exits after the last step are allowed and the guest runs on */
    PACKED_LIMIT = 17,    /* u64 guest instructions */
    PACKED_DUMP = 18,     /* u64 guest-physical address, u64 bytes: memory that the final record shows */
    PACKED_VCPUS = 19,    /* u32, 1 to 8 */
    PACKED_MSR_LOAD = 20, /* u32 MSR, u32 reserved field of the entry, u64 value: VM-entry MSR-load list */
    PACKED_PAGE =
        21, /* u64 linear, u64 guest-physical, u64 bytes, u64 page-table flags (P 1, W 2, U 4, ..., NX bit 63): remaps in the preset's page tables with 4-KByte pages */
    PACKED_BINARY_BASE = 22,   /* empty: EPT maps HPA = guest base + GPA; kept for readers */
    PACKED_PORTABLE = 23,      /* u32 1: nothing in it needs the simulator */
    PACKED_LACKS = 24,         /* u32 VMX capability MSR, u32 bit: a feature that the processor must not have */
    PACKED_START = 25,         /* u32 vCPU, u32 0, u64 address of its first instruction; vCPU 0 has the preset's, others wait for a SIPI */
    PACKED_PHYSICAL_CPUS = 26, /* u32, 1 to 8; as many as vCPUs when it is left out */
    PACKED_PIN = 27,           /* u32 vCPU, u32 physical CPU that it is bound to at the start; its number modulo their number when it is left out */
    PACKED_SOURCE = 28,  /* u32 vector, u32 vCPU that it belongs to, u32 physical CPU, u32 0, then u64 each: period, jitter, first, count, seed */
    PACKED_QUANTUM = 29, /* u64 instructions of a turn, PACKED_QUANTUM_MAX at most; PACKED_QUANTUM_DEFAULT when it is left out */
    PACKED_KINDS
};

/* Of a source: the first vector, and what period, jitter and first are at most. */
enum { PACKED_SOURCE_VECTOR_MIN = 16, PACKED_SOURCE_BYTES = 56 };
#define PACKED_SOURCE_TICKS_MAX (UINT64_C(1) << 40)
#define PACKED_SOURCE_JITTER_MAX UINT64_C(0x7fffffff)
#define PACKED_QUANTUM_MAX UINT64_C(1000000000)
#define PACKED_QUANTUM_DEFAULT UINT64_C(1000)

enum packed_mode { PACKED_MODE_REAL, PACKED_MODE_PROTECTED, PACKED_MODE_LONG, PACKED_MODE_RESET /* reset vector, F000:FFF0 */ };

enum packed_policy {
    PACKED_POLICY_EXCEPTIONS,    /* 0 reflect, 1 stop */
    PACKED_POLICY_EPT,           /* 0 map on demand, 1 stop */
    PACKED_POLICY_EPT_PREMAPPED, /* 1: guest RAM is mapped before the first entry (the default) */
    PACKED_POLICY_DEVICES,       /* 1: the device set answers */
    PACKED_POLICY_VMCALL_STOPS,
    PACKED_POLICY_HIDE_CPUID_ECX,
    PACKED_POLICY_HIDE_CPUID_EDX,
    PACKED_POLICY_FW_CFG, /* 1: the device set has the firmware configuration ports */
    PACKED_POLICY_PASIDS, /* number of the guest's PASIDs */
    PACKED_POLICY_FIRST_PASID,
    PACKED_POLICIES
};

enum packed_step_kind {
    STEP_EXPECT = 0,               /* a = basic reason; then packed_match records: one VM exit is consumed */
    STEP_EXPECT_ENTRY_FAILURE = 1, /* a = enum packed_entry_failure; b = error number or basic exit reason; c = number of the rule in the
                                      loader's table of entry checks, 0: any; then matches */
    STEP_INTERRUPT = 2,            /* a = vector, b = guest instructions from here (0: at once): external interrupt at the physical CPU */
    STEP_NMI = 3,                  /* b as above */
    STEP_QUEUE_INTERRUPT = 4,      /* a = vector: the hypervisor queues a virtual interrupt */
    STEP_QUEUE_NMI = 5,
    STEP_WRITE_FIELD = 6,    /* a = field encoding, b = value */
    STEP_WRITE_REGISTER = 7, /* a = gpr, b = value */
    STEP_WRITE_MEMORY = 8,   /* b = guest-physical address; bytes follow */
    STEP_CONTROL = 9,        /* a = control word, b = bits to set, c = bits to clear */
    STEP_INIT = 10,          /* b as STEP_INTERRUPT */
    STEP_SIPI = 11,          /* a = vector, b as STEP_INTERRUPT */
    STEP_MACHINE_CHECK_AT_ENTRY = 12,
    STEP_EPT = 13,     /* a = rights, with bit 31: no INVEPT follows; b = guest-physical, c = bytes: change EPT, then INVEPT */
    STEP_MTF = 14,     /* a = number of instructions that the hypervisor single-steps with the monitor trap flag */
    STEP_INVEPT = 15,  /* a = type, b = EPTP, 0: the one in use */
    STEP_INVVPID = 16, /* a = type, b = VPID, c = linear address */
    STEP_MOVE = 17,    /* a = physical CPU, b as STEP_INTERRUPT, c = vCPU that moves there */
};

enum packed_entry_failure { ENTRY_FAIL_INVALID, ENTRY_FAIL_VALID, ENTRY_FAIL_EXIT, ENTRY_FAIL_FAULT, ENTRY_FAIL_ANY };

/* Payload of PACKED_STEP: this head, then `extra` bytes. `line` is the script line, for the judge's messages. */
struct packed_step {
    uint32_t kind; /* enum packed_step_kind */
    uint32_t line;
    uint32_t vcpu; /* whose exit is expected, whom the stimulus is for: steps of different vCPUs are not ordered among themselves */
    uint32_t a;
    uint64_t b, c;
    uint32_t extra; /* bytes that follow: matches, or memory */
    uint32_t zero;
};

/* One expected value: an item of the exit record (trace.h), compared under a mask. */
struct packed_match {
    uint32_t item; /* enum trace_item, or one of the derived items from 64 up */
    uint32_t line;
    uint64_t value, mask;
};

/* Derived items: parts of the qualification and of event information under names that people use. */
enum packed_derived {
    MATCH_PORT = 64,
    MATCH_SIZE,
    MATCH_DIRECTION /* 0 out, 1 in */,
    MATCH_STRING,
    MATCH_REP,
    MATCH_IMMEDIATE,
    MATCH_CR,
    MATCH_CR_TYPE /* 0 to, 1 from, 2 clts, 3 lmsw */,
    MATCH_GPR,
    MATCH_DR,
    MATCH_VECTOR,
    MATCH_EVENT_TYPE,
    MATCH_ERROR_CODE,
    MATCH_READ,
    MATCH_WRITE,
    MATCH_FETCH,
    MATCH_IDT_VECTOR,
    MATCH_IDT_TYPE,
    MATCH_MSR /* RCX */,
    MATCH_SELECTOR,      /* of a task switch */
    MATCH_SOURCE,        /* of a task switch: 0 CALL, 1 IRET, 2 JMP, 3 IDT task gate */
    MATCH_OFFSET,        /* in the APIC page: APIC access, APIC write */
    MATCH_ACCESS,        /* type of an APIC access */
    MATCH_REGISTER = 128 /* and up: general register, in the order of enum vmx_gpr */
};

/* ---- reading ---- */
struct packed_reader {
    const uint8_t *data;
    uint32_t size, at;
};
struct packed_record {
    uint32_t kind, size;
    const uint8_t *payload;
};
/* The bytes of the packed scenario that begins here, as its header says; 0: none begins here, or it is cut off. */
uint32_t packed_size(const void *data, uint64_t size);
/* Checks header, size and CRC-32; NULL when good, else what is wrong in a few words. */
const char *packed_open(struct packed_reader *reader, const void *data, uint64_t size);
/* The next record; false at the end or when the record does not fit (then reader->at is UINT32_MAX). */
bool packed_next(struct packed_reader *reader, struct packed_record *record);
/* Little-endian loads from a payload; 0 beyond its end. */
uint32_t packed_u32(const struct packed_record *record, uint32_t offset);
uint64_t packed_u64(const struct packed_record *record, uint32_t offset);
/* The step of a PACKED_STEP record; false when the payload is too short for what it says. */
bool packed_step_of(const struct packed_record *record, struct packed_step *step, const uint8_t **extra);

uint32_t bench_crc32(uint32_t crc, const void *data, uint64_t size); /* zlib polynomial; start with 0 */

#endif
