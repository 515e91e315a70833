/* 1x1 convolution with stride 1 with the DSP extension, from pixels that are read where they lie.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_RUNS_DSP_H
#define MCUCC_POINTWISE_RUNS_DSP_H

#include "mcucc_runs_dsp.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;   /* without an activation that narrows it */
    const uint32_t *weights; /* [ceil(out_c / 4)], streams of mcucc_runs_dsp.h */
} mcucc_pointwise_runs_dsp_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; arguments as for mcucc_pointwise_dsp, of whole fours of
 * inputs, the class fast and without `clamps`. */
MCUCC_INLINE void mcucc_pointwise_runs_dsp(const mcucc_pointwise_runs_dsp_t *p,
                                           const int8_t *const *rows, int32_t x_begin,
                                           int32_t x_end, int8_t *out, int32_t out_stride,
                                           int32_t multiple, mcucc_requant_class_t kind,
                                           int clamps)
{
    (void)kind;
    (void)clamps;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const pixel = &rows[0][x * p->in_c];
        const mcucc_run_dsp_t runs[2] = {{pixel, &pixel[p->in_c]}, {NULL, NULL}};
        mcucc_runs_end(runs, p->in_c, p->weights, p->out_c, p->output.zero_point, out, multiple);
    }
}

#endif
