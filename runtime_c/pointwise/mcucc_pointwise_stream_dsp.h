/* 1x1 convolution with stride 1 with the DSP extension, two pixels at a time, all channels in one
 * loop. Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_STREAM_DSP_H
#define MCUCC_POINTWISE_STREAM_DSP_H

#include "mcucc_stream_dsp.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;   /* without an activation that narrows it */
    const uint32_t *weights; /* [ceil(out_c / 2)], streams of mcucc_stream_dsp.h */
} mcucc_pointwise_stream_dsp_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; arguments as for mcucc_pointwise_pairs_dsp, of the class
 * fast and without `clamps`. */
MCUCC_INLINE void mcucc_pointwise_pairs_stream_dsp(const mcucc_pointwise_stream_dsp_t *p,
                                                   const int8_t *const *rows, int32_t x_begin,
                                                   int32_t x_end, int8_t *out, int32_t out_stride,
                                                   void *scratch, int32_t multiple,
                                                   mcucc_requant_class_t kind, int clamps)
{
    const int32_t in_c = p->in_c;
    const int32_t inputs = 4 * ((in_c + 3) / 4);
    uint32_t *const panel = scratch;
    const int8_t *a = &rows[0][x_begin * in_c];
    (void)kind;
    (void)clamps;
    for (int32_t left = x_end - x_begin; left > 0; left -= 2) {
        const int32_t next = (left > 1) ? 1 : 0;
        (void)mcucc_widen(panel, a, &a[next * in_c], in_c, multiple);
        mcucc_stream_end(panel, inputs, p->weights, p->out_c, p->output.zero_point, out,
                         &out[next * out_stride]);
        a += 2 * in_c;
        out += 2 * out_stride;
    }
}

#endif
