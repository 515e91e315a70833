/* 1x1 convolution with stride 1: any run of pixels, up to a whole map.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_H
#define MCUCC_POINTWISE_H

#include "mcucc_dot.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const int8_t *weights;           /* [out_c][in_c] */
    const mcucc_channel_t *channels; /* [out_c] */
} mcucc_pointwise_t;

/* One output pixel, or one dense layer: out[c] = requantize(x . weights[c]). */
MCUCC_INLINE void mcucc_pointwise_pixel(const mcucc_pointwise_t *p, const int8_t *x, int8_t *out,
                                        mcucc_requant_class_t kind)
{
    const int32_t in_fours = p->out_c - (p->out_c % 4);
    const int8_t *w = p->weights;
    for (int32_t c = 0; c < in_fours; c += 4, w += 4 * p->in_c) {
        const mcucc_channel_t *const ch = &p->channels[c];
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        mcucc_dot4(x, w, p->in_c, p->in_c, acc);
        for (int32_t i = 0; i < 4; i++) {
            out[c + i] = mcucc_requantize(acc[i], &ch[i], &p->output, kind);
        }
    }
    for (int32_t c = in_fours; c < p->out_c; c++, w += p->in_c) {
        const mcucc_channel_t *const ch = &p->channels[c];
        const int32_t acc = mcucc_dot1(x, w, p->in_c, ch->bias);
        out[c] = mcucc_requantize(acc, ch, &p->output, kind);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]. */
MCUCC_INLINE void mcucc_pointwise(const mcucc_pointwise_t *p, const int8_t *const *rows,
                                  int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                  mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_pointwise_pixel(p, &rows[0][x * p->in_c], out, kind);
    }
}

#endif
