/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A judgement for a person and for machines: report.h. */

#include <stdio.h>
#include <string.h>

#include "../romsum/text.h"
#include "report.h"

static const char *const outcome_names[CALLS_OUTCOMES] = {"right", "wrong", "not judged", "absent"};

/* --- for a person --- */

static void print_firmware(const struct judgement *j, bool all) {
    unsigned problems = 0;
    for (size_t i = 0; i < j->firmware.total; i++) {
        const struct finding *f = &j->firmware.list[i];
        bool counts = is_of_firmware(f);
        if (!counts && !(all && f->severity == WARNING)) {
            continue;
        }
        problems += counts;
        printf("  firmware: ");
        if (f->at != NOWHERE) {
            printf("at 0x%X: ", f->at);
        }
        printf("%s%s\n", counts ? "" : "warning: ", f->text);
    }
    if (problems == 0) {
        printf("  firmware: takes it\n");
    }
}

static void print_result(const struct judged *image, const struct result *r, bool all) {
    printf("    at %s0x%X: %s (%u)%s: %s%s%s", r->outside ? "address " : "",
           r->outside ? r->at : image->at + r->at, r->call->name, r->number,
           r->answered ? ", where GetRelocationInfo leads" : "", outcome_names[r->outcome],
           r->why[0] ? ": " : "", r->why);
    printf(all && r->free ? "; free: %s\n" : "\n", r->free);
}

static void print_calls(const struct judged *image, bool all) {
    const unsigned *n = image->outcomes;
    const char *between = "";
    if (image->unjudged[0]) {
        printf("  calls: not judged: %s\n", image->unjudged);
        return;
    }
    printf("  calls: ");
    for (int i = 0; i < CALLS_OUTCOMES; i++) {
        if (n[i] || i == CALL_RIGHT) {
            printf("%s%u %s", between, n[i], outcome_names[i]);
            between = ", ";
        }
    }
    putchar('\n');
    bool first_unjudged = true;
    for (unsigned i = 0; i < image->count; i++) {
        const struct result *r = &image->results[i];
        bool shown =
            all || r->outcome == CALL_WRONG || (r->outcome == CALL_NOT_JUDGED && first_unjudged);
        if (shown) {
            print_result(image, r, all);
        }
        first_unjudged &= r->outcome != CALL_NOT_JUDGED;
    }
    if (!all && n[CALL_NOT_JUDGED] > 1) {
        printf("    and %u more that are not judged (--all lists them)\n", n[CALL_NOT_JUDGED] - 1);
    }
}

static bool is_all_judged(const struct judgement *j) {
    bool all = true;
    for (unsigned i = 0; i < j->images; i++) {
        all &= !j->image[i].unjudged[0] && !j->image[i].outcomes[CALL_NOT_JUDGED];
    }
    return all;
}

void print_judgement(const struct judgement *j, bool all) {
    print_text(stdout, j->name);
    printf(": %s\n", is_wrong(j)        ? "wrong"
                     : is_all_judged(j) ? "right"
                                        : "right, as far as it is judged");
    print_firmware(j, all);
    for (unsigned i = 0; i < j->images; i++) {
        const struct judged *image = &j->image[i];
        printf(" at 0x%X: API %u.%u, %u bytes\n", image->at, image->major, image->minor,
               image->size);
        for (int g = 0; g < GUESTS; g++) {
            printf("  %s: %s\n", guest_names[g], image->guests[g].why);
        }
        print_calls(image, all);
    }
}

/* --- TAP --- */

/* A "#" is escaped: it would begin a directive. */
static void print_tap_name(const char *name) {
    const unsigned char *at = (const unsigned char *)name;
    while (*at) {
        char character[5] = "";
        uint32_t length = utf8_length(at);
        length += length == 0;
        memcpy(character, at, length);
        fputs(*at == '#' ? "\\" : "", stdout);
        print_text(stdout, character);
        at += length;
    }
}

static void print_test(unsigned *n, bool good, const struct judgement *j, uint32_t at,
                       const char *what) {
    printf("%sok %u - ", good ? "" : "not ", ++*n);
    print_tap_name(j->name);
    printf(" at 0x%X: %s", at, what);
}

