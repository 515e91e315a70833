/* Average pool with Helium, one run of output pixels of one row: lanes are channels, four at a
 * time. Meaning: reference/pool.py, `average_pool2d`. */
#ifndef MCUCC_AVERAGE_POOL_MVE_H
#define MCUCC_AVERAGE_POOL_MVE_H

#include "mcucc_average_pool.h"
#include "mcucc_mve.h"

typedef mcucc_average_pool_t mcucc_average_pool_mve_t;

/* Output pixels x_begin .. x_end - 1 of one row; rows of padding are NULL. */
MCUCC_INLINE void mcucc_average_pool_mve(const mcucc_average_pool_t *p, const int8_t *const *rows,
                                         int32_t x_begin, int32_t x_end, int8_t *out,
                                         int32_t out_stride, int32_t kh, int32_t kw, int32_t stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int32_t begin = (column < 0) ? 0 : column;
        const int32_t end = (column + kw < p->in_w) ? (column + kw) : p->in_w;
        for (int32_t c = 0; c < p->c; c += 4) {
            const int32_t left = (p->c - c < 4) ? (p->c - c) : 4;
            mcucc_words_t sums = mcucc_fill_words(0);
            int32_t count = 0;
            for (int32_t ky = 0; ky < kh; ky++) {
                if (rows[ky] == NULL) {
                    continue;
                }
                const int8_t *const pixels = &rows[ky][(begin * p->c) + c];
                sums = mcucc_add_pixels(pixels, p->c, end - begin, left, sums);
                count += end - begin;
            }
            int32_t each[4];
            memcpy(each, &sums, sizeof each);
            for (int32_t i = 0; i < left; i++) {
                out[c + i] = (int8_t)mcucc_rounded_quotient(each[i], count);
            }
        }
    }
}

#endif
