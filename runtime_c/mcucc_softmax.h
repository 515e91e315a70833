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
    int32_t n; /* elements of a row */
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

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31. The inner variables are in Q2.29. */
MCUCC_INLINE int32_t mcucc_softmax_reciprocal(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    const int32_t one = (int32_t)1 << 29;
    int32_t x = 1515870810 + mcucc_high_mul(half_denominator, -1010580540);
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

MCUCC_INLINE void mcucc_softmax_row(const mcucc_softmax_t *p, const int8_t *in, int8_t *out)
{
    int32_t max = in[0];
    for (int32_t i = 1; i < p->n; i++) {
        max = (in[i] > max) ? in[i] : max;
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < p->n; i++) {
        sum += mcucc_rounding_shift(p->exponentials[max - in[i]], 12);
    }
    const int32_t headroom = mcucc_leading_zeros((uint32_t)sum);
    const int32_t scale = mcucc_softmax_reciprocal(
        (int32_t)(((uint32_t)sum << headroom) - ((uint32_t)1 << 31)));
    /* 12 - headroom integer bits of the sum, 31 fractional bits, less the 8 bits of the output. */
    const int32_t right = (12 - headroom) + 31 - 8;
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t product = mcucc_high_mul(scale, p->exponentials[max - in[i]]);
        const int32_t q = (right > 31) ? 0 : mcucc_rounding_shift(product, right);
        out[i] = (int8_t)mcucc_clamp(q - 128, -128, 127);
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
