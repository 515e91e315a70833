/* Convolution with Helium that reads windows where they lie, where there is no scratch: for pixels
 * of whole vectors. Meaning: reference/conv.py, `conv2d`.
 *
 * Two pixels at a time, as from copies. Outputs of the second are held back, for they may lie over
 * the first one's window. The last pixel of an odd run is made as if it were two. */
#ifndef MCUCC_CONV_DIRECT_MVE_H
#define MCUCC_CONV_DIRECT_MVE_H

#include "mcucc_conv_mve.h"
#include "mcucc_dot_runs_mve.h"

#define MCUCC_MOST_RUNS 9 /* taps of a window */

typedef mcucc_conv_mve_t mcucc_conv_direct_mve_t;

/* The input pixel in column x of a row; x may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_conv_pixel_mve(const mcucc_conv_mve_t *p, const int8_t *row,
                                                int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;
}

/* The runs of the windows whose first columns are a and b: whole rows of them where both lie in the
 * map, which is the answer. */
MCUCC_INLINE int mcucc_conv_runs_mve(const mcucc_conv_mve_t *p, const int8_t *const *rows,
                                     int32_t a, int32_t b, int32_t kh, int32_t kw,
                                     int32_t dilation, mcucc_input_run_t *run)
{
    const int32_t in_c = p->in_c;
    const int whole = (dilation == 1) && (a >= 0) && (b + kw <= p->in_w);
    if (whole) {
        for (int32_t ky = 0; ky < kh; ky++, run++) {
            run->first = &rows[ky][a * in_c];
            run->second = &rows[ky][b * in_c];
            run->end = &run->first[kw * in_c];
        }
    } else {
        for (int32_t ky = 0; ky < kh; ky++) {
            for (int32_t kx = 0; kx < kw; kx++, run++) {
                run->first = mcucc_conv_pixel_mve(p, rows[ky], a + (kx * dilation));
                run->second = mcucc_conv_pixel_mve(p, rows[ky], b + (kx * dilation));
                run->end = &run->first[in_c];
            }
        }
    }
    run->first = NULL;
    run->second = NULL;
    return whole;
}

/* The same of windows `step` bytes further. */
MCUCC_INLINE void mcucc_conv_next_runs_mve(mcucc_input_run_t *runs, int32_t kh, int32_t step)
{
    for (int32_t ky = 0; ky < kh; ky++) {
        runs[ky].first += step;
        runs[ky].second += step;
        runs[ky].end += step;
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_mve, without scratch.
 */
MCUCC_INLINE void mcucc_conv_direct_mve(const mcucc_conv_direct_mve_t *p,
                                        const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                        int8_t *out, int32_t out_stride, int8_t *scratch,
                                        int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                        mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    mcucc_input_run_t runs[MCUCC_MOST_RUNS + 1];
    int8_t held[MCUCC_HELD_BACK];
    int32_t column = (x_begin * stride) - p->pad_left;
    int whole = 0;
    (void)scratch;
    for (int32_t left = x_end - x_begin; left > 0; left -= 2, column += 2 * stride) {
        const int32_t next = (left > 1) ? (column + stride) : column;
        if (whole && (left > 1) && (next + kw <= p->in_w)) {
            mcucc_conv_next_runs_mve(runs, kh, 2 * stride * p->in_c);
        } else {
            whole = mcucc_conv_runs_mve(p, rows, column, next, kh, kw, dilation, runs);
        }
        mcucc_runs_pair_mve(runs, whole && (kw == 3), p->weights, p->out_c, &output, out, held,
                            kind);
        if (left > 1) {
            mcucc_copy_mve(&out[out_stride], held, p->out_c);
            out += 2 * out_stride;
        }
    }
}

#endif
