/* Depthwise convolution with Helium of outputs whose zero point is -128 and that are not clamped
 * further: a ReLU. They need less. Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_RELU_MVE_H
#define MCUCC_DEPTHWISE_RELU_MVE_H

#include "mcucc_depthwise_mve.h"

typedef mcucc_depthwise_mve_t mcucc_depthwise_relu_mve_t;

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise_mve. */
MCUCC_INLINE void mcucc_depthwise_relu_mve(const mcucc_depthwise_relu_mve_t *p,
                                           const int8_t *const *rows, int32_t x_begin,
                                           int32_t x_end, int8_t *out, int32_t out_stride,
                                           int32_t kh, int32_t kw, int32_t stride,
                                           int32_t dilation, mcucc_requant_class_t kind)
{
    mcucc_depthwise_run_mve(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation,
                            kind, 1);
}

#endif
