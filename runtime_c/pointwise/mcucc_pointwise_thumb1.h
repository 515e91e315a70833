/* 1x1 convolution with stride 1 and dense layers in 16-bit Thumb instructions.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_THUMB1_H
#define MCUCC_POINTWISE_THUMB1_H

#include "mcucc_dot_thumb1.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const uint8_t *weights; /* [ceil(out_c / 8)][in_c][8], 128 added to each */
    const mcucc_channel_t *channels; /* [out_c rounded up to 8] */
} mcucc_pointwise_thumb1_t;

/* One output pixel, or one dense layer: out[c] = requantize(x . weights[c]). */
MCUCC_INLINE void mcucc_pointwise_pixel_thumb1(const mcucc_pointwise_thumb1_t *p, const int8_t *x,
                                               int8_t *out, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const mcucc_channel_t *ch = p->channels;
    mcucc_eight_t sums;
    sums.w = p->weights;
    for (int32_t c = 0; c < p->out_c; c += 8, ch += 8) {
        mcucc_eight_begin(&sums, ch);
        mcucc_eight_run(&sums, x, p->in_c);
        mcucc_eight_end(&sums, ch, p->out_c - c, &output, &out[c], kind, clamps);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]. */
MCUCC_INLINE void mcucc_pointwise_thumb1(const mcucc_pointwise_thumb1_t *p,
                                         const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                         int8_t *out, int32_t out_stride,
                                         mcucc_requant_class_t kind, int clamps)
{
    const int8_t *pixel = &rows[0][x_begin * p->in_c];
    for (int32_t x = x_begin; x < x_end; x++, pixel += p->in_c, out += out_stride) {
        mcucc_pointwise_pixel_thumb1(p, pixel, out, kind, clamps);
    }
}

#endif
