/* Bilinear interpolation, one row at a time, in TensorFlow Lite Micro's fixed point.
 * Meaning: reference/resize.py, `resize_bilinear`. */
#ifndef MCUCC_BILINEAR_H
#define MCUCC_BILINEAR_H

#include "mcucc_base.h"

/* Pixel i lies at (i * step + start) / per, in 1/1024 of the distance of two input pixels. */
typedef struct {
    int32_t step;
    int32_t start; /* -512 * per and more */
    int32_t per;
} mcucc_places_t;

typedef struct {
    int32_t in_w;
    int32_t c;
    mcucc_places_t rows;
    mcucc_places_t columns;
} mcucc_bilinear_t;

/* Rounded towards 0; what lies before the first pixel is that pixel in any case. */
MCUCC_INLINE int32_t mcucc_place(mcucc_places_t places, int32_t i)
{
    const int32_t steps = (i * places.step) + places.start;
    return (places.per == 1) ? steps : (steps / places.per); /* some cores cannot divide */
}

/* sum / 2^20, halves away from zero. */
MCUCC_INLINE int8_t mcucc_bilinear_rounded(int32_t sum)
{
    return (int8_t)((sum + (1 << 19) - ((sum < 0) ? 1 : 0)) >> 20);
}

/* Output pixels x_begin .. x_end - 1 of row y, from the input rows above and below its place. One
 * of these lies outside of the map and is NULL where the map goes on as it ends.
 *
 * The weights of a pixel are not negative and sum up to 2^20, so that sums stay within 2^27. */
MCUCC_INLINE void mcucc_bilinear(const mcucc_bilinear_t *p, const int8_t *const *rows, int32_t y,
                                 int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride)
{
    const int32_t place = mcucc_place(p->rows, y);
    const int outside = (rows[0] == NULL) || (rows[1] == NULL);
    const int8_t *const above = (rows[0] == NULL) ? rows[1] : rows[0];
    const int8_t *const below = outside ? above : rows[1];
    const int32_t lower = outside ? 0 : (place & 1023);
    const int32_t upper = 1024 - lower;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = mcucc_place(p->columns, x);
        const int32_t first = (column < 0) ? 0 : (column >> 10);
        const int inside = (column >= 0) && (first + 1 < p->in_w);
        const int32_t right = inside ? (column & 1023) : 0;
        const int32_t left = 1024 - right;
        const int32_t weights[4] = {upper * left, upper * right, lower * left, lower * right};
        const int8_t *const top = &above[first * p->c];
        const int8_t *const bottom = &below[first * p->c];
        const int32_t next = inside ? p->c : 0;
        for (int32_t c = 0; c < p->c; c++) {
            const int32_t sum = (top[c] * weights[0]) + (top[next + c] * weights[1]) +
                                (bottom[c] * weights[2]) + (bottom[next + c] * weights[3]);
            out[c] = mcucc_bilinear_rounded(sum);
        }
    }
}

#endif
