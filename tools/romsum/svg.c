/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * A picture of an image: for each image of the file its bytes to scale, its first bytes one by one,
 * its call slots by kind and by bytes used; then what the colours mean, and the problems.
 */
#define _XOPEN_SOURCE 700 /* open_memstream() */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "hypercall.h"
#include "slots.h"
#include "spans.h"
#include "sum.h"
#include "svg.h"
#include "text.h"
#include "walk.h"

#define WIDTH        1280u
#define MARGIN       24u
#define INNER        (WIDTH - 2 * MARGIN)
#define LINE         18u
#define BAR_HEIGHT   36u
#define CELL_COLUMNS 32u /* bytes in a row of the header */
#define CELL_BYTES   128u
#define CELL_SIZE    (INNER / CELL_COLUMNS)
#define SLOT_COLUMNS 8u
#define SLOT_WIDTH   (INNER / SLOT_COLUMNS)
#define SLOT_HEIGHT  26u
#define MAX_LISTED   20u /* problems */

struct drawing {
    FILE *out;
    uint32_t y; /* where the next thing goes */
};

/* ---- Colours ---- */

static const struct {
    const char *span, *colour, *label;
} span_colours[] = {
    {"the header", "#4c78a8", "header"},
    {"PCIR", "#f58518", "PCIR"},
    {"$PnP", "#d6616b", "$PnP"},
    {"the manufacturer string", "#72b7b2", "strings"},
    {"the product string", "#72b7b2", NULL},
    {"the licence string", "#72b7b2", NULL},
    {"the API 3.0 entries", "#4c78a8", NULL},
    {"the hypercall descriptor", "#b279a2", "hypercall descriptor"},
    {"the policy", "#d4a72c", "policy"},
    {"the call slots", "#54a24b", "call slots"},
};

#define CODE_COLOUR "#9a9a9a"
#define FREE_COLOUR "#ececec"
#define PAD_COLOUR  "#ffffff"

static const struct {
    const char *colour, *label;
} kind_colours[VMI_SLOT_KINDS + 2] = {
    [VMI_SLOT_NATIVE] = {"#54a24b", "native"},     [VMI_SLOT_TRAP] = {"#e45756", "trap"},
    [VMI_SLOT_NOP] = {"#8c8c8c", "nop"},           [VMI_SLOT_OWN] = {"#4c78a8", "own"},
    [VMI_SLOT_SOFT] = {"#f2cf5b", "soft"},         [VMI_SLOT_KINDS] = {"#000000", "unknown"},
    [VMI_SLOT_KINDS + 1] = {"#c8c8c8", "no call"},
};

static const char *span_colour(const char *name) {
    for (size_t i = 0; i < sizeof(span_colours) / sizeof(span_colours[0]); i++) {
        if (strcmp(span_colours[i].span, name) == 0) {
            return span_colours[i].colour;
        }
    }
    return CODE_COLOUR;
}

/* ---- Writing ---- */

/* Text that XML takes, whatever the bytes are. */
static void put_text(FILE *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        uint32_t length = utf8_length(at);
        bool last_two = length == 3 && at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE;

        if (*at == '&') {
            fputs("&amp;", out);
        } else if (*at == '<') {
            fputs("&lt;", out);
        } else if (*at == '>') {
            fputs("&gt;", out);
        } else if (length == 0 || last_two || *at < 0x20 || *at == 0x7F) {
            putc('?', out);
        } else {
            fwrite(at, 1, length, out);
        }
        at += length == 0 ? 1 : length;
    }
}

__attribute__((format(printf, 4, 5))) static void
draw_text(struct drawing *drawing, uint32_t x, const char *style, const char *format, ...) {
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(drawing->out, "<text x=\"%u\" y=\"%u\" class=\"%s\">", x, drawing->y + 13, style);
    put_text(drawing->out, text);
    fputs("</text>\n", drawing->out);
}

/* `x` and `width` are in hundredths: whole numbers are the same whatever the processor is. */
static void draw_box(struct drawing *drawing, uint32_t x, uint32_t width, uint32_t height,
                     const char *colour, const char *title) {
    fprintf(drawing->out,
            "<rect x=\"%u.%02u\" y=\"%u\" width=\"%u.%02u\" height=\"%u\" fill=\"%s\"><title>",
            x / 100, x % 100, drawing->y, width / 100, width % 100, height, colour);
    put_text(drawing->out, title);
    fputs("</title></rect>\n", drawing->out);
}

