/* Dot products of int8 runs, four output channels at a time: each activation is loaded once. */
#ifndef MCUCC_DOT_H
#define MCUCC_DOT_H

#include "mcucc_base.h"

/* acc[i] += x . w[i * stride .. + n], i < 4 */
MCUCC_INLINE void mcucc_dot4(const int8_t *x, const int8_t *w, int32_t stride, int32_t n,
                             int32_t acc[4])
{
    const int8_t *const w1 = &w[stride];
    const int8_t *const w2 = &w1[stride];
    const int8_t *const w3 = &w2[stride];
    for (int32_t i = 0; i < n; i++) {
        const int32_t value = x[i];
        acc[0] += value * w[i];
        acc[1] += value * w1[i];
        acc[2] += value * w2[i];
        acc[3] += value * w3[i];
    }
}

/* acc + x . w */
MCUCC_INLINE int32_t mcucc_dot1(const int8_t *x, const int8_t *w, int32_t n, int32_t acc)
{
    for (int32_t i = 0; i < n; i++) {
        acc += (int32_t)x[i] * w[i];
    }
    return acc;
}

#endif
