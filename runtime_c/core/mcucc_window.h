/* The rows under a window, for kernels that make one output row at a time. */
#ifndef MCUCC_WINDOW_H
#define MCUCC_WINDOW_H

#include "mcucc_base.h"

/* rows[k] = input row first + k * dilation of a whole map, or `pad` where that row lies outside.
 * `pad` is a row of zero points, or NULL where no window reaches padding and for kernels that leave
 * padding out (average pool). */
MCUCC_INLINE void mcucc_window(const int8_t **rows, int32_t taps, const int8_t *map,
                               int32_t row_bytes, int32_t height, int32_t first, int32_t dilation,
                               const int8_t *pad)
{
    for (int32_t k = 0; k < taps; k++) {
        const int32_t y = first + (k * dilation);
        rows[k] = ((y >= 0) && (y < height)) ? &map[y * row_bytes] : pad;
    }
}

#endif
