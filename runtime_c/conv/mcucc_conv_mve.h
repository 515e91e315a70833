/* Convolution with Helium, one run of output pixels of one row.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_MVE_H
#define MCUCC_CONV_MVE_H

#include "mcucc_dot_mve.h"

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(out_c / 4)], each a stream for mcucc_dot_mve.h */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_mve_t;

/* Copies the window whose first input column is `column` to `patch`, pixel behind pixel
 * (im2col). */
MCUCC_INLINE void mcucc_conv_patch_mve(const mcucc_conv_mve_t *p, const int8_t *const *rows,
                                       int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                       int8_t *patch)
{
    const int32_t in_c = p->in_c;
    const int32_t in_w = p->in_w;
    const int32_t run = kw * in_c;
    if ((dilation == 1) && (column >= 0) && (column + kw <= in_w)) {
        for (int32_t ky = 0; ky < kh; ky++, patch += run) {
            mcucc_copy_mve(patch, &rows[ky][column * in_c], run);
        }
        return;
    }
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, patch += in_c) {
            const int32_t x = column + (kx * dilation);
            const int inside = (x >= 0) && (x < in_w);
            mcucc_copy_mve(patch, inside ? &rows[ky][x * in_c] : p->pad, in_c);
        }
    }
}

/* Output pixels x_begin .. x_end - 1 of one row.
 *   rows     kh pointers to input rows; rows of vertical padding hold zero points
 *   out      output pixel x_begin; the next one lies out_stride bytes further
 *   scratch  the bytes of a window, rounded up to 16, twice
 */
MCUCC_INLINE void mcucc_conv_mve(const mcucc_conv_mve_t *p, const int8_t *const *rows,
                                 int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                 int8_t *scratch, int32_t kh, int32_t kw, int32_t stride,
                                 int32_t dilation, mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    const int32_t bytes = kh * kw * p->in_c;
    const int32_t patch = 16 * ((bytes + 15) / 16);
    int32_t column = (x_begin * stride) - p->pad_left;
    int32_t left = x_end - x_begin;
    for (; left >= 2; left -= 2, column += 2 * stride, out += 2 * out_stride) {
        mcucc_conv_patch_mve(p, rows, column, kh, kw, dilation, scratch);
        mcucc_conv_patch_mve(p, rows, column + stride, kh, kw, dilation, &scratch[patch]);
        mcucc_pixel_pair_mve(scratch, patch, p->weights, p->out_c, &output, out, out_stride, kind);
    }
    if (left > 0) {
        mcucc_conv_patch_mve(p, rows, column, kh, kw, dilation, scratch);
        mcucc_pixel_mve(scratch, bytes, p->weights, p->out_c, &output, out, kind);
    }
}

#endif
