/* Depthwise convolution of 3x3 with stride 1 with the DSP extension, one run of output pixels of
 * one row, from weights of 8 bits. Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * As mcucc_depthwise_rows_dsp.h, which has them as 16 bits: here they are widened for each channel
 * of a few pixels. Less flash, about 6 % more instructions. */
#ifndef MCUCC_DEPTHWISE_NARROW_DSP_H
#define MCUCC_DEPTHWISE_NARROW_DSP_H

#include "mcucc_depthwise_rows_dsp.h"

/* Weights are [out_c][5]: the taps of each row as bytes of a word; multiplier; 256 times the bias
 * and the shift. */
typedef mcucc_depthwise_rows_dsp_t mcucc_depthwise_narrow_dsp_t;

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise_rows_dsp. */
MCUCC_INLINE void mcucc_depthwise_narrow_dsp(const mcucc_depthwise_narrow_dsp_t *p,
                                             const int8_t *const *rows, int32_t x_begin,
                                             int32_t x_end, int8_t *out, int32_t out_stride,
                                             void *scratch, int32_t kh, int32_t kw, int32_t stride,
                                             int32_t dilation, mcucc_requant_class_t kind,
                                             int clamps)
{
    (void)kh;
    (void)kw;
    (void)stride;
    (void)dilation;
    (void)kind;
    (void)clamps;
    mcucc_depthwise_by_rows(p, rows, x_begin, x_end, out, out_stride, scratch, 1);
}

#endif
