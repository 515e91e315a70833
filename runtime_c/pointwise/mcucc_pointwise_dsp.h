/* 1x1 convolution with stride 1 and dense layers with the DSP extension.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_DSP_H
#define MCUCC_POINTWISE_DSP_H

#include "mcucc_panel_dsp.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(out_c / 4)][ceil(in_c / 4)][4], mcucc_dot_dsp.h */
    const mcucc_channel_dsp_t *channels; /* [out_c rounded up to 4] */
} mcucc_pointwise_dsp_t;

/* One output pixel, or one dense layer: out[c] = requantize(x . weights[c]). The inputs are a
 * multiple of `multiple`: 1, 4 or 8. */
MCUCC_INLINE void mcucc_pointwise_pixel_dsp(const mcucc_pointwise_dsp_t *p, const int8_t *x,
                                            int8_t *out, int32_t multiple,
                                            mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t in_c = p->in_c;
    const int32_t rest = p->out_c & 3;
    const int8_t *const end = &out[p->out_c - rest];
    const mcucc_channel_dsp_t *ch = p->channels;
    const uint32_t *w = p->weights;
    for (; out != end; ch += 4, out += 4) {
        mcucc_quad_t sums = mcucc_quad_begin(ch);
        w = mcucc_quad_dot(&sums, x, in_c, w, multiple);
        mcucc_quad_end(&sums, ch, &output, out, kind, clamps);
    }
    if (rest != 0) {
        mcucc_quad_t sums = mcucc_quad_begin(ch);
        (void)mcucc_quad_dot(&sums, x, in_c, w, multiple);
        mcucc_quad_end_some(&sums, ch, rest, &output, out, kind, clamps);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]. */
MCUCC_INLINE void mcucc_pointwise_dsp(const mcucc_pointwise_dsp_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int32_t multiple,
                                            mcucc_requant_class_t kind, int clamps)
{
    const mcucc_pointwise_dsp_t layer = *p;
    const int8_t *pixel = &rows[0][x_begin * layer.in_c];
    for (int32_t x = x_begin; x < x_end; x++, pixel += layer.in_c, out += out_stride) {
        mcucc_pointwise_pixel_dsp(&layer, pixel, out, multiple, kind, clamps);
    }
}

/* The same, two pixels at a time.
 *   scratch  16 bytes for every four inputs
 */
MCUCC_INLINE void mcucc_pointwise_pairs_dsp(const mcucc_pointwise_dsp_t *p,
                                            const int8_t *const *rows, int32_t x_begin,
                                            int32_t x_end, int8_t *out, int32_t out_stride,
                                            void *scratch, int32_t multiple,
                                            mcucc_requant_class_t kind, int clamps)
{
    const mcucc_panel_layer_t layer = {p->out_c, p->output, p->weights, p->channels};
    const int32_t in_c = p->in_c;
    uint32_t *const panel = scratch;
    const int8_t *a = &rows[0][x_begin * in_c];
    for (int32_t left = x_end - x_begin; left > 0; left -= 2) {
        const int32_t next = (left > 1) ? 1 : 0;
        const uint32_t *const end = mcucc_widen(panel, a, &a[next * in_c], in_c, multiple);
        mcucc_panel_end(&layer, panel, end, out, &out[next * out_stride], multiple, kind, clamps);
        a += 2 * in_c;
        out += 2 * out_stride;
    }
}

#endif
