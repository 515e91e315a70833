/* Average pool, one run of output pixels of one row. Meaning: reference/pool.py, `average_pool2d`.
 *
 * The raw int8 values are averaged, halves away from zero; padding is not counted. */
#ifndef MCUCC_AVERAGE_POOL_H
#define MCUCC_AVERAGE_POOL_H

#include "mcucc_base.h"

typedef struct {
    int32_t in_w;
    int32_t c;
    int32_t pad_left;
} mcucc_average_pool_t;

MCUCC_INLINE int32_t mcucc_rounded_quotient(int32_t sum, int32_t count)
{
    const int32_t half = count / 2;
    return (sum > 0) ? ((sum + half) / count) : ((sum - half) / count);
}

/* Output pixels x_begin .. x_end - 1 of one row; rows of padding are NULL. */
MCUCC_INLINE void mcucc_average_pool(const mcucc_average_pool_t *p, const int8_t *const *rows,
                                     int32_t x_begin, int32_t x_end, int8_t *out,
                                     int32_t out_stride, int32_t kh, int32_t kw, int32_t stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int32_t begin = (column < 0) ? 0 : column;
        const int32_t end = (column + kw < p->in_w) ? (column + kw) : p->in_w;
        for (int32_t c = 0; c < p->c; c++) {
            int32_t sum = 0;
            int32_t count = 0;
            for (int32_t ky = 0; ky < kh; ky++) {
                if (rows[ky] == NULL) {
                    continue;
                }
                for (int32_t i = begin; i < end; i++) {
                    sum += rows[ky][(i * p->c) + c];
                }
                count += end - begin;
            }
            out[c] = (int8_t)mcucc_rounded_quotient(sum, count);
        }
    }
}

#endif
