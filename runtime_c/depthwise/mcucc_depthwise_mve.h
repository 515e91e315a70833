/* Depthwise convolution with Helium, one run of output pixels of one row. Lanes are channels, 16 at
 * a time; of fewer channels, as many pixels as a vector holds. Meaning: reference/conv.py,
 * `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_MVE_H
#define MCUCC_DEPTHWISE_MVE_H

#include "mcucc_depthwise_sums_mve.h"

#define MCUCC_MOST_TAPS 64

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(c / 16)] of biases, weights, numbers for the scaling; the
                              * last block is that of the last 16 channels; of fewer than 16 they
                              * are there once for each pixel that fits the vector */
    const int8_t *pad; /* at least c zero points; NULL where no window reaches padding */
} mcucc_depthwise_mve_t;

/* The pixels under the taps of a window whose first input column is `column`, and the first of them
 * once more if their number is even. */
MCUCC_INLINE void mcucc_depthwise_taps(const mcucc_depthwise_mve_t *p, const int8_t *const *rows,
                                       int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                       const int8_t **taps)
{
    const int32_t step = dilation * p->in_c;
    const int8_t **tap = taps;
    for (int32_t ky = 0; ky < kh; ky++) {
        const int8_t *const row = rows[ky];
        int32_t x = column;
        int32_t at = column * p->in_c;
        for (int32_t kx = 0; kx < kw; kx++, x += dilation, at += step) {
            *tap++ = ((x >= 0) && (x < p->in_w)) ? &row[at] : p->pad;
        }
    }
    *tap = taps[0];
}

/* The output pixel behind the last one of a run that begins at x whose windows all lie inside the
 * map; if that of x does not, the one behind x. */
MCUCC_INLINE int32_t mcucc_depthwise_inside(const mcucc_depthwise_mve_t *p, int32_t x, int32_t kw,
                                            int32_t stride, int32_t dilation)
{
    const int32_t rest = p->in_w - 1 - ((kw - 1) * dilation) + p->pad_left;
    const int inside = (x * stride >= p->pad_left) && (x * stride <= rest);
    return inside ? ((rest / stride) + 1) : (x + 1);
}

/* `lanes` outputs of the lanes from `offset` bytes behind the taps on; if they are more than 16 but
 * no whole sixteens, some are made twice. */
MCUCC_INLINE void mcucc_depthwise_lanes(const mcucc_depthwise_mve_t *p, const int8_t *const *taps,
                                        int32_t pairs, int32_t offset, int32_t lanes, int8_t *out,
                                        mcucc_requant_class_t kind)
{
    const mcucc_output_bytes_t output = mcucc_output_bytes(&p->output);
    const uint32_t *stream = p->weights;
    for (int32_t begin = 0; begin < lanes; begin += 16) {
        const int rest = (lanes > 16) && (begin + 16 > lanes);
        const int32_t c = rest ? (lanes - 16) : begin;
        mcucc_words_t sums[4];
        stream = mcucc_depthwise_sums(taps, pairs, offset + c, lanes - c, stream, sums);
        stream = mcucc_scale_sixteen(sums, stream, kind, 0);
        mcucc_put_bytes(&out[c], mcucc_to_output_bytes(sums, &output), lanes - c);
    }
}

/* The same of class fast where nothing is below the zero point, which is -128. */
MCUCC_INLINE void mcucc_depthwise_relu_lanes(const int8_t *const *taps, int32_t pairs,
                                             int32_t offset, int32_t lanes,
                                             const uint32_t *stream, int8_t *out,
                                             int32_t zero_point)
{
    if (lanes >= 16) {
        mcucc_depthwise_relu_blocks(taps, pairs, offset, lanes, stream, out, zero_point);
    } else {
        mcucc_words_t sums[4];
        stream = mcucc_depthwise_sums(taps, pairs, offset, lanes, stream, sums);
        (void)mcucc_scale_sixteen(sums, stream, MCUCC_FAST, 1);
        mcucc_put_bytes(out, mcucc_to_bytes(sums, mcucc_fill_halves(zero_point)), lanes);
    }
}

/* Output pixels x_begin .. x_end - 1 of one row. Where outputs `rectify`, nothing is below the zero
 * point, which is -128, and nothing clamped further; class fast makes use of it.
 *
 * The taps of windows inside the map lie as far from those of the first one as the pixels do. */
MCUCC_INLINE void mcucc_depthwise_run_mve(const mcucc_depthwise_mve_t *p,
                                          const int8_t *const *rows, int32_t x_begin,
                                          int32_t x_end, int8_t *out, int32_t out_stride,
                                          int32_t kh, int32_t kw, int32_t stride,
                                          int32_t dilation, mcucc_requant_class_t kind,
                                          int rectify)
{
    const int32_t in_c = p->in_c;
    const int together = (stride == 1) && (in_c <= 8) && (out_stride == in_c);
    const int32_t most = together ? (16 / in_c) : 1;
    /* The compiler knows which one: the others take no stack. */
    const int8_t *few[10];
    const int8_t *some[26];
    const int8_t *many[MCUCC_MOST_TAPS + 1];
    const int8_t **const taps = (kh * kw <= 9) ? few : ((kh * kw <= 25) ? some : many);
    int32_t x = x_begin;
    while (x < x_end) {
        const int32_t inside = mcucc_depthwise_inside(p, x, kw, stride, dilation);
        int32_t left = ((inside < x_end) ? inside : x_end) - x;
        int32_t offset = 0;
        mcucc_depthwise_taps(p, rows, (x * stride) - p->pad_left, kh, kw, dilation, taps);
        x += left;
        while (left > 0) {
            const int32_t pixels = (most < left) ? most : left;
            if (rectify && (kind == MCUCC_FAST)) {
                mcucc_depthwise_relu_lanes(taps, (kh * kw) / 2, offset, pixels * in_c, p->weights,
                                           out, p->output.zero_point);
            } else {
                mcucc_depthwise_lanes(p, taps, (kh * kw) / 2, offset, pixels * in_c, out, kind);
            }
            left -= pixels;
            out += pixels * out_stride;
            offset += pixels * stride * in_c;
        }
    }
}

/* The same; arguments as for mcucc_conv_mve. */
MCUCC_INLINE void mcucc_depthwise_mve(const mcucc_depthwise_mve_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                      int32_t dilation, mcucc_requant_class_t kind)
{
    mcucc_depthwise_run_mve(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation,
                            kind, 0);
}

#endif
