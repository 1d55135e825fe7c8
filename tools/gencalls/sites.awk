# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What a call site holds, whatever language it is written in; include/vmi/guest.h says what sites are. -v slots=FILE are
# the slots of the native image of API 13, a line each: od -An -v -tx1 -w32.

BEGIN {
    if (emit ~ /^sites/)
        read_slots()
}

function read_slots(n, i, row, w) {
    while ((getline row < slots) > 0) {
        if (split(row, w, " ") == 32)
            for (i = 1; i <= 32; i++)
                slot_byte[n + 0, i - 1] = w[i]
        n++
    }
    if (n < n_slots)
        fail_usage("`" slots "` does not hold " n_slots " slots")
}

function from_hex(text, i, n) {
    for (i = 1; i <= length(text); i++)
        n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return n
}

# The name in C and in both assemblers: SetPxELong is vmi_set_pxe_long, what only API 3.0 has begins with vmi3_.
function site_name(k, text, result, i, c, before, after) {
    text = names[k]
    gsub(/PxE/, "Pxe", text)
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        before = substr(text, i - 1, 1)
        after = substr(text, i + 1, 1)
        if (i > 1 && c ~ /[A-Z]/ && (before ~ /[a-z]/ || after ~ /[a-z]/))
            result = result "_"
        result = result tolower(c)
    }
    return (api13[k] == "-" ? "vmi3_" : "vmi_") result
}

# The same as one writes it: what does not return is a macro of the assemblers alone.
function site_use(k) {
    return site_name(k) (returns[k] == "noret" ? "" : "()")
}

function add_native(byte) {
    native[n_native++] = byte
}

# Fills native[] with the bytes of the call's own instructions (a NOP for none), or native_text where they have operands;
# n_native is their size either way. False: the call has no sites. Of two rows of one slot, that of API 13 has them.
function collect_site(k, s, fact, size, i) {
    n_native = 0
    native_text = ""
    if (trap[k] == "fixed" || site_taken[slot[k]] || api13[k] == "-" && (body[k] != "ret" || group[k] == "apic"))
        return 0
    site_taken[slot[k]] = 1
    s = slot[k] + 0
    if (api13[k] == "-") {
        add_native("90")
        return 1
    }
    fact = from_hex(slot_byte[s, 31])
    check_inlining(k, fact)
    if (fact == 128)
        return collect_kept_site(k)
    size = fact % 64
    for (i = 0; i < size - 1; i++) {
        if (fact >= 64 && slot_byte[s, i] == "c3" && slot_byte[s, i + 1] == "90") {
            add_native("eb")
            add_native(sprintf("%02x", size - 1 - (i + 2)))
            i++
        } else {
            add_native(slot_byte[s, i])
        }
    }
    if (size == 1)
        add_native("90")
    return 1
}

# What a stub's end says of inlining, and what the row wants: kernels have their own instructions where a body comes back
# elsewhere or not at all, goes on outside its slot, or reads the stack.
function check_inlining(k, fact, said, wanted, size) {
    size = fact % 64
    said = fact == 128 ? "endstub native" : fact < 128 && size && slot_byte[slot[k] + 0, size - 1] == "c3" ? "endstub inline" : "endstub"
    wanted = returns[k] != "ret" || body[k] == "jump" || names[k] ~ /^Write.*Entry$/ ? "endstub native" : "endstub inline"
    FNR = line[k]
    if (said != wanted)
        fail(names[k] ": its stub ends with `" said "`, its row wants `" wanted "` (docs/image.md, Inlining)")
}

# Calls whose body is not what stands at a site: stack arguments are in a register there, and IRET has no return address to
# drop; what picks one of many instructions, or is long, is a function of the kit.
function collect_kept_site(k) {
    if (names[k] ~ /^Write.*Entry$/) {
        native_text = "entry"
        n_native = 7
    } else if (names[k] == "IRET") {
        add_native("cf")
    } else if (names[k] == "SYSEXIT") {
        add_native("fb"); add_native("0f"); add_native("35")
    } else {
        native_text = "call"
        n_native = 5
    }
    return 1
}

