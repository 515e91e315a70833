/* Grouped convolution, one run of output pixels of one row.
 * Meaning: reference/conv.py, `conv2d`.
 *
 * Each group of output channels reads a group of input channels of its own. */
#ifndef MCUCC_CONV_GROUPED_H
#define MCUCC_CONV_GROUPED_H

#include "mcucc_dot.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;  /* pixels in an input row */
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* channels of an output pixel */
    int32_t groups;
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const int8_t *weights;           /* [out_c][kh][kw][in_c / groups] */
    const mcucc_channel_t *channels; /* [out_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_grouped_t;

/* The input pixel in column x, which may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_conv_grouped_tap(const mcucc_conv_grouped_t *p, const int8_t *row,
                                                  int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;
}

/* One window against the weights of four output channels of a group, which reads input channels
 * first .. first + n - 1. */
MCUCC_INLINE void mcucc_conv_grouped_window4(const mcucc_conv_grouped_t *p,
                                             const int8_t *const *rows, int32_t column,
                                             int32_t first, int32_t n, int32_t kh, int32_t kw,
                                             int32_t dilation, const int8_t *w, int32_t acc[4])
{
    const int32_t w_stride = kh * kw * n;
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, w += n) {
            const int32_t x = column + (kx * dilation);
            const int8_t *const pixel = mcucc_conv_grouped_tap(p, rows[ky], x);
            mcucc_dot4(&pixel[first], w, w_stride, n, acc);
        }
    }
}

/* The same for a single output channel. */
MCUCC_INLINE int32_t mcucc_conv_grouped_window1(const mcucc_conv_grouped_t *p,
                                                const int8_t *const *rows, int32_t column,
                                                int32_t first, int32_t n, int32_t kh, int32_t kw,
                                                int32_t dilation, const int8_t *w, int32_t acc)
{
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, w += n) {
            const int32_t x = column + (kx * dilation);
            const int8_t *const pixel = mcucc_conv_grouped_tap(p, rows[ky], x);
            acc = mcucc_dot1(&pixel[first], w, n, acc);
        }
    }
    return acc;
}

/* Output channels begin .. end - 1 of one pixel: those of the group whose input channels begin at
 * `first`. */
MCUCC_INLINE void mcucc_conv_group(const mcucc_conv_grouped_t *p, const int8_t *const *rows,
                                   int32_t column, int32_t first, int32_t n, int32_t begin,
                                   int32_t end, int8_t *out, int32_t kh, int32_t kw,
                                   int32_t dilation, mcucc_requant_class_t kind)
{
    const int32_t w_stride = kh * kw * n;
    const int8_t *w = &p->weights[begin * w_stride];
    int32_t c = begin;
    for (; c + 4 <= end; c += 4, w += 4 * w_stride) {
        const mcucc_channel_t *const ch = &p->channels[c];
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        mcucc_conv_grouped_window4(p, rows, column, first, n, kh, kw, dilation, w, acc);
        for (int32_t i = 0; i < 4; i++) {
            out[c + i] = mcucc_requantize(acc[i], &ch[i], &p->output, kind);
        }
    }
    for (; c < end; c++, w += w_stride) {
        const mcucc_channel_t *const ch = &p->channels[c];
        const int32_t acc = mcucc_conv_grouped_window1(p, rows, column, first, n, kh, kw, dilation,
                                                       w, ch->bias);
        out[c] = mcucc_requantize(acc, ch, &p->output, kind);
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv. */
MCUCC_INLINE void mcucc_conv_grouped(const mcucc_conv_grouped_t *p, const int8_t *const *rows,
                                     int32_t x_begin, int32_t x_end, int8_t *out,
                                     int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                     int32_t dilation, mcucc_requant_class_t kind)
{
    const int32_t group_in = p->in_c / p->groups;
    const int32_t group_out = p->out_c / p->groups;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        int32_t first = 0;
        for (int32_t c = 0; c < p->out_c; c += group_out, first += group_in) {
            mcucc_conv_group(p, rows, column, first, group_in, c, c + group_out, out, kh, kw,
                             dilation, kind);
        }
    }
}

#endif
