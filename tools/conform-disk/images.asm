; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The native images, which hold the bare instructions of every call: where they fail, it is the machine.

        global conform_native_13
        global conform_native_13_end
        global conform_native_3
        global conform_native_3_end

        section .rodata align=4096
conform_native_13:
        incbin "vmi-native.rom"
conform_native_13_end:
        align 4096, db 0
conform_native_3:
        incbin "policy/all.rom"
conform_native_3_end:

        section .note.GNU-stack noalloc noexec nowrite progbits
