/* Max pool with Helium, one run of output pixels of one row: lanes are channels, 16 at a time.
 * Meaning: reference/pool.py, `max_pool2d`. */
#ifndef MCUCC_MAX_POOL_MVE_H
#define MCUCC_MAX_POOL_MVE_H

#include "mcucc_max_pool.h"
#include "mcucc_mve.h"

typedef mcucc_max_pool_t mcucc_max_pool_mve_t;

/* Output pixels x_begin .. x_end - 1 of one row; rows of padding are NULL. */
MCUCC_INLINE void mcucc_max_pool_mve(const mcucc_max_pool_t *p, const int8_t *const *rows,
                                     int32_t x_begin, int32_t x_end, int8_t *out,
                                     int32_t out_stride, int32_t kh, int32_t kw, int32_t stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int32_t begin = (column < 0) ? 0 : column;
        const int32_t end = (column + kw < p->in_w) ? (column + kw) : p->in_w;
        for (int32_t c = 0; c < p->c; c += 16) {
            mcucc_bytes_t highest = mcucc_fill_bytes(INT8_MIN);
            for (int32_t ky = 0; ky < kh; ky++) {
                for (int32_t i = begin; (rows[ky] != NULL) && (i < end); i++) {
                    const int8_t *const pixel = &rows[ky][(i * p->c) + c];
                    const mcucc_bytes_t values = mcucc_load_some_bytes(pixel, p->c - c);
                    highest = mcucc_vmax_bytes(highest, values);
                }
            }
            mcucc_store_some_bytes(&out[c], highest, p->c - c);
        }
    }
}

#endif
