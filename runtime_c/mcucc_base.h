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

/* Kernels take their window and requantisation class as constants and must be inlined for those
 * to fold away. */
#if defined(__GNUC__)
#define MCUCC_INLINE static inline __attribute__((always_inline, unused))
#define MCUCC_NOINLINE __attribute__((noinline))
#else
#define MCUCC_INLINE static inline
#define MCUCC_NOINLINE
#endif

/* C99 leaves the right shift of a negative number to the compiler; all kernels need the arithmetic
 * one (deviation from MISRA C:2012 rule 10.1, checked here). */
typedef char mcucc_needs_arithmetic_shift[((-1 >> 1) == -1) ? 1 : -1];

MCUCC_INLINE int32_t mcucc_clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low) {
        return low;
    }
    return (value > high) ? high : value;
}

#endif
