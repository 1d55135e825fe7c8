/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Time: slots 33 and 79 to 84. The counters are the host's TSC: the guest has the processor for
 * itself, so that nothing is stolen and available time is real time. The guest's own TSC differs
 * from them once it has set it.
 */

#include "calls_time.h"
#include "common/clock.h"
#include "event.h"
#include "vmi/api.h"

int call_rdtsc(void *context, struct vmi_frame *f) {
    vmi_return_edx_eax(f, guest_tsc(context));
    return VMI_RETURNS;
}

int call_get_cycle_frequency(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, cycle_frequency());
    return VMI_RETURNS;
}

int call_get_cycle_counter(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, f->eax <= VMI_CYCLES_AVAILABLE ? read_tsc() : 0);
    return VMI_RETURNS;
}

int call_set_alarm(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    struct alarm alarm = {.armed = true,
                          .lvtt = f->eax & VMI_ALARM_WIRED_LVTT,
                          .expiry = (uint64_t)f->ecx << 32 | f->edx};
    uint32_t low, high;
    int error = vmi_argument_stack(f, 0, &low);
    if (!error) {
        error = vmi_argument_stack(f, 1, &high);
    }
    if (error) {
        return error;
    }
    if (f->eax & VMI_ALARM_IS_PERIODIC) {
        alarm.period = (uint64_t)high << 32 | low;
    }
    if (set_alarm(&vcpu->alarms, f->eax & VMI_ALARM_COUNTER_MASK, &alarm)) {
        watch_timers(vcpu);
    }
    return VMI_RETURNS;
}

int call_cancel_alarm(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    bool was_set = cancel_alarm(&vcpu->alarms, f->eax & VMI_ALARM_COUNTER_MASK);
    if (was_set) {
        watch_timers(vcpu);
    }
    vmi_return_eax(f, was_set);
    return VMI_RETURNS;
}

int call_get_wallclock_time(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, wallclock_time());
    return VMI_RETURNS;
}
