/* The nearest pixel of each place, one row at a time.
 * Meaning: reference/resize.py, `pick_nearest`. */
#ifndef MCUCC_NEAREST_H
#define MCUCC_NEAREST_H

#include "mcucc_base.h"

/* Output pixel x is input pixel (x * stride + phase) / repeat. */
typedef struct {
    int32_t c;
    int32_t stride;
    int32_t phase;
    int32_t repeat;
} mcucc_nearest_t;

/* Output pixels x_begin .. x_end - 1 of one row; the caller picks the row. */
MCUCC_INLINE void mcucc_nearest(const mcucc_nearest_t *p, const int8_t *const *rows,
                                int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride)
{
    const int32_t place = (x_begin * p->stride) + p->phase;
    const int32_t whole = (p->stride / p->repeat) * p->c;
    const int32_t part = p->stride % p->repeat;
    const int8_t *in = &rows[0][(place / p->repeat) * p->c];
    int32_t rest = place % p->repeat;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        memcpy(out, in, (size_t)p->c);
        rest += part;
        in += whole;
        if (rest >= p->repeat) {
            rest -= p->repeat;
            in += p->c;
        }
    }
}

#endif
