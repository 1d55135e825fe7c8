# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What tests and measurements are made of. The suites themselves are declared in tests/*/suite.

# What four compilers make of the same loops, without the kit and with it.
COMPILERS := gcc-O2 gcc-Os clang-O2 clang-Os
RIVALS := $(foreach c,$(COMPILERS),$(c)-native.rival $(c)-sites.rival)

KERNELS += $(COMPILERS:%=workload-%)
KERNELS += kvm machine bench variants workload compilers devices monitor alarm hostile mainline isolation ring1 ring1-hostile
KERNEL_machine := $(wildcard tests/machine/*.c tests/machine/*.asm)
KERNEL_bench := $(wildcard tests/bench/*.c tests/bench/*.asm)
KERNEL_variants := tests/bench/arguments.c tests/bench/variants/main.c tests/bench/variants/loops.asm
KERNEL_workload := $(wildcard tests/bench/workload/*.c tests/bench/workload/*.asm)
KERNEL_kvm := tests/kvm/kernel.c
KERNEL_ring1 := tests/ring1/kernel.c
KERNEL_ring1-hostile := tests/ring1/hostile.c
KERNEL_compilers := tests/bench/compilers/main.c $(RIVALS:%=tests/bench/compilers/%)
$(foreach c,$(COMPILERS),$(eval KERNEL_workload-$(c) := $(filter-out %/native.c %/sites.c,$(KERNEL_workload)) \
	tests/bench/workload/$(c)-native.rival tests/bench/workload/$(c)-sites.rival))
KERNEL_devices := tests/bench/devices/main.c
KERNEL_monitor := $(addprefix tests/monitor/,kernel.c processors.c report.c)
KERNEL_alarm := $(addprefix tests/monitor/,alarm.c report.c)
KERNEL_isolation := $(addprefix tests/isolation/,kernel.c processors.c code.asm) tests/monitor/report.c
KERNEL_hostile := $(wildcard tests/hostile/*.c tests/hostile/*.asm)
KERNEL_mainline := $(wildcard tests/mainline/*.c tests/mainline/*.asm)

$(B)/gen/loops.inc: tests/bench/variants/loops.awk calls.tsv $(B)/gen/vmi/sites-nasm.inc | setup-build
	$(call step,GEN,$(AWK) -f $^ > $@)

$(B)/guest/tests/bench/variants/loops.asm.o: $(B)/gen/loops.inc tests/bench/variants/bare.inc
$(B)/guest/tests/hostile/run.asm.o: $(B)/vmi-native.rom # which is in it

rival_words = $(subst -, ,$(basename $(notdir $(1))))
# Nothing is aligned: NOPs in front of a loop would be counted, and there are more or less of them by chance.
RIVAL_CFLAGS := $(filter-out -O2 -march=i586 -mtune=generic,$(GUEST_CFLAGS)) -march=i686 -falign-loops=1
RIVAL_gcc := -falign-jumps=1 -falign-labels=1

$(RIVALS:%=$(B)/guest/tests/bench/compilers/%.o): $(B)/guest/tests/bench/compilers/%.rival.o: tests/bench/compilers/loops.c tests/bench/compilers/compilers.h $(GEN_COMMITTED) include/vmi/site-macros.h | setup-check
	$(call step,CC,$(word 1,$(call rival_words,$*)) $(RIVAL_CFLAGS) $(RIVAL_$(word 1,$(call rival_words,$*))) -$(word 2,$(call rival_words,$*)) -DLOOPS=loops_$(subst -,_,$*) \
		$(if $(filter %-sites,$*),-DSITES) -c -o $@ $<)

$(RIVALS:%=$(B)/guest/tests/bench/workload/%.o): $(B)/guest/tests/bench/workload/%.rival.o: $(wildcard tests/bench/workload/*.[ch]) $(GEN_COMMITTED) include/vmi/site-macros.h | setup-check
	$(call step,CC,$(word 1,$(call rival_words,$*)) $(RIVAL_CFLAGS) $(RIVAL_$(word 1,$(call rival_words,$*))) -$(word 2,$(call rival_words,$*)) \
		-c -o $@ tests/bench/workload/$(word 3,$(call rival_words,$*)).c)

# Images of API 3.0 by policy. `all` is every call that a native image can serve.
POLICIES := minimal lean full all
POLICY_LIST_minimal := minimal
POLICY_LIST_lean := lean
POLICY_LIST_full := full
POLICY_LIST_all = $(shell $(AWK) -F'\t' '$$18 ~ /lean|full|named/ { printf "%s%s", comma, $$4; comma = "," }' calls.tsv)

$(POLICIES:%=$(B)/policy/%.rom): $(B)/policy/%.rom: $(B)/vmi-3-native.rom $(B)/romsum
	$(call step,ROMSUM,$(B)/romsum --quiet --policy $(POLICY_LIST_$*) $< -o $@ && touch $@)

# --- programs in C ------------------------------------------------------------------------

# tests/SUITE/test_*.c are programs; of tests/unit, which they share, and of tools/conform the linker takes what each needs.
PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/*/test_*.c) tests/mutants/mutate.c tests/flips/flips.c $(addprefix tests/monitor-mutants/,mutate.c try.c))
UNIT_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/*.c))

$(UNIT_OBJ) $(PROGRAMS:=.o) $(B)/tests/monitor-mutants/number.o: $(B)/%.o: %.c $(B)/gen/expect.h $(B)/gen/call_names.h | setup-check
	$(call step,CC,$(CC) $(CFLAGS_HOST) -iquote tests/unit -iquote tools/conform -Imonitor -MMD -MP -c -o $@ $<)

$(B)/tests/unit/unit.a: $(UNIT_OBJ)
	$(call step,AR,rm -f $@ && $(AR) rcsD $@ $^)

# The monitor's objects in a process, whose own definitions take the place of what needs the bare machine.
$(B)/tests/monitor.o: $(filter-out %/launch.asm.o,$(MONITOR_OBJ))
	$(call step,LD,$(LD) -m elf_x86_64 -r -o $@ $^ && $(OBJCOPY) --weaken $@)

$(patsubst %,$(B)/tests/%,guest-memory/test_guest_memory monitor-calls/test_monitor_calls isolation/test_isolation isolation/test_clock) \
	$(patsubst %.c,$(B)/%,$(wildcard tests/monitor-units/test_*.c)): $(B)/tests/monitor.o

# How its mutants are compiled, and what they are linked with.
MUTANTS_OF_MONITOR := $(addprefix $(B)/monitor-mutants/,flags objects) $(B)/tests/monitor-mutants/number.o
$(B)/monitor-mutants/flags: Makefile | setup-check
	$(call step,GEN,printf '%s\n' '$(CC) $(MONITOR_CFLAGS)' > $@)
$(B)/monitor-mutants/objects: Makefile $(filter-out %/launch.asm.o,$(MONITOR_OBJ))
	$(call step,GEN,printf '%s\n' $(filter %.o,$^) > $@)

# The decoder of ring 1 is a pure function.
$(B)/tests/ring1/decode.o: monitor/ring1/decode.c | setup-check
	$(call step,CC,$(CC) $(CFLAGS_HOST) -Imonitor -MMD -MP -c -o $@ $<)
$(B)/tests/ring1/test_decode: $(B)/tests/ring1/decode.o

$(B)/ring1/ring1.sym: $(B)/ring1/ring1.elf
	$(call step,NM,nm $< > $@)

$(PROGRAMS): %: %.o $(B)/tests/unit/unit.a $(B)/obj/tools/conform.a $(B)/libvmihv.a
	$(call step,LD,$(CC) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lunicorn -lcapstone)

# Comparisons are not traced: the loops that sum would take all the time.
FUZZ_SRC := tests/fuzz/romsum_fuzz.c $(wildcard tools/romsum/*.c) $(KIT_SRC)
FUZZ_CFLAGS := -std=c11 -O2 -g $(WARN) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-sanitize-coverage=trace-cmp $(INCLUDE) -Itools/romsum

$(B)/tests/fuzz/romsum_fuzz: $(FUZZ_SRC) $(wildcard tools/romsum/*.h include/vmi/*.h) $(B)/gen/call_names.h | setup-check
	$(call step,CLANG,clang $(FUZZ_CFLAGS) -o $@ $(FUZZ_SRC))

$(B)/tests/kvm/init: tests/kvm/init.c | setup-check
	$(call step,CC,$(CC) $(CFLAGS_HOST) -D_GNU_SOURCE -static -o $@ $<)

# --- a kernel that tests/guest/shapes.sh makes in other ways too ------------------------------------

$(B)/tests/guest/shape.o: tests/guest/shape.c | setup-check
	$(call step,CC,$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<)

# --- a piece of a kernel for the kit's tests, with sites from the macros of either assembler -----

BLOBS := nasm gas
BLOB_LD := $(LD) -m elf_i386 -z noexecstack --no-warn-rwx-segments --fatal-warnings --build-id=none -Lkit/kernel

$(BLOBS:%=$(B)/tests/guestkit/thunks-%.s): $(B)/tests/guestkit/thunks-%.s: tests/guestkit/thunks.awk $(B)/gen/vmi/sites-nasm.inc
	$(call step,GEN,$(AWK) -v as=$* -f $^ > $@)

$(B)/tests/guestkit/thunks-nasm.o: $(B)/tests/guestkit/thunks-nasm.s
	$(call step,NASM,$(NASM) -Werror -f elf32 -I$(B)/gen/ -Iinclude/ -o $@ $<)

$(B)/tests/guestkit/thunks-gas.o: $(B)/tests/guestkit/thunks-gas.s $(B)/gen/vmi/sites-gas.inc
	$(call step,AS,as --32 --fatal-warnings $(INCLUDE) -o $@ $<)

$(B)/tests/guestkit/blob.o: tests/guestkit/blob.c | setup-check
	$(call step,CC,$(CC) $(GUEST_KIT_CFLAGS) -MMD -MP -c -o $@ $<)

$(BLOBS:%=$(B)/tests/guestkit/%.elf): $(B)/tests/guestkit/%.elf: tests/guestkit/blob.ld kit/kernel/kit.ld $(B)/tests/guestkit/thunks-%.o $(B)/tests/guestkit/blob.o $(B)/libvmiguest.a
	$(call step,LD,$(BLOB_LD) -T $< -o $@ $(filter %.o,$^) $(filter %.a,$^))

$(BLOBS:%=$(B)/tests/guestkit/%.bin): $(B)/tests/guestkit/%.bin: $(B)/tests/guestkit/%.elf
	$(Q)$(OBJCOPY) -O binary -j .blob $< $@

# --- cycles are taken in a 32-bit process: no library, no gcc-multilib ---------------------------

$(B)/bench/host.asm.o: tests/bench/variants/host.asm tests/bench/variants/loops.asm tests/bench/variants/bare.inc $(B)/gen/vmi/sites-nasm.inc $(B)/gen/loops.inc $(B)/vmi-native.rom
	$(call step,NASM,$(NASM) -Werror -f elf32 -I$(B)/gen/ -Iinclude/ -I$(B)/ -o $@ $<)

$(B)/bench/host.c.o: tests/bench/variants/host.c | setup-build
	$(call step,CC,$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<)

$(B)/bench/host: tests/bench/variants/host.ld kit/kernel/kit.ld $(B)/bench/host.c.o $(B)/bench/host.asm.o $(B)/libvmiguest.a
	$(call step,LD,$(BLOB_LD) -T $< -o $@ $(filter %.o,$^) $(filter %.a,$^))

# --- targets ------------------------------------------------------------------------------

TESTED := all $(B)/vmi-conform.iso $(B)/ring1/ring1.sym $(GEN_SITES) $(BLOBS:%=$(B)/tests/guestkit/%.bin) $(PROGRAMS) $(B)/tests/guest/shape.o $(B)/kit/hypervisor/example $(B)/examples/kvm/vmm $(B)/tests/kvm/init $(B)/page/kit.wasm $(B)/page/calls.mjs \
	$(KERNELS:%=$(B)/guest/%.img) $(B)/gen/calls.md $(GEN_COMMITTED) \
	$(POLICIES:%=$(B)/policy/%.rom) $(B)/tests/fuzz/romsum_fuzz $(MUTANTS_OF_MONITOR)

.PHONY: check check-long mutate bench bench-docs
check: $(TESTED) | setup-check
	$(Q)tests/run.sh $(B) $(SUITES)

check-long: $(TESTED) | setup-check-long
	$(Q)tests/run.sh $(B) $(or $(SUITES),--long)

mutate: $(TESTED) | setup-check
	$(Q)tests/mutants/run.sh $(B)

bench: all $(B)/guest/compilers.img $(COMPILERS:%=$(B)/guest/workload-%.img) $(B)/guest/bench.img $(B)/guest/variants.img $(B)/guest/workload.img $(B)/guest/devices.img $(B)/guest/mainline.img $(B)/bench/host $(POLICIES:%=$(B)/policy/%.rom) \
		$(B)/tests/hypercall/test_hypercall | setup-check
	$(Q)tests/bench/run.sh $(B)

bench-docs: bench
	$(Q)tests/docs.sh $(B)/bench bench-docs docs/bench.md docs/hypercalls.md docs/ring1.md

# What `make check` has measured; the suite fails until it is there.
.PHONY: firmware-docs
firmware-docs: all $(B)/guest/tour.img | setup-check
	$(Q)tests/firmware/run.sh $(B) | grep '^not ok' | grep -v 'the table (' || :
	$(Q)tests/firmware/long.sh $(B) | grep '^not ok' | grep -v 'the table (' || :
	$(Q)tests/docs.sh $(B)/firmware firmware-docs docs/firmware.md

# The tables of suites, from their declarations.
.PHONY: suites-docs
regen: suites-docs
suites-docs:
	$(Q)mkdir -p $(B)/suites
	$(Q)tests/suites.sh check > $(B)/suites/check.md && tests/suites.sh long > $(B)/suites/long.md
	$(Q)tests/docs.sh $(B)/suites regen docs/developing.md

-include $(UNIT_OBJ:.o=.d) $(PROGRAMS:=.d) $(B)/tests/guestkit/blob.d $(B)/tests/guest/shape.d $(B)/bench/host.c.d
