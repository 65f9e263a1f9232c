/* SPDX-License-Identifier: MIT */
/* One delivery under way: what the modes of deliver_*.c share. Internal to event delivery. */
#ifndef VMX_DELIVER_OPS_H
#define VMX_DELIVER_OPS_H

#include "access.h"
#include "deliver.h"
#include "outcome.h"
#include "registers.h"

enum vmx_delivered {
    VMX_DELIVERED,
    VMX_DELIVERY_FAULT, /* d->fault was met */
    VMX_DELIVERY_EXIT   /* d->exit was met */
};

/* One delivery; the state changes only when it succeeds, or when a task switch is past its point of no return. */
struct vmx_delivery {
    struct vmx_cpu *cpu;
    const struct vmx_event *event;
    bool injected;
    uint16_t ext; /* the EXT bit of error codes */
    uint64_t return_rip, return_rflags;
    uint32_t changed; /* enum vmx_group: what a task switch has written */
    struct vmx_event fault;
    struct vmx_exit_info exit;
};

enum vmx_delivered vmx_deliver_real(struct vmx_delivery *d);
/* INT n in virtual-8086 mode with CR4.VME = 1 that the redirection bitmap sends to the program's own vectors. */
enum vmx_delivered vmx_deliver_redirected(struct vmx_delivery *d);
enum vmx_delivered vmx_deliver_protected(struct vmx_delivery *d);
enum vmx_delivered vmx_deliver_long(struct vmx_delivery *d);

/* Ends a delivery with a hardware exception that has an error code. */
enum vmx_delivered vmx_delivery_fault(struct vmx_delivery *d, uint8_t vector, uint32_t error_code);
/* Ends it with what a translation met. A non-canonical address is `canonical_vector` with EXT as its error code. */
enum vmx_delivered vmx_delivery_stopped(struct vmx_delivery *d, const struct vmx_translation *t, uint8_t canonical_vector);

/* Descriptors. */
struct vmx_descriptor {
    uint32_t low, high;
    gva_t address;
};
enum { VMX_DESCRIPTOR_CODE = 1u << 11, VMX_DESCRIPTOR_CONFORMING = 1u << 10, VMX_DESCRIPTOR_WRITABLE = 1u << 9, VMX_DESCRIPTOR_S = 1u << 12 };
enum { VMX_DESCRIPTOR_L = 1u << 21, VMX_DESCRIPTOR_DB = 1u << 22 };

static inline unsigned vmx_descriptor_type(const struct vmx_descriptor *x)
{
    return x->high >> 8 & 0x1f; /* with S as bit 4 */
}
static inline unsigned vmx_descriptor_dpl(const struct vmx_descriptor *x)
{
    return x->high >> 13 & 3;
}
static inline bool vmx_descriptor_present(const struct vmx_descriptor *x)
{
    return (x->high & 0x8000) != 0;
}
/* The segment that a descriptor loads, its accessed flag set. */
struct vmx_segment vmx_descriptor_segment(const struct vmx_descriptor *x, uint16_t selector);
/* Reads a descriptor; one that is null or beyond its table gives `vector` (selector and EXT). */
enum vmx_delivered vmx_delivery_descriptor(struct vmx_delivery *d, uint16_t selector, uint8_t vector, struct vmx_descriptor *x);
/* Sets the accessed flag of a code or data descriptor in memory. */
enum vmx_delivered vmx_delivery_mark_accessed(struct vmx_delivery *d, const struct vmx_descriptor *x);

/* Gates of the IDT. */
enum { VMX_TASK_GATE = 5, VMX_GATE_16 = 6, VMX_GATE_32 = 14, VMX_GATE_TRAP = 1 };
struct vmx_gate {
    unsigned type; /* VMX_TASK_GATE, VMX_GATE_16 or VMX_GATE_32 | VMX_GATE_TRAP */
    unsigned ist;
    uint16_t selector;
    uint64_t offset;
};
/* Reads and checks the gate of the event. */
enum vmx_delivered vmx_delivery_gate(struct vmx_delivery *d, struct vmx_gate *gate);
/* Finds the handler's code segment: *segment with RPL and *cpl as they will be. */
enum vmx_delivered vmx_delivery_handler(struct vmx_delivery *d, uint16_t selector, struct vmx_segment *segment, unsigned *cpl,
                                        struct vmx_descriptor *x);

/* What is pushed, first value at the highest address. */
struct vmx_frame {
    uint64_t value[11];
    unsigned count, width; /* width in bytes: 2, 4 or 8 */
};
static inline void vmx_frame_add(struct vmx_frame *f, uint64_t value)
{
    f->value[f->count++] = value;
}
/* Pushes the frame on a stack segment (NULL: 64-bit mode) at *sp for a handler at cpl; no room is #SS(fault_selector | EXT). */
enum vmx_delivered vmx_delivery_push(struct vmx_delivery *d, const struct vmx_segment *ss, uint64_t *sp, const struct vmx_frame *f, unsigned cpl,
                                     uint16_t fault_selector);

/* task.c */
enum vmx_task_source {
    VMX_SWITCH_BY_CALL = 0,
    VMX_SWITCH_BY_IRET = 1,
    VMX_SWITCH_BY_JMP = 2,
    VMX_SWITCH_BY_GATE = 3
}; /* as in exit qualifications */
/* Outside VMX non-root operation: switches to the task of a TSS that has passed the checks of its descriptor. d->return_rip and d->return_rflags are
   what the old task's TSS keeps; an error code of d->event goes to the new stack. A fault with d->changed != 0 is the new task's. */
enum vmx_delivered vmx_task_switch(struct vmx_delivery *d, const struct vmx_segment *next, enum vmx_task_source source);
/* The same for the far transfer or IRET at RIP, as an outcome: a fault with `changed` groups is the new task's. */
struct vmx_outcome vmx_execute_task_switch(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint16_t selector, enum vmx_task_source source);

#endif
