/* A border of the map's own pixels, one row at a time. Meaning: reference/movement.py,
 * `mirror_pad`. */
#ifndef MCUCC_MIRROR_PAD_H
#define MCUCC_MIRROR_PAD_H

#include "mcucc_base.h"
#include "mcucc_copy.h"

typedef struct {
    int32_t in_w;
    int32_t c;
    int32_t pad_left;
    int32_t step; /* of the mirror, see below */
    int32_t back;
} mcucc_mirror_pad_t;

/* The row or pixel that stands at place i of `size`, and beyond its ends at the place as many
 * steps, less `back`, inside of them: step 1, back 0 mirrors at the outermost pixel, step 1, back 1
 * behind it, and step 0, back 0 repeats it. */
MCUCC_INLINE int32_t mcucc_mirrored(int32_t i, int32_t size, int32_t step, int32_t back)
{
    if (i < 0) {
        return (-i * step) - back;
    }
    if (i >= size) {
        return (size - 1) - (((i - size + 1) * step) - back);
    }
    return i;
}

/* Output pixels x_begin .. x_end - 1 of one row; rows[0] is the input row that is mirrored there.
 */
MCUCC_INLINE void mcucc_mirror_pad(const mcucc_mirror_pad_t *p, const int8_t *const *rows,
                                   int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t source = mcucc_mirrored(x - p->pad_left, p->in_w, p->step, p->back);
        mcucc_copy(out, &rows[0][source * p->c], p->c);
    }
}

#endif
