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

MCUCC_INLINE int32_t mcucc_clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low) {
        return low;
    }
    return (value > high) ? high : value;
}

#endif
