/* Channels as blocks of pixels, one row at a time. Meaning: reference/movement.py,
 * `depth_to_space`. */
#ifndef MCUCC_DEPTH_TO_SPACE_H
#define MCUCC_DEPTH_TO_SPACE_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t in_c;    /* channels of an input pixel: rows * columns * c */
    int32_t c;       /* channels of an output pixel */
    int32_t rows;    /* pixels of a block */
    int32_t columns;
    int32_t place;   /* bytes between the pixels of a block, row by row, in an input pixel */
    int32_t channel; /* bytes between the channels of one of them; 1 if `place` is not */
} mcucc_depth_to_space_t;

/* Output pixels x_begin .. x_end - 1 of row y; rows[0] is the input row that the row is made of. */
MCUCC_INLINE void mcucc_depth_to_space(const mcucc_depth_to_space_t *p, const int8_t *const *rows,
                                       int32_t y, int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride)
{
    const int8_t *in = &rows[0][(x_begin / p->columns) * p->in_c];
    const int32_t line = (y % p->rows) * p->columns;
    int32_t column = x_begin % p->columns;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const from = &in[(line + column) * p->place];
        if (p->channel == 1) {
            mcucc_copy(out, from, p->c);
        } else {
            for (int32_t k = 0; k < p->c; k++) {
                out[k] = from[k * p->channel];
            }
        }
        column++;
        if (column == p->columns) {
            in += p->in_c;
            column = 0;
        }
    }
}

#endif
