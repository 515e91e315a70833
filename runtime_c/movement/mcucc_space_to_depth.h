/* Blocks of pixels as channels, one row at a time. Meaning: reference/movement.py,
 * `space_to_depth`. */
#ifndef MCUCC_SPACE_TO_DEPTH_H
#define MCUCC_SPACE_TO_DEPTH_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t rows; /* of a block */
    int32_t line; /* bytes of a row of a block */
} mcucc_space_to_depth_t;

/* Output pixels x_begin .. x_end - 1 of one row, each the rows of its block one after the other. */
MCUCC_INLINE void mcucc_space_to_depth(const mcucc_space_to_depth_t *p, const int8_t *const *rows,
                                       int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        for (int32_t k = 0; k < p->rows; k++) {
            mcucc_copy(&out[k * p->line], &rows[k][x * p->line], p->line);
        }
    }
}

#endif
