/* From a 32-bit accumulator to an int8 output, bit for bit as TensorFlow Lite Micro does it.
 *
 * The meaning is: shift left by max(-right, 0); rounding doubling high multiply by `multiplier`;
 * rounding shift right by max(right, 0), halves away from zero; add the zero point; clamp.
 * The three classes differ in cost and in what they demand of the accumulator a and of the shift,
 * left = max(-right, 0):
 *
 *   fast     |a| < 2^30, 1 <= right <= 31; the zero point comes free
 *   wide     |a << left| < 2^30, -31 <= right <= 31
 *   general  any a, -31 <= right <= 31; a << left wraps
 */
#ifndef MCUCC_REQUANTIZE_H
#define MCUCC_REQUANTIZE_H

#include "mcucc_base.h"

typedef enum { MCUCC_FAST, MCUCC_WIDE, MCUCC_GENERAL } mcucc_requant_class_t;

/* What one output channel adds to the dot product and how it is scaled. The input's zero point is
 * folded into the bias. */
typedef struct {
    int32_t bias;
    int32_t multiplier; /* Q31, in [2^30, 2^31), or 0 */
    int32_t right;      /* shift right, -31 .. 31; negative: shift left */
} mcucc_channel_t;

typedef struct {
    int32_t zero_point;
    int32_t min; /* clamp: the int8 range, narrowed by a fused activation */
    int32_t max;
} mcucc_output_t;

/* ARMv6-M multiplies 32 by 32 bits to 32, no further, and the routine that makes 64 of them takes
 * twice the instructions that the high word takes when it is put together from halves. */
#if defined(__ARM_ARCH_6M__)
#define MCUCC_MULTIPLY_HALVES
#endif

/* a * b / 2^32, rounded down or with halves up, from products of halves. None of the sums
 * overflows: a low half is below 2^16, the amount of a high one at most 2^15. */
MCUCC_INLINE int32_t mcucc_high_word(int32_t a, int32_t b, int rounds)
{
    const int32_t a_low = (int32_t)((uint32_t)a & 0xFFFFU);
    const int32_t b_low = (int32_t)((uint32_t)b & 0xFFFFU);
    const int32_t a_high = a >> 16;
    const int32_t b_high = b >> 16;
    const int32_t low = (int32_t)(((uint32_t)a_low * (uint32_t)b_low) >> 16);
    const int32_t first = (a_high * b_low) + low;
    const int32_t second = (a_low * b_high) + (int32_t)((uint32_t)first & 0xFFFFU);
    const int32_t carry = rounds ? (((second >> 15) + 1) >> 1) : (second >> 16);
    return (a_high * b_high) + (first >> 16) + carry;
}

/* round(a * multiplier / 2^31), halves up. The one product that would saturate, -2^31 * -2^31,
 * cannot occur, for one factor is never negative: the multiplier where a layer is requantized; the
 * denominator, its reciprocal or the exponential in a softmax. */
MCUCC_INLINE int32_t mcucc_high_mul(int32_t a, int32_t multiplier)
{
#if defined(MCUCC_MULTIPLY_HALVES)
    const uint32_t low = (uint32_t)a * (uint32_t)multiplier;
    const uint32_t high = (uint32_t)mcucc_high_word(a, multiplier, 0);
    return (int32_t)((2U * high) + (((low >> 30) + 1U) >> 1));
#else
    return (int32_t)((((int64_t)a * multiplier) + ((int64_t)1 << 30)) >> 31);
#endif
}

/* a / 2^right, halves away from zero, 0 <= right <= 31. */
MCUCC_INLINE int32_t mcucc_rounding_shift(int32_t a, int32_t right)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1U);
    const int32_t rest = a & mask;
    const int32_t threshold = (mask >> 1) + ((a < 0) ? 1 : 0);
    return (a >> right) + ((rest > threshold) ? 1 : 0);
}

/* The same of half of `twice`, which is even. */
MCUCC_INLINE int32_t mcucc_high_mul_half(int32_t twice, int32_t multiplier)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    int32_t x;
    __asm__("smmulr %0, %1, %2" : "=r"(x) : "r"(twice), "r"(multiplier));
    return x;
#elif defined(__GNUC__) && defined(__ARM_ARCH_6M__)
    int32_t low;    /* half of twice, then its product with the multiplier's high half */
    int32_t factor; /* low half of the multiplier, then the first sum */
    int32_t t;
    __asm__(".syntax unified\n\t"
            "uxth %[low], %[x]\n\tasrs %[x], %[x], #16\n\t"
            "uxth %[factor], %[m]\n\tasrs %[m], %[m], #16\n\t"
            "movs %[t], %[low]\n\tmuls %[t], %[factor]\n\tlsrs %[t], %[t], #16\n\t"
            "muls %[factor], %[x]\n\tadds %[factor], %[factor], %[t]\n\t"
            "muls %[low], %[m]\n\tmuls %[x], %[m]\n\t"
            "asrs %[t], %[factor], #16\n\tadds %[x], %[x], %[t]\n\t"
            "uxth %[factor], %[factor]\n\tadds %[low], %[low], %[factor]\n\t"
            "asrs %[low], %[low], #16\n\tadcs %[x], %[low]" /* the carry rounds */
            : [x] "+l"(twice), [m] "+l"(multiplier), [low] "=&l"(low), [factor] "=&l"(factor),
              [t] "=&l"(t)
            :
            : "cc");
    return twice;