static uint32_t kind_of_slot(const struct image *image, uint32_t number) {
    uint32_t kind = shown_kind(image, number);

    if (kind >= VMI_SLOT_KINDS) {
        return VMI_SLOT_KINDS;
    }
    return kind == VMI_SLOT_NATIVE && !slot_name(image, number) ? VMI_SLOT_KINDS + 1 : kind;
}

/* ---- The bytes to scale ---- */

/* Whether the byte is among at least 16 of one fill. */
static bool is_free(const struct image *image, uint32_t at) {
    uint32_t fill = get8(image, at);
    uint32_t before = 0;

    if (fill != 0x00 && fill != 0xFF && fill != CALL_FILL) {
        return false;
    }
    while (before < 15 && before < at && get8(image, at - before - 1) == fill) {
        before++;
    }
    return before + run_of(image, at, 16, fill) >= 16;
}

static void draw_part(struct drawing *drawing, uint32_t size, uint32_t start, uint32_t end,
                      const char *colour, const char *name) {
    uint32_t x = (uint32_t)((uint64_t)start * INNER * 100 / size);
    uint32_t width = (uint32_t)((uint64_t)end * INNER * 100 / size) - x;
    char title[128];

    snprintf(title, sizeof(title), "%s: 0x%04X to 0x%04X, %u bytes", name, start, end - 1,
             end - start);
    draw_box(drawing, MARGIN * 100 + x, width < 50 ? 50 : width, BAR_HEIGHT, colour, title);
}

/* How many bytes from `at` on are of one fill; 0 if it is none. */
static uint32_t fill_at(const struct image *image, uint32_t at) {
    uint32_t fill = get8(image, at);

    if (fill != 0x00 && fill != 0xFF && fill != CALL_FILL) {
        return 0;
    }
    return run_of(image, at, image->size - at, fill);
}

/* The slots among the bytes, each run of one kind as a part. */
static void draw_slot_kinds(struct drawing *drawing, const struct image *image) {
    uint32_t last;

    if (!has_slots(image)) {
        return;
    }
    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t kind = kind_of_slot(image, first);
        char name[64];

        last = first;
        while (last + 1 < VMI_CALL_SLOTS && kind_of_slot(image, last + 1) == kind) {
            last++;
        }
        if (first == last) {
            snprintf(name, sizeof(name), "slot %u, %s", first, kind_colours[kind].label);
        } else {
            snprintf(name, sizeof(name), "slots %u to %u, %s", first, last,
                     kind_colours[kind].label);
        }
        draw_part(drawing, image->size, VMI_CALL_OFFSET(first), VMI_CALL_OFFSET(last + 1),
                  kind_colours[kind].colour, name);
    }
}

/* What is fill and narrower than half a point is not drawn. */
static void draw_bytes(struct drawing *drawing, const struct image *image) {
    uint32_t least = image->size / (2 * INNER) > 16 ? image->size / (2 * INNER) : 16;
    struct spans spans = {.count = 0};
    uint32_t code = 0, fill;

    for (uint32_t at = 0; at<image->size; at += fill> 0 ? fill : 1) {
        fill = fill_at(image, at);
        if (fill < least) {
            continue;
        }
        if (code < at) {
            draw_part(drawing, image->size, code, at, CODE_COLOUR, "code and data");
        }
        draw_part(drawing, image->size, at, at + fill, FREE_COLOUR, "free");
        code = at + fill;
    }
    if (code < image->size) {
        draw_part(drawing, image->size, code, image->size, CODE_COLOUR, "code and data");
    }
    collect_foreign_strings(image, &spans);
    collect_spans(image, &spans);
    for (uint32_t i = 0; i < spans.count; i++) {
        const struct span *span = &spans.list[i];

        if (span->start < image->size) {
            draw_part(drawing, image->size, span->start,
                      span->end < image->size ? span->end : image->size, span_colour(span->name),
                      span->name);
        }
    }
    draw_slot_kinds(drawing, image);
    drawing->y += BAR_HEIGHT + 2;
    draw_text(drawing, MARGIN, "small", "0x0000");
    fprintf(drawing->out,
            "<text x=\"%u\" y=\"%u\" class=\"small\" text-anchor=\"end\">0x%04X</text>\n",
            MARGIN + INNER, drawing->y + 13, image->size);
    drawing->y += LINE + 6;
}

/* ---- The first bytes ---- */

