/* 1x1 convolution with stride 1 and dense layers with Helium.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_MVE_H
#define MCUCC_POINTWISE_MVE_H

#include "mcucc_dot_mve.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(out_c / 4)], each a stream for mcucc_dot_mve.h */
    int32_t patch;          /* in_c rounded up to 16 if there is scratch for two pixels, else 0 */
} mcucc_pointwise_mve_t;

/* One dense layer: out[c] = requantize(x . weights[c]). */
MCUCC_INLINE void mcucc_pointwise_pixel_mve(const mcucc_pointwise_mve_t *p, const int8_t *x,
                                            int8_t *out, mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    mcucc_pixel_mve(x, p->in_c, p->weights, p->out_c, &output, out, kind);
}

/* Pixels x_begin .. x_end - 1 of rows[0]. Two at a time need scratch: their inputs are copied
 * there, for the outputs of one may take the place of the other's inputs.
 *   scratch  2 * patch bytes
 */
MCUCC_INLINE void mcucc_pointwise_mve(const mcucc_pointwise_mve_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int8_t *scratch,
                                      mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    const int32_t in_c = p->in_c;
    const int8_t *x = &rows[0][x_begin * in_c];
    int32_t left = x_end - x_begin;
    if (p->patch != 0) {
        for (; left >= 2; left -= 2, x += 2 * in_c, out += 2 * out_stride) {
            mcucc_copy_mve(scratch, x, in_c);
            mcucc_copy_mve(&scratch[p->patch], &x[in_c], in_c);
            mcucc_pixel_pair_mve(scratch, p->patch, p->weights, p->out_c, &output, out, out_stride,
                                 kind);
        }
    }
    for (; left > 0; left--, x += in_c, out += out_stride) {
        mcucc_pixel_mve(x, in_c, p->weights, p->out_c, &output, out, kind);
    }
}

#endif
