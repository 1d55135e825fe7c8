; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Caches, ports and the I/O privilege level.

%include "stub.inc"

; INVD (28): - -> -; clobbers none of EAX ECX EDX flags
stub INVD
        ret                             ; the instruction would discard modified cache lines
endstub inline

; WBINVD (29): - -> -; clobbers none of EAX ECX EDX flags
stub WBINVD
        wbinvd
        ret
endstub inline

; IN (59): DX=port -> EAX=data; clobbers none
stub IN
        in      eax,dx
        ret
endstub inline

; INB (60): DX=port -> AL=data; clobbers none
stub INB
        in      al,dx
        ret
endstub inline

; INW (61): DX=port -> AX=data; clobbers none
stub INW
        in      ax,dx
        ret
endstub inline

; INS (62): DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data; clobbers none
stub INS
        rep insd
        ret
endstub inline

; INSB (63): DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data; clobbers none
stub INSB
        rep insb
        ret
endstub inline

; INSW (64): DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data; clobbers none
stub INSW
        rep insw
        ret
endstub inline

; OUT (65): DX=port EAX=data -> -; clobbers none
stub OUT
        out     dx,eax
        ret
endstub inline

; OUTB (66): DX=port AL=data -> -; clobbers none
stub OUTB
        out     dx,al
        ret
endstub inline

; OUTW (67): DX=port AX=data -> -; clobbers none
stub OUTW
        out     dx,ax
        ret
endstub inline

; OUTS (68): DX=port ESI=buffer ECX=count -> ESI=end ECX=zero; clobbers none
stub OUTS
        rep outsd
        ret
endstub inline

; OUTSB (69): DX=port ESI=buffer ECX=count -> ESI=end ECX=zero; clobbers none
stub OUTSB
        rep outsb
        ret
endstub inline

; OUTSW (70): DX=port ESI=buffer ECX=count -> ESI=end ECX=zero; clobbers none
stub OUTSW
        rep outsw
        ret
endstub inline

; SetIOPLMask (71): EAX=iopl (bits 12 and 13) -> -; clobbers EAX flags of EAX ECX EDX flags
stub SetIOPLMask
        and     eax,3000h
        pushfd
        and     dword [esp],~3000h
        or      [esp],eax
        popfd
        ret
endstub inline

; IODelay (78): - -> -; clobbers none of EAX ECX EDX flags
stub IODelay
        out     80h,al                  ; the POST code port: any value, no effect
        ret
endstub inline
