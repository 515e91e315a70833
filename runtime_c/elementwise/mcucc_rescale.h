/* The same values at another scale. Meaning: reference/elementwise.py, `change_scale`. */
#ifndef MCUCC_RESCALE_H
#define MCUCC_RESCALE_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t c; /* channels of a pixel */
    int32_t in_zero_point;
    mcucc_channel_t scale; /* its bias is not used */
    mcucc_output_t output;
} mcucc_rescale_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; `out` may be the input's pixels. */
MCUCC_INLINE void mcucc_rescale(const mcucc_rescale_t *p, const int8_t *const *rows,
                                int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        for (int32_t c = 0; c < p->c; c++) {
            const int32_t value = (int32_t)in[c] - p->in_zero_point;
            out[c] = mcucc_requantize(value, &p->scale, &p->output, MCUCC_GENERAL);
        }
    }
}

#endif
