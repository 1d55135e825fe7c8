/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Offsets and sizes of what a binding has to know, a line each: as `main --layout` of examples/rust
 * prints them. */

#include <stddef.h>
#include <stdio.h>

#include "vmi/defaults.h"
#include "vmi/embed.h"

#define SIZE(type)        printf(#type " %zu\n", sizeof(struct type))
#define FIELD(type, name) printf(#type "." #name " %zu\n", offsetof(struct type, name))

int main(void) {
    SIZE(vmi_image);
    FIELD(vmi_image, bytes);
    FIELD(vmi_image, size);
    FIELD(vmi_image, descriptor);
    FIELD(vmi_image, api);
    SIZE(vmi_plan);
    FIELD(vmi_plan, trap);
    FIELD(vmi_plan, operand);
    FIELD(vmi_plan, policy);
    FIELD(vmi_plan, kinds);
    FIELD(vmi_plan, soft);
    FIELD(vmi_plan, asks);
    SIZE(vmi_publication);
    FIELD(vmi_publication, address);
    FIELD(vmi_publication, size);
    FIELD(vmi_publication, api);
    FIELD(vmi_publication, trap);
    FIELD(vmi_publication, operand);
    FIELD(vmi_publication, flags);
    FIELD(vmi_publication, kind);
    SIZE(vmi_frame);
    FIELD(vmi_frame, eax);
    FIELD(vmi_frame, ecx);
    FIELD(vmi_frame, edx);
    FIELD(vmi_frame, ebx);
    FIELD(vmi_frame, esp);
    FIELD(vmi_frame, ebp);
    FIELD(vmi_frame, esi);
    FIELD(vmi_frame, edi);
    FIELD(vmi_frame, eip);
    FIELD(vmi_frame, eflags);
    FIELD(vmi_frame, es);
    FIELD(vmi_frame, cs);
    FIELD(vmi_frame, ss);
    FIELD(vmi_frame, ds);
    FIELD(vmi_frame, fs);
    FIELD(vmi_frame, gs);
    FIELD(vmi_frame, ss_base);
    FIELD(vmi_frame, ss_16bit);
    FIELD(vmi_frame, slot);
    FIELD(vmi_frame, guest);
    FIELD(vmi_frame, context);
    SIZE(vmi_guest);
    FIELD(vmi_guest, read);
    FIELD(vmi_guest, write);
    FIELD(vmi_guest, accessors);
    SIZE(vmi_trap);
    FIELD(vmi_trap, cpl);
    FIELD(vmi_trap, read_code);
    FIELD(vmi_trap, page);
    FIELD(vmi_trap, code);
    SIZE(vmi_segment);
    FIELD(vmi_segment, selector);
    FIELD(vmi_segment, attributes);
    FIELD(vmi_segment, limit);
    FIELD(vmi_segment, base);
    SIZE(vmi_accessors);
    FIELD(vmi_accessors, get_register);
    FIELD(vmi_accessors, set_register);
    FIELD(vmi_accessors, get_segment);
    FIELD(vmi_accessors, set_segment);
    FIELD(vmi_accessors, get_msr);
    FIELD(vmi_accessors, set_msr);
    FIELD(vmi_accessors, get_performance_counter);
    FIELD(vmi_accessors, get_time_stamp);
    FIELD(vmi_accessors, cpuid);
    FIELD(vmi_accessors, port_in);
    FIELD(vmi_accessors, port_out);
    FIELD(vmi_accessors, apic_read);
    FIELD(vmi_accessors, apic_write);
    FIELD(vmi_accessors, compare_exchange);
    FIELD(vmi_accessors, flush);
    FIELD(vmi_accessors, raise);
    FIELD(vmi_accessors, halt);
    FIELD(vmi_accessors, stop);
    FIELD(vmi_accessors, wallclock);
    FIELD(vmi_accessors, unblock_nmi);
    FIELD(vmi_accessors, string_elements);
    SIZE(vmi_embedded_rom);
    FIELD(vmi_embedded_rom, name);
    FIELD(vmi_embedded_rom, bytes);
    FIELD(vmi_embedded_rom, size);
    FIELD(vmi_embedded_rom, api);
    FIELD(vmi_embedded_rom, kind);
    SIZE(vmi_handlers);
    FIELD(vmi_handlers, OUTB);
    return 0;
}
