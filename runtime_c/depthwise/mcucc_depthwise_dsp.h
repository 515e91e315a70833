/* Depthwise convolution with the DSP extension, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_DSP_H
#define MCUCC_DEPTHWISE_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize_dsp.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel, at least 4 */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    /* [ceil(in_c / 4)][kh][kw][2]: 16 bits each, the channels 0 and 2, then 1 and 3. The last four
     * channels stand together, even if some of them were in the fours before. */
    const uint32_t *weights;
    const mcucc_channel_dsp_t *channels; /* [in_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_depthwise_dsp_t;

/* The sums of four channels. */
typedef struct {
    int32_t c0;
    int32_t c1;
    int32_t c2;
    int32_t c3;
} mcucc_lanes_t;

/* Four bytes anywhere, as an operand of an instruction. */
typedef struct {
    int8_t bytes[4];
} mcucc_four_bytes_t;

/* Two words of weights, likewise. */
typedef struct {
    uint32_t words[2];
} mcucc_two_words_t;

/* A tap of four channels; returns the weights of the next tap. By hand on Arm, for gcc reads far
 * ahead and then runs out of registers. */
MCUCC_INLINE const uint32_t *mcucc_lanes_add(mcucc_lanes_t *sums, const int8_t *from,
                                             const uint32_t *w)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    const mcucc_four_bytes_t *const bytes = (const mcucc_four_bytes_t *)from;
    uint32_t x;
    uint32_t even;
    uint32_t first;
    uint32_t second;
    __asm__ volatile("ldr %0, %1" : "=r"(x) : "m"(*bytes));
    __asm__ volatile("ldrd %[first], %[second], [%[w]], #8\n\t"
                     "sxtb16 %[even], %[x]\n\t"
                     "sxtb16 %[x], %[x], ror #8\n\t"
                     "smlabb %[c0], %[even], %[first], %[c0]\n\t"
                     "smlatt %[c2], %[even], %[first], %[c2]\n\t"
                     "smlabb %[c1], %[x], %[second], %[c1]\n\t"
                     "smlatt %[c3], %[x], %[second], %[c3]"
                     : [x] "+r"(x), [w] "+r"(w), [c0] "+r"(sums->c0), [c1] "+r"(sums->c1),
                       [c2] "+r"(sums->c2), [c3] "+r"(sums->c3), [even] "=&r"(even),
                       [first] "=&r"(first), [second] "=&r"(second)
                     : "m"(*(const mcucc_two_words_t *)w));
    return w;
#else
    const uint32_t x = mcucc_load4(from);
    const uint32_t even = mcucc_sxtb16(x);
    const uint32_t odd = mcucc_sxtb16_ror8(x);
    sums->c0 = mcucc_smlabb(even, w[0], sums->c0);
    sums->c1 = mcucc_smlabb(odd, w[1], sums->c1);
    sums->c2 = mcucc_smlatt(even, w[0], sums->c2);
    sums->c3 = mcucc_smlatt(odd, w[1], sums->c3);
    return &w[2];
#endif
}

/* Taps in a row, `step` bytes apart. */
MCUCC_INLINE const uint32_t *mcucc_lanes_run(mcucc_lanes_t *sums, const int8_t *from, int32_t step,
                                             int32_t count, const uint32_t *w)
{
    MCUCC_NO_UNROLL
    for (; count > 0; count--, from += step) {
        w = mcucc_lanes_add(sums, from, w);
    }
    return w;
}

/* The taps of a window that lie in the map: the columns `begin` to `end` - 1 of it. */
typedef struct {
    int32_t column; /* of the window's first tap; may lie in the padding */
    int32_t begin;
    int32_t end;
} mcucc_depthwise_taps_t;

/* A window of four channels, all of whose taps lie in the map, the first one `at` bytes into a row.
 */
MCUCC_INLINE void mcucc_depthwise_inside_dsp(const int8_t *const *rows, int32_t at, int32_t step,
                                             int32_t kh, int32_t kw, const uint32_t *w,
                                             mcucc_lanes_t *sums)
{
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++) {
            w = mcucc_lanes_add(sums, &rows[ky][at + (kx * step)], w);
        }
    }
}

