/* Negative values times their channel's slope. Meaning: reference/elementwise.py, `prelu`. */
#ifndef MCUCC_PRELU_H
#define MCUCC_PRELU_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t c; /* channels of a pixel */
    int32_t in_zero_point;
    int32_t slope_zero_point;
    const int8_t *slopes;     /* [c] */
    mcucc_channel_t positive; /* of values from 0 on; its bias is not used */
    mcucc_channel_t negative; /* of negative values times their slopes; likewise */
    mcucc_output_t output;
} mcucc_prelu_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; `out` may be the input's pixels. */
MCUCC_INLINE void mcucc_prelu(const mcucc_prelu_t *p, const int8_t *const *rows, int32_t x_begin,
                              int32_t x_end, int8_t *out, int32_t out_stride,
                              mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        for (int32_t c = 0; c < p->c; c++) {
            const int32_t value = (int32_t)in[c] - p->in_zero_point;
            if (value >= 0) {
                out[c] = mcucc_requantize(value, &p->positive, &p->output, kind);
            } else {
                const int32_t slope = (int32_t)p->slopes[c] - p->slope_zero_point;
                out[c] = mcucc_requantize(value * slope, &p->negative, &p->output, kind);
            }
        }
    }
}

#endif
