/* Convolution with the DSP extension, from windows that are read where they lie.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_RUNS_DSP_H
#define MCUCC_CONV_RUNS_DSP_H

#include "mcucc_conv_dsp.h"
#include "mcucc_runs_dsp.h"

#define MCUCC_MOST_RUNS 9 /* taps of a window */

typedef struct {
    int32_t in_w;            /* pixels in an input row */
    int32_t in_c;            /* channels of an input pixel */
    int32_t out_c;           /* channels of an output pixel */
    int32_t pad_left;        /* pixels of padding before an input row */
    mcucc_output_t output;   /* without an activation that narrows it */
    const uint32_t *weights; /* [ceil(out_c / 4)], streams of mcucc_runs_dsp.h */
    const int8_t *pad;       /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_runs_dsp_t;

/* The rows of a window as runs; each tap by itself where they do not lie one behind the other. */
MCUCC_INLINE void mcucc_conv_find_runs(const mcucc_conv_dsp_t *map, const int8_t *const *rows,
                                       int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                       mcucc_run_dsp_t *runs)
{
    const int inside = (dilation == 1) && (column >= 0) && (column + kw <= map->in_w);
    MCUCC_NO_UNROLL
    for (int32_t ky = 0; ky < kh; ky++) {
        if (inside) {
            runs->begin = &rows[ky][column * map->in_c];
            runs->end = &runs->begin[kw * map->in_c];
            runs++;
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++, runs++) {
            runs->begin = mcucc_conv_pixel_dsp(map, rows[ky], column + (kx * dilation));
            runs->end = &runs->begin[map->in_c];
        }
    }
    runs->begin = NULL;
    runs->end = NULL;
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_dsp, of whole fours of
 * input channels, the class fast and without `clamps`. */
MCUCC_INLINE void mcucc_conv_runs_dsp(const mcucc_conv_runs_dsp_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, void *scratch, int32_t kh, int32_t kw,
                                      int32_t stride, int32_t dilation, int32_t multiple,
                                      mcucc_requant_class_t kind, int clamps)
{
    const mcucc_conv_dsp_t map = {.in_w = p->in_w, .in_c = p->in_c, .pad = p->pad};
    mcucc_run_dsp_t runs[MCUCC_MOST_RUNS + 1];
    (void)scratch;
    (void)kind;
    (void)clamps;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_conv_find_runs(&map, rows, (x * stride) - p->pad_left, kh, kw, dilation, runs);
        mcucc_runs_end(runs, kh * kw * p->in_c, p->weights, p->out_c, p->output.zero_point, out,
                       multiple);
    }
}

#endif
