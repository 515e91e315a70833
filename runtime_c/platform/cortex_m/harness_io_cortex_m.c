/* The harness on a Cortex-M: files through semihosting, memory from the linker script. */
#include <stddef.h>

#include "harness_io.h"
#include "memory_map.h"
#include "semihosting.h"

#define STACK_PAINT 0xA5C3963Cu

static int32_t request_handle = -1;
static int32_t reply_handle = -1;

int mcucc_harness_io_open(void)
{
    request_handle = semihosting_open(HARNESS_REQUEST_FILE, SEMIHOSTING_READ_BINARY);
    reply_handle = semihosting_open(HARNESS_REPLY_FILE, SEMIHOSTING_WRITE_BINARY);
    return request_handle == -1 || reply_handle == -1;
}

uint32_t mcucc_harness_io_read(void *to, uint32_t bytes)
{
    return bytes - semihosting_read(request_handle, to, bytes);
}

int mcucc_harness_io_seek(uint32_t position)
{
    return semihosting_seek(request_handle, position) != 0;
}

int mcucc_harness_io_write(const void *from, uint32_t bytes)
{
    return semihosting_write(reply_handle, from, bytes) != 0u;
}

void mcucc_harness_io_exit(int status)
{
    const int lost = semihosting_close(reply_handle) != 0;
    semihosting_exit(status == 0 && lost ? 1 : status);
}

/* The linker script made room for this one network. */
mcucc_harness_memory_t mcucc_harness_io_memory(uint32_t bytes, uint32_t align, uint32_t placement)
{
    const mcucc_harness_memory_t memory = {link_arena_low, link_arena, link_arena_high};
    const mcucc_harness_memory_t none = {NULL, NULL, NULL};
    const uintptr_t start = (uintptr_t)link_arena;
    const int fits = start % align == 0u && start + bytes <= (uintptr_t)link_arena_high;
    (void)placement;
    return fits ? memory : none;
}

/* Calls run(arena). The address of the instruction after the call is `mcucc_harness_run_end`, where a
   simulator can read its instruction counter. Uses 8 bytes of stack itself. */
int mcucc_harness_call_marked(int (*run)(void *arena), void *arena);

__asm__(".syntax unified\n"
        ".text\n"
        ".thumb\n"
        ".balign 4\n"
        ".global mcucc_harness_call_marked\n"
        ".global mcucc_harness_run_end\n"
        ".type mcucc_harness_call_marked, %function\n"
        ".thumb_func\n"
        "mcucc_harness_call_marked:\n"
        "    push {r4, lr}\n"
        "    mov r2, r0\n"
        "    mov r0, r1\n"
        "    blx r2\n"
        "mcucc_harness_run_end:\n"
        "    pop {r4, pc}\n");

/* Volatile accesses keep the compiler from calling memset, whose frame would be overwritten. */
int mcucc_harness_io_call(int (*run)(void *arena), void *arena, uint32_t *stack_bytes)
{
    volatile uint32_t *const limit = link_stack_limit;
    volatile uint32_t *top;
    volatile uint32_t *p;
    int status;

    __asm__ volatile("mov %0, sp" : "=r"(top));
    for (p = limit; p < top; p++) {
        *p = STACK_PAINT;
    }
    status = mcucc_harness_call_marked(run, arena);
    p = limit;
    while (p < top && *p == STACK_PAINT) {
        p++;
    }
    *stack_bytes = (uint32_t)((uintptr_t)top - (uintptr_t)p) - 8u;
    return status;
}
