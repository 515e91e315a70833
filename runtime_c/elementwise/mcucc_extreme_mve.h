/* The larger or the smaller of two tensors with Helium, 16 numbers at a time. Meaning:
 * reference/elementwise.py. */
#ifndef MCUCC_EXTREME_MVE_H
#define MCUCC_EXTREME_MVE_H

#include "mcucc_extreme.h"
#include "mcucc_mve.h"

typedef mcucc_extreme_t mcucc_extreme_mve_t;

/* Pixels x_begin .. x_end - 1 of rows[0] and rows[1], the larger if `largest` is 1, the smaller if
 * it is 0; `out` may be one of the inputs' pixels. */
MCUCC_INLINE void mcucc_extreme_mve(const mcucc_extreme_t *p, const int8_t *const *rows,
                                    int32_t x_begin, int32_t x_end, int8_t *out,
                                    int32_t out_stride, int32_t largest)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const a = &rows[0][x * p->c];
        const int8_t *const b = &rows[1][x * p->c];
        for (int32_t c = 0; c < p->c; c += 16) {
            const int32_t left = p->c - c;
            const mcucc_bytes_t first = mcucc_load_some_bytes(&a[c], left);
            const mcucc_bytes_t second = mcucc_load_some_bytes(&b[c], left);
            mcucc_store_some_bytes(&out[c],
                                   (largest != 0) ? mcucc_vmax_bytes(first, second)
                                                  : mcucc_vmin_bytes(first, second),
                                   left);
        }
    }
}

#endif
