/* Softmax of each row in fixed point, bit for bit as TensorFlow Lite Micro does it.
 * Meaning: reference/softmax.py.
 *
 * exp(x - max) comes from a table of 256 values in Q0.31; their sum is kept in Q12.19; its
 * reciprocal is found with three Newton-Raphson steps. */
#ifndef MCUCC_SOFTMAX_H
#define MCUCC_SOFTMAX_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t rows;
    int32_t n; /* elements of a row, 1 .. 4095 */
    const int32_t *exponentials; /* [256]: exp(-i * scale) in Q0.31, 0 beyond the cut-off */
} mcucc_softmax_t;

/* a * 2^left, saturating. */
MCUCC_INLINE int32_t mcucc_softmax_shift_left(int32_t a, int32_t left)
{
    const int64_t wide = (int64_t)a * ((int64_t)1 << left);
    if (wide > INT32_MAX) {
        return INT32_MAX;
    }
    return (wide < INT32_MIN) ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31.
 *
 * Half the denominator, d in [1/2, 1) in Q0.31, is inverted: 48/17 - 32/17 * d is the straight line
 * with the least relative error there, and each step x += x * (1 - d * x) squares that error. The
 * variables but d are in Q2.29. */
MCUCC_INLINE int32_t mcucc_softmax_reciprocal(int32_t a)
{
    const int32_t line_start = 1515870810;  /* 48/17 in Q2.29 */
    const int32_t line_slope = -1010580540; /* -32/17 in Q2.29 */
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    const int32_t one = (int32_t)1 << 29;
    int32_t x = line_start + mcucc_high_mul(half_denominator, line_slope);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t rest = one - mcucc_high_mul(half_denominator, x);
        x += mcucc_softmax_shift_left(mcucc_high_mul(x, rest), 2);
    }
    return mcucc_softmax_shift_left(x, 1);
}

MCUCC_INLINE int32_t mcucc_leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (uint32_t bit = (uint32_t)1 << 31; (bit != 0U) && ((value & bit) == 0U); bit >>= 1) {
        zeros++;
    }
    return zeros;
}

MCUCC_INLINE int32_t mcucc_softmax_highest(const int8_t *in, int32_t n)
{
    int32_t highest = in[0];
    for (int32_t i = 1; i < n; i++) {
        highest = (in[i] > highest) ? in[i] : highest;
    }
    return highest;
}

/* Of the exponentials, in Q12.19.
 *
 * n < 4096 keeps the sum, n exponentials of at most 2^19 each, below 2^31. It is at least 2^19, for
 * the highest input contributes exp(0): a reciprocal exists. */
MCUCC_INLINE int32_t mcucc_softmax_sum(const int32_t *exponentials, int32_t highest,
                                       const int8_t *in, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += mcucc_rounding_shift(exponentials[highest - in[i]], 12);
    }
    return sum;
}

/* 1 / sum in Q0.31, times a power of two; `headroom` is how many leading zeros the sum has. */
MCUCC_INLINE int32_t mcucc_softmax_inverse(int32_t sum, int32_t headroom)
{
    return mcucc_softmax_reciprocal(
        (int32_t)(((uint32_t)sum << headroom) - ((uint32_t)1 << 31)));
}

/* One row: output q stands for (q + 128) / 256. */
MCUCC_INLINE void mcucc_softmax_row(const mcucc_softmax_t *p, const int8_t *in, int8_t *out)
{
    const int32_t highest = mcucc_softmax_highest(in, p->n);
    const int32_t sum = mcucc_softmax_sum(p->exponentials, highest, in, p->n);
    const int32_t headroom = mcucc_leading_zeros((uint32_t)sum);
    const int32_t scale = mcucc_softmax_inverse(sum, headroom);
    /* 12 - headroom integer bits of the sum, 31 fractional bits, less the 8 bits of the output. */
    const int32_t right = (12 - headroom) + 31 - 8;
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t product = mcucc_high_mul(scale, p->exponentials[highest - in[i]]);
        const int32_t q = (right > 31) ? 0 : mcucc_rounding_shift(product, right);
        out[i] = (int8_t)mcucc_clamp(q - 128, -128, 127); /* scale 1/256, zero point -128 */
    }
}

/* `out` may be the input. */
MCUCC_INLINE void mcucc_softmax(const mcucc_softmax_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->n, out += p->n) {
        mcucc_softmax_row(p, in, out);
    }
}

#endif
