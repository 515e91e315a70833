/* Depthwise convolution of 3x3 with stride 1, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * Channel by channel along a few pixels: each column of inputs is read once for the three pixels
 * whose windows share it, and weights and scale stay at hand. The outputs of the few pixels are
 * held in scratch until all their windows were read. */
#ifndef MCUCC_DEPTHWISE_ROWS_H
#define MCUCC_DEPTHWISE_ROWS_H

#include "mcucc_depthwise_along.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    const int8_t *weights;           /* [out_c][3][3] */
    const mcucc_channel_t *channels; /* [out_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
    int32_t held;      /* pixels that scratch holds, an even number */
} mcucc_depthwise_rows_t;

/* Pixels x to x + count - 1, to `held`. */
MCUCC_INLINE void mcucc_along_hold(const mcucc_depthwise_rows_t *p, const int8_t *const *rows,
                                   int32_t x, int32_t count, int8_t *held)
{
    const int32_t column = x - p->pad_left;
    const int32_t left = (column < 0) ? 1 : 0;
    const int32_t turns = (count + 1) / 2;
    const int32_t behind = column + (2 * turns) + 2 - p->in_w; /* columns of padding */
    const int32_t last = (behind > 0) ? behind : 0;
    const int32_t whole = turns - ((last != 0) ? 1 : 0);
    const int32_t at = (column + left) * p->in_c;
    mcucc_depthwise_along_t s = {{&rows[0][at], &rows[1][at], &rows[2][at]},
                                 p->in_c,
                                 p->output.zero_point,
                                 (p->pad != NULL) ? p->pad[0] : 0,
                                 left,
                                 (2 - left + (2 * whole)) * p->in_c,
                                 last,
                                 held,
                                 p->weights,
                                 p->channels,
                                 &p->channels[p->in_c]};
    mcucc_depthwise_along(&s);
}

/* A pixel out of scratch. */
MCUCC_INLINE void mcucc_along_release(const mcucc_depthwise_rows_t *p, const int8_t *held,
                                      int8_t *out, int clamps)
{
    const mcucc_output_t output = p->output;
    int32_t c = 0;
    for (; !clamps && (c + 4 <= p->in_c); c += 4) {
        memcpy(&out[c], &held[c], 4);
    }
    for (; c < p->in_c; c++) {
        out[c] = clamps ? (int8_t)mcucc_clamp(held[c], output.min, output.max) : held[c];
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise, of windows of
 * 3x3 with one pixel of padding at most, and of class fast.
 *   scratch  `held` pixels
 */
MCUCC_INLINE void mcucc_depthwise_rows(const mcucc_depthwise_rows_t *p, const int8_t *const *rows,
                                       int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride, void *scratch, int32_t kh, int32_t kw,
                                       int32_t stride, int32_t dilation,
                                       mcucc_requant_class_t kind, int clamps)
{
    int8_t *const held = scratch;
    (void)kh;
    (void)kw;
    (void)stride;
    (void)dilation;
    (void)kind;
    for (int32_t x = x_begin; x < x_end; x += p->held) {
        const int32_t left = x_end - x;
        const int32_t count = (left < p->held) ? left : p->held;
        mcucc_along_hold(p, rows, x, count, held);
        for (int32_t i = 0; i < count; i++, out += out_stride) {
            mcucc_along_release(p, &held[i * p->in_c], out, clamps);
        }
    }
}

#endif