static const char *byte_owner(const struct image *image, const struct spans *spans, uint32_t at) {
    for (uint32_t i = 0; i < spans->count; i++) {
        if (at >= spans->list[i].start && at < spans->list[i].end) {
            return spans->list[i].name;
        }
    }
    return is_free(image, at) ? "free" : "code and data";
}

static void draw_header(struct drawing *drawing, const struct image *image) {
    struct spans spans = {.count = 0};

    collect_spans(image, &spans);
    collect_foreign_strings(image, &spans);
    draw_text(drawing, MARGIN, "bold", "The first %u bytes", CELL_BYTES);
    drawing->y += LINE + 2;
    for (uint32_t at = 0; at < CELL_BYTES && at < image->size; at++) {
        const char *owner = byte_owner(image, &spans, at);
        uint32_t x = MARGIN + at % CELL_COLUMNS * CELL_SIZE;
        char title[96];

        snprintf(title, sizeof(title), "0x%02X: %02X, %s", at, get8(image, at), owner);
        draw_box(drawing, x * 100, (CELL_SIZE - 1) * 100, LINE,
                 strcmp(owner, "free") == 0 ? FREE_COLOUR : span_colour(owner), title);
        draw_text(drawing, x + 5, strcmp(owner, "free") == 0 ? "small" : "cell", "%02X",
                  get8(image, at));
        if (at % CELL_COLUMNS == CELL_COLUMNS - 1) {
            drawing->y += LINE + 1;
        }
    }
    drawing->y += LINE / 2;
}

/* ---- The slots ---- */

static void draw_slot(struct drawing *drawing, const struct image *image, uint32_t number) {
    const char *name = slot_name(image, number);
    uint32_t used = slot_used(image, number);
    uint32_t kind = kind_of_slot(image, number);
    uint32_t x = MARGIN + number % SLOT_COLUMNS * SLOT_WIDTH;
    char title[128];

    snprintf(title, sizeof(title), "slot %u, %s: %s, %u of %u bytes", number,
             name ? name : "no call", kind_colours[kind].label, used, VMI_CALL_SIZE);
    draw_box(drawing, x * 100, (SLOT_WIDTH - 2) * 100, SLOT_HEIGHT - 2, FREE_COLOUR, title);
    draw_box(drawing, x * 100, (SLOT_WIDTH - 2) * 100 * used / VMI_CALL_SIZE, SLOT_HEIGHT - 2,
             kind_colours[kind].colour, title);
    drawing->y += 3;
    draw_text(drawing, x + 3, "slot", "%u %s", number, name ? name : "");
    drawing->y -= 3;
}

static void draw_slots(struct drawing *drawing, const struct image *image) {
    uint32_t used = 0;

    if (!has_slots(image)) {
        return;
    }
    for (uint32_t number = first_slot(image); number < VMI_CALL_SLOTS; number++) {
        used += slot_used(image, number);
    }
    draw_text(drawing, MARGIN, "bold", "Call slots: %u of %u bytes used; the filled part is used",
              used, VMI_CALLS_END - VMI_CALL_OFFSET(first_slot(image)));
    drawing->y += LINE + 2;
    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        if (number >= first_slot(image)) {
            draw_slot(drawing, image, number);
        }
        if (number % SLOT_COLUMNS == SLOT_COLUMNS - 1) {
            drawing->y += SLOT_HEIGHT;
        }
    }
    drawing->y += LINE / 2;
}

/* ---- What the colours mean ---- */

static void draw_key(struct drawing *drawing, uint32_t *x, const char *colour, const char *label) {
    uint32_t width = 30 + 8 * (uint32_t)strlen(label);

    if (*x + width > MARGIN + INNER) {
        *x = MARGIN;
        drawing->y += LINE;
    }
    draw_box(drawing, *x * 100, 14 * 100, 14, colour, label);
    draw_text(drawing, *x + 19, "small", "%s", label);
    *x += width;
}

static void draw_legend(struct drawing *drawing, bool has_kinds) {
    uint32_t x = MARGIN;

    for (size_t i = 0; i < sizeof(span_colours) / sizeof(span_colours[0]); i++) {
        if (span_colours[i].label) {
            draw_key(drawing, &x, span_colours[i].colour, span_colours[i].label);
        }
    }
    draw_key(drawing, &x, CODE_COLOUR, "code and data");
    draw_key(drawing, &x, FREE_COLOUR, "free");
    drawing->y += LINE + 2;
    if (!has_kinds) {
        return;
    }
    x = MARGIN;
    draw_text(drawing, x, "small", "Slots:");
    x += 60;
    for (uint32_t kind = 0; kind < VMI_SLOT_KINDS + 2; kind++) {
        draw_key(drawing, &x, kind_colours[kind].colour, kind_colours[kind].label);
    }
    drawing->y += LINE + 2;
}

