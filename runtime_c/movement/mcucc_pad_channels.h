/* Channels of zero points, or of another integer, around those of each pixel.
 * Meaning: reference/movement.py, `pad_channels`. */
#ifndef MCUCC_PAD_CHANNELS_H
#define MCUCC_PAD_CHANNELS_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t c;      /* channels of an input pixel */
    int32_t before; /* channels of zero points before these */
    int32_t behind; /* and behind them */
    int8_t zero_point; /* what they are made of */
} mcucc_pad_channels_t;

/* Output pixels x_begin .. x_end - 1, each from the pixel of rows[0] at its place. */
MCUCC_INLINE void mcucc_pad_channels(const mcucc_pad_channels_t *p, const int8_t *const *rows,
                                     int32_t x_begin, int32_t x_end, int8_t *out,
                                     int32_t out_stride)
{
    const int8_t *in = &rows[0][x_begin * p->c];
    for (int32_t x = x_begin; x < x_end; x++, in += p->c, out += out_stride) {
        memset(out, p->zero_point, (size_t)p->before);
        mcucc_copy(&out[p->before], in, p->c);
        memset(&out[p->before + p->c], p->zero_point, (size_t)p->behind);
    }
}

#endif
