/* Convolution with Helium whose windows are copied to the stack, where there is no scratch: for
 * small ones, as those of an image. Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_STACK_MVE_H
#define MCUCC_CONV_STACK_MVE_H

#include "mcucc_conv_mve.h"

#define MCUCC_STACK_PATCHES 192 /* bytes of two windows, each rounded up to 16, at most */

typedef mcucc_conv_mve_t mcucc_conv_stack_mve_t;

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_mve, which gets the
 * stack for scratch. */
MCUCC_INLINE void mcucc_conv_stack_mve(const mcucc_conv_stack_mve_t *p, const int8_t *const *rows,
                                       int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride, int8_t *scratch, int32_t kh, int32_t kw,
                                       int32_t stride, int32_t dilation,
                                       mcucc_requant_class_t kind)
{
    int8_t patches[MCUCC_STACK_PATCHES];
    (void)scratch;
    mcucc_conv_mve(p, rows, x_begin, x_end, out, out_stride, patches, kh, kw, stride, dilation,
                   kind);
}

#endif
