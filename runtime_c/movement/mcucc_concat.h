/* Maps side by side along the channels. Meaning: reference/movement.py, `concat`. */
#ifndef MCUCC_CONCAT_H
#define MCUCC_CONCAT_H

#include "mcucc_base.h"

typedef struct {
    int32_t inputs;
    const int32_t *channels; /* [inputs]: channels of a pixel of each input */
} mcucc_concat_t;

/* Output pixels x_begin .. x_end - 1, each gathered from the pixels of all rows. */
MCUCC_INLINE void mcucc_concat(const mcucc_concat_t *p, const int8_t *const *rows, int32_t x_begin,
                               int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        int8_t *to = out;
        for (int32_t i = 0; i < p->inputs; i++) {
            const int32_t c = p->channels[i];
            memcpy(to, &rows[i][x * c], (size_t)c);
            to += c;
        }
    }
}

#endif
