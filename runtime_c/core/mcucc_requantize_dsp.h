/* Requantization with the DSP extension; the meaning is that of mcucc_requantize.h, of the classes
 * fast and wide.
 *
 * A multiplier m lies in [2^30, 2^31) and is held as 2 * m - 2^32, which fits 32 bits. SMMLAR adds
 * its addend 2^32 times: with the accumulator itself for that, the rounding doubling high product
 * (a * 2 * m + 2^31) / 2^32 takes one instruction. */
#ifndef MCUCC_REQUANTIZE_DSP_H
#define MCUCC_REQUANTIZE_DSP_H

#include "mcucc_requantize.h"

/* A channel as mcucc_channel_t, with the multiplier held as above. A multiplier of 0, for factors
 * that are too small, is one of 2^30 with 31 bits to shift: no accumulator below 2^30 reaches a
 * half. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t right;
} mcucc_channel_dsp_t;

/* round(a * m / 2^31), halves up, |a| < 2^30 */
MCUCC_INLINE int32_t mcucc_high_mul_dsp(int32_t a, int32_t multiplier)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    int32_t x;
    __asm__("smmlar %0, %1, %2, %1" : "=r"(x) : "r"(a), "r"(multiplier));
    return x;
#else
    return a + (int32_t)((((int64_t)a * multiplier) + ((int64_t)1 << 31)) >> 32);
#endif
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
/* In assembly: a sum to an output of the class fast that only saturates. All are registers. */
#define MCUCC_SCALE(sum, multiplier, shift, zero_point)                                        \
    MCUCC_SCALE_BY(sum, multiplier)                                                            \
    "add " sum ", " sum ", " sum ", asr #31\n\t" MCUCC_SHIFT_BY(sum, shift, zero_point)

/* The same where the zero point is the lowest output: sums below 0 end there, so that their sign
 * need not be taken off. */
#define MCUCC_SCALE_LOWEST(sum, multiplier, shift, zero_point)                                 \
    MCUCC_SCALE_BY(sum, multiplier) MCUCC_SHIFT_BY(sum, shift, zero_point)

#define MCUCC_SCALE_BY(sum, multiplier)                                                        \
    "smmlar " sum ", " sum ", " multiplier ", " sum "\n\t"
#define MCUCC_SHIFT_BY(sum, shift, zero_point)                                                 \
    "asrs " sum ", " shift "\n\tadc " sum ", " sum ", " zero_point "\n\tssat " sum ", #8, " sum  \
    "\n\t"
#endif

MCUCC_INLINE int8_t mcucc_requantize_dsp(int32_t a, const mcucc_channel_dsp_t *channel,
                                         const mcucc_output_t *output, mcucc_requant_class_t kind,
                                         int clamps)
{
    int32_t q;
    if ((kind == MCUCC_FAST) || (channel->right > 0)) {
        const int32_t x = mcucc_high_mul_dsp(a, channel->multiplier);
        q = mcucc_shift_and_add(x + (x >> 31), channel->right, output->zero_point);
    } else {
        const int32_t shifted = (int32_t)((uint32_t)a << -channel->right);
        q = mcucc_high_mul_dsp(shifted, channel->multiplier) + output->zero_point;
    }
    return clamps ? (int8_t)mcucc_clamp(q, output->min, output->max) : mcucc_saturate(q);
}

#endif
