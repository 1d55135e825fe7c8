/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The final screen: all calls on 80 x 25 characters. */
#include "tour.h"

enum { TABLE_TOP = 2, TABLE_ROWS = 21 };
enum {
    ON_BLACK = 0x07,
    ON_BLUE = 0x1F,
    ON_GREEN = 0x2F,
    ON_RED = 0x4F,
    ON_GREY = 0x70 /* not shown */
};
/* Where the four columns of names begin: all names fit, except two in the last column. */
static const uint8_t column_start[] = {0, 19, 38, 58, GUEST_COLUMNS};

static void put_row(uint32_t at, const struct tour_row *row) {
    static const uint8_t colours[] = {ON_RED, ON_GREEN, ON_GREY, ON_BLUE};
    uint32_t column = at / TABLE_ROWS;
    uint32_t start = column_start[column], width = column_start[column + 1] - start - 2;
    char number[4] = " -";
    if (row->number != TOUR_NO_NUMBER) {
        guest_snprintf(number, sizeof(number), "%2u", row->number);
    }
    guest_screen_put(TABLE_TOP + at % TABLE_ROWS, start, colours[row->verdict], number, 2);
    guest_screen_put(TABLE_TOP + at % TABLE_ROWS, start + 2, ON_BLACK, row->name, width);
    if (strlen(row->name) > width) {
        guest_screen_put(TABLE_TOP + at % TABLE_ROWS, start + 1 + width, ON_BLACK, "~", 1);
    }
}

void tour_screen(const char *title, const struct tour_row *rows, uint32_t count,
                 const char *verdict, int ok) {
    guest_screen_clear(ON_BLACK);
    guest_screen_put(0, 0, ON_BLUE, title, GUEST_COLUMNS);
    for (uint32_t i = 0; i < count && i < 4 * TABLE_ROWS; i++) {
        put_row(i, &rows[i]);
    }
    guest_screen_put(GUEST_ROWS - 1, 0, ok ? ON_GREEN : ON_RED, verdict, GUEST_COLUMNS);
}
