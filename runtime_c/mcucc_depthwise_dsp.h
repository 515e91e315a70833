/* Depthwise convolution with the DSP extension, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_DSP_H
#define MCUCC_DEPTHWISE_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    /* [ceil(in_c / 4)][kh][kw][2]: 16 bits each, the channels 0 and 2, then 1 and 3 */
    const uint32_t *weights;
    const mcucc_channel_t *channels; /* [in_c] */
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
} mcucc_bytes_t;

/* A tap of four channels; of the last channels only `count` may be read. Returns the weights of the
 * next tap. By hand on Arm, for gcc reads far ahead and then runs out of registers. */
MCUCC_INLINE const uint32_t *mcucc_lanes_add(mcucc_lanes_t *sums, const int8_t *from, int32_t count,
                                             const uint32_t *w)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t x;
    uint32_t even;
    uint32_t first;
    uint32_t second;
    if (count >= 4) {
        const mcucc_bytes_t *const bytes = (const mcucc_bytes_t *)from;
        __asm__ volatile("ldr %0, %1" : "=r"(x) : "m"(*bytes));
    } else {
        x = mcucc_load_some(from, count);
    }
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
                     : "m"(*(const uint32_t(*)[2])w));
    return w;
#else
    const uint32_t x = (count >= 4) ? mcucc_load4(from) : mcucc_load_some(from, count);
    const uint32_t even = mcucc_sxtb16(x);
    const uint32_t odd = mcucc_sxtb16_ror8(x);
    sums->c0 = mcucc_smlabb(even, w[0], sums->c0);
    sums->c1 = mcucc_smlabb(odd, w[1], sums->c1);
    sums->c2 = mcucc_smlatt(even, w[0], sums->c2);
    sums->c3 = mcucc_smlatt(odd, w[1], sums->c3);
    return &w[2];
#endif
}

/* A window of `count` channels from channel c on, 4 or fewer. `inside` says that no tap lies in
 * the padding. */
MCUCC_INLINE mcucc_lanes_t mcucc_depthwise_window_dsp(const mcucc_depthwise_dsp_t *p,
                                                      const int8_t *const *rows, int32_t column,
                                                      int inside, int32_t c, int32_t count,
                                                      int32_t kh, int32_t kw, int32_t dilation,
                                                      const uint32_t *w)
{
    const mcucc_channel_t *const ch = &p->channels[c];
    mcucc_lanes_t sums = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
    const int32_t step = dilation * p->in_c;
    const int32_t first = (column * p->in_c) + c;
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t at = first;
        int32_t x = column;
        for (int32_t kx = 0; kx < kw; kx++, at += step, x += dilation) {
            const int padded = !inside && ((x < 0) || (x >= p->in_w));
            const int8_t *const from = padded ? &p->pad[c] : &rows[ky][at];
            w = mcucc_lanes_add(&sums, from, count, w);
        }
    }
    return sums;
}

MCUCC_INLINE void mcucc_depthwise_pixel_dsp(const mcucc_depthwise_dsp_t *p,
                                            const int8_t *const *rows, int32_t column, int inside,
                                            int8_t *out, int32_t kh, int32_t kw, int32_t dilation,
                                            mcucc_requant_class_t kind, int clamps)
{
    const int32_t rest = p->in_c & 3;
    const int32_t taps = 2 * kh * kw; /* words */
    const mcucc_channel_t *ch = p->channels;
    const uint32_t *w = p->weights;
    int32_t c = 0;
    for (; c != p->in_c - rest; c += 4, ch += 4, w += taps) {
        const mcucc_lanes_t sums =
            mcucc_depthwise_window_dsp(p, rows, column, inside, c, 4, kh, kw, dilation, w);
        out[c] = mcucc_requantize_to(sums.c0, &ch[0], &p->output, kind, clamps);
        out[c + 1] = mcucc_requantize_to(sums.c1, &ch[1], &p->output, kind, clamps);
        out[c + 2] = mcucc_requantize_to(sums.c2, &ch[2], &p->output, kind, clamps);
        out[c + 3] = mcucc_requantize_to(sums.c3, &ch[3], &p->output, kind, clamps);
    }
    if (rest != 0) {
        const mcucc_lanes_t sums =
            mcucc_depthwise_window_dsp(p, rows, column, inside, c, rest, kh, kw, dilation, w);
        const int32_t acc[3] = {sums.c0, sums.c1, sums.c2};
        for (int32_t i = 0; i < rest; i++) {
            out[c + i] = mcucc_requantize_to(acc[i], &ch[i], &p->output, kind, clamps);
        }
    }
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
        if ((column >= 0) && (column + span <= p.in_w)) {
            mcucc_depthwise_pixel_dsp(&p, rows, column, 1, out, kh, kw, dilation, kind, clamps);
        } else {
            mcucc_depthwise_pixel_dsp(&p, rows, column, 0, out, kh, kw, dilation, kind, clamps);
        }
    }
}

#endif
