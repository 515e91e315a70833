/* Boots at the start of a board's flash and touches the edges of its memory regions.
   Ends through semihosting: success when every SRAM word keeps what is written, failure on any
   fault. EDGES, FLASH_LAST and STACK_TOP come from the command line. */
#include <stdint.h>

#define SYS_EXIT 0x18
#define APPLICATION_EXIT 0x20026
#define RUN_TIME_ERROR 0x20023
#define CPACR (*(volatile uint32_t *)0xE000ED88u)

static void leave(uint32_t reason)
{
    register uint32_t operation __asm__("r0") = SYS_EXIT;
    register uint32_t argument __asm__("r1") = reason;
    __asm__ volatile("bkpt 0xab" : : "r"(operation), "r"(argument) : "memory");
    for (;;) {
    }
}

static void fault(void)
{
    leave(RUN_TIME_ERROR);
}

static void check_core(void)
{
#ifdef __ARM_FP
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb\n\tvmov.f32 s0, #1.0\n\tvadd.f32 s0, s0, s0" : : : "s0", "memory");
#endif
#ifdef __ARM_FEATURE_DSP
    uint32_t sum;
    __asm__ volatile("smlad %0, %1, %1, %1" : "=r"(sum) : "r"(0x00020003u));
    if (sum != 0x00020003u + 13u) {
        leave(RUN_TIME_ERROR);
    }
#endif
#ifdef __ARM_FEATURE_MVE
    __asm__ volatile("vmov.i32 q0, #1\n\tvadd.i32 q0, q0, q0" : : : "q0");
#endif
}

void probe(void)
{
    static const uint32_t edges[] = { EDGES };
    const uint32_t count = sizeof edges / sizeof edges[0];
    for (uint32_t i = 0u; i < count; i++) {
        *(volatile uint32_t *)edges[i] = 0xA5000000u + i;
    }
    for (uint32_t i = 0u; i < count; i++) {
        if (*(volatile uint32_t *)edges[i] != 0xA5000000u + i) {
            leave(RUN_TIME_ERROR);
        }
    }
    (void)*(volatile const uint32_t *)FLASH_LAST;
    check_core();
    leave(APPLICATION_EXIT);
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    STACK_TOP,        (uintptr_t)probe, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault,
};
