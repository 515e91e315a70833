/* Square of the difference of two tensors, pixel by pixel. Meaning: reference/elementwise.py.
 *
 * Both inputs are brought to a common scale with 7 fractional bits; the square of what lies between
 * them, at most (255 * 2^7)^2 < 2^30, is requantized. */
#ifndef MCUCC_SQUARED_DIFFERENCE_H
#define MCUCC_SQUARED_DIFFERENCE_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t zero_point;
    int32_t multiplier;
    int32_t right; /* 0 .. 31 */
} mcucc_compared_t;

typedef struct {
    int32_t c; /* channels of a pixel */
    mcucc_compared_t input[2];
    int32_t multiplier;
    int32_t right; /* 0 .. 31 */
    mcucc_output_t output;
} mcucc_squared_difference_t;

MCUCC_INLINE int32_t mcucc_compared(const mcucc_compared_t *p, int8_t q)
{
    const int32_t shifted = ((int32_t)q - p->zero_point) * ((int32_t)1 << 7);
    return mcucc_scale_wide(shifted, p->multiplier, p->right, 0);
}

/* Pixels x_begin .. x_end - 1; `out` may be one of the inputs' pixels. */
MCUCC_INLINE void mcucc_squared_difference(const mcucc_squared_difference_t *p,
                                           const int8_t *const *rows, int32_t x_begin,
                                           int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const a = &rows[0][x * p->c];
        const int8_t *const b = &rows[1][x * p->c];
        for (int32_t c = 0; c < p->c; c++) {
            const int32_t between =
                mcucc_compared(&p->input[0], a[c]) - mcucc_compared(&p->input[1], b[c]);
            const int32_t q = mcucc_scale_wide(between * between, p->multiplier, p->right,
                                               p->output.zero_point);
            out[c] = (int8_t)mcucc_clamp(q, p->output.min, p->output.max);
        }
    }
}

#endif
