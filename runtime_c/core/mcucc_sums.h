/* Sums over the pixels of a map that comes row by row. */
#ifndef MCUCC_SUMS_H
#define MCUCC_SUMS_H

#include "mcucc_base.h"

/* sums[i] += channel i of each pixel of a row; they begin anew with the first row. */
MCUCC_INLINE void mcucc_add_row(const int8_t *row, int32_t pixels, int32_t c, int is_first,
                                int32_t *sums)
{
    for (int32_t i = 0; i < c; i++) {
        int32_t sum = is_first ? 0 : sums[i];
        for (int32_t x = 0; x < pixels; x++) {
            sum += row[(x * c) + i];
        }
        sums[i] = sum;
    }
}

#endif
