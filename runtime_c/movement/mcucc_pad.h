/* A border of zero points, or of another integer, one row at a time.
 * Meaning: reference/movement.py, `pad`. */
#ifndef MCUCC_PAD_H
#define MCUCC_PAD_H

#include "mcucc_base.h"

typedef struct {
    int32_t in_w;
    int32_t c;
    int32_t pad_left;
    int8_t zero_point; /* what the border is made of */
} mcucc_pad_t;

/* Output pixels x_begin .. x_end - 1 of one row; rows[0] is NULL for a row of padding. */
MCUCC_INLINE void mcucc_pad(const mcucc_pad_t *p, const int8_t *const *rows, int32_t x_begin,
                            int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t source = x - p->pad_left;
        if ((rows[0] != NULL) && (source >= 0) && (source < p->in_w)) {
            memcpy(out, &rows[0][source * p->c], (size_t)p->c);
        } else {
            memset(out, p->zero_point, (size_t)p->c);
        }
    }
}

#endif
