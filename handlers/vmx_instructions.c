/* SPDX-License-Identifier: MIT */
/* Instructions that this hypervisor does not offer: VMX (no nesting), SMX, SGX and others. They give #UD, as on a processor without them. */
#include "handlers.h"

enum hv_action hv_handle_undefined(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    hv_inject_ud(vcpu);
    return HV_RESUME;
}
