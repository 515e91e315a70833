/* Common ground of all kernels: integer types, inlining, arithmetic shift.
 *
 * Everything here is `static`: a network's objects export no symbol of this file, so two networks
 * that include it link into one program.
 */
#ifndef MCUCC_BASE_H
#define MCUCC_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A Cortex-M, where speed counts. Elsewhere, as on the computer that checks a network, kernels with
 * instructions of a Cortex-M are plain C, and that is no fault. */
#if defined(__ICCARM__) || defined(__CC_ARM) || defined(__TI_ARM__)
#define MCUCC_CORTEX_M
#elif defined(__ARM_ARCH_PROFILE)
#if __ARM_ARCH_PROFILE == 'M'
#define MCUCC_CORTEX_M
#endif
#endif

#if defined(MCUCC_CORTEX_M) && !defined(__GNUC__) && !defined(MCUCC_ALLOW_PORTABLE)
#error "mcucc: this compiler has no inline assembly in GNU's form (gcc, clang, Arm Compiler 6 do): \
kernels would be plain C, 3 times (Cortex-M4) to 37 times (Cortex-M55) slower. Define \
MCUCC_ALLOW_PORTABLE to allow that."
#endif

/* Weights are stored as words whose bytes are read one by one. */
#if defined(__ICCARM__)
#if __LITTLE_ENDIAN__ == 0
#define MCUCC_BIG_ENDIAN
#endif
#elif defined(__ARM_BIG_ENDIAN) || defined(__BIG_ENDIAN__) || defined(__big_endian__)
#define MCUCC_BIG_ENDIAN
#elif defined(__BYTE_ORDER__)
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define MCUCC_BIG_ENDIAN
#endif
#endif
#if defined(MCUCC_BIG_ENDIAN)
#error "mcucc: the network is for little-endian processors and this one is big-endian."
#endif

/* A system may keep r9 for itself (gcc's -msingle-pic-base, clang's -frwpi): assembly that needs it
 * gives way to C. With -ffixed-r9, which cannot be seen from here, define this. */
#if defined(__PIC__) || defined(__ARM_RWPI)
#define MCUCC_KEEP_R9
#endif

/* Kernels take their window and requantization class as constants and must be inlined for those
 * to fold away. */
#if defined(__GNUC__)
#define MCUCC_INLINE static inline __attribute__((always_inline, unused))
#if defined(__ARM_ARCH_6M__) && !defined(__clang__)
/* gcc copies a kernel for the numbers of single layers: twice the code for 1 % of the time here. */
#define MCUCC_NOINLINE __attribute__((noinline, noclone))
#else
#define MCUCC_NOINLINE __attribute__((noinline))
#endif
#define MCUCC_NO_UNROLL _Pragma("GCC unroll 1")
#else
#define MCUCC_INLINE static inline
#define MCUCC_NOINLINE
#define MCUCC_NO_UNROLL
#endif

/* Before a function of which there is one copy for all layers, where gcc would make one for the
 * numbers of each. It begins at a whole word: ADR counts from there, and an assembler takes it that
 * a section does, which holds neither for gcc's -Os nor for clang with -ffunction-sections. */
#if defined(__clang__)
#define MCUCC_ONCE static __attribute__((noinline, unused, aligned(4)))
#elif defined(__GNUC__)
#define MCUCC_ONCE static __attribute__((noinline, noclone, unused, aligned(4)))
#else
#define MCUCC_ONCE static
#endif

/* What C99 leaves to the compiler and all kernels need, checked here: a negative array size stops
 * the compilation. The first two are deviations from MISRA C:2012 rules 10.1 and 10.8.
 *
 *   - The right shift of a negative number is arithmetic.
 *   - The conversion of a uint32_t above INT32_MAX to int32_t wraps: it keeps the bits.
 *   - An int has 32 bits at least, so that products of two int8_t and enum constants fit. */
typedef char mcucc_needs_arithmetic_shift[((-1 >> 1) == -1) ? 1 : -1];
typedef char mcucc_needs_wrapping_conversion
    [(((int32_t)UINT32_MAX == -1) && ((int32_t)((uint32_t)1 << 31) == INT32_MIN)) ? 1 : -1];
typedef char mcucc_needs_int_of_32_bits[(sizeof(int) >= sizeof(int32_t)) ? 1 : -1];

/* Stands before assembly that overwrites r9. A compiler lets that pass though it keeps r9 for the
 * system. Asked for r9 as an output, with no other high register to choose from, it stops then,
 * with "impossible constraints" or "more registers than available": define MCUCC_KEEP_R9. No
 * instruction comes of it. For size and without Thumb-2 gcc keeps it from itself, and cannot be
 * asked. */
#if defined(__GNUC__) && (defined(__thumb2__) || defined(__ARM_ARCH_6M__))
MCUCC_INLINE void mcucc_need_r9(void)
{
#if defined(__thumb2__) || defined(__clang__) || !defined(__OPTIMIZE_SIZE__)
    uint32_t r9;
    __asm__ volatile("" : "=h"(r9) : : "r8", "r10", "r11", "r12", "lr");
    (void)r9;
#endif
}
#endif

MCUCC_INLINE int32_t mcucc_clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low) {
        return low;
    }
    return (value > high) ? high : value;
}

#endif
