/* Where the largest or smallest channel of each pixel stands. Meaning: reference/index.py. */
#ifndef MCUCC_ARG_H
#define MCUCC_ARG_H

#include "mcucc_base.h"

typedef struct {
    int32_t c;     /* channels of a pixel, at least 1 */
    int32_t first; /* the channel that is looked at first: 0, or c - 1 */
    int32_t step;  /* from it to the next one: 1, or -1 */
} mcucc_arg_t;

/* Pixels x_begin .. x_end - 1 of rows[0]: of each an int32, the channel with the largest number if
 * `largest` is 1, the smallest if it is 0, the one that is looked at first of those that are equal.
 * `out` may lie anywhere. */
MCUCC_INLINE void mcucc_arg(const mcucc_arg_t *p, const int8_t *const *rows, int32_t x_begin,
                            int32_t x_end, int8_t *out, int32_t out_stride, int32_t largest)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        int32_t best = p->first;
        int32_t at = p->first;
        for (int32_t seen = 1; seen < p->c; seen++) {
            at += p->step;
            if ((largest != 0) ? (in[at] > in[best]) : (in[at] < in[best])) {
                best = at;
            }
        }
        memcpy(out, &best, sizeof best);
    }
}

#endif
