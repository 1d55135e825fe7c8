# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# make            the images and tools in build/
# make run        the demo kernel without a ROM, on the native ROM, and under each of the two hypervisors
#                 (INPUT=serial|screen: type to it; DISK=, KERNEL=, INITRD=, APPEND=, FOUND=: your own guest with the ROM)
# make tour       what each call does to a machine
#                 (API=3, for both: API 3.0; POLICY=minimal|lean|full|LIST: what its ROM answers with)
# make page       the demo kernel in a browser, in four places side by side: build/page/vmirom.html
# make conform    the conformance disk as an image and as a CD: build/vmi-conform.img, build/vmi-conform.iso
# make run-conform   boots it with the native ROM             (API=3; ROM=FILE, ROM=none; docs/conform-disk.md)
# make check      all tests                               (about ten minutes on two cores)
#                 (SUITES="NAME...": only these suites; TEST=NAME: one test of them; docs/developing.md)
# make check-long all tests, and those that take long     (docs/results.md)
# make lint       checks the sources with the usual tools; make format formats them (PATHS="...": only these)
# make mutate     every mutant of every slot
# make run-monitor   the tour under the reference hypervisor
# make run-ring1  the demo, or your own guest, in ring 1, with calls and traps counted
# make run GDB=1  QEMU waits for gdb                     (tour and run-monitor too; docs/debugging.md)
# make regen      renews the committed files that are generated
# make bench      what calls cost, by every way to make them, and a workload      (make bench-docs: into docs/)
# make install    images, headers, kits, romsum, vmi-lint, vmi-conform  (DESTDIR, prefix, libdir, ...; make uninstall)
# make dist       archives of the sources and of what is installed: build/dist/    (make dist-source: the former)
# make firmware-docs   renews the tables of docs/firmware.md
# V=1 shows the commands. SETUP=: installs no packages, nor asks for them. CPPFLAGS, CFLAGS and LDFLAGS are for romsum
# and vmi-lint; the images and kits have flags of their own.

B := build
MONITORS := monitor monitor-all
VERSION := $(shell cat VERSION)
V_MAJOR := $(word 1,$(subst ., ,$(VERSION)))
V_MINOR := $(word 2,$(subst ., ,$(VERSION)))
V_PATCH := $(word 3,$(subst ., ,$(VERSION)))

CC := gcc
NASM := nasm
LD := ld
OBJCOPY := objcopy
AR := ar
AWK := awk
SETUP := tools/setup.sh

WARN := -Wall -Wextra -Werror
INCLUDE := -I$(B)/gen -Iinclude
# What is installed does not name the folder that it was built in.
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=.
CFLAGS_HOST := -std=c11 -O2 -g $(PREFIX_MAP) $(WARN) $(INCLUDE) -DVMIROM_VERSION='"$(VERSION)"'
# What is installed as a program takes the usual variables too.
CFLAGS_PROGRAM = $(CFLAGS_HOST) $(CPPFLAGS) $(CFLAGS)
NASMFLAGS := -Werror -f elf32 -g -F dwarf -I$(B)/ -Istubs/ -Irom/ \
	-DVERSION="'$(VERSION)'" -DVERSION_MAJOR=$(V_MAJOR) -DVERSION_MINOR=$(V_MINOR)

ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say := @printf '  %-7s %s\n'
endif

# $(call step,WORD,COMMAND): a recipe that prints WORD and the target, makes the target's folder and runs COMMAND.
define step
$(say) $(1) $@
$(Q)mkdir -p $(@D)
$(Q)$(2)
endef

.DELETE_ON_ERROR:
.SECONDEXPANSION:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

IMAGES := native hypercall 3-native 3-hypercall

.PHONY: all
all: $(IMAGES:%=$(B)/vmi-%.rom) $(B)/romsum $(B)/vmi-lint $(B)/vmi-conform $(B)/libvmihv.a $(B)/libvmihv-32.a $(B)/libvmiguest.a \
	$(B)/vmi_native_area.o $(B)/vmi_roms.o $(B)/vmi_roms-32.o $(MONITORS:%=$(B)/vmi-%.rom)

# --- what is made from calls.tsv ---------------------------------------------

# The first validates the whole table, whatever is printed of it.
GENCALLS := $(addprefix tools/gencalls/,table.awk image.awk ring1.awk headers.awk doc.awk sites.awk sites-c.awk sites-asm.awk lint.awk)
gencalls = $(call step,GEN,$(AWK) -v emit=$(@F) $(1) $(GENCALLS:%=-f %) calls.tsv > $@)

# Public headers, in a folder that is searched before include/: a changed table needs no `make regen` to be built.
GEN_HEADERS := $(addprefix $(B)/gen/vmi/,calls.h handlers.h)
GEN_VERSION := $(B)/gen/vmi/version.h
GEN := $(GEN_HEADERS) $(addprefix $(B)/gen/,slots.inc traps.inc calls.md expect.h call_names.h area.inc lint_calls.h)

$(GEN): calls.tsv $(GENCALLS) | setup-build
	$(call gencalls)

# What differs between the images: build/gen/native/slots.ld and so on.
GEN_IMAGE := $(foreach i,$(IMAGES),$(addprefix $(B)/gen/$(i)/,slots.ld discard.ld image.inc))

$(GEN_IMAGE): calls.tsv $(GENCALLS) | setup-build
	$(call gencalls,-v image=$(notdir $(@D)))

