/* Logarithm of the softmax of each pixel's channels in fixed point, bit for bit as TensorFlow Lite
 * Micro does it. Meaning: reference/softmax.py.
 *
 * The exponentials of the distances below the maximum come from a table in Q0.31, their sum is kept
 * in Q12.19; its logarithm and the distances are Q5.26. */
#ifndef MCUCC_LOG_SOFTMAX_H
#define MCUCC_LOG_SOFTMAX_H

#include "mcucc_softmax.h"

typedef struct {
    int32_t c; /* channels of a pixel, 1 .. 4095 */
    const int32_t *exponentials; /* [256]: exp(-i * scale) in Q0.31, 0 beyond the cut-off */
    int32_t multiplier;          /* with `left`: a distance in Q5.26 */
    int32_t left;                /* 2 .. 31 */
    int32_t limit;               /* largest distance that Q5.26 holds, below 256 */
    int32_t divisor;             /* with `right`: what is left of Q5.26, as a distance */
    int32_t right;               /* 0 .. 31 */
} mcucc_log_softmax_t;

/* log(sum) in Q5.26 of a sum in Q12.19, at least 1.
 *
 * The sum is 2^k * r. Of two ways to split it that with the smaller r and the larger k is taken, so
 * that r lies near sqrt(sqrt(1/2)): around it the logarithm is a quotient of polynomials. Numbers
 * are Q0.31, powers of two Q6.25. */
MCUCC_INLINE int32_t mcucc_log_of_sum(int32_t sum)
{
    const int32_t log_2 = 1488522236;
    const int32_t root_half = 1518500250;   /* sqrt(1/2) */
    const int32_t center = 1805811301;      /* sqrt(sqrt(1/2)) */
    const int32_t quarter = (int32_t)1 << 23;
    const int32_t zeros = mcucc_leading_zeros((uint32_t)sum);
    const int32_t half = mcucc_high_mul(sum, root_half);
    const int32_t half_zeros = mcucc_leading_zeros((uint32_t)half) - 1;
    const int32_t full = mcucc_high_mul((int32_t)((uint32_t)sum << (zeros - 1)), root_half);
    const int32_t first = mcucc_softmax_shift_left(full, 1);
    const int32_t second = mcucc_softmax_shift_left(sum, half_zeros);
    const int32_t first_power = ((12 - zeros) * ((int32_t)1 << 25)) + quarter;
    const int32_t second_power = ((12 - half_zeros) * ((int32_t)1 << 25)) - quarter;
    const int32_t r = (first < second) ? first : second;
    const int32_t power = (first_power > second_power) ? first_power : second_power;

    const int32_t middle = (int32_t)(((int64_t)r + center + 1) >> 1);
    const int32_t q = 2 * (r - center);
    const int32_t square = mcucc_high_mul(q, q);
    const int32_t above =
        mcucc_high_mul(q, r) + mcucc_high_mul(mcucc_high_mul(q, square), 117049297);
    const int32_t below =
        mcucc_high_mul(middle, 1057819769 + q + mcucc_high_mul(square, 127690142)) +
        mcucc_high_mul(q, 638450708);
    const int32_t quotient =
        mcucc_high_mul(mcucc_rounding_shift(above, 6), mcucc_softmax_reciprocal(below));
    return mcucc_softmax_shift_left(mcucc_high_mul(power, log_2) + quotient, 1);
}

/* One pixel: output q stands for (q - 127) / 16. */
MCUCC_INLINE void mcucc_log_softmax_pixel(const mcucc_log_softmax_t *p, const int8_t *in,
                                          int8_t *out)
{
    const int32_t highest = mcucc_softmax_highest(in, p->c);
    const int32_t log_sum =
        mcucc_log_of_sum(mcucc_softmax_sum(p->exponentials, highest, in, p->c));
    /* No difference of a distance and the logarithm falls out of an int32. */
    const int32_t room =
        -mcucc_rounding_shift(mcucc_high_mul(log_sum + INT32_MIN, p->divisor), p->right);
    const int32_t end = (room < p->limit + 1) ? room : (p->limit + 1);
    for (int32_t i = 0; i < p->c; i++) {
        const int32_t distance = highest - in[i];
        int32_t q = -128;
        if (distance < end) {
            const int32_t below =
                mcucc_high_mul(-distance * ((int32_t)1 << (p->left - 1)) * 2, p->multiplier);
            q = mcucc_rounding_shift(below - log_sum, 22) + 127;
        }
        out[i] = (int8_t)mcucc_clamp(q, -128, 127);
    }
}

/* Pixels x_begin .. x_end - 1 of one row; `out` may be the input's pixels. */
MCUCC_INLINE void mcucc_log_softmax(const mcucc_log_softmax_t *p, const int8_t *const *rows,
                                    int32_t x_begin, int32_t x_end, int8_t *out,
                                    int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_log_softmax_pixel(p, &rows[0][x * p->c], out);
    }
}

#endif
