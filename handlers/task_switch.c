/* SPDX-License-Identifier: MIT */
/* TASK_SWITCH. Not modelled: hardware task switches in a guest; the guest stops with what it tried. SDM 3C, "Exit Qualification for Task Switches". */
#include "handlers.h"

enum hv_action hv_handle_task_switch(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    static const char *const sources[4] = {"CALL", "IRET", "JMP", "a task gate of the IDT"};
    return hv_stop(vcpu, "task switch to TSS %x by %s: hardware tasks are not modelled, RIP %lx", (unsigned)exit->qualification & 0xffffu,
                   sources[exit->qualification >> 30 & 3u], exit->rip);
}
