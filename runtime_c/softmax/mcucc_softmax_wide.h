/* Softmax of each row in fixed point, rounded to another scale than its own: bit for bit as TensorFlow
 * Lite Micro's SOFTMAX makes it in 16 bits and its QUANTIZE brings it to int8. Meaning:
 * reference/softmax.py, `scaled_softmax`. */
#ifndef MCUCC_SOFTMAX_WIDE_H
#define MCUCC_SOFTMAX_WIDE_H

#include "mcucc_softmax.h"

typedef struct {
    int32_t rows;
    int32_t n; /* elements of a row, 1 .. 4095 */
    const int32_t *exponentials; /* as of mcucc_softmax_t */
    mcucc_channel_t scale;       /* from 1/65536; its bias is not used */
    mcucc_output_t output;
} mcucc_softmax_wide_t;

MCUCC_INLINE void mcucc_softmax_wide_row(const mcucc_softmax_wide_t *p, const int8_t *in,
                                         int8_t *out)
{
    const int32_t highest = mcucc_softmax_highest(in, p->n);
    const int32_t sum = mcucc_softmax_sum(p->exponentials, highest, in, p->n);
    const int32_t headroom = mcucc_leading_zeros((uint32_t)sum);
    const int32_t scale = mcucc_softmax_inverse(sum, headroom);
    /* 12 - headroom integer bits of the sum, 31 fractional bits, less the 16 bits of the result. */
    const int32_t right = (12 - headroom) + 31 - 16;
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t product = mcucc_high_mul(scale, p->exponentials[highest - in[i]]);
        const int32_t part = mcucc_clamp(mcucc_rounding_shift(product, right), 0, 65535);
        out[i] = mcucc_requantize(part, &p->scale, &p->output, MCUCC_GENERAL);
    }
}

/* `out` may be the input. */
MCUCC_INLINE void mcucc_softmax_wide(const mcucc_softmax_wide_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->n, out += p->n) {
        mcucc_softmax_wide_row(p, in, out);
    }
}

#endif
