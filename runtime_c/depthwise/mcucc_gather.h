/* Pointers to the taps of a window, those in the padding too, so that all windows are alike. */
#ifndef MCUCC_GATHER_H
#define MCUCC_GATHER_H

#include "mcucc_base.h"

/* Room for the pointers of windows of up to 3x3, up to 5x5, and any: with one more where their
 * number is odd, and two behind them. */
#define MCUCC_FEW_GATHERED 12
#define MCUCC_SOME_GATHERED 28
#define MCUCC_MOST_GATHERED 52

/* To the first channel of each tap of the window from `column` on; returns the end.
 *   rows  [kh], of in_w pixels of in_c channels
 *   pad   a pixel of padding
 */
MCUCC_INLINE const int8_t **mcucc_gather_taps(const int8_t *const *rows, int32_t in_w,
                                              int32_t in_c, const int8_t *pad, int32_t column,
                                              int32_t kh, int32_t kw, int32_t dilation,
                                              const int8_t **taps)
{
    const int inside = (column >= 0) && (column + ((kw - 1) * dilation) < in_w);
    const int32_t step = dilation * in_c;
    MCUCC_NO_UNROLL
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t at = column * in_c;
        for (int32_t kx = 0; kx < kw; kx++, at += step) {
            const int32_t x = column + (kx * dilation);
            *taps++ = (inside || ((x >= 0) && (x < in_w))) ? &rows[ky][at] : pad;
        }
    }
    return taps;
}

#endif
