# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The demo kernel in a browser: build/page/vmirom.html, one file that loads no other.

# The emulator, from npm's registry: the version and what npm's file of it has to be.
V86_VERSION := 0.5.462
V86_SHA512 := 68a3d7ec3773a8028546fda898392a4a3bb4b84ce53b1ce8f8823cd89e544fbfad64db1ba00ea4c9a36af4d2809f1be8f61ce927c7508fbbdcbdccf427b23640

PAGE := $(B)/page
V86 := $(addprefix $(PAGE)/v86/,libv86.js libv86.mjs v86.wasm LICENSE)
PAGE_SRC := $(wildcard examples/page/*)

.PHONY: page page-v86
page: $(PAGE)/vmirom.html
	$(say) OPEN $<
page-v86: $(V86)

$(PAGE)/v86.tgz: examples/page/page.mk | setup-npm
	$(say) NPM v86@$(V86_VERSION)
	$(Q)rm -rf $(PAGE)/npm && mkdir -p $(PAGE)/npm
	$(Q)npm pack --loglevel=error --fetch-retries=1 --pack-destination $(PAGE)/npm v86@$(V86_VERSION) >/dev/null
	$(Q)echo "$(V86_SHA512)  $(PAGE)/npm/v86-$(V86_VERSION).tgz" | sha512sum --quiet -c
	$(Q)mv $(PAGE)/npm/v86-$(V86_VERSION).tgz $@

$(V86): $(PAGE)/v86/%: $(PAGE)/v86.tgz
	$(call step,TAR,tar -xzOf $< package/$(if $(filter LICENSE,$*),,build/)$* > $@)

# The kit, with the images that it publishes.
$(PAGE)/kit.wasm: examples/page/kit.c $(ONE_FILE) | setup-page
	$(call step,CLANG,clang --target=wasm32 -std=c11 -Oz -ffreestanding -nostdlib $(WARN) -I$(B)/onefile \
		-Xlinker --no-entry -Xlinker --strip-all -o $@ $(filter %.c,$^))

# The table, with what the native slots hold. NDISASM is told where each slot begins.
PAGE_DISASSEMBLED := native 3-native

$(PAGE_DISASSEMBLED:%=$(PAGE)/%.symbols): $(PAGE)/%.symbols: $(B)/vmi-%.elf
	$(call step,NM,nm -S $< > $@)

$(PAGE_DISASSEMBLED:%=$(PAGE)/%.code): $(PAGE)/%.code: $(B)/vmi-%.rom
	$(call step,NDISASM,ndisasm -b 32 $(shell seq -f -s%.0f 0 32 4095) $< > $@)

$(PAGE)/calls.mjs: examples/page/table.awk calls.tsv docs/bench.md $(foreach i,$(PAGE_DISASSEMBLED),$(PAGE)/$(i).symbols $(PAGE)/$(i).code)
	$(call step,GEN,$(AWK) -f $< calls.tsv docs/bench.md $(foreach i,$(PAGE_DISASSEMBLED),api=$(if $(filter 3-%,$(i)),3,13) $(PAGE)/$(i).symbols $(PAGE)/$(i).code) > $@)

$(PAGE)/vmirom.html: $(PAGE_SRC) $(V86) $(PAGE)/kit.wasm $(PAGE)/calls.mjs $(B)/guest/demo.img $(B)/vmi-native.rom $(B)/vmi-ring1.rom
	$(call step,PACK,examples/page/pack.sh $(B) examples/page/page.html > $@)
