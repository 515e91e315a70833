/* A block of the input, one run of pixels at a time. Meaning: reference/movement.py, `block`. */
#ifndef MCUCC_SLICE_H
#define MCUCC_SLICE_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t in_c;  /* channels of an input pixel */
    int32_t c;     /* channels of the block */
    int32_t first; /* byte of an input row at which the block begins */
} mcucc_slice_t;

/* Output pixels x_begin .. x_end - 1; rows[0] is the input row, or the map where the block has all
 * its rows and columns. */
MCUCC_INLINE void mcucc_slice(const mcucc_slice_t *p, const int8_t *const *rows, int32_t x_begin,
                              int32_t x_end, int8_t *out, int32_t out_stride)
{
    const int8_t *in = &rows[0][p->first + (x_begin * p->in_c)];
    /* Pixel by pixel even where the run is one block: it may be written over pixels before it. */
    for (int32_t x = x_begin; x < x_end; x++, in += p->in_c, out += out_stride) {
        mcucc_copy(out, in, p->c);
    }
}

#endif