# Stack arguments that a site pushes. IRET's frame is none: it is on the stack already.
function pushed(k) {
    return returns[k] == "noret" ? 0 : n_stack[k]
}

# What a site with a call in it has: the argument pushes, the call, and what drops the arguments.
function call_size(k) {
    return 5 + (pushed(k) ? pushed(k) + 4 : 0)
}

# What a site has whose registers are those of the call. One that has none and loses none can have room for more.
function site_size(k) {
    return keeps_all(k) ? room_of(k) : call_size(k)
}

function keeps_all(k) {
    return shape_of(k) == "same" && scratch_mask(k) == 0
}

# The padding in front of the native instructions: prefixes without a meaning there.
function padding(k, size, n, list) {
    size = site_size(k) - n_native
    for (n = 0; n < size; n++)
        list = list ",0x3e"
    return substr(list, 2)
}

function byte_list(i, list) {
    for (i = 0; i < n_native; i++)
        list = list ",0x" native[i]
    return substr(list, 2)
}

# What the native form of a call is where its operands may be anywhere that the instruction takes them; "" if its registers
# are fixed. It is seen from the body's bytes:
#   nothing    natively nothing is to be done
#   same       one instruction without operands
#   store, store64, load, load64, exchange, bit    of a page-table entry or an APIC register
#   to, from   a control register, or LDTR and TR: to
#   address    one instruction that takes an address
#   entry      the two stores of a descriptor
#   number     a debug register, whose number has to be a constant
#   get_mask, set_mask    PUSHFD, POP and PUSH, POPFD: bit 9 is the mask, the others are flags as they were
function shape_of(k, bytes, i) {
    if (returns[k] != "ret")
        return ""
    for (i = 0; i < n_native; i++)
        bytes = bytes native[i]
    if (native_text == "entry")
        return "entry"
    if (native_text == "call")
        return in_list[k] ~ /=number/ ? "number" : ""
    if (out_list[k] ~ /^(-|EAX=zero)$/ && bytes ~ /^(90|31c0)$/)
        return "nothing"
    if (in_list[k] == "-" && out_list[k] == "-" && body[k] == "insn")
        return "same"
    modrm = from_hex(substr(bytes, 3, 2))
    if (bytes ~ /^89[0-3].$/) return "store"
    if (bytes ~ /^8b[0-3].$/) return "load"
    if (bytes ~ /^89[4-7].0489[0-3].$/) return "store64"
    if (bytes == "89c18b018b51043b0175f7") return "load64"
    if (bytes ~ /^87[0-3].89[c-f].$/) return "exchange"
    if (bytes ~ /^f00fab1019c0$/ || bytes ~ /^f00fb31019c0$/) return "bit"
    modrm = from_hex(substr(bytes, 5, 2))
    if (bytes ~ /^0f22[c-f].$/ || bytes ~ /^0f00d[08]$/) return "to"
    if (bytes ~ /^0f20[c-f].$/) return "from"
    if (bytes == "0f0138") return "address"
    if (bytes == "9c582500020000") return "get_mask"
    if (bytes == "f6c4027403fbeb01fa") return "set_mask"
    return ""
}

# The instruction, and the operand that its ModRM byte has in the reg field.
function shape_name(k, shape, n) {
    n = int(modrm / 8) % 8
    if (shape == "bit") return native[2] == "ab" ? "bts" : "btr"
    if (native[1] == "00") return n == 2 ? "lldt" : "ltr"
    return "cr" n
}

# EAX, ECX and EDX as bits 0 to 2: what a body may change, results included.
function scratch_mask(k, mask, i, w) {
    for (i = split("EAX ECX EDX", w, " "); i > 0; i--)
        if (mask_has(clobber_mask[k], bit[w[i]]) || mask_has(out_mask[k], bit[w[i]]))
            mask += bit[w[i]]
    return mask
}

# How many bytes a site has at least: a CALL, or in those that read or write the interrupt flag a body of one memory
# operation with a segment override.
function room_of(k) {
    return group[k] == "interrupt" && names[k] ~ /^(Get|Disable)/ ? 8 : 5
}
