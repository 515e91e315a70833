/* Nearest-neighbour enlargement by whole factors, one row at a time.
 * Meaning: reference/resize.py, `resize_nearest`. */
#ifndef MCUCC_RESIZE_H
#define MCUCC_RESIZE_H

#include "mcucc_base.h"

typedef struct {
    int32_t c;
    int32_t columns; /* how often each pixel is repeated along the row */
} mcucc_resize_t;

/* Output pixels x_begin .. x_end - 1 of one row; the caller picks the row, so that rows repeat. */
MCUCC_INLINE void mcucc_resize(const mcucc_resize_t *p, const int8_t *const *rows, int32_t x_begin,
                               int32_t x_end, int8_t *out, int32_t out_stride)
{
    const int8_t *in = &rows[0][(x_begin / p->columns) * p->c];
    int32_t left = p->columns - (x_begin % p->columns);
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        memcpy(out, in, (size_t)p->c);
        left--;
        if (left == 0) {
            in += p->c;
            left = p->columns;
        }
    }
}

#endif
