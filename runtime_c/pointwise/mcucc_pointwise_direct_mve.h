/* 1x1 convolution with Helium that reads inputs where they lie, where there is no scratch: for
 * pixels of whole vectors. Meaning: reference/conv.py, `conv2d`.
 *
 * Two pixels at a time, as from copies. Outputs of the second are held back, for they may lie over
 * the first one's inputs. */
#ifndef MCUCC_POINTWISE_DIRECT_MVE_H
#define MCUCC_POINTWISE_DIRECT_MVE_H

#include "mcucc_dot_runs_mve.h"
#include "mcucc_pointwise_mve.h"

typedef mcucc_pointwise_mve_t mcucc_pointwise_direct_mve_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; arguments as for mcucc_pointwise_mve, without scratch. */
MCUCC_INLINE void mcucc_pointwise_direct_mve(const mcucc_pointwise_direct_mve_t *p,
                                             const int8_t *const *rows, int32_t x_begin,
                                             int32_t x_end, int8_t *out, int32_t out_stride,
                                             int8_t *scratch, mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    const int32_t in_c = p->in_c;
    const int8_t *x = &rows[0][x_begin * in_c];
    int32_t left = x_end - x_begin;
    int8_t held[MCUCC_HELD_BACK];
    (void)scratch;
    for (; left >= 2; left -= 2, x += 2 * in_c, out += 2 * out_stride) {
        const mcucc_input_run_t runs[2] = {{x, &x[in_c], &x[in_c]}, {NULL, NULL, NULL}};
        mcucc_runs_pair_mve(runs, 0, p->weights, p->out_c, &output, out, held, kind);
        mcucc_copy_mve(&out[out_stride], held, p->out_c);
    }
    if (left > 0) {
        mcucc_pixel_mve(x, in_c, p->weights, p->out_c, &output, out, kind);
    }
}

#endif
