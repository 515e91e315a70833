/* From reset to main() on any Cortex-M. Uses only what every core has, or asks the compiler. */
#include <stdint.h>

#include "faults.h"
#include "memory_map.h"
#include "protection.h"
#include "semihosting.h"

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define UNALIGNED_TRAP (1u << 3)
#define FAULT_HANDLERS_ENABLED (0x7u << 16)
#define COPROCESSORS_10_11_ENABLED (0xFu << 20)

int main(void);
void reset_handler(void);

typedef void (*handler_t)(void);

typedef struct {
    uint32_t *stack_top;
    handler_t handlers[15];
} vectors_t;

__attribute__((section(".vectors"), used)) static const vectors_t vectors = {
    link_stack_top,
    {
        reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
        fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
        fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    },
};

static void enable_core_features(void)
{
#if __ARM_ARCH_ISA_THUMB >= 2
    SHCSR |= FAULT_HANDLERS_ENABLED;
#else
    CCR |= UNALIGNED_TRAP; /* always set on Armv6-M; a simulator's greater core must be told */
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= COPROCESSORS_10_11_ENABLED;
#endif
    __asm__ volatile("dsb\n\tisb" : : : "memory");
}

void reset_handler(void)
{
    const uint32_t *from = link_data_load;

    enable_core_features();
    protection_enable();
    for (uint32_t *to = link_data_start; to < link_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = link_bss_start; to < link_bss_end; to++) {
        *to = 0u;
    }
    semihosting_exit(main());
}