/* A window some of whose taps lie in the padding. */
MCUCC_INLINE void mcucc_depthwise_border_dsp(const int8_t *const *rows, int32_t at, int32_t step,
                                             mcucc_depthwise_taps_t taps, const int8_t *pad,
                                             int32_t kh, int32_t kw, const uint32_t *w,
                                             mcucc_lanes_t *sums)
{
    MCUCC_NO_UNROLL
    for (int32_t ky = 0; ky < kh; ky++) {
        w = mcucc_lanes_run(sums, pad, 0, taps.begin, w);
        if (taps.begin < taps.end) {
            const int8_t *const from = &rows[ky][at + (taps.begin * step)];
            w = mcucc_lanes_run(sums, from, step, taps.end - taps.begin, w);
        }
        w = mcucc_lanes_run(sums, pad, 0, kw - taps.end, w);
    }
}

/* One output pixel. If its channels are no whole fours, the last group are the last four of them,
 * some of which are made once more. */
MCUCC_INLINE void mcucc_depthwise_pixel_dsp(const mcucc_depthwise_dsp_t *p,
                                            const int8_t *const *rows, mcucc_depthwise_taps_t taps,
                                            int inside, int8_t *out, int32_t kh, int32_t kw,
                                            int32_t dilation, mcucc_requant_class_t kind,
                                            int clamps)
{
    const int32_t step = dilation * p->in_c;
    const int8_t *const end = &out[p->in_c];
    const mcucc_channel_dsp_t *ch = p->channels;
    const uint32_t *w = p->weights;
    const int8_t *pad = p->pad;
    int32_t at = taps.column * p->in_c;
    for (;;) {
        mcucc_lanes_t sums = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        if (inside) {
            mcucc_depthwise_inside_dsp(rows, at, step, kh, kw, w, &sums);
        } else {
            mcucc_depthwise_border_dsp(rows, at, step, taps, pad, kh, kw, w, &sums);
            pad += 4;
        }
        out[0] = mcucc_requantize_dsp(sums.c0, &ch[0], &p->output, kind, clamps);
        out[1] = mcucc_requantize_dsp(sums.c1, &ch[1], &p->output, kind, clamps);
        out[2] = mcucc_requantize_dsp(sums.c2, &ch[2], &p->output, kind, clamps);
        out[3] = mcucc_requantize_dsp(sums.c3, &ch[3], &p->output, kind, clamps);
        out += 4;
        if (out == end) {
            return;
        }
        const int32_t back = (end - out < 4) ? (4 - (int32_t)(end - out)) : 0;
        out -= back;
        at += 4 - back;
        ch += 4 - back;
        if (!inside) { /* else it may be NULL, which nothing is taken from, not even 0 */
            pad -= back;
        }
        w += 2 * kh * kw;
    }
}

/* How many of `taps` columns, `dilation` apart from `column` on, lie left of column `limit`. */
MCUCC_INLINE int32_t mcucc_depthwise_taps_before(int32_t column, int32_t limit, int32_t taps,
                                                 int32_t dilation)
{
    int32_t count = 0;
    while ((count < taps) && (column + (count * dilation) < limit)) {
        count++;
    }
    return count;
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_dsp. */
MCUCC_INLINE void mcucc_depthwise_dsp(const mcucc_depthwise_dsp_t *layer, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                      int32_t dilation, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_depthwise_dsp_t p = *layer;
    const int32_t span = ((kw - 1) * dilation) + 1;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p.pad_left;
        mcucc_depthwise_taps_t taps = {column, 0, kw};
        if ((column >= 0) && (column + span <= p.in_w)) {
            mcucc_depthwise_pixel_dsp(&p, rows, taps, 1, out, kh, kw, dilation, kind, clamps);
        } else {
            taps.begin = mcucc_depthwise_taps_before(column, 0, kw, dilation);
            taps.end = mcucc_depthwise_taps_before(column, p.in_w, kw, dilation);
            mcucc_depthwise_pixel_dsp(&p, rows, taps, 0, out, kh, kw, dilation, kind, clamps);
        }
    }
}

#endif
