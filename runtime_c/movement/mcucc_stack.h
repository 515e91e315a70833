/* Maps one below the other. Meaning: reference/movement.py, `stack`. */
#ifndef MCUCC_STACK_H
#define MCUCC_STACK_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t inputs;
    const int32_t *pixels; /* [inputs]: of the map of each input */
    int32_t c;             /* channels */
} mcucc_stack_t;

/* Output pixels x_begin .. x_end - 1, of the map, or of one row: then rows[i] is that row of the
 * only input that has it, and NULL of the others. */
MCUCC_INLINE void mcucc_stack(const mcucc_stack_t *p, const int8_t *const *rows, int32_t x_begin,
                              int32_t x_end, int8_t *out, int32_t out_stride)
{
    int32_t x = x_begin;
    int32_t first = 0;
    for (int32_t i = 0; i < p->inputs; i++) {
        if (rows[i] != NULL) {
            const int32_t end = first + p->pixels[i];
            /* Pixel by pixel: the run may be written over pixels before it. */
            for (; (x < x_end) && (x < end); x++, out += out_stride) {
                mcucc_copy(out, &rows[i][(x - first) * p->c], p->c);
            }
            first = end;
        }
    }
}

#endif
