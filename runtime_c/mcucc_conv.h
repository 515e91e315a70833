/* Convolution, one run of output pixels of one row. Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_H
#define MCUCC_CONV_H

#include "mcucc_dot.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const int8_t *weights;           /* [out_c][kh][kw][in_c] */
    const mcucc_channel_t *channels; /* [out_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_t;

/* One window against the weights of four output channels. `column` is the window's first input
 * column and may lie in the padding. */
MCUCC_INLINE void mcucc_conv_window4(const mcucc_conv_t *p, const int8_t *const *rows,
                                     int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                     const int8_t *w, int32_t w_stride, int32_t acc[4])
{
    const int32_t run = kw * p->in_c;
    const int inside = (dilation == 1) && (column >= 0) && (column + kw <= p->in_w);
    for (int32_t ky = 0; ky < kh; ky++, w += run) {
        if (inside) {
            mcucc_dot4(&rows[ky][column * p->in_c], w, w_stride, run, acc);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int32_t x = column + (kx * dilation);
            const int8_t *const pixel =
                ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * p->in_c] : p->pad;
            mcucc_dot4(pixel, &w[kx * p->in_c], w_stride, p->in_c, acc);
        }
    }
}

/* The same for a single output channel. */
MCUCC_INLINE int32_t mcucc_conv_window1(const mcucc_conv_t *p, const int8_t *const *rows,
                                        int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                        const int8_t *w, int32_t acc)
{
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, w += p->in_c) {
            const int32_t x = column + (kx * dilation);
            const int8_t *const pixel =
                ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * p->in_c] : p->pad;
            acc = mcucc_dot1(pixel, w, p->in_c, acc);
        }
    }
    return acc;
}

/* Output pixels x_begin .. x_end - 1 of one row.
 *   rows   kh pointers to input rows; rows of vertical padding hold zero points
 *   out    output pixel x_begin; the next one lies out_stride bytes further
 */
MCUCC_INLINE void mcucc_conv(const mcucc_conv_t *p, const int8_t *const *rows, int32_t x_begin,
                             int32_t x_end, int8_t *out, int32_t out_stride, int32_t kh, int32_t kw,
                             int32_t stride, int32_t dilation, mcucc_requant_class_t kind)
{
    const int32_t w_stride = kh * kw * p->in_c;
    const int32_t in_fours = p->out_c - (p->out_c % 4);
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int8_t *w = p->weights;
        for (int32_t c = 0; c < in_fours; c += 4, w += 4 * w_stride) {
            const mcucc_channel_t *const ch = &p->channels[c];
            int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
            mcucc_conv_window4(p, rows, column, kh, kw, dilation, w, w_stride, acc);
            for (int32_t i = 0; i < 4; i++) {
                out[c + i] = mcucc_requantize(acc[i], &ch[i], &p->output, kind);
            }
        }
        for (int32_t c = in_fours; c < p->out_c; c++, w += w_stride) {
            const mcucc_channel_t *const ch = &p->channels[c];
            const int32_t acc =
                mcucc_conv_window1(p, rows, column, kh, kw, dilation, w, ch->bias);
            out[c] = mcucc_requantize(acc, ch, &p->output, kind);
        }
    }
}

#endif
