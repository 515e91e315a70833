/* 1x1 convolution with stride 1 and dense layers in 16-bit Thumb instructions.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_THUMB1_H
#define MCUCC_POINTWISE_THUMB1_H

#include "mcucc_eights_thumb1.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const uint8_t *weights; /* [ceil(out_c / 8)][in_c][8], 128 added to each */
    const mcucc_channel_t *channels; /* [out_c rounded up to 8] */
} mcucc_pointwise_thumb1_t;

/* An output pixel. */
MCUCC_INLINE void mcucc_pointwise_any_thumb1(const mcucc_pointwise_thumb1_t *p, const int8_t *x,
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

/* Pixels of class fast, side by side. */
MCUCC_INLINE void mcucc_pointwise_fast_thumb1(const mcucc_pointwise_thumb1_t *p, const int8_t *x,
                                              int32_t pixels, int8_t *out, int32_t out_stride,
                                              int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t in_c = p->in_c;
    const int32_t out_c = p->out_c;
    mcucc_eights_t s = mcucc_eights_of(in_c, p->channels, p->weights, out_c, &output);
    for (; pixels > 0; pixels--, x += in_c, out += out_stride) {
        const mcucc_inputs_t runs[2] = {{x, &x[in_c]}, {NULL, NULL}};
        mcucc_eights_pixel(&s, runs, in_c, out_c, out, &output, clamps);
    }
}

/* One dense layer: out[c] = requantize(x . weights[c]). */
MCUCC_INLINE void mcucc_pointwise_pixel_thumb1(const mcucc_pointwise_thumb1_t *p, const int8_t *x,
                                               int8_t *out, mcucc_requant_class_t kind, int clamps)
{
    if (kind == MCUCC_FAST) {
        mcucc_pointwise_fast_thumb1(p, x, 1, out, 0, clamps);
    } else {
        mcucc_pointwise_any_thumb1(p, x, out, kind, clamps);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]. */
MCUCC_INLINE void mcucc_pointwise_thumb1(const mcucc_pointwise_thumb1_t *p,
                                         const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                         int8_t *out, int32_t out_stride,
                                         mcucc_requant_class_t kind, int clamps)
{
    const int8_t *pixel = &rows[0][x_begin * p->in_c];
    if (kind == MCUCC_FAST) {
        mcucc_pointwise_fast_thumb1(p, pixel, x_end - x_begin, out, out_stride, clamps);
        return;
    }
    for (int32_t x = x_begin; x < x_end; x++, pixel += p->in_c, out += out_stride) {
        mcucc_pointwise_any_thumb1(p, pixel, out, kind, clamps);
    }
}

#endif
