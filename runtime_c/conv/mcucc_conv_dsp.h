/* Convolution with the DSP extension, one run of output pixels of one row.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_DSP_H
#define MCUCC_CONV_DSP_H

#include "mcucc_panel_dsp.h"

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(out_c / 4)][ceil(kh * kw * in_c / 4)][4], mcucc_dot_dsp.h */
    const mcucc_channel_dsp_t *channels; /* [out_c rounded up to 4] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_dsp_t;

/* The input pixel in column x of a row; x may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_conv_pixel_dsp(const mcucc_conv_dsp_t *p, const int8_t *row,
                                                int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;
}

/* One window against four channels, read where it lies: the channels of a pixel are whole fours.
 * `column` is the window's first input column and may lie in the padding. */
MCUCC_INLINE const uint32_t *mcucc_conv_window_dsp(const mcucc_conv_dsp_t *p,
                                                   const int8_t *const *rows, int32_t column,
                                                   int inside, int32_t kh, int32_t kw,
                                                   int32_t dilation, int32_t multiple,
                                                   const uint32_t *w,
                                                   mcucc_quad_t *sums)
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        if (inside) {
            const int8_t *const x = &rows[ky][column * in_c];
            w = mcucc_quad_run(sums, x, &x[kw * in_c], w, multiple);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int8_t *const x = mcucc_conv_pixel_dsp(p, rows[ky], column + (kx * dilation));
            w = mcucc_quad_run(sums, x, &x[in_c], w, multiple);
        }
    }
    return w;
}

/* Copies `count` bytes and returns the place behind the last one written. */
MCUCC_INLINE int8_t *mcucc_copy_run(int8_t *to, const int8_t *from, int32_t count)
{
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const uint32_t word = mcucc_load4(&from[i]);
        memcpy(&to[i], &word, sizeof word);
    }
    for (; i < count; i++) {
        to[i] = from[i];
    }
    return &to[count];
}

/* A window's pixels one behind the other, and zeros up to a whole word (im2col). */
MCUCC_INLINE void mcucc_conv_patch_dsp(const mcucc_conv_dsp_t *p, const int8_t *const *rows,
                                       int32_t column, int inside, int32_t kh, int32_t kw,
                                       int32_t dilation, int8_t *patch)
{
    const int8_t *const end = &patch[4 * (((kh * kw * p->in_c) + 3) / 4)];
    for (int32_t ky = 0; ky < kh; ky++) {
        if (inside) {
            patch = mcucc_copy_run(patch, &rows[ky][column * p->in_c], kw * p->in_c);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int8_t *const x = mcucc_conv_pixel_dsp(p, rows[ky], column + (kx * dilation));
            patch = mcucc_copy_run(patch, x, p->in_c);
        }
    }
    /* At most three zeros; for a loop, gcc would call memset. */
    if (patch != end) {
        *patch++ = 0;
    }
    if (patch != end) {
        *patch++ = 0;
    }
    if (patch != end) {
        *patch = 0;
    }
}

/* The sums of four channels over a window, wherever that is read. */
MCUCC_INLINE const uint32_t *mcucc_conv_quad_dsp(const mcucc_conv_dsp_t *p,
                                                 const int8_t *const *rows, int32_t column,
                                                 int inside, const int8_t *patch, int32_t kh,
                                                 int32_t kw, int32_t dilation, int32_t multiple,
                                                   const uint32_t *w,
                                                 mcucc_quad_t *sums)
{
    const int32_t size = 4 * (((kh * kw * p->in_c) + 3) / 4);
    if (multiple > 1) {
        return mcucc_conv_window_dsp(p, rows, column, inside, kh, kw, dilation, multiple, w,
                                     sums);
    }
    return mcucc_quad_run(sums, patch, &patch[size], w, 4);
}

/* Output pixels x_begin .. x_end - 1 of one row.
 *   rows     kh pointers to input rows; rows of vertical padding hold zero points
 *   out      output pixel x_begin; the next one lies out_stride bytes further
 *   scratch  the bytes of a window, rounded up to 4; NULL where `multiple` is not 1
 *   multiple what the input channels are a multiple of: 1, 4 or 8
 */
