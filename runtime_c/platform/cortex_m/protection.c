#include "protection.h"

#include <stdint.h>

#include "memory_map.h"

#if __ARM_ARCH_ISA_THUMB >= 2

#define MPU_TYPE (*(const volatile uint32_t *)0xE000ED90u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_ENABLE 1u
#define REGION_COUNT(type) (((type) >> 8) & 0xFFu)

typedef enum { FLASH = 0, RAM = 1 } region_t;

#if __ARM_ARCH >= 8

#define MPU_RLAR (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_MAIR0 (*(volatile uint32_t *)0xE000EDC0u)
#define WRITE_BACK_MEMORY 0xFFu
#define READ_ONLY_EXECUTABLE (0x3u << 1)
#define READ_WRITE_DATA ((0x1u << 1) | 0x1u)
#define REGION_ENABLE 1u

/* The bounds are multiples of 32. */
static void allow(region_t region, uint32_t start, uint32_t end)
{
    MPU_MAIR0 = WRITE_BACK_MEMORY;
    MPU_RNR = (uint32_t)region;
    MPU_RBAR = start | (region == FLASH ? READ_ONLY_EXECUTABLE : READ_WRITE_DATA);
    MPU_RLAR = ((end - 1u) & ~31u) | REGION_ENABLE;
}

static void limit_stack(void)
{
    __asm__ volatile("msr msplim, %0" : : "r"(link_stack_limit));
}

#else

#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)
#define WRITE_BACK_MEMORY ((1u << 19) | (1u << 17) | (1u << 16))
#define READ_ONLY_EXECUTABLE (0x6u << 24)
#define READ_WRITE_DATA ((0x3u << 24) | (1u << 28))
#define REGION_ENABLE 1u

/* Regions are powers of two and lie at multiples of their size: the end is rounded up. */
static void allow(region_t region, uint32_t start, uint32_t end)
{
    uint32_t log2_size = 5u;
    while (log2_size < 31u && (1u << log2_size) < end - start) {
        log2_size++;
    }
    MPU_RNR = (uint32_t)region;
    MPU_RBAR = start & ~((1u << log2_size) - 1u);
    MPU_RASR = (region == FLASH ? READ_ONLY_EXECUTABLE : READ_WRITE_DATA) | WRITE_BACK_MEMORY |
               ((log2_size - 1u) << 1) | REGION_ENABLE;
}

static void limit_stack(void)
{
}

#endif

void protection_enable(void)
{
    limit_stack();
    if (REGION_COUNT(MPU_TYPE) >= 2u) {
        allow(FLASH, (uint32_t)(uintptr_t)link_flash_start, (uint32_t)(uintptr_t)link_flash_end);
        allow(RAM, (uint32_t)(uintptr_t)link_ram_start, (uint32_t)(uintptr_t)link_ram_end);
        __asm__ volatile("dmb" : : : "memory");
        MPU_CTRL = MPU_ENABLE;
        __asm__ volatile("dsb\n\tisb" : : : "memory");
    }
}

#else

void protection_enable(void)
{
}

#endif
