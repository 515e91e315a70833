/* Mean over a map that comes row by row. Meaning: reference/pool.py, `mean`. */
#ifndef MCUCC_MEAN_ROWS_H
#define MCUCC_MEAN_ROWS_H

#include "mcucc_requantize.h"
#include "mcucc_sums.h"

typedef struct {
    int32_t rows;
    int32_t pixels; /* of a row */
    int32_t c;      /* channels of a pixel */
    mcucc_channel_t scale; /* bias = -rows * pixels * zero point of the input */
    mcucc_output_t output;
} mcucc_mean_rows_t;

/* Row y of the map; `out` is written with the last one. `sums` holds c sums from row to row. */
MCUCC_INLINE void mcucc_mean_rows(const mcucc_mean_rows_t *p, const int8_t *row, int32_t y,
                                  int8_t *out, int32_t *sums)
{
    mcucc_add_row(row, p->pixels, p->c, y == 0, sums);
    if (y + 1 < p->rows) {
        return;
    }
    for (int32_t i = 0; i < p->c; i++) {
        out[i] = mcucc_requantize(sums[i] + p->scale.bias, &p->scale, &p->output, MCUCC_GENERAL);
    }
}

#endif
