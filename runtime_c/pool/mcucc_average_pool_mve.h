/* Average pool with Helium, one run of output pixels of one row: lanes are channels, eight at a
 * time, or four where a sum may take more than 16 bits.
 * Meaning: reference/pool.py, `average_pool2d`. */
#ifndef MCUCC_AVERAGE_POOL_MVE_H
#define MCUCC_AVERAGE_POOL_MVE_H

#include "mcucc_average_pool.h"
#include "mcucc_mve.h"

typedef mcucc_average_pool_t mcucc_average_pool_mve_t;

#define MCUCC_MOST_OF_HALVES 255 /* pixels whose sum fits 16 bits */

/* The sums of `lanes` channels from channel c on, at most 8 as halves, else at most 4; returns how
 * many pixels they are. Columns begin .. end - 1 lie under the window. */
MCUCC_INLINE int32_t mcucc_average_sums_mve(const int8_t *const *rows, int32_t kh, int32_t step,
                                            int32_t begin, int32_t end, int32_t lanes, int halves,
                                            int32_t c, int32_t sums[8])
{
    mcucc_halves_t small = mcucc_fill_halves(0);
    mcucc_words_t large = mcucc_fill_words(0);
    int32_t count = 0;
    for (int32_t ky = 0; ky < kh; ky++) {
        if (rows[ky] != NULL) {
            const int8_t *const pixels = &rows[ky][(begin * step) + c];
            if (halves) {
                small = mcucc_add_pixel_halves(pixels, step, end - begin, lanes, small);
            } else {
                large = mcucc_add_pixels(pixels, step, end - begin, lanes, large);
            }
            count += end - begin;
        }
    }
    if (halves) {
        int16_t each[8];
        memcpy(each, &small, sizeof each);
        for (int32_t i = 0; i < 8; i++) {
            sums[i] = each[i];
        }
    } else {
        memcpy(sums, &large, sizeof large);
    }
    return count;
}

/* Output pixels x_begin .. x_end - 1 of one row; rows of padding are NULL. */
MCUCC_INLINE void mcucc_average_pool_mve(const mcucc_average_pool_t *p, const int8_t *const *rows,
                                         int32_t x_begin, int32_t x_end, int8_t *out,
                                         int32_t out_stride, int32_t kh, int32_t kw, int32_t stride)
{
    const int halves = kh * kw <= MCUCC_MOST_OF_HALVES;
    const int32_t most = halves ? 8 : 4;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int32_t begin = (column < 0) ? 0 : column;
        const int32_t end = (column + kw < p->in_w) ? (column + kw) : p->in_w;
        for (int32_t c = 0; c < p->c; c += most) {
            const int32_t left = (p->c - c < most) ? (p->c - c) : most;
            int32_t sums[8];
            const int32_t count = mcucc_average_sums_mve(rows, kh, p->c, begin, end, left, halves,
                                                         c, sums);
            for (int32_t i = 0; i < left; i++) {
                out[c + i] = (int8_t)mcucc_rounded_quotient(sums[i], count);
            }
        }
    }
}

#endif
