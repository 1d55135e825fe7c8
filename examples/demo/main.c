/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The demo kernel from start to end. */
#include "demo.h"

enum { PATIENCE = 5 * HZ };

static struct process processes[2];

static const struct program {
    const char *name;
    void (*entry)(void);
    uint32_t result;
} programs[2] = {{"primes", primes, 2262}, {"queens", queens, 92}};

static uint8_t failed;

static void must(int right, const char *what) {
    if (!right) {
        print("FAILED: %s\n", what);
        failed = 1;
    }
}

/*
 * CRC-32 of the kernel as in its file, taken before the kernel writes to itself. The boot code has
 * already stored the BIOS's answers in it; they count as the zeros that the file has there.
 */
static uint32_t image_checksum(void) {
    const uint8_t *answers = (const uint8_t *)&guest_e820_count;
    const uint8_t *answers_end = (const uint8_t *)guest_e820 + sizeof(guest_e820);
    uint32_t crc = 0xFFFFFFFF;
    for (const uint8_t *at = kernel_image; at < kernel_image_end; at++) {
        crc ^= at >= answers && at < answers_end ? 0 : *at;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        }
    }
    return ~crc;
}

static void run_processes(void) {
    uint32_t pages = pages_in_use;
    for (int i = 0; i < 2; i++) {
        process_new(&processes[i], programs[i].name, programs[i].entry);
    }
    /* This thread is the idle thread: the timer preempts it. */
    while (vmi_disable_interrupts(), processes_running()) {
        vmi_halt();
    }
    for (int i = 0; i < 2; i++) {
        struct process *p = &processes[i];
        print("%s: result %u, %u pages of zeros, %u copied\n", p->name, p->result,
              p->space.zero_pages, p->space.copied_pages);
        must(p->state == ENDED && p->result == programs[i].result, "the result of a process");
        must(p->space.zero_pages && p->space.copied_pages, "page faults");
        must(p->preempted != 0, "the timer never preempted a process");
        space_free(&p->space);
        page_free(p->stack);
    }
    must(pages_in_use == pages, "pages leaked");
    print("clock: %u ticks, %u switches\n", ticks, switches);
}

/* Echoes what is typed, until someone types "exit". */
static void listen(int for_ever) {
    const char *line;
    print("Type a line on the keyboard or the serial line; exit ends.\n");
    devices_listen();
    last_typed = ticks;
    while (vmi_disable_interrupts(), !(line = line_typed()) || strcmp(line, "exit") != 0) {
        if (!for_ever && ticks - last_typed > PATIENCE) {
            print("No input.\n");
            return;
        }
        vmi_halt();
    }
}

void guest_main(const char *cmdline) {
    char api[4] = "", input[8] = "";
    uint32_t checksum = image_checksum();
    guest_option(cmdline, "api", api, sizeof(api));
    guest_option(cmdline, "input", input, sizeof(input));

    print("Demo kernel of vmirom: %u bytes, checksum %08X\n",
          (uint32_t)(kernel_image_end - kernel_image), checksum);
    paging_start();
    const struct vmi_rom *rom = rom_start(!*api         ? 0
                                          : *api == '3' ? VMI_API_MAJOR_3
                                                        : VMI_API_MAJOR_13);
    must(rom_link(rom), "linking");
    paging_announce();
    tables_start();
    devices_start();

    run_processes();
    if (strcmp(input, "none") != 0) {
        listen(!strcmp(input, "wait"));
    }
    vmi_disable_interrupts();
    devices_stop();
    print("Result: %s\n", failed ? "FAILED" : "OK");
    power_off(failed);
}
