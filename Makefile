# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# make            the images and tools in build/
# make run        boot the demo guest with the ROM        (DISK=, KERNEL=, INITRD=, APPEND=: your own guest)
# make check      all tests                               (under ten minutes on two cores)
# make mutate     every mutant of every slot
# make bench      instructions per call
# V=1 shows the commands.

B := build
VERSION := $(shell cat VERSION)
V_MAJOR := $(word 1,$(subst ., ,$(VERSION)))
V_MINOR := $(word 2,$(subst ., ,$(VERSION)))

CC ?= gcc
NASM ?= nasm
LD ?= ld
OBJCOPY ?= objcopy
AWK ?= awk

WARN := -Wall -Wextra -Werror
CFLAGS_HOST := -std=c11 -O2 -g $(WARN) -Iinclude -I$(B)/gen -DVMIROM_VERSION='"$(VERSION)"'
NASMFLAGS := -Werror -f elf32 -g -F dwarf -I$(B)/ -Istubs/ -Irom/ \
	-DVERSION="'$(VERSION)'" -DVERSION_MAJOR=$(V_MAJOR) -DVERSION_MINOR=$(V_MINOR)

ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say := @printf '  %-7s %s\n'
endif

.DELETE_ON_ERROR:
.SECONDEXPANSION:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

.PHONY: all
all: $(B)/vmi-native.rom $(B)/romsum

# --- what is made from calls.tsv ---------------------------------------------

GEN := $(B)/gen/calls.h $(B)/gen/slots.inc $(B)/gen/slots.ld $(B)/gen/calls.md $(B)/gen/expect.h $(B)/gen/call_names.h
EMIT_calls.h := header
EMIT_slots.inc := asm
EMIT_slots.ld := ld
EMIT_calls.md := doc
EMIT_expect.h := expect
EMIT_call_names.h := names

$(GEN): $(B)/gen/%: calls.tsv tools/gencalls.awk | setup-build
	$(say) GEN $@
	$(Q)mkdir -p $(@D)
	$(Q)$(AWK) -v emit=$(EMIT_$*) -f tools/gencalls.awk calls.tsv > $@

# The committed copies: a guest's author needs no generator. `make regen` renews them, `make check` compares them.
.PHONY: regen
regen: $(B)/gen/calls.h $(B)/gen/calls.md
	cp $(B)/gen/calls.h include/vmi/calls.h
	cp $(B)/gen/calls.md docs/calls.md

# --- the native image ---------------------------------------------------------

ROM_ASM := rom/header.asm rom/post.asm rom/relocation.asm $(sort $(wildcard stubs/native/*.asm))
ROM_OBJ := $(ROM_ASM:%.asm=$(B)/%.o)

$(ROM_OBJ): $(B)/%.o: %.asm VERSION $(B)/gen/slots.inc | setup-build
	$(say) NASM $@
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -MD $(@:.o=.d) -o $@ $<

$(B)/vmi-native.elf: link.ld $(B)/gen/slots.ld $(ROM_OBJ)
	$(say) LD $@
	$(Q)$(LD) -m elf_i386 --fatal-warnings --build-id=none -L$(B) -T link.ld -Map $(@:.elf=.map) -o $@ $(ROM_OBJ)

$(B)/vmi-native.bin: $(B)/vmi-native.elf
	$(Q)$(OBJCOPY) -O binary -j .rom $< $@

$(B)/vmi-native.rom: $(B)/vmi-native.bin $(B)/romsum
	$(say) ROMSUM $@
	$(Q)$(B)/romsum $< -o $@

# --- tools ----------------------------------------------------------------------

$(B)/romsum: tools/romsum.c include/vmi/rom.h $(B)/gen/call_names.h VERSION | setup-build
	$(say) CC $@
	$(Q)$(CC) $(CFLAGS_HOST) -o $@ $<

# --- set-up ---------------------------------------------------------------------

.PHONY: setup-build setup-run setup-check
setup-build setup-run setup-check: setup-%:
	$(Q)tools/setup.sh $*

.PHONY: clean
clean:
	rm -rf $(B)

-include $(ROM_OBJ:.o=.d)
