; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What the demo guest runs in ring 3. INT 80h is the way back.

        global demo_user_return
        global demo_user_rdtsc
        global demo_user_port

        section .text

demo_user_return:
        int 0x80

demo_user_rdtsc:
        rdtsc
        int 0x80

demo_user_port:
        in al, 0x61                     ; system control port: reading changes nothing
        int 0x80

        section .note.GNU-stack noalloc noexec nowrite progbits
