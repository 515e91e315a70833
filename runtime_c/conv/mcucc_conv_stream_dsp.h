/* Convolution with the DSP extension, two pixels at a time, all channels in one loop.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_STREAM_DSP_H
#define MCUCC_CONV_STREAM_DSP_H

#include "mcucc_conv_dsp.h"
#include "mcucc_stream_dsp.h"

typedef struct {
    int32_t in_w;            /* pixels in an input row */
    int32_t in_c;            /* channels of an input pixel */
    int32_t out_c;           /* channels of an output pixel */
    int32_t pad_left;        /* pixels of padding before an input row */
    mcucc_output_t output;   /* without an activation that narrows it */
    const uint32_t *weights; /* [ceil(out_c / 2)], streams of mcucc_stream_dsp.h */
    const int8_t *pad;       /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_stream_dsp_t;

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_pairs_dsp, of the
 * class fast and without `clamps`. */
MCUCC_INLINE void mcucc_conv_pairs_stream_dsp(const mcucc_conv_stream_dsp_t *p,
                                              const int8_t *const *rows, int32_t x_begin,
                                              int32_t x_end, int8_t *out, int32_t out_stride,
                                              void *scratch, int32_t kh, int32_t kw,
                                              int32_t stride, int32_t dilation, int32_t multiple,
                                              mcucc_requant_class_t kind, int clamps)
{
    const mcucc_conv_dsp_t map = {.in_w = p->in_w, .in_c = p->in_c, .pad = p->pad};
    const int32_t inputs = 4 * (((kh * kw * p->in_c) + 3) / 4);
    uint32_t *const panel = scratch;
    (void)kind;
    (void)clamps;
    for (int32_t x = x_begin; x < x_end; x += 2) {
        const int32_t next = (x + 1 < x_end) ? 1 : 0;
        const int32_t a = (x * stride) - p->pad_left;
        const int32_t b = a + (next * stride);
        if (multiple == 1) {
            (void)mcucc_conv_widen_odd_dsp(&map, rows, a, b, panel, kh, kw, dilation);
        } else {
            (void)mcucc_conv_widen_dsp(&map, rows, a, b, panel, kh, kw, dilation, multiple);
        }
        mcucc_stream_end(panel, inputs, p->weights, p->out_c, p->output.zero_point, out,
                         &out[next * out_stride]);
        out += 2 * out_stride;
    }
}

#endif