/* ---- All of it ---- */

static void draw_one(struct drawing *drawing, const struct image *image, uint32_t count) {
    uint32_t free_bytes = image->size - used_end(image);
    const char *kind = get16(image, 0) != VMI_ROM_SIGNATURE ? "no option ROM"
                       : is_vmi(image)                      ? "VMI ROM"
                       : code_type(image) == CODE_EFI       ? "EFI image"
                       : is_x86(image)                      ? "option ROM"
                                                            : "image for other firmware";

    if (count > 1) {
        draw_text(drawing, MARGIN, "bold",
                  "Image %u at 0x%04X%s: %s, %u bytes, %u free after the last used byte",
                  image->number, image->base, image->hidden ? ", hidden" : "", kind, image->size,
                  free_bytes);
    } else {
        draw_text(drawing, MARGIN, "bold", "%s, %u bytes, %u free after the last used byte", kind,
                  image->size, free_bytes);
    }
    drawing->y += LINE + 4;
    draw_bytes(drawing, image);
    if (is_x86(image)) {
        draw_header(drawing, image);
    }
    draw_slots(drawing, image);
    drawing->y += LINE / 2;
}

static void draw_findings(struct drawing *drawing, const struct report *report) {
    for (size_t i = 0; i < report->total && i < MAX_LISTED; i++, drawing->y += LINE) {
        const struct finding *f = &report->list[i];
        const char *word = f->severity == WARNING ? "warning: " : "";
        const char *style = f->severity == WARNING ? "small" : "wrong";

        if (f->at == NOWHERE) {
            draw_text(drawing, MARGIN, style, "%s%s", word, f->text);
        } else {
            draw_text(drawing, MARGIN, style, "at 0x%02X: %s%s", f->at, word, f->text);
        }
    }
    if (report->total > MAX_LISTED) {
        draw_text(drawing, MARGIN, "wrong", "and %zu more", report->total - MAX_LISTED);
        drawing->y += LINE;
    }
}

static void draw_file(struct drawing *drawing, const struct image *file,
                      const struct report *report) {
    uint32_t count = count_images(file);
    struct image image;
    bool has_kinds;

    draw_text(drawing, MARGIN, "title", "%s: %u bytes, %zu problem%s", file->name, file->size,
              report->count, report->count == 1 ? "" : "s");
    drawing->y += LINE + 8;
    first_image(file, &image);
    has_kinds = has_slots(&image);
    if (file->size >= VMI_ROM_FIELDS_END) {
        do {
            draw_one(drawing, &image, count);
        } while (next_image(file, &image));
        if (padding_of(file) != 0) {
            draw_text(drawing, MARGIN, "bold", "Padding after it: %u bytes of FF",
                      padding_of(file));
            drawing->y += LINE + 4;
        }
        draw_legend(drawing, has_kinds);
    }
    draw_findings(drawing, report);
}

static const char head[] =
    "<style>text{font-family:DejaVu Sans Mono,monospace;font-size:12px;fill:#222}"
    ".title{font-size:15px;font-weight:bold}.bold{font-weight:bold}.small{font-size:11px}"
    ".cell{font-size:11px;fill:#fff}.slot{font-size:9.5px}.wrong{fill:#b00020}</style>\n";

char *draw_image(const struct image *file, const struct report *report, size_t *size) {
    struct drawing drawing = {.y = MARGIN};
    char *body = NULL, *all = NULL;
    size_t body_size = 0;
    FILE *out;

    drawing.out = open_memstream(&body, &body_size);
    if (!drawing.out) {
        out_of_memory();
    }
    draw_file(&drawing, file, report);
    if (fclose(drawing.out) != 0) {
        out_of_memory();
    }
    out = open_memstream(&all, size);
    if (!out) {
        out_of_memory();
    }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
            "viewBox=\"0 0 %u %u\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n%s",
            WIDTH, drawing.y + MARGIN, WIDTH, drawing.y + MARGIN, PAD_COLOUR, head);
    fwrite(body, 1, body_size, out);
    fputs("</svg>\n", out);
    if (fclose(out) != 0) {
        out_of_memory();
    }
    free(body);
    return all;
}
