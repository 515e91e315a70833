/* Average pool over a whole map that comes row by row.
 * Meaning: reference/pool.py, `average_pool2d`. */
#ifndef MCUCC_AVERAGE_ROWS_H
#define MCUCC_AVERAGE_ROWS_H

#include "mcucc_average_pool.h"
#include "mcucc_sums.h"

typedef struct {
    int32_t rows;
    int32_t pixels; /* of a row */
    int32_t c;      /* channels of a pixel */
} mcucc_average_rows_t;

/* Row y of the map; `out` is written with the last one. `sums` holds c sums from row to row. */
MCUCC_INLINE void mcucc_average_rows(const mcucc_average_rows_t *p, const int8_t *row, int32_t y,
                                     int8_t *out, int32_t *sums)
{
    mcucc_add_row(row, p->pixels, p->c, y == 0, sums);
    if (y + 1 < p->rows) {
        return;
    }
    for (int32_t i = 0; i < p->c; i++) {
        out[i] = (int8_t)mcucc_rounded_quotient(sums[i], p->rows * p->pixels);
    }
}

#endif
