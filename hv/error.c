/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "vmi/hypervisor.h"

/* A switch, not a table of pointers: code without relocations can call it at once. */
const char *vmi_hv_error_text(int error) {
    if (error >= 0)
        return "no error";
    switch ((enum vmi_error)error) {
    case VMI_ERROR_SHORT:
        return "the image is too short";
    case VMI_ERROR_NOT_ROM:
        return "not an option ROM";
    case VMI_ERROR_CHECKSUM:
        return "the image's bytes do not sum to 0";
    case VMI_ERROR_NOT_VMI:
        return "not a VMI ROM";
    case VMI_ERROR_API:
        return "neither API 13 nor API 3.0";
    case VMI_ERROR_DESCRIPTOR:
        return "no descriptor: not a hypercall image";
    case VMI_ERROR_VERSION:
        return "the descriptor is of another version";
    case VMI_ERROR_KINDS:
        return "the descriptor contradicts the call table";
    case VMI_ERROR_SITE:
        return "a slot does not hold what the descriptor says";
    case VMI_ERROR_NOT_NATIVE:
        return "the twin is not a native image";
    case VMI_ERROR_TWIN:
        return "the twin is of another API, version or layout";
    case VMI_ERROR_POLICY:
        return "no such policy, or a list without its kinds";
    case VMI_ERROR_SLOT:
        return "no call of this API has the slot";
    case VMI_ERROR_FIXED:
        return "the call is never exchanged";
    case VMI_ERROR_MUST_TRAP:
        return "the call must trap";
    case VMI_ERROR_KIND:
        return "the slot cannot be of this kind";
    case VMI_ERROR_NO_TWIN:
        return "a native body is asked for and no twin is given";
    case VMI_ERROR_TRAP:
        return "no such trap, or not with this operand";
    case VMI_ERROR_ADDRESS:
        return "the address is not a page's, or too high";
    case VMI_ERROR_SCRATCH:
        return "the scratch buffer is smaller than the image";
    case VMI_ERROR_WRITE:
        return "guest memory could not be written: no ROM is published";
    case VMI_ERROR_USER:
        return "the trap is from user mode";
    case VMI_ERROR_OFFSET:
        return "EIP is not at the start of a slot";
    case VMI_ERROR_NOT_TRAP:
        return "the slot was not published as a trap";
    case VMI_ERROR_ELSEWHERE:
        return "neither the published page nor a copy of it";
    case VMI_ERROR_HANDLER:
        return "no handler for this call";
    case VMI_ERROR_OUTCOME:
        return "the handler returned what it cannot";
    case VMI_ERROR_ARGUMENT:
        return "the call has no such argument";
    case VMI_ERROR_FAULT:
        return "guest memory could not be read or written";
    }
    return "no such error";
}
