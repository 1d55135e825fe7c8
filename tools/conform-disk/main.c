/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Finds the images, runs the tests on each, and asks the native instructions where one fails. */
#include "conform.h"

/* The marker's values: which boot this is. */
enum { MARKER_RUNNING = 1, MARKER_RESET = 2 /* the test has asked for it */ };

static const struct test *const groups[] = {
    fair_tests, processor_tests, descriptor_tests, interrupt_tests, transfer_tests, port_tests,
    tlb_tests,  entry_tests,     race_tests,       quiet_tests,     power_tests};

static int no_resets; /* by the command line */

/* ---- Results that survive a reset ---- */

static uint32_t sum_of_results(void) {
    const uint32_t *words = (const uint32_t *)results();
    uint32_t sum = 0x5EA1ED;
    for (uint32_t i = 1; i < sizeof(struct results) / 4; i++) {
        sum = (sum << 1 | sum >> 31) ^ words[i];
    }
    return sum;
}

static void keep(uint32_t marker) {
    results()->sum = sum_of_results();
    guest_marker_set(marker);
}

/* Where the mark in the clock is not held, the test has not been started. */
void expect_reset(uint32_t phase) {
    (void)phase;
    rtc_mark_set();
    keep(MARKER_RESET);
}

/* ---- The tests ---- */

static const struct test *test_at(uint32_t index) {
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++) {
            if (index-- == 0) {
                return t;
            }
        }
    }
    return NULL;
}

static uint32_t test_count(void) {
    uint32_t count = 0;
    while (test_at(count)) {
        count++;
    }
    return count;
}

static int is_reset_test(const struct test *t) {
    return t->calls[0] == VMI_CALL_Reboot;
}

/* ---- Verdicts ---- */

static struct image *image_now(void) {
    return &results()->images[results()->at];
}

/* The call of a failure: the last one made, or else the first that the test is for. */
static void note_failure(const struct test *t, uint32_t call, const char *text) {
    struct results *r = results();
    struct image *image = image_now();
    if (!call || !image->name[call]) {
        call = t->calls[0];
    }
    for (uint32_t i = 0; i < VMI_CALL_SLOTS; i++) {
        if (calls_made[i]) {
            image->reason[i] = "its test failed at another call";
        }
    }
    image->call[call] = WRONG;
    image->failed++;
    guest_printf("not ok - %s\n", t->name);
    if (r->failures == MAX_FAILURES) {
        r->lost_failures++;
        return;
    }
    struct failure *f = &r->failure[r->failures++];
    memset(f, 0, sizeof(*f));
    f->image = r->at;
    f->is_machines = r->at == IMAGE_NATIVE;
    f->call = (uint8_t)call;
    f->test = t;
    f->name = image->name[call] ? image->name[call] : "-";
    guest_snprintf(f->text, sizeof(f->text), "%s", text);
    report_failure(f);
}

static void note_skip(const struct test *t, const char *reason) {
    struct image *image = image_now();
    image->skipped++;
    for (uint32_t i = 0; i < MAX_CALLS && t->calls[i]; i++) {
        image->reason[t->calls[i]] = reason;
    }
    guest_printf("ok - %s # SKIP %s\n", t->name, reason);
}

static void note_verdict(const struct test *t) {
    struct image *image = image_now();
    if (verdict.failed) {
        note_failure(t, verdict.call, verdict.text);
        return;
    }
    if (is_reset_test(t)) {
        calls_made[VMI_CALL_Reboot] = 1; /* before the reset */
    }
    for (uint32_t call = 0; call < VMI_CALL_SLOTS; call++) {
        if (calls_made[call] && image->name[call] && image->call[call] == NOT_TESTED) {
            image->call[call] = RIGHT;
        }
    }
    if (verdict.skipped) {
        note_skip(t, verdict.skipped);
        return;
    }
    image->passed++;
    guest_printf("ok - %s\n", t->name);
}

/* ---- Running ---- */

/* Why a test is not run, or NULL. */
static const char *reason_against(const struct test *t) {
    if (t->flags & RING0 && kernel_ring()) {
        return "the kernel is in ring 1";
    }
    if (is_reset_test(t) && (no_resets || results()->resets_forget)) {
        return no_resets ? "told not to" : "a reset clears memory here";
    }
    if (is_reset_test(t) && !(rtc_mark_set() && rtc_mark_take())) {
        return "nothing keeps a mark over a reset";
    }
    return NULL;
}

static void run_and_note(const struct test *t) {
    if (t->flags & OURS) {
        return;
    }
    const char *reason =
        is_possible(t) ? reason_against(t) : "its tests need calls that the ROM has not";
    if (reason) {
        note_skip(t, reason);
        return;
    }
    report_progress(t, results()->next + 1, test_count());
    keep(MARKER_RUNNING);
    run_test(t);
    note_verdict(t);
    boot_phase = 0;
}

static void use(const struct image *image) {
    use_image(image->major, image->minor, image->physical, image->size);
    memcpy((void *)rom_first, (const void *)rom_physical, rom_size);
    ask_image(1);
    find_entries();
    machine_reset();
}

