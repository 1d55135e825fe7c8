; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What the tour guest runs in ring 3. INT 80h returns to the kernel.

        global tour_user_return
        global tour_user_rdtsc
        global tour_user_port

        section .text

tour_user_return:
        int 0x80

tour_user_rdtsc:
        rdtsc
        int 0x80

tour_user_port:
        in al, 0x61                     ; system control port: reading changes nothing
        int 0x80

        section .note.GNU-stack noalloc noexec nowrite progbits