static void print_tap_image(const struct judgement *j, const struct judged *image, unsigned *n) {
    char what[200];
    for (int g = 0; g < GUESTS; g++) {
        const struct guest_verdict *v = &image->guests[g];
        print_test(n, !guest_is_wrong(v), j, image->at, guest_names[g]);
        if (v->taking != TAKES) {
            printf("%s%s", guest_is_wrong(v) ? "\n# " : " # SKIP ", v->why);
        }
        putchar('\n');
    }
    for (unsigned i = 0; i < image->count; i++) {
        const struct result *r = &image->results[i];
        snprintf(what, sizeof(what), "%s (%u)%s", r->call->name, r->number,
                 r->answered ? " where GetRelocationInfo leads" : "");
        print_test(n, r->outcome != CALL_WRONG, j, image->at, what);
        if (r->outcome == CALL_NOT_JUDGED || r->outcome == CALL_ABSENT) {
            printf(" # SKIP %s: %s", outcome_names[r->outcome], r->why);
        }
        printf(r->outcome == CALL_WRONG ? "\n# %s\n" : "\n", r->why);
    }
    if (image->unjudged[0]) {
        print_test(n, true, j, image->at, "calls");
        printf(" # SKIP not judged: %s\n", image->unjudged);
    }
}

void print_tap(const struct judgement *j, unsigned *n) {
    bool good = true;
    for (size_t i = 0; i < j->firmware.total; i++) {
        good &= !is_of_firmware(&j->firmware.list[i]);
    }
    print_test(n, good, j, 0, "firmware\n");
    for (size_t i = 0; i < j->firmware.total; i++) {
        const struct finding *f = &j->firmware.list[i];
        if (is_of_firmware(f)) {
            printf("# at 0x%X: %s\n", f->at == NOWHERE ? 0 : f->at, f->text);
        }
    }
    for (unsigned i = 0; i < j->images; i++) {
        print_tap_image(j, &j->image[i], n);
    }
}

void print_tap_failure(const char *name, const char *why, unsigned *n) {
    printf("not ok %u - ", ++*n);
    print_tap_name(name);
    printf("\n# %s\n", why);
}

/* --- JSON --- */

static void put_member(const char *name, const char *text) {
    printf("\"%s\": ", name);
    if (text && text[0]) {
        print_json_text(text);
    } else {
        printf("null");
    }
}

static void put_result(const struct judged *image, const struct result *r) {
    printf("{\"call\": \"%s\", \"number\": %u, \"%s\": %u, \"by\": \"%s\", \"verdict\": \"%s\", ",
           r->call->name, r->number, r->outside ? "address" : "offset",
           r->outside ? r->at : image->at + r->at, r->answered ? "relocation" : "place",
           r->outcome == CALL_NOT_JUDGED ? "not-judged" : outcome_names[r->outcome]);
    put_member("reason", r->why);
    printf(", ");
    put_member("free", r->free);
    putchar('}');
}

static void put_image(const struct judged *image) {
    printf("{\"offset\": %u, \"size\": %u, \"major\": %u, \"minor\": %u, \"right\": %s, ",
           image->at, image->size, image->major, image->minor,
           image_is_wrong(image) ? "false" : "true");
    put_member("not_judged", image->unjudged);
    printf(",\n     \"guests\": [");
    for (int g = 0; g < GUESTS; g++) {
        printf("%s{", g ? ", " : "");
        put_member("guest", guest_names[g]);
        printf(", \"verdict\": \"%s\", \"right\": %s, ", taking_names[image->guests[g].taking],
               guest_is_wrong(&image->guests[g]) ? "false" : "true");
        put_member("reason", image->guests[g].why);
        putchar('}');
    }
    printf("],\n     \"calls\": [");
    for (unsigned i = 0; i < image->count; i++) {
        printf(i ? ",\n      " : "\n      ");
        put_result(image, &image->results[i]);
    }
    printf("]}");
}

void print_object(const struct judgement *j) {
    bool first = true;
    printf("  {");
    put_member("file", j->name);
    printf(", \"right\": %s,\n   \"firmware\": [", is_wrong(j) ? "false" : "true");
    for (size_t i = 0; i < j->firmware.total; i++) {
        const struct finding *f = &j->firmware.list[i];
        if (!is_of_firmware(f)) {
            continue;
        }
        printf(first ? "{\"offset\": " : ", {\"offset\": ");
        printf(f->at == NOWHERE ? "null" : "%u", f->at);
        printf(", \"code\": \"%s\", ", f->code);
        put_member("reason", f->text);
        putchar('}');
        first = false;
    }
    printf("],\n   \"images\": [");
    for (unsigned i = 0; i < j->images; i++) {
        printf(i ? ",\n    " : "\n    ");
        put_image(&j->image[i]);
    }
    printf("]}");
}

/* --- rules --- */

void print_rules(void) {
    choose_api(API_13, RELOC_NONE);
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        if (free_of(slot)) {
            printf("%s (%u): %s\n", expect_of(slot)->name, slot, free_of(slot));
        }
    }
}
