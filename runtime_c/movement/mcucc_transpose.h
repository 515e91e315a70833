/* Axes in another order, or a block of the input. Meaning: reference/movement.py, `transpose` and
 * `block`.
 *
 * The batch stays first, so three axes are enough; shorter shapes begin with axes of size 1. */
#ifndef MCUCC_TRANSPOSE_H
#define MCUCC_TRANSPOSE_H

#include "mcucc_base.h"

typedef struct {
    int32_t size[3];   /* of the output's axes */
    int32_t stride[3]; /* bytes between neighbours along each of them in the input */
    int32_t first;     /* byte of the input that becomes the output's first; 0 if axes move */
} mcucc_transpose_t;

MCUCC_INLINE void mcucc_transpose(const mcucc_transpose_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t i = 0; i < p->size[0]; i++) {
        for (int32_t j = 0; j < p->size[1]; j++) {
            const int8_t *const run = &in[p->first + (i * p->stride[0]) + (j * p->stride[1])];
            for (int32_t k = 0; k < p->size[2]; k++, out++) {
                *out = run[k * p->stride[2]];
            }
        }
    }
}

#endif
