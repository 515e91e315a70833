/* Mean over adjacent axes. Meaning: reference/pool.py, `mean`.
 *
 * The input is [outer][count][inner], the output [outer][inner]. 1/count is part of the
 * multiplier. */
#ifndef MCUCC_MEAN_H
#define MCUCC_MEAN_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t outer;
    int32_t count;
    int32_t inner;
    mcucc_channel_t scale; /* bias = -count * zero point of the input */
    mcucc_output_t output;
} mcucc_mean_t;

MCUCC_INLINE void mcucc_mean(const mcucc_mean_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t o = 0; o < p->outer; o++, in += p->count * p->inner, out += p->inner) {
        for (int32_t i = 0; i < p->inner; i++) {
            int32_t sum = p->scale.bias;
            for (int32_t n = 0; n < p->count; n++) {
                sum += in[(n * p->inner) + i];
            }
            out[i] = mcucc_requantize(sum, &p->scale, &p->output, MCUCC_GENERAL);
        }
    }
}

#endif
