/* The k largest or smallest channels of each pixel, in order. Meaning: reference/index.py. */
#ifndef MCUCC_TOP_K_H
#define MCUCC_TOP_K_H

#include "mcucc_base.h"

typedef struct {
    int32_t c;    /* channels of a pixel, at least k */
    int32_t k;    /* how many of them are kept, at least 1 */
    int32_t flip; /* 0 for the largest; -1 for the smallest: flipped bits turn the order around */
} mcucc_top_k_t;

/* A channel that is kept at a place: the number itself, or with `indices` where it stands. */
MCUCC_INLINE int32_t mcucc_top_k_kept(const int8_t *out, int32_t place, int32_t indices)
{
    int32_t at = out[place];
    if (indices != 0) {
        memcpy(&at, &out[place * (int32_t)sizeof at], sizeof at);
    }
    return at;
}

/* Keep a channel at a place. */
MCUCC_INLINE void mcucc_top_k_keep(int8_t *out, int32_t place, int32_t kept, int32_t indices)
{
    if (indices != 0) {
        memcpy(&out[place * (int32_t)sizeof kept], &kept, sizeof kept);
    } else {
        out[place] = (int8_t)kept;
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]: of each the k numbers that come first in order, or with
 * `indices` 1 the int32 channels that have them. Each channel moves up past the smaller ones that
 * are kept, so that of equal ones the first stays ahead. `out` may lie anywhere. */
MCUCC_INLINE void mcucc_top_k(const mcucc_top_k_t *p, const int8_t *const *rows, int32_t x_begin,
                              int32_t x_end, int8_t *out, int32_t out_stride, int32_t indices)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        for (int32_t at = 0; at < p->c; at++) {
            const int32_t key = in[at] ^ p->flip;
            int32_t place = (at < p->k) ? at : p->k;
            while (place > 0) {
                const int32_t other = mcucc_top_k_kept(out, place - 1, indices);
                const int32_t number = (indices != 0) ? in[other] : other;
                if (key <= (number ^ p->flip)) {
                    break;
                }
                if (place < p->k) {
                    mcucc_top_k_keep(out, place, other, indices);
                }
                place--;
            }
            if (place < p->k) {
                mcucc_top_k_keep(out, place, (indices != 0) ? at : in[at], indices);
            }
        }
    }
}

#endif
