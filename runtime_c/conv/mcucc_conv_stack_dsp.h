/* Convolution with the DSP extension whose window is copied to the stack, where there is no
 * scratch: for channels that are no whole fours, as those of an image.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_STACK_DSP_H
#define MCUCC_CONV_STACK_DSP_H

#include "mcucc_conv_dsp.h"

#define MCUCC_STACK_PATCH 128 /* bytes of a window, at most */

typedef mcucc_conv_dsp_t mcucc_conv_stack_dsp_t;

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_dsp, which gets the
 * stack for scratch. */
MCUCC_INLINE void mcucc_conv_stack_dsp(const mcucc_conv_stack_dsp_t *p, const int8_t *const *rows,
                                       int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride, void *scratch, int32_t kh, int32_t kw,
                                       int32_t stride, int32_t dilation, int32_t multiple,
                                       mcucc_requant_class_t kind, int clamps)
{
    uint32_t patch[MCUCC_STACK_PATCH / 4];
    (void)scratch;
    mcucc_conv_dsp(p, rows, x_begin, x_end, out, out_stride, patch, kh, kw, stride, dilation,
                   multiple, kind, clamps);
}

#endif