#elif defined(MCUCC_MULTIPLY_HALVES)
    return mcucc_high_word(twice, multiplier, 1);
#else
    return (int32_t)((((int64_t)twice * multiplier) + ((int64_t)1 << 31)) >> 32);
#endif
}

/* zero + x / 2^right, halves up, 1 <= right <= 31. Arm's shift leaves the last bit that it drops in
 * the carry, so that the addition of the zero point rounds for nothing. */
MCUCC_INLINE int32_t mcucc_shift_and_add(int32_t x, int32_t right, int32_t zero)
{
#if defined(__GNUC__) && defined(__thumb2__)
    __asm__("asrs %0, %0, %1\n\tadc %0, %0, %2" : "+&r"(x) : "r"(right), "r"(zero) : "cc");
    return x;
#elif defined(__GNUC__) && defined(__ARM_ARCH_6M__)
    __asm__(".syntax unified\n\tasrs %0, %1\n\tadcs %0, %2"
            : "+&l"(x)
            : "l"(right), "l"(zero)
            : "cc");
    return x;
#else
    return ((x >> (right - 1)) + 1 + (2 * zero)) >> 1;
#endif
}

/* Class fast, of twice the accumulator. The shift rounds halves up, away from zero for x >= 0; for
 * x < 0, x >> 31 takes 1 off and they go down, away from zero again. |x| < 2^30, as |a| is. */
MCUCC_INLINE int32_t mcucc_scale_twice(int32_t twice, int32_t multiplier, int32_t right,
                                       int32_t zero)
{
    const int32_t x = mcucc_high_mul_half(twice, multiplier);
    return mcucc_shift_and_add(x + (x >> 31), right, zero);
}

MCUCC_INLINE int32_t mcucc_scale_fast(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    return mcucc_scale_twice(a * 2, multiplier, right, zero);
}

/* Without a shift to the right nothing is rounded twice. */
MCUCC_INLINE int32_t mcucc_scale_wide(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    if (right > 0) {
        return mcucc_scale_fast(a, multiplier, right, zero);
    }
    const int32_t shifted = (int32_t)((uint32_t)a << -right);
    return mcucc_high_mul_half(shifted * 2, multiplier) + zero;
}

MCUCC_INLINE int32_t mcucc_scale_general(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    const int32_t left = (right < 0) ? -right : 0;
    const int32_t down = (right > 0) ? right : 0;
    const int32_t x = mcucc_high_mul((int32_t)((uint32_t)a << left), multiplier);
    /* Without a shift to the right x may be as large as an int32 is: leave room for the sum. */
    const int32_t limit = (int32_t)1 << 30;
    return mcucc_clamp(mcucc_rounding_shift(x, down), -limit, limit) + zero;
}

MCUCC_INLINE int8_t mcucc_saturate(int32_t q)
{
#if defined(__GNUC__) && defined(__thumb2__)
    __asm__("ssat %0, #8, %0" : "+r"(q));
    return (int8_t)q;
#else
    return (int8_t)mcucc_clamp(q, INT8_MIN, INT8_MAX);
#endif
}

/* The class's scaling, before the clamp. */
MCUCC_INLINE int32_t mcucc_scale(int32_t a, const mcucc_channel_t *channel, int32_t zero_point,
                                 mcucc_requant_class_t kind)
{
    if (kind == MCUCC_FAST) {
        return mcucc_scale_fast(a, channel->multiplier, channel->right, zero_point);
    }
    if (kind == MCUCC_WIDE) {
        return mcucc_scale_wide(a, channel->multiplier, channel->right, zero_point);
    }
    return mcucc_scale_general(a, channel->multiplier, channel->right, zero_point);
}

MCUCC_INLINE int8_t mcucc_requantize(int32_t a, const mcucc_channel_t *channel,
                                     const mcucc_output_t *output, mcucc_requant_class_t kind)
{
    const int32_t q = mcucc_scale(a, channel, output->zero_point, kind);
    return (int8_t)mcucc_clamp(q, output->min, output->max);
}

/* The same for a layer whose outputs use the int8 range up to its ends unless it `clamps`. */
MCUCC_INLINE int8_t mcucc_requantize_to(int32_t a, const mcucc_channel_t *channel,
                                        const mcucc_output_t *output, mcucc_requant_class_t kind,
                                        int clamps)
{
    const int32_t q = mcucc_scale(a, channel, output->zero_point, kind);
    return clamps ? (int8_t)mcucc_clamp(q, output->min, output->max) : mcucc_saturate(q);
}

#endif
