/* Bands of rows whose channels have factors and offsets of their own.
 * Meaning: reference/conv.py, `band_scale`. */
#ifndef MCUCC_BANDS_H
#define MCUCC_BANDS_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t c;      /* channels of a pixel */
    int32_t height; /* rows of a band */
    mcucc_output_t output;
    const int8_t *weights;           /* [bands][c] */
    const mcucc_channel_t *channels; /* [bands][c] */
} mcucc_bands_t;

/* Pixels x_begin .. x_end - 1 of row y, from those of rows[0]; `out` may be these. */
MCUCC_INLINE void mcucc_bands(const mcucc_bands_t *p, const int8_t *const *rows, int32_t y,
                              int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                              mcucc_requant_class_t kind)
{
    const mcucc_output_t output = p->output;
    int32_t first = 0;
    MCUCC_NO_UNROLL
    for (int32_t end = p->height; end <= y; end += p->height) {
        first += p->c; /* some cores cannot divide */
    }
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        MCUCC_NO_UNROLL
        for (int32_t c = 0; c < p->c; c++) {
            const mcucc_channel_t *const channel = &p->channels[first + c];
            const int32_t acc = channel->bias + ((int32_t)in[c] * p->weights[first + c]);
            out[c] = mcucc_requantize(acc, channel, &output, kind);
        }
    }
}

#endif