# Call sites hold what the native ROM's slots hold.
GEN_SITES := $(addprefix $(B)/gen/vmi/,sites.h sites-nasm.inc sites-gas.inc)

$(B)/gen/native/slots: $(B)/vmi-native.bin
	$(call step,GEN,od -An -v -tx1 -w32 -N4096 $< > $@)

$(GEN_SITES): calls.tsv $(GENCALLS) $(B)/gen/native/slots
	$(call gencalls,-v slots=$(B)/gen/native/slots)

# major, minor and patch, and what they are in one number that grows
define VERSION_H
/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Generated from VERSION by `make regen`: edit VERSION instead. */

/* The version of vmirom: of the kits, the headers and the images that come with them. */
#ifndef VMI_VERSION_H
#define VMI_VERSION_H

#define VMI_VERSION_MAJOR $(V_MAJOR)
#define VMI_VERSION_MINOR $(V_MINOR)
#define VMI_VERSION_PATCH $(V_PATCH)
#define VMI_VERSION       "$(VERSION)"

/* To compare: later versions have greater numbers. */
#define VMI_VERSION_NUMBER (VMI_VERSION_MAJOR * 10000 + VMI_VERSION_MINOR * 100 + VMI_VERSION_PATCH)

#endif
endef
export VERSION_H

$(GEN_VERSION): VERSION Makefile | setup-build
	$(call step,GEN,printf '%s\n' "$$VERSION_H" > $@)

# The committed copies: a guest's author needs no generator. `make regen` renews them, `make check` compares them.
GEN_COMMITTED := $(GEN_HEADERS) $(GEN_VERSION) $(GEN_SITES)
.PHONY: regen
regen: $(GEN_COMMITTED) $(B)/gen/calls.md
	cp $(GEN_COMMITTED) include/vmi/
	cp $(B)/gen/calls.md docs/calls.md

# --- the images ------------------------------------------------------------------

