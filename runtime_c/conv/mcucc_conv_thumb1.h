/* Convolution in 16-bit Thumb instructions, one run of output pixels of one row.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_THUMB1_H
#define MCUCC_CONV_THUMB1_H

#include "mcucc_dot_thumb1.h"

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const uint8_t *weights; /* [ceil(out_c / 8)][kh][kw][in_c][8], 128 added to each */
    const mcucc_channel_t *channels; /* [out_c rounded up to 8] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_thumb1_t;

/* One window against eight channels. `column` is the window's first input column and may lie in the
 * padding. */
MCUCC_INLINE void mcucc_conv_window_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                           int32_t column, int is_run, int32_t kh, int32_t kw,
                                           int32_t dilation, mcucc_eight_t *sums)
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t x = column;
        for (int32_t kx = 0; kx < kw; kx += is_run ? kw : 1, x += dilation) {
            const int8_t *const pixel =
                ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * in_c] : p->pad;
            mcucc_eight_run(sums, pixel, is_run ? (kw * in_c) : in_c);
        }
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv. */
MCUCC_INLINE void mcucc_conv_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                    int32_t x_begin, int32_t x_end, int8_t *out,
                                    int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                    int32_t dilation, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int is_run = (dilation == 1) && (column >= 0) && (column + kw <= p->in_w);
        const mcucc_channel_t *ch = p->channels;
        mcucc_eight_t sums;
        sums.w = p->weights;
        for (int32_t c = 0; c < p->out_c; c += 8, ch += 8) {
            mcucc_eight_begin(&sums, ch);
            mcucc_conv_window_thumb1(p, rows, column, is_run, kh, kw, dilation, &sums);
            mcucc_eight_end(&sums, ch, p->out_c - c, &output, &out[c], kind, clamps);
        }
    }
}

#endif
