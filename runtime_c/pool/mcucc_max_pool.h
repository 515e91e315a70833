/* Max pool, one run of output pixels of one row. Meaning: reference/pool.py, `max_pool2d`.
 *
 * Padding counts as -128, which never exceeds a pixel, so it is left out. */
#ifndef MCUCC_MAX_POOL_H
#define MCUCC_MAX_POOL_H

#include "mcucc_base.h"

typedef struct {
    int32_t in_w;
    int32_t c;
    int32_t pad_left;
} mcucc_max_pool_t;

/* Output pixels x_begin .. x_end - 1 of one row; rows of padding are NULL. */
MCUCC_INLINE void mcucc_max_pool(const mcucc_max_pool_t *p, const int8_t *const *rows,
                                 int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                 int32_t kh, int32_t kw, int32_t stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int32_t begin = (column < 0) ? 0 : column;
        const int32_t end = (column + kw < p->in_w) ? (column + kw) : p->in_w;
        for (int32_t c = 0; c < p->c; c++) {
            int8_t highest = INT8_MIN;
            for (int32_t ky = 0; ky < kh; ky++) {
                if (rows[ky] == NULL) {
                    continue;
                }
                for (int32_t i = begin; i < end; i++) {
                    const int8_t value = rows[ky][(i * p->c) + c];
                    highest = (value > highest) ? value : highest;
                }
            }
            out[c] = highest;
        }
    }
}

#endif
