/* Of two tensors, element by element, the larger or the smaller number. Meaning:
 * reference/elementwise.py. */
#ifndef MCUCC_EXTREME_H
#define MCUCC_EXTREME_H

#include "mcucc_base.h"

typedef struct {
    int32_t c; /* channels of a pixel */
} mcucc_extreme_t;

/* Pixels x_begin .. x_end - 1 of rows[0] and rows[1], the larger if `largest` is 1, the smaller if
 * it is 0; `out` may be one of the inputs' pixels. */
MCUCC_INLINE void mcucc_extreme(const mcucc_extreme_t *p, const int8_t *const *rows,
                                int32_t x_begin, int32_t x_end, int8_t *out,
                                int32_t out_stride, int32_t largest)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int8_t *const a = &rows[0][x * p->c];
        const int8_t *const b = &rows[1][x * p->c];
        for (int32_t c = 0; c < p->c; c++) {
            const int8_t first = a[c];
            const int8_t second = b[c];
            const int32_t takes_first = (largest != 0) ? (first > second) : (first < second);
            out[c] = (takes_first != 0) ? first : second;
        }
    }
}

#endif
