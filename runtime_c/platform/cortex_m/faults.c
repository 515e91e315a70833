#include "faults.h"

#include <stddef.h>

#include "memory_map.h"
#include "semihosting.h"

#define CFSR (*(const volatile uint32_t *)0xE000ED28u)
#define HFSR (*(const volatile uint32_t *)0xE000ED2Cu)
#define MMFAR (*(const volatile uint32_t *)0xE000ED34u)
#define BFAR (*(const volatile uint32_t *)0xE000ED38u)

#define EXIT_FAULT 2
#define FRAME_WORDS 8u
#define FRAME_LR 5u
#define FRAME_PC 6u

/* The stack may be what went wrong: if less than 256 bytes of it are left, start it afresh. */
__asm__(".syntax unified\n"
        ".text\n"
        ".thumb\n"
        ".balign 4\n"
        ".global fault_handler\n"
        ".type fault_handler, %function\n"
        ".thumb_func\n"
        "fault_handler:\n"
        "    mrs r0, msp\n"
        "    mrs r1, ipsr\n"
        "    ldr r2, 2f\n"
        "    adds r2, #255\n"
        "    cmp r0, r2\n"
        "    bhi 1f\n"
        "    ldr r2, 3f\n"
        "    msr msp, r2\n"
        "1:  ldr r2, 4f\n"
        "    bx r2\n"
        ".balign 4\n"
        "2:  .word link_stack_limit\n"
        "3:  .word link_stack_top\n"
        "4:  .word fault_report\n");

static const char *exception_name(uint32_t exception)
{
    static const char *const names[] = {"Reset",    "NMI",        "HardFault",  "MemManage",
                                        "BusFault", "UsageFault", "SecureFault"};
    const uint32_t count = (uint32_t)(sizeof names / sizeof names[0]);
    return exception >= 1u && exception <= count ? names[exception - 1u] : "Unexpected exception";
}

static void print_register(const char *name, uint32_t value)
{
    char text[] = "0x00000000";
    for (size_t i = 9u; i >= 2u; i--) {
        text[i] = "0123456789abcdef"[value & 0xFu];
        value >>= 4;
    }
    semihosting_print(name);
    semihosting_print(text);
}

static int is_on_stack(const uint32_t *frame)
{
    const uintptr_t at = (uintptr_t)frame;
    return at >= (uintptr_t)link_stack_limit &&
           at + FRAME_WORDS * sizeof(uint32_t) <= (uintptr_t)link_stack_top;
}

void fault_report(const uint32_t *frame, uint32_t exception)
{
    semihosting_print("fault: ");
    semihosting_print(exception_name(exception));
    if (is_on_stack(frame)) {
        print_register(" pc=", frame[FRAME_PC]);
        print_register(" lr=", frame[FRAME_LR]);
    } else {
        print_register(" stack overflow, sp=", (uint32_t)(uintptr_t)frame);
    }
#if __ARM_ARCH_ISA_THUMB >= 2
    print_register(" CFSR=", CFSR);
    print_register(" HFSR=", HFSR);
    print_register(" MMFAR=", MMFAR);
    print_register(" BFAR=", BFAR);
#endif
    semihosting_print("\n");
    semihosting_exit(EXIT_FAULT);
}
