/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Chooses and runs the tests, prints TAP. */
#include "machine.h"

enum {
    MARKER_RUNNING = 0x00800000,
    MARKER_FAILED = 0x00400000,
    MARKER_PHASE_SHIFT = 24,
    MARKER_INDEX = 0xFFFF
};

static const struct test *const groups[] = {
    processor_tests, descriptor_tests, interrupt_tests, transfer_tests, port_tests, tlb_tests,
    entry_tests,     race_tests,       alias_tests,     quiet_tests,    link_tests, power_tests};

static uint32_t copy_base;
static char filter[512]; /* as long as a command line can be */
static uint32_t run_count, failed;
static uint32_t running_index;

void expect_reset(uint32_t phase) {
    guest_marker_set(phase << MARKER_PHASE_SHIFT | (failed ? MARKER_FAILED : 0) | running_index);
}

/* ---- Choosing ---- */

static int listed(const char *word) {
    size_t length = strlen(word);
    for (const char *s = filter; *s;) {
        if (!strncmp(s, word, length) && (s[length] == ',' || !s[length])) {
            return 1;
        }
        while (*s && *s != ',') {
            s++;
        }
        s += *s == ',';
    }
    return 0;
}

static int chosen(const struct test *t) {
    if (!filter[0] || listed(t->name)) {
        return 1;
    }
    for (uint32_t i = 0; i < MAX_CALLS && t->calls[i]; i++) {
        if (has_call(t->calls[i]) && listed(call_name(t->calls[i]))) {
            return 1;
        }
    }
    return 0;
}

/* ---- Running ---- */

static void run_and_print(const struct test *t, const char *suffix) {
    run_count++;
    guest_marker_set(MARKER_RUNNING | running_index);
    run_test(t);
    if (verdict.failed) {
        failed++;
        guest_printf("not ok - %s%s\n", t->name, suffix);
    } else if (verdict.skipped) {
        guest_printf("ok - %s%s # SKIP %s\n", t->name, suffix, verdict.skipped);
    } else {
        guest_printf("ok - %s%s\n", t->name, suffix);
    }
    boot_phase = 0;
}

static void run_everywhere(const struct test *t) {
    rom_base = rom_physical;
    find_entries();
    run_and_print(t, "");
    if (t->flags & TWICE) {
        rom_base = copy_base;
        memcpy((void *)copy_base, rom_first, rom_size);
        find_entries();
        run_and_print(t, "_from_copy");
        rom_base = rom_physical;
        if (memcmp((const void *)copy_base, rom_first, rom_size) != 0) {
            failed++;
            guest_printf("not ok - %s leaves the copy as it was\n", t->name);
        }
    }
}

static const char *test_name(uint32_t wanted) {
    uint32_t index = 0;
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++, index++) {
            if (index == wanted) {
                return t->name;
            }
        }
    }
    return "a test unknown";
}

static int is_test(const char *name, size_t length) {
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++) {
            if (strlen(t->name) == length && !strncmp(t->name, name, length)) {
                return 1;
            }
        }
    }
    return 0;
}

/* One name may be a call's that no test here has; a list is of tests. */
static void check_list(void) {
    int is_list = 0;
    for (const char *s = filter; *s;) {
        size_t length = 0;
        while (s[length] && s[length] != ',') {
            length++;
        }
        is_list |= s[length] == ',';
        if (is_list && !is_test(s, length)) {
            failed++;
            guest_printf("not ok - every name of the list is a test's: %s\n", s);
        }
        s += length + (s[length] == ',');
    }
}

static void run_all(uint32_t first) {
    uint32_t index = 0;
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++, index++) {
            if (index < first || !chosen(t) || !is_possible(t) ||
                (groups[g] == alias_tests && kernel_ring())) { /* answers lead to the hypervisor */
                continue;
            }
            running_index = index;
            run_everywhere(t);
        }
    }
}

/* The BIOS has made it read-only: what is written to it is lost. */
static void test_image_is_untouched(void) {
    for (uint32_t at = rom_physical; at < rom_physical + rom_size; at++) {
        volatile uint8_t *byte = guest_at(at);
        *byte = (uint8_t) ~*byte;
    }
    equal("bytes that differ", (uint32_t) !!memcmp((const void *)rom_physical, rom_first, rom_size),
          0);
    equal("sum", guest_sum((const void *)rom_physical, rom_size), 0);
}

/* For the host, which has its file. */
static void print_image(void) {
    const uint8_t *bytes = guest_at(rom_physical);
    for (uint32_t i = 0; i < rom_size; i++) {
        guest_printf("%s%02x%s", i % 32 ? "" : "# image ", bytes[i], i % 32 == 31 ? "\n" : "");
    }
}

/* The first of API 13, unless there is none or the other one is asked for. */
static void find_image(const char *api) {
    struct rom_found list[16];
    uint32_t count, major = VMI_API_MAJOR_13;
    uint32_t physical = strcmp(api, "3") ? guest_find_rom(list, 16, &count) : 0;
    if (!physical) {
        major = VMI_API_MAJOR_3;
        physical = guest_find_rom_of(VMI_API_MAJOR_3, list, 16, &count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].verdict == ROM_GOOD) {
            use_image(major, list[i].minor, physical, list[i].size);
        } else if (list[i].verdict != ROM_NOT_VMI) {
            guest_printf("# at %05x: %s\n", list[i].phys, guest_rom_verdict_name(list[i].verdict));
        }
    }
    if (!physical) {
        guest_panic(NULL, "no VMI ROM");
    }
    guest_printf("# VMI ROM of API %u at %05x, %u bytes\n", rom_api, rom_physical, rom_size);
    copy_base = GUEST_FREE_MEMORY + 0x280000;
}

/* With `init` all tests run after a successful Init: in ring 1, where a hypervisor lowers it. */
static void call_init(const char *cmdline) {
    char text[4];
    if (!guest_option(cmdline, "init", text, sizeof(text))) {
        return;
    }
    ask_image(1);
    find_entries();
    if (init_image()) {
        guest_panic(NULL, "Init refuses");
    }
}

void guest_main(const char *cmdline) {
    static const struct test image = {
        "image_is_unwritten_and_still_sealed", test_image_is_untouched, 0, {0}};
    uint32_t marker = guest_marker_get();
    uint32_t first = 0;
    char api[4] = "";
    guest_marker_clear();
    guest_option(cmdline, "only", filter, sizeof(filter));
    guest_option(cmdline, "api", api, sizeof(api));
    machine_start();
    find_image(api);
    if (marker & MARKER_RUNNING) {
        guest_printf("not ok - %s (the machine was reset)\n", test_name(marker & MARKER_INDEX));
        guest_exit(1);
    }
    if (marker) {
        boot_phase = marker >> MARKER_PHASE_SHIFT;
        first = marker & MARKER_INDEX;
        failed = (marker & MARKER_FAILED) != 0;
        if (memcmp((const void *)rom_physical, rom_first, rom_size) != 0) {
            guest_puts("not ok - the image is the same after a reset\n");
            failed++;
        }
    } else {
        memcpy((void *)rom_first, (const void *)rom_physical, rom_size);
    }
    machine_reset();
    call_init(cmdline);
    check_list();
    run_all(first);
    int uncovered = run_count == 0 && !marker;
    run_and_print(&image, "");
    if (!filter[0]) {
        print_image();
    }
    guest_marker_clear();
    guest_printf("# end%s\n", uncovered ? ", uncovered" : "");
    guest_exit(failed ? 1 : 0);
}
