/* A function of single elements, as a table. Meaning: reference/parameters.py, `lookup_table`. */
#ifndef MCUCC_LOOKUP_H
#define MCUCC_LOOKUP_H

#include "mcucc_base.h"

typedef struct {
    int32_t c;           /* channels of a pixel */
    const int8_t *table; /* [256]: the outputs for -128 .. 127 */
} mcucc_lookup_t;

/* Pixels x_begin .. x_end - 1 of rows[0]; `out` may be the input's pixels. */
MCUCC_INLINE void mcucc_lookup(const mcucc_lookup_t *p, const int8_t *const *rows, int32_t x_begin,
                               int32_t x_end, int8_t *out, int32_t out_stride)
{
    const int8_t *const of_zero = &p->table[128];
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const in = &rows[0][x * p->c];
        for (int32_t c = 0; c < p->c; c++) {
            out[c] = of_zero[in[c]];
        }
    }
}

#endif