static void name_calls(struct image *image) {
    for (uint32_t call = VMI_CALL_FIRST; call < VMI_CALL_SLOTS; call++) {
        const char *name = call_name(call);
        int is_call = strcmp(name, "unassigned") != 0;
        int is_later = image->major == VMI_API_MAJOR_13 && is_call && !has_call(call);
        image->name[call] = is_call && !is_later ? name : NULL;
        image->reason[call] = "no test can make it here";
        image->call[call] = is_call && !has_call(call) ? NOT_ANSWERED : NOT_TESTED;
    }
}

/* From the test given on; Init comes first, at every boot. */
static void run_image(uint32_t first) {
    struct results *r = results();
    struct image *image = image_now();
    const struct test *t;
    use(image);
    if (first == 0) {
        guest_printf("# testing: API %u.%u at %08Xh\n", image->major, image->minor,
                     image->physical);
        name_calls(image);
    } else {
        run_test(&fair_tests[0]);
    }
    for (r->next = first; (t = test_at(r->next)) != NULL; r->next++) {
        run_and_note(t);
        if (t == &fair_tests[0] && image->failed) {
            image->state = REFUSED;
            return;
        }
    }
}

/* Whether the bare instructions do what the test of a ROM did not find. */
static void check_failures(uint32_t first) {
    struct results *r = results();
    if (kernel_ring()) {
        return; /* they belong to the hypervisor now */
    }
    for (r->next = first; r->next < r->failures; r->next++) {
        struct failure *f = &r->failure[r->next];
        struct image native = r->images[IMAGE_NATIVE];
        if (f->image == IMAGE_NATIVE || is_reset_test(f->test) || f->test == &fair_tests[0]) {
            continue;
        }
        if (r->images[f->image].major == VMI_API_MAJOR_3) {
            native.major = VMI_API_MAJOR_3;
            native.minor = 0;
            native.physical = (uint32_t)conform_native_3;
            native.size = (uint32_t)(conform_native_3_end - conform_native_3);
        }
        guest_printf("# %s again, by the native instructions:\n", f->test->name);
        use(&native);
        keep(MARKER_RUNNING);
        run_test(f->test);
        f->was_checked = 1;
        f->is_machines = verdict.failed != 0;
    }
}

/* ---- Boots ---- */

static void find_images(void) {
    struct results *r = results();
    struct rom_found list[16];
    uint32_t count;
    guest_find_rom(list, 16, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct rom_found *found = &list[i];
        uint32_t at = found->major == VMI_API_MAJOR_3 ? IMAGE_3 : IMAGE_13;
        struct image *image = &r->images[at];
        int is_good = found->verdict == ROM_GOOD ||
                      (found->verdict == ROM_FOREIGN_MAJOR && found->major == VMI_API_MAJOR_3);
        if (found->verdict == ROM_NOT_VMI || found->verdict == ROM_UNUSED ||
            image->state == PRESENT) {
            continue;
        }
        image->state = is_good ? PRESENT : UNUSABLE;
        image->why = is_good ? NULL : guest_rom_verdict_name(found->verdict);
        image->major = found->major;
        image->minor = found->minor;
        image->physical = found->phys;
        image->size = found->size;
    }
    struct image *native = &r->images[IMAGE_NATIVE];
    int is_needed = r->images[IMAGE_13].state != PRESENT && r->images[IMAGE_3].state != PRESENT;
    native->state = is_needed ? PRESENT : ABSENT;
    native->major = VMI_API_MAJOR_13;
    native->minor = 3;
    native->physical = (uint32_t)conform_native_13;
    native->size = (uint32_t)(conform_native_13_end - conform_native_13);
}

/* The test, or the check, during which the last boot ended. Returns whether it is to be run again.
 */
static int judge_reset(uint32_t marker) {
    struct results *r = results();
    if (marker == MARKER_RESET) {
        boot_phase = 1;
        return 1;
    }
    if (r->at == IMAGES) {
        r->failure[r->next].was_checked = r->failure[r->next].is_machines = 1;
        return 0;
    }
    const struct test *t = test_at(r->next);
    note_failure(t, t->calls[0], "the machine was reset");
    return 0;
}

void guest_main(const char *cmdline) {
    struct results *r = results();
    uint32_t marker = guest_marker_get(), first = 0;
    int was_marked = rtc_mark_take();
    char text[4];
    guest_marker_clear();
    guest_console_select(GUEST_TO_E9 | GUEST_TO_COM1);
    no_resets = guest_option(cmdline, "noreset", text, sizeof(text));
    machine_start();
    if (marker && r->sum == sum_of_results()) {
        guest_puts("# booted again\n");
        report_start();
        first = r->next + !judge_reset(marker);
    } else {
        memset(r, 0, sizeof(*r));
        r->resets_forget = was_marked != 0;
        find_images();
        report_start();
    }
    for (; r->at < IMAGES; r->at++, first = 0) {
        if (image_now()->state == PRESENT && first == 0 && kernel_ring()) {
            guest_printf(
                "# API %u.%u is not tested: the hypervisor of the other ROM has the machine\n",
                image_now()->major, image_now()->minor);
        } else if (image_now()->state == PRESENT) {
            run_image(first);
        }
        /* A ROM that refuses leaves the machine to the kernel. */
        if (image_now()->state == REFUSED && r->images[IMAGE_3].state != PRESENT) {
            r->images[IMAGE_NATIVE].state = PRESENT;
        }
    }
    check_failures(first);
    guest_marker_clear();
    guest_exit((uint8_t)report_end());
}