MCUCC_INLINE void mcucc_conv_dsp(const mcucc_conv_dsp_t *layer, const int8_t *const *rows,
                                 int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                 void *scratch, int32_t kh, int32_t kw, int32_t stride,
                                 int32_t dilation, int32_t multiple, mcucc_requant_class_t kind,
                                 int clamps)
{
    const mcucc_conv_dsp_t p = *layer;
    const int32_t rest = p.out_c & 3;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p.pad_left;
        const int inside = (dilation == 1) && (column >= 0) && (column + kw <= p.in_w);
        const mcucc_channel_dsp_t *ch = p.channels;
        const uint32_t *w = p.weights;
        int8_t *to = out;
        if (multiple == 1) {
            mcucc_conv_patch_dsp(&p, rows, column, inside, kh, kw, dilation, scratch);
        }
        for (; to != &out[p.out_c - rest]; ch += 4, to += 4) {
            mcucc_quad_t sums = mcucc_quad_begin(ch);
            w = mcucc_conv_quad_dsp(&p, rows, column, inside, scratch, kh, kw, dilation,
                                    multiple, w, &sums);
            mcucc_quad_end(&sums, ch, &p.output, to, kind, clamps);
        }
        if (rest != 0) {
            mcucc_quad_t sums = mcucc_quad_begin(ch);
            (void)mcucc_conv_quad_dsp(&p, rows, column, inside, scratch, kh, kw, dilation,
                                      multiple, w, &sums);
            mcucc_quad_end_some(&sums, ch, rest, &p.output, to, kind, clamps);
        }
    }
}

/* The windows of two pixels, widened; their first columns are a and b. */
MCUCC_INLINE const uint32_t *mcucc_conv_widen_dsp(const mcucc_conv_dsp_t *p,
                                                  const int8_t *const *rows, int32_t a, int32_t b,
                                                  uint32_t *panel, int32_t kh, int32_t kw,
                                                  int32_t dilation, int32_t multiple)
{
    const int32_t in_c = p->in_c;
    const int inside = (dilation == 1) && (a >= 0) && (b + kw <= p->in_w);
    for (int32_t ky = 0; ky < kh; ky++) {
        if (inside) {
            panel = mcucc_widen(panel, &rows[ky][a * in_c], &rows[ky][b * in_c], kw * in_c,
                                multiple);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int8_t *const x = mcucc_conv_pixel_dsp(p, rows[ky], a + (kx * dilation));
            const int8_t *const y = mcucc_conv_pixel_dsp(p, rows[ky], b + (kx * dilation));
            panel = mcucc_widen(panel, x, y, in_c, multiple);
        }
    }
    return panel;
}

/* The same by way of patches behind the panel, for channels that are no whole fours. */
MCUCC_INLINE const uint32_t *mcucc_conv_widen_odd_dsp(const mcucc_conv_dsp_t *p,
                                                      const int8_t *const *rows, int32_t a,
                                                      int32_t b, uint32_t *panel, int32_t kh,
                                                      int32_t kw, int32_t dilation)
{
    const int32_t size = 4 * (((kh * kw * p->in_c) + 3) / 4);
    int8_t *const first = (int8_t *)&panel[size];
    int8_t *const second = &first[size];
    const int a_inside = (dilation == 1) && (a >= 0) && (a + kw <= p->in_w);
    const int b_inside = (dilation == 1) && (b >= 0) && (b + kw <= p->in_w);
    mcucc_conv_patch_dsp(p, rows, a, a_inside, kh, kw, dilation, first);
    mcucc_conv_patch_dsp(p, rows, b, b_inside, kh, kw, dilation, second);
    return mcucc_widen(panel, first, second, size, 4);
}

/* The same, two pixels at a time.
 *   scratch  16 bytes for every four inputs of a window; where `multiple` is 1, 24
 */
MCUCC_INLINE void mcucc_conv_pairs_dsp(const mcucc_conv_dsp_t *layer, const int8_t *const *rows,
                                       int32_t x_begin, int32_t x_end, int8_t *out,
                                       int32_t out_stride, void *scratch, int32_t kh, int32_t kw,
                                       int32_t stride, int32_t dilation, int32_t multiple,
                                       mcucc_requant_class_t kind, int clamps)
{
    const mcucc_conv_dsp_t p = *layer;
    const mcucc_panel_layer_t made = {p.out_c, p.output, p.weights, p.channels};
    uint32_t *const panel = scratch;
    for (int32_t x = x_begin; x < x_end; x += 2) {
        const int32_t next = (x + 1 < x_end) ? 1 : 0;
        const int32_t a = (x * stride) - p.pad_left;
        const int32_t b = a + (next * stride);
        const uint32_t *const end =
            (multiple == 1)
                ? mcucc_conv_widen_odd_dsp(&p, rows, a, b, panel, kh, kw, dilation)
                : mcucc_conv_widen_dsp(&p, rows, a, b, panel, kh, kw, dilation, multiple);
        mcucc_panel_end(&made, panel, end, out, &out[next * out_stride],
                        (multiple == 8) ? 8 : 4, kind, clamps);
        out += 2 * out_stride;
    }
}

#endif