STUBS_native := $(sort $(wildcard stubs/native/*.asm))
STUBS_hypercall := $(STUBS_native) $(sort $(wildcard stubs/trap/*.asm))
kind = $(patsubst 3-%,%,$(1))
image_obj = $(B)/rom/header.$(1).o $(patsubst %.asm,$(B)/%.o,rom/post.asm rom/relocation.asm $(if $(filter 3-native,$(1)),,rom/cpuid.asm) $(STUBS_$(call kind,$(1))))
ROM_OBJ := $(sort $(foreach i,$(IMAGES),$(call image_obj,$(i))))
HEADER_OBJ := $(IMAGES:%=$(B)/rom/header.%.o)
DEFINE = -DIMAGE=$(1) -DAPI=$(if $(filter 3-%,$(1)),3,13) $(if $(filter hypercall,$(call kind,$(1))),-DHYPERCALL) -I$(B)/gen/$(1)/

assemble = $(call step,NASM,$(NASM) $(NASMFLAGS) $(1) -MD $(@:.o=.d) -o $@ $<)

$(filter-out $(HEADER_OBJ),$(ROM_OBJ)): $(B)/%.o: %.asm VERSION stubs/stub.inc $(B)/gen/slots.inc $(B)/gen/traps.inc | setup-build
	$(assemble)

$(HEADER_OBJ): $(B)/rom/header.%.o: rom/header.asm VERSION $(B)/gen/slots.inc $(B)/gen/%/image.inc | setup-build
	$(call assemble,$(call DEFINE,$*))

$(IMAGES:%=$(B)/vmi-%.elf): $(B)/vmi-%.elf: link.ld $(B)/gen/%/slots.ld $(B)/gen/%/discard.ld $$(call image_obj,$$*)
	$(call step,LD,$(LD) -m elf_i386 --fatal-warnings --build-id=none -L$(B)/gen/$* -T link.ld -Map $(@:.elf=.map) -o $@ $(filter %.o,$^))

$(B)/vmi-%.bin: $(B)/vmi-%.elf
	$(Q)$(OBJCOPY) -O binary -j .rom $< $@

# romsum does not rewrite a file that is right already: touch sets its time for make.
$(IMAGES:%=$(B)/vmi-%.rom): $(B)/vmi-%.rom: $(B)/vmi-%.bin $(B)/romsum
	$(call step,ROMSUM,$(B)/romsum --quiet $< -o $@ && touch $@)

# --- tools ----------------------------------------------------------------------

ROMSUM_OBJ := $(patsubst %.c,$(B)/obj/%.o,tools/romsum.c $(wildcard tools/romsum/*.c))

$(ROMSUM_OBJ): $(B)/obj/%.o: %.c $(B)/gen/call_names.h VERSION | setup-build
	$(call step,CC,$(CC) $(CFLAGS_PROGRAM) -MMD -MP -c -o $@ $<)

$(B)/romsum: $(ROMSUM_OBJ) $(B)/libvmihv.a
	$(call step,LD,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^)

LINT_OBJ := $(patsubst %.c,$(B)/obj/%.o,tools/vmi-lint.c $(wildcard tools/vmi-lint/*.c))

$(LINT_OBJ): $(B)/obj/%.o: %.c $(B)/gen/lint_calls.h VERSION | setup-build
	$(call step,CC,$(CC) $(CFLAGS_PROGRAM) -MMD -MP -c -o $@ $<)

$(B)/vmi-lint: $(LINT_OBJ)
	$(call step,LD,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcapstone -ldw -lelf)

# The judge of calls: the program vmi-conform, and the tests, take what each needs of it.
CONFORM_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/conform/*.c))
CONFORM_MAIN := $(B)/obj/tools/vmi-conform.o

$(CONFORM_OBJ) $(CONFORM_MAIN): $(B)/obj/%.o: %.c $(B)/gen/expect.h $(B)/gen/call_names.h VERSION | setup-build
	$(call step,CC,$(CC) $(CFLAGS_PROGRAM) -MMD -MP -c -o $@ $<)

$(B)/obj/tools/conform.a: $(CONFORM_OBJ)
	$(call step,AR,rm -f $@ && $(AR) rcsD $@ $^)

# The rules of the header are romsum's.
$(B)/vmi-conform: $(CONFORM_MAIN) $(B)/obj/tools/conform.a $(filter-out $(B)/obj/tools/romsum.o,$(ROMSUM_OBJ)) $(B)/libvmihv.a
	$(call step,LD,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lunicorn -lcapstone)

# --- the hypervisor kit ---------------------------------------------------------------

KIT_SRC := $(filter-out kit/hypervisor/example.c,$(wildcard kit/hypervisor/*.c))
# Handlers for hypervisors that have none of their own: the monitors have.
KIT_DEFAULTS := $(wildcard kit/hypervisor/defaults*.c) kit/hypervisor/paging.c
KIT_OBJ := $(KIT_SRC:%.c=$(B)/%.o)
KIT_OBJ_32 := $(KIT_SRC:%.c=$(B)/32/%.o)
KIT_CFLAGS := -std=c11 -O2 -g $(PREFIX_MAP) -ffreestanding -fPIE -fno-stack-protector -fno-asynchronous-unwind-tables \
	-mno-red-zone -mgeneral-regs-only $(WARN) -Wpedantic $(INCLUDE)

$(KIT_OBJ): $(B)/%.o: %.c | setup-build
	$(call step,CC,$(CC) $(KIT_CFLAGS) -MMD -MP -c -o $@ $<)

$(KIT_OBJ_32): $(B)/32/%.o: %.c | setup-build
	$(call step,CC,$(CC) $(KIT_CFLAGS) -m32 -MMD -MP -c -o $@ $<)

$(B)/libvmihv.a: $(KIT_OBJ)
$(B)/libvmihv-32.a: $(KIT_OBJ_32)
$(B)/libvmihv.a $(B)/libvmihv-32.a:
	$(call step,AR,rm -f $@ && $(AR) rcsD $@ $^)

$(B)/kit/hypervisor/example: kit/hypervisor/example.c $(B)/libvmihv.a | setup-check
	$(call step,CC,$(CC) $(CFLAGS_HOST) -MMD -MP -o $@ $< $(B)/libvmihv.a -lunicorn)

# The images as data, for 64 and for 32 bits.
ROMS_OBJ := $(B)/vmi_roms.o $(B)/vmi_roms-32.o
WIDTH_vmi_roms := -f elf64 -DPOINTER=dq
WIDTH_vmi_roms-32 := -f elf32 -DPOINTER=dd
ROM_LINE = rom "vmi-$(1).rom", "vmi-$(1)", $(subst -,_,$(1)), $(if $(filter 3-%,$(1)),3,13), $(if $(filter hypercall,$(call kind,$(1))),HYPERCALL,NATIVE)

$(B)/gen/roms.inc: Makefile | setup-build
	$(call step,GEN,printf '%s\n' $(foreach i,$(IMAGES),'$(call ROM_LINE,$(i))') > $@)

$(ROMS_OBJ): $(B)/%.o: kit/hypervisor/roms.asm $(B)/gen/roms.inc $(IMAGES:%=$(B)/vmi-%.rom)
	$(call step,NASM,$(NASM) -Werror $(WIDTH_$*) -I$(B)/ -o $@ $<)

# The kit as one file, and the images as arrays in C: for hosts whose objects are not ELF for x86.
ONE_FILE := $(addprefix $(B)/onefile/,vmihv.h vmihv.c vmi_roms.c)
all: $(ONE_FILE)
ONE_FILE_HEADERS := $(addprefix include/vmi/,version.h rom.h calls.h hypercall.h handlers.h hypervisor.h defaults.h embed.h)

$(B)/onefile/vmihv.h: kit/hypervisor/onefile.awk $(ONE_FILE_HEADERS) $(GEN_HEADERS) $(GEN_VERSION)
	$(call step,GEN,$(AWK) -v name=vmihv.h -f $< $(foreach h,$(ONE_FILE_HEADERS),$(firstword $(wildcard $(B)/gen/vmi/$(notdir $(h))) $(h))) > $@)

$(B)/onefile/vmihv.c: kit/hypervisor/onefile.awk kit/hypervisor/bytes.h kit/hypervisor/slot.h kit/hypervisor/defaults.h $(KIT_SRC)
	$(call step,GEN,$(AWK) -v name=vmihv.c -f $< $(filter-out $<,$^) > $@)

$(B)/onefile/vmi_roms.c: kit/hypervisor/onefile-roms.sh Makefile $(IMAGES:%=$(B)/vmi-%.rom)
	$(call step,GEN,$< $(foreach i,$(IMAGES),$(B)/vmi-$(i).rom $(subst -,_,$(i)) $(if $(filter 3-%,$(i)),3,13) $(if $(filter hypercall,$(call kind,$(i))),HYPERCALL,NATIVE)) > $@)

# A hypervisor on KVM, of the kit in one file. Static: it is tested on a Linux that has nothing else.
KVM_SRC := $(wildcard examples/kvm/*.c)

$(B)/examples/kvm/vmm: $(KVM_SRC) $(wildcard examples/kvm/*.h) $(ONE_FILE) | setup-check
	$(call step,CC,$(CC) $(CFLAGS_HOST) -D_GNU_SOURCE -I$(B)/onefile -static -o $@ $(KVM_SRC) $(filter %.c,$(ONE_FILE)))

# --- the kernel's kit -------------------------------------------------------------------

GUEST_KIT := find link thunk look overlay text boot
GUEST_KIT_OBJ := $(GUEST_KIT:%=$(B)/kit/kernel/%.o) $(B)/kit/kernel/native.o
# It stays in every kernel's image: the smallest code that gcc makes.
GUEST_KIT_SMALL := -Oz -fomit-frame-pointer -mpreferred-stack-boundary=2 -fno-shrink-wrap -freorder-blocks-algorithm=simple
GUEST_KIT_CFLAGS := -std=c11 -m32 -march=i386 $(GUEST_KIT_SMALL) -g $(PREFIX_MAP) -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -mgeneral-regs-only $(WARN) -Wpedantic $(INCLUDE)

$(GUEST_KIT:%=$(B)/kit/kernel/%.o): $(B)/kit/kernel/%.o: kit/kernel/%.c | setup-build
	$(call step,CC,$(CC) $(GUEST_KIT_CFLAGS) -MMD -MP -c -o $@ $<)

# NASM names the folder in what debuggers read.
$(B)/kit/kernel/native.o $(B)/vmi_native_area.o: NASMFLAGS := $(filter-out -g -F dwarf,$(NASMFLAGS))

$(B)/kit/kernel/native.o: kit/kernel/native.asm | setup-build
	$(assemble)

$(B)/libvmiguest.a: $(GUEST_KIT_OBJ)
	$(call step,AR,rm -f $@ && $(AR) rcsD $@ $^)

$(B)/vmi_native_area.o: kit/kernel/area.asm $(B)/gen/area.inc $(B)/vmi-native.bin | setup-build
	$(assemble)

# --- the reference hypervisor ---------------------------------------------------------

# vmi-monitor.rom is tuned, vmi-monitor-all.rom traps all: enum vmi_policy.
POLICY_monitor := 2
POLICY_monitor-all := 1

MONITOR_SRC := monitor/svm/launch.asm monitor/svm/host.asm $(wildcard monitor/svm/*.c monitor/common/*.c)
MONITOR_OBJ := $(MONITOR_SRC:%=$(B)/%.o) $(patsubst %,$(B)/monitor/%.o,$(filter-out $(KIT_DEFAULTS),$(KIT_SRC)))
MONITOR_CFLAGS := -std=c11 -m64 -O2 -g -ffreestanding -fpie -fvisibility=hidden -fno-stack-protector \
	-fno-asynchronous-unwind-tables -mno-red-zone -mgeneral-regs-only $(WARN) $(INCLUDE) -Imonitor

# What runs once, or seldom, is small rather than quick: the ROM has to fit behind a graphics card's (Bochs: CA000h to DFFFFh).
MONITOR_SELDOM := $(patsubst %,$(B)/monitor/%.c.o,$(addprefix common/,acpi clock debug publish) $(addprefix svm/,cpuid figures intercept machine main memory))
$(MONITOR_SELDOM): MONITOR_CFLAGS += -Os

compile_monitor = $(call step,CC,$(CC) $(MONITOR_CFLAGS) -MMD -MP -c -o $@ $<)

$(B)/monitor/%.c.o: monitor/%.c $(B)/gen/call_names.h | setup-build
	$(compile_monitor)

$(KIT_SRC:%=$(B)/monitor/%.o): $(B)/monitor/%.o: % | setup-build
	$(compile_monitor)

$(B)/monitor/%.asm.o: monitor/%.asm | setup-build
	$(call step,NASM,$(NASM) -Werror -f elf64 -g -F dwarf -MD $(@:.o=.d) -o $@ $<)

$(B)/monitor/monitor.elf: monitor/svm/monitor.ld $(MONITOR_OBJ)
	$(call step,LD,$(LD) -m elf_x86_64 -z noexecstack --fatal-warnings --build-id=none -T $< -Map $(@:.elf=.map) -o $@ $(filter %.o,$^))

$(B)/monitor/monitor.bin: $(B)/monitor/monitor.elf
	$(Q)$(OBJCOPY) -O binary $< $@

$(MONITORS:%=$(B)/monitor/%.rom): $(B)/monitor/%.rom: monitor/svm/rom.asm monitor/common/post.inc $(B)/monitor/monitor.bin $(patsubst %,$(B)/vmi-%.rom,hypercall native 3-hypercall 3-native) VERSION
	$(call step,NASM,$(NASM) -Werror -f bin -I$(B)/ -Imonitor/ -DVERSION="'$(VERSION)'" -DPOLICY=$(POLICY_$*) -o $@ $<)

$(MONITORS:%=$(B)/vmi-%.rom): $(B)/vmi-%.rom: $(B)/monitor/%.rom $(B)/romsum
	$(call step,ROMSUM,$(B)/romsum --quiet $< -o $@ && touch $@)

.PHONY: run-monitor run-ring1
run-ring1: all $(B)/guest/demo.img $(B)/guest/tour.img | setup-run
	$(Q)tools/run-ring1.sh $(B)

run-monitor: all $(B)/guest/demo.img $(B)/guest/tour.img | setup-run
	$(Q)tools/run-monitor.sh $(B)

# --- the hypervisor for machines without virtualization hardware --------------------------------

# build/ring1/: the hypervisor (ring1.bin), the ROMs that it is made of, and what they share.
R1 := $(B)/ring1
RING1_SRC := $(wildcard monitor/ring1/*.c)
RING1_ASM := $(patsubst %,$(B)/monitor/ring1/%.asm.o,entry guarded entries)
RING1_COMMON := $(patsubst %,$(R1)/common/%.o,acpi alarms apic clock debug string)
RING1_OBJ := $(RING1_ASM) $(RING1_SRC:%=$(B)/%.o) $(RING1_COMMON)
RING1_CFLAGS := -std=c11 -m32 -march=i586 -mregparm=3 -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -mgeneral-regs-only $(WARN) -Iinclude -Imonitor -I$(B)/gen
RING1_NASM = $(NASM) -Werror -I$(B)/ -I$(R1)/ -Istubs/soft/ -Imonitor/ -DVERSION="'$(VERSION)'" -DVERSION_MAJOR=$(V_MAJOR) -DVERSION_MINOR=$(V_MINOR)

all: $(B)/vmi-ring1.rom

$(R1)/layout.inc: monitor/ring1/layout.h | setup-build
	$(call step,GEN,sed -n 's/^#define \([A-Z0-9_]*\) *\([^ /]*\).*/%define \1 \2/p' $< | grep -v RING1_LAYOUT_H > $@)

GEN_RING1 := $(addprefix $(B)/gen/,entries.inc ring1.inc)
$(GEN_RING1): calls.tsv $(GENCALLS) | setup-build
	$(call gencalls)

$(RING1_COMMON): $(R1)/common/%.o: monitor/common/%.c $(B)/gen/call_names.h | setup-build
	$(call step,CC,$(CC) $(RING1_CFLAGS) -MMD -MP -c -o $@ $<)

$(RING1_SRC:%=$(B)/%.o): $(B)/monitor/ring1/%.c.o: monitor/ring1/%.c $(B)/gen/call_names.h | setup-build
	$(call step,CC,$(CC) $(RING1_CFLAGS) -MMD -MP -c -o $@ $<)

$(RING1_ASM): $(B)/monitor/ring1/%.asm.o: monitor/ring1/%.asm $(R1)/layout.inc $(GEN_RING1) $(B)/gen/slots.inc $(wildcard stubs/soft/*.inc) \
		$(B)/vmi-native.rom $(B)/vmi-3-native.rom $(R1)/vif-one.bin $(R1)/vif-many.bin
	$(call step,NASM,$(RING1_NASM) -f elf32 -g -F dwarf -o $@ $<)

$(R1)/vif-%.bin: monitor/ring1/vif.asm $(R1)/layout.inc $(GEN_RING1) $(B)/gen/slots.inc $(wildcard stubs/soft/*.inc)
	$(call step,NASM,$(RING1_NASM) -f bin -DPROCESSORS=$* -o $@ $<)

$(R1)/ring1.elf: monitor/ring1/ring1.ld $(RING1_OBJ)
	$(call step,LD,$(LD) -m elf_i386 -z noexecstack --no-warn-rwx-segments --fatal-warnings --build-id=none -T $< -Map $(@:.elf=.map) -o $@ $(filter %.o,$^))

$(R1)/ring1.bin: $(R1)/ring1.elf
	$(Q)$(OBJCOPY) -O binary $< $@

$(R1)/syms.inc: $(R1)/ring1.elf
	$(call step,GEN,nm $< | sed -n 's/^\([0-9a-f]*\) . hv_init$$/%define HV_INIT 0x\1/p; s/^\([0-9a-f]*\) . hv_start$$/%define HV_START 0x\1/p' > $@)

RING1_PARTS := image3 rom payload
$(R1)/image3.bin: monitor/ring1/header.inc $(GEN_RING1)
$(R1)/rom.bin: monitor/ring1/header.inc monitor/common/post.inc $(R1)/image3.rom $(R1)/syms.inc $(GEN_RING1) $(B)/vmi-native.rom
$(R1)/payload.bin: $(R1)/ring1.bin
$(RING1_PARTS:%=$(R1)/%.bin): $(R1)/%.bin: monitor/ring1/%.asm $(R1)/layout.inc $(B)/gen/slots.inc VERSION
	$(call step,NASM,$(RING1_NASM) -f bin -o $@ $<)

$(RING1_PARTS:%=$(R1)/%.rom): $(R1)/%.rom: $(R1)/%.bin $(B)/romsum
	$(call step,ROMSUM,$(B)/romsum --quiet $< -o $@ && touch $@)

# Two ROMs, one behind the other.
$(B)/vmi-ring1.rom: $(R1)/rom.rom $(R1)/payload.rom
	$(call step,JOIN,cat $^ > $@)

# The same with interrupt control.
all: $(B)/vmi-ring1-control.rom
$(B)/vmi-ring1-control.rom: $(B)/vmi-ring1.rom $(B)/romsum
	$(call step,ROMSUM,$(B)/romsum --quiet --flag interrupt-control $< -o $@ && touch $@)

-include $(RING1_SRC:%=$(B)/%.d) $(RING1_COMMON:.o=.d)

# --- guest kernels ----------------------------------------------------------------

GUEST_CFLAGS := -std=c11 -m32 -march=i586 -mtune=generic -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -mgeneral-regs-only $(WARN) $(INCLUDE) -Iexamples/lib
GUEST_NASMFLAGS := -Werror -f elf32 -g -F dwarf -Iexamples/lib/ -I$(B)/gen/ -Iinclude/ -I$(B)/
GUEST_LIB := $(filter-out examples/lib/boot.asm,$(wildcard examples/lib/*.c examples/lib/*.asm))
KERNELS := demo tour conform
KERNEL_demo := $(wildcard examples/demo/*.c examples/demo/*.asm)
KERNEL_tour := $(wildcard examples/tour/*.c examples/tour/*.asm)
# The machine tests, but those of the kit and of what our own GetRelocationInfo does.
KERNEL_conform := $(wildcard tools/conform-disk/*.c tools/conform-disk/*.asm) tests/machine/probes.asm \
	$(filter-out %/main.c %/alias.c %/link.c,$(wildcard tests/machine/*.c))

# The tests, and their kernels, which are made like these.
include tests/tests.mk

guest_obj = $(patsubst %,$(B)/guest/%.o,$(1))
GUEST_OBJ := $(sort $(call guest_obj,$(GUEST_LIB) $(foreach k,$(KERNELS),$(KERNEL_$(k)))))

$(filter %.c.o,$(GUEST_OBJ)): $(B)/guest/%.c.o: %.c $(B)/gen/call_names.h $(B)/gen/expect.h | setup-build
	$(call step,CC,$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<)

$(filter %.asm.o,$(GUEST_OBJ)): $(B)/guest/%.asm.o: %.asm $(B)/gen/vmi/sites-nasm.inc | setup-build
	$(call step,NASM,$(NASM) $(GUEST_NASMFLAGS) -MD $(@:.o=.d) -o $@ $<)

$(B)/guest/boot.bin: examples/lib/boot.asm | setup-build
	$(call step,NASM,$(NASM) -Werror -f bin -o $@ $<)

# Where a kernel's parts go.
LD_demo := examples/demo/demo.ld
kernel_ld = $(or $(LD_$(1)),examples/lib/guest.ld)

$(foreach k,$(KERNELS),$(B)/guest/$(k).elf): $(B)/guest/%.elf: $$(call kernel_ld,$$*) kit/kernel/kit.ld $$(call guest_obj,$(GUEST_LIB) $$(KERNEL_$$*)) $(B)/libvmiguest.a
	$(call step,LD,$(LD) -m elf_i386 -z noexecstack --fatal-warnings --build-id=none -Lkit/kernel -T $< -o $@ $(filter %.o %.a,$^))

$(B)/guest/%.bin: $(B)/guest/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# The kernel that the kit is shown with has no sensitive instruction but those that it says.
$(B)/guest/demo.bin: $(B)/guest/demo.lint
$(B)/guest/demo.lint: $(B)/guest/demo.elf $(B)/vmi-lint examples/demo/lint.allow
	$(call step,LINT,$(B)/vmi-lint --strict --allow examples/demo/lint.allow $< > $@ || { cat $@; exit 1; })

$(foreach k,$(KERNELS),$(B)/guest/$(k).img): $(B)/guest/%.img: $(B)/guest/boot.bin $(B)/guest/%.bin examples/lib/mkdisk.sh
	$(call step,DISK,examples/lib/mkdisk.sh $(B)/guest/boot.bin $(B)/guest/$*.bin $@)

# The conformance disk: the kernel's, with a partition table for the BIOSes that want one.
$(call guest_obj,$(filter tools/conform-disk/%.c,$(KERNEL_conform))): GUEST_CFLAGS += -iquote tests/machine
$(call guest_obj,$(filter tools/conform-disk/%.c,$(KERNEL_conform))): $(B)/gen/lint_calls.h $(GEN_VERSION)
$(B)/guest/tools/conform-disk/images.asm.o: $(B)/vmi-native.rom $(B)/policy/all.rom

all: $(B)/vmi-conform.img
$(B)/vmi-conform.img: $(B)/guest/boot.bin $(B)/guest/conform.bin examples/lib/mkdisk.sh
	$(call step,DISK,examples/lib/mkdisk.sh --partition $(B)/guest/boot.bin $(B)/guest/conform.bin $@)

.PHONY: conform run-conform
conform: $(B)/vmi-conform.img $(B)/vmi-conform.iso
$(B)/vmi-conform.iso: $(B)/vmi-conform.img tools/conform-disk/mkiso.sh | setup-iso
	$(call step,ISO,tools/conform-disk/mkiso.sh $< $@)

run-conform: all | setup-run
	$(Q)tools/conform-disk/run.sh $(B)

.PHONY: run tour
run: all $(B)/guest/demo.img | setup-run
	$(Q)tools/places.sh $(B)

tour: all $(B)/guest/tour.img | setup-run
	$(Q)GUEST=tour tools/run.sh $(B)

# The README's picture of it, under the reference hypervisor.
.PHONY: picture
picture: all $(B)/guest/demo.img | setup-run
	$(Q)GUEST=demo SCREENSHOT=docs/demo.png tools/run-monitor.sh $(B) >/dev/null

# In a browser.
include examples/page/page.mk

# --- the sources --------------------------------------------------------------------

# Generated headers are included; the compiler's flags come from make -n.
.PHONY: lint format
lint format: $(GEN) $(B)/onefile/vmihv.h | setup-lint
lint:
	$(Q)tools/lint.sh $(B)

format:
	$(Q)tools/lint.sh $(B) --fix $(PATHS)

# --- installation ---------------------------------------------------------------------

PREFIX := /usr/local
prefix := $(PREFIX)
# What vmirom.pc has for it.
pcprefix = $(prefix)
exec_prefix := $(prefix)
bindir := $(exec_prefix)/bin
libdir := $(exec_prefix)/lib
includedir := $(prefix)/include
datarootdir := $(prefix)/share
datadir := $(datarootdir)
docdir := $(datarootdir)/doc/vmirom
mandir := $(datarootdir)/man
pkgconfigdir := $(libdir)/pkgconfig
INSTALL := install
INSTALL_PROGRAM := $(INSTALL) -m 755
INSTALL_DATA := $(INSTALL) -m 644

# Files of vmirom alone are in directories of its own. The kernel's kit is for 32 bits, whatever libdir is for.
INSTALL_DIRS := bindir libdir pkgconfigdir kitdir headerdir romdir docdir exampledir demodir demolibdir kvmdir rustdir seabiosdir mandir1
OWN_DIRS := kitdir headerdir romdir demodir demolibdir kvmdir rustdir seabiosdir exampledir docdir
kitdir = $(libdir)/vmirom
headerdir = $(includedir)/vmi
romdir = $(datadir)/vmirom
exampledir = $(docdir)/examples
demodir = $(exampledir)/demo
demolibdir = $(exampledir)/lib
mandir1 = $(mandir)/man1
kvmdir = $(exampledir)/kvm
rustdir = $(exampledir)/rust
seabiosdir = $(exampledir)/seabios
INSTALL_bindir := $(B)/romsum $(B)/vmi-lint $(B)/vmi-conform
INSTALL_libdir := $(B)/libvmihv.a
INSTALL_kitdir := $(B)/libvmiguest.a $(B)/libvmihv-32.a $(B)/vmi_native_area.o $(ROMS_OBJ) kit/kernel/kit.ld
INSTALL_headerdir := $(wildcard include/vmi/*)
INSTALL_romdir := $(ONE_FILE) $(IMAGES:%=$(B)/vmi-%.rom) $(MONITORS:%=$(B)/vmi-%.rom) $(B)/vmi-ring1.rom $(B)/vmi-ring1-control.rom $(B)/vmi-conform.img
INSTALL_docdir := $(wildcard LICENSES/*) README.md calls.tsv $(addprefix docs/,bench.md calls.md conform.md conform-disk.md firmware.md hypercalls.md image.md monitor.md porting.md ring1.md roms.md)
INSTALL_demodir := $(wildcard examples/demo/*)
INSTALL_demolibdir := $(wildcard examples/lib/*) $(B)/gen/call_names.h
INSTALL_exampledir := kit/hypervisor/example.c
INSTALL_kvmdir := $(wildcard examples/kvm/*)
INSTALL_rustdir := $(wildcard examples/rust/*)
INSTALL_seabiosdir := $(addprefix tests/firmware/seabios/,vmirom.c build.sh)
INSTALL_mandir1 := $(wildcard docs/*.1)
# Where the documents name a file of the tree that is installed, they name it there.
INSTALLED = -e 's|build/onefile|$(romdir)|g' -e 's|build/\(vmi-[a-z0-9-]*\.rom\)|$(romdir)/\1|g' -e 's|build/romsum|romsum|g' -e 's|build/vmi-lint|vmi-lint|g' -e 's|build/vmi-conform\.img|$(romdir)/vmi-conform.img|g' -e 's|build/vmi-conform|vmi-conform|g' \
	-e 's|build/bench/|bench/|g' \
	-e 's|build/libvmihv\.a|$(libdir)/libvmihv.a|g' -e 's|build/\([a-z_]*vmi[a-z_]*\(-32\)*\.[ao]\)|$(kitdir)/\1|g' \
	-e 's|kit/kernel/kit\.ld|$(kitdir)/kit.ld|g' -e 's|-Lkit/kernel|-L$(kitdir)|g' -e 's|include/vmi/|$(headerdir)/|g' \
	-e 's|examples/kvm/|$(kvmdir)/|g' -e 's|examples/rust/|$(rustdir)/|g' -e 's|tests/firmware/seabios/|$(seabiosdir)/|g' \
	-e 's|seabios-1.16.2 include |seabios-1.16.2 $(includedir) |' -e 's|kit/hypervisor/example\.c|$(exampledir)/example.c|g' -e 's|\[\([a-z-]*\.1\)\](\1)|\1|g' -e 's|\[\(developing\.md\)\](\1)|\1|g'
# The README also names what is not installed: that is no link there.
INSTALLED_README = -e '/^!\[/d' -e 's|build/||g' -e 's|](docs/|](|g' \
	$(foreach d,$(notdir $(filter docs/%.md,$(INSTALL_docdir))),-e 's|]($(d))|](./$(d))|g') -e 's|\[\([^]]*\)\](\([^./][^):]*\))|\1|g'
PC_VARIABLES := exec_prefix includedir libdir datadir

.PHONY: install uninstall
install: all
	$(Q)$(foreach d,$(INSTALL_DIRS),$(INSTALL) -d -m 755 "$(DESTDIR)$($(d))" &&) :
	$(Q)$(foreach d,$(INSTALL_DIRS),$(foreach f,$(INSTALL_$(d)),$(if $(filter bindir,$(d)),$(INSTALL_PROGRAM),$(INSTALL_DATA)) "$(f)" "$(DESTDIR)$($(d))/" &&)) :
	$(Q)for text in $(filter docs/%.md,$(INSTALL_docdir)); do \
		sed $(INSTALLED) "$$text" > $(B)/installed.md && $(INSTALL_DATA) $(B)/installed.md "$(DESTDIR)$(docdir)/$${text##*/}" || exit 1; done
	$(Q)sed $(INSTALLED) $(INSTALLED_README) README.md > $(B)/installed.md && $(INSTALL_DATA) $(B)/installed.md "$(DESTDIR)$(docdir)/README.md"
	$(Q)sed -e 's|@prefix@|$(pcprefix)|; s|@VERSION@|$(VERSION)|' \
		$(foreach v,$(PC_VARIABLES),-e 's|@$(v)@|$(patsubst $(prefix)%,$${prefix}%,$($(v)))|') tools/vmirom.pc.in > $(B)/vmirom.pc
	$(Q)$(INSTALL_DATA) $(B)/vmirom.pc "$(DESTDIR)$(pkgconfigdir)/"
	$(say) INSTALL "$(DESTDIR)$(prefix)"

# Other files, also those in our directories, stay.
uninstall:
	$(Q)rm -f $(foreach d,$(INSTALL_DIRS),$(foreach f,$(INSTALL_$(d)),"$(DESTDIR)$($(d))/$(notdir $(f))")) \
		"$(DESTDIR)$(pkgconfigdir)/vmirom.pc"
	$(Q)$(foreach d,$(OWN_DIRS),[ ! -d "$(DESTDIR)$($(d))" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$($(d))" &&) :

# --- archives -------------------------------------------------------------------------

# Of the same sources they have the same bytes, in whatever folder they are made: tools/dist.sh.
DIST := $(B)/dist
DIST_SOURCE := $(DIST)/vmirom-$(VERSION).tar.gz
DIST_BINARY := $(DIST)/vmirom-$(VERSION)-linux-amd64.tar.gz
DIST_STAGE := $(DIST)/stage/$(notdir $(DIST_BINARY:.tar.gz=))

.PHONY: dist dist-source dist-binary
dist: dist-source dist-binary
	$(Q)cd $(DIST) && sha256sum $(notdir $(DIST_SOURCE) $(DIST_BINARY)) > SHA256SUMS

dist-source:
	$(say) TAR $(DIST_SOURCE)
	$(Q)tools/dist.sh source $(DIST_SOURCE)

# An installation, so a new program or image goes into INSTALL_... above. Its documents and vmirom.pc name files from the
# archive's own folder.
dist-binary: all $(B)/static/romsum $(B)/vmi-conform.iso
	$(Q)rm -rf $(DIST_STAGE)
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(DIST_STAGE)/ prefix=. pcprefix='$$$${pcfiledir}/../..'
	$(Q)sed -e '/SPDX/d; s|@VERSION@|$(VERSION)|' tools/dist.txt > $(DIST_STAGE)/README
	$(Q)$(INSTALL_DATA) CHANGELOG.md $(DIST_STAGE)/ && $(INSTALL_DATA) $(B)/vmi-conform.iso $(DIST_STAGE)/share/vmirom/
	$(Q)$(INSTALL_PROGRAM) $(B)/static/romsum $(DIST_STAGE)/bin/ && strip $(DIST_STAGE)/bin/*
	$(say) TAR $(DIST_BINARY)
	$(Q)tools/dist.sh pack $(DIST_STAGE) $(DIST_BINARY)

$(B)/static/romsum: $(ROMSUM_OBJ) $(B)/libvmihv.a
	$(call step,LD,$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^)

# --- set-up ---------------------------------------------------------------------

SETUPS := $(addprefix setup-,build run iso page npm check check-long lint)
.PHONY: $(SETUPS)
setup-run: | setup-build # one after the other: each may call the package manager
setup-iso setup-page setup-lint: | setup-run
setup-npm setup-check: | setup-page setup-iso
setup-check-long: | setup-check
$(SETUPS): setup-%:
	$(Q)$(SETUP) $*

.PHONY: clean
clean:
	rm -rf $(B)

# Whatever is compiled finds the generated headers there; after the first time its .d file says which it takes.
$(ROMSUM_OBJ) $(B)/tests/fuzz/romsum_fuzz $(KIT_OBJ) $(KIT_OBJ_32) $(filter %.c.o,$(MONITOR_OBJ)): | $(GEN_HEADERS) $(GEN_VERSION)
$(LINT_OBJ) $(CONFORM_OBJ) $(CONFORM_MAIN) $(GUEST_KIT_OBJ) $(GUEST_OBJ) $(UNIT_OBJ) $(B)/kit/hypervisor/example $(B)/tests/guestkit/blob.o $(B)/tests/guest/shape.o $(B)/bench/host.c.o: | $(GEN_COMMITTED)

-include $(ROM_OBJ:.o=.d) $(ROMSUM_OBJ:.o=.d) $(LINT_OBJ:.o=.d) $(CONFORM_OBJ:.o=.d) $(CONFORM_MAIN:.o=.d) $(KIT_OBJ:.o=.d) $(KIT_OBJ_32:.o=.d) $(B)/kit/hypervisor/example.d
-include $(GUEST_OBJ:.o=.d) $(GUEST_KIT_OBJ:.o=.d) $(B)/vmi_native_area.d
-include $(MONITOR_OBJ:.o=.d)
