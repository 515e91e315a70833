/* Instructions of the DSP extension (Arm Architecture Reference Manual, ARMv7-M, chapter A7), each
 * with a twin in plain C: kernels that use them give the same bits on any processor.
 *
 * A word holds two 16-bit halves, the low one first. Sums wrap, as those of the instructions do. */
#ifndef MCUCC_DSP_H
#define MCUCC_DSP_H

#include "mcucc_base.h"

#if defined(MCUCC_CORTEX_M) && !defined(__ARM_FEATURE_DSP) && !defined(MCUCC_ALLOW_PORTABLE)
#error "mcucc: these kernels are for the DSP extension, which this is not compiled for: in plain C \
they take 3 times as long. Give the compiler the core that the network was made for (-mcpu), or \
make it for this one (mcucc compile --board), or define MCUCC_ALLOW_PORTABLE."
#endif

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)

#define MCUCC_DSP_1(name, instruction)                \
    MCUCC_INLINE uint32_t name(uint32_t a)            \
    {                                                 \
        uint32_t result;                              \
        __asm__(instruction : "=r"(result) : "r"(a)); \
        return result;                                \
    }
#define MCUCC_DSP_3(name, instruction)                                  \
    MCUCC_INLINE int32_t name(uint32_t a, uint32_t b, int32_t sum)      \
    {                                                                   \
        int32_t result;                                                 \
        __asm__(instruction : "=r"(result) : "r"(a), "r"(b), "r"(sum)); \
        return result;                                                  \
    }

MCUCC_DSP_1(mcucc_sxtb16, "sxtb16 %0, %1")
MCUCC_DSP_1(mcucc_sxtb16_ror8, "sxtb16 %0, %1, ror #8")
MCUCC_DSP_3(mcucc_smlad, "smlad %0, %1, %2, %3")
MCUCC_DSP_3(mcucc_smlabb, "smlabb %0, %1, %2, %3")
MCUCC_DSP_3(mcucc_smlatt, "smlatt %0, %1, %2, %3")

#else

MCUCC_INLINE int32_t mcucc_low_half(uint32_t a)
{
    return (int32_t)(a << 16) >> 16;
}

MCUCC_INLINE int32_t mcucc_high_half(uint32_t a)
{
    return (int32_t)a >> 16;
}

MCUCC_INLINE int32_t mcucc_wrapped_sum(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* The bytes 0 and 2 as halves. */
MCUCC_INLINE uint32_t mcucc_sxtb16(uint32_t a)
{
    const uint32_t low = (uint32_t)((int32_t)(a << 24) >> 24) & 0xFFFFU;
    const uint32_t high = (uint32_t)((int32_t)(a << 8) >> 24) << 16;
    return high | low;
}

/* The bytes 1 and 3 as halves. */
MCUCC_INLINE uint32_t mcucc_sxtb16_ror8(uint32_t a)
{
    return mcucc_sxtb16(a >> 8);
}

/* sum + low * low + high * high */
MCUCC_INLINE int32_t mcucc_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    const int32_t low = mcucc_low_half(a) * mcucc_low_half(b);
    const int32_t high = mcucc_high_half(a) * mcucc_high_half(b);
    return mcucc_wrapped_sum(mcucc_wrapped_sum(sum, low), high);
}

/* sum + low * low */
MCUCC_INLINE int32_t mcucc_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    return mcucc_wrapped_sum(sum, mcucc_low_half(a) * mcucc_low_half(b));
}

/* sum + high * high */
MCUCC_INLINE int32_t mcucc_smlatt(uint32_t a, uint32_t b, int32_t sum)
{
    return mcucc_wrapped_sum(sum, mcucc_high_half(a) * mcucc_high_half(b));
}

#endif

/* Four bytes from any address, the first of them lowest. */
MCUCC_INLINE uint32_t mcucc_load4(const int8_t *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* The first `count` bytes, 1 to 3, and zeros. */
MCUCC_INLINE uint32_t mcucc_load_some(const int8_t *from, int32_t count)
{
    uint32_t word = (uint8_t)from[0];
    if (count > 1) {
        word |= (uint32_t)(uint8_t)from[1] << 8;
    }
    if (count > 2) {
        word |= (uint32_t)(uint8_t)from[2] << 16;
    }
    return word;
}

#endif
