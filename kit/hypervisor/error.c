/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "vmi/hypervisor.h"

/* No pointers to strings: these work without relocation in code that is copied before it runs. */
static const char texts[-VMI_ERROR_LAST + 1][64] = {
    "no error",
    [-VMI_ERROR_SHORT] = "the image is too short",
    [-VMI_ERROR_NOT_ROM] = "not an option ROM",
    [-VMI_ERROR_CHECKSUM] = "the image's bytes do not sum to 0",
    [-VMI_ERROR_NOT_VMI] = "not a VMI ROM",
    [-VMI_ERROR_API] = "neither API 13 nor API 3.0",
    [-VMI_ERROR_DESCRIPTOR] = "no descriptor: not a hypercall image",
    [-VMI_ERROR_VERSION] = "the descriptor has another version",
    [-VMI_ERROR_KINDS] = "the descriptor contradicts the call table",
    [-VMI_ERROR_SITE] = "a slot does not hold what the descriptor says",
    [-VMI_ERROR_NOT_NATIVE] = "the twin is not a native image",
    [-VMI_ERROR_TWIN] = "the twin has another API, version or layout",
    [-VMI_ERROR_POLICY] = "no such policy, or a list without its kinds",
    [-VMI_ERROR_SLOT] = "no call of this API has the slot",
    [-VMI_ERROR_FIXED] = "the call is never exchanged",
    [-VMI_ERROR_MUST_TRAP] = "the call must trap",
    [-VMI_ERROR_KIND] = "the slot cannot be of this kind",
    [-VMI_ERROR_NO_TWIN] = "a native body is requested and no twin is given",
    [-VMI_ERROR_TRAP] = "no such trap, or not with this operand",
    [-VMI_ERROR_ADDRESS] = "the address is not on a page boundary, or too high",
    [-VMI_ERROR_SCRATCH] = "the scratch buffer is smaller than the image",
    [-VMI_ERROR_WRITE] = "guest memory could not be written: nothing new is published",
    [-VMI_ERROR_USER] = "the trap is from user mode",
    [-VMI_ERROR_OFFSET] = "EIP is not at the start of a slot",
    [-VMI_ERROR_NOT_TRAP] = "the slot was not published as a trap",
    [-VMI_ERROR_ELSEWHERE] = "EIP is neither in the published page nor in a copy of it",
    [-VMI_ERROR_HANDLER] = "no handler for this call",
    [-VMI_ERROR_OUTCOME] = "the handler returned an impossible result",
    [-VMI_ERROR_ARGUMENT] = "the call has no such argument",
    [-VMI_ERROR_FAULT] = "guest memory could not be read or written",
    [-VMI_ERROR_NO_SOFT] = "a soft body is requested and the plan has none",
};

const char *vmi_hv_error_text(int error) {
    if (error >= 0)
        return texts[0];
    return error < VMI_ERROR_LAST ? "no such error" : texts[-error];
}
