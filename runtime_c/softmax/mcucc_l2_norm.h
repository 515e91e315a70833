/* Each pixel's channels divided by the root of the sum of their squares, bit for bit as TensorFlow
 * Lite Micro does it. Meaning: reference/softmax.py and reference/root.py. */
#ifndef MCUCC_L2_NORM_H
#define MCUCC_L2_NORM_H

#include "mcucc_softmax.h"

typedef struct {
    int32_t c; /* channels of a pixel, 1 .. 32767 */
    int32_t zero_point;
} mcucc_l2_norm_t;

/* 1 / sqrt(x) = multiplier * 2^(-31 - right). */
typedef struct {
    int32_t multiplier;
    int32_t right; /* 0 .. 12 */
} mcucc_root_t;

/* Of x >= 0, 0 counts as 1. Even bits bring x to [1/4, 1) in Q3.28; five Newton steps from 1. */
MCUCC_INLINE mcucc_root_t mcucc_inverse_root(int32_t x)
{
    const int32_t one = (int32_t)1 << 28;
    const int32_t half_root_of_2 = 1518500250;
    mcucc_root_t root = {.multiplier = INT32_MAX, .right = 0};
    if (x > 1) {
        const int32_t large = (x >= ((int32_t)1 << 29)) ? 1 : 0;
        const int32_t value = x >> (2 * large);
        const int32_t pairs = ((mcucc_leading_zeros((uint32_t)value) - 1) / 2) - 1;
        const int32_t half = mcucc_rounding_shift((value << (2 * pairs)) >> 1, 1);
        int32_t y = one;
        for (int32_t i = 0; i < 5; i++) {
            const int32_t cube =
                mcucc_softmax_shift_left(mcucc_high_mul(mcucc_high_mul(y, y), y), 6);
            const int32_t next = mcucc_high_mul(y, one + (one / 2)) - mcucc_high_mul(half, cube);
            y = mcucc_softmax_shift_left(next, 3);
        }
        const int32_t right = 11 + large - pairs;
        const int32_t left = (right < 0) ? -right : 0;
        root.multiplier = mcucc_high_mul(y, half_root_of_2) * ((int32_t)1 << left);
        root.right = (right < 0) ? 0 : right;
    }
    return root;
}

/* One pixel: output q stands for q / 128. The sum of 32767 squares of at most 255 is an int32. */
MCUCC_INLINE void mcucc_l2_norm_pixel(const mcucc_l2_norm_t *p, const int8_t *in, int8_t *out)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->c; i++) {
        const int32_t centered = (int32_t)in[i] - p->zero_point;
        sum += centered * centered;
    }
    const mcucc_root_t root = mcucc_inverse_root(sum);
    for (int32_t i = 0; i < p->c; i++) {
        const int32_t centered = (int32_t)in[i] - p->zero_point;
        const int32_t q = mcucc_scale_wide(centered, root.multiplier, root.right - 7, 0);
        out[i] = (int8_t)mcucc_clamp(q, -128, 127);
    }
}

/* Pixels x_begin .. x_end - 1 of one row; `out` may be the input's pixels. */
MCUCC_INLINE void mcucc_l2_norm(const mcucc_l2_norm_t *p, const int8_t *const *rows,
                                int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_l2_norm_pixel(p, &rows[0][x * p->c], out);
    }
}

#endif
