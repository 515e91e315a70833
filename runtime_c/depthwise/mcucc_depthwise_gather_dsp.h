/* Depthwise convolution with the DSP extension for windows of many taps, one run of output pixels
 * of one row. Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * For each pixel the pointers to its taps are gathered first, those in the padding too, so that all
 * windows are alike. Two taps of a channel then stand in one word, and SMLAD adds both products:
 * for two taps of four channels 15 instructions, where mcucc_depthwise_dsp.h takes 18 and more. */
#ifndef MCUCC_DEPTHWISE_GATHER_DSP_H
#define MCUCC_DEPTHWISE_GATHER_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize_dsp.h"

#define MCUCC_MOST_GATHERED 50 /* taps, with one more where their number is odd */

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel, at least 4 */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    /* [ceil(in_c / 4)][ceil(kh * kw / 2)][4]: the channels 0 to 3 of two taps, 16 bits each. The
     * last four channels stand together, even if some of them were in the fours before. */
    const uint32_t *weights;
    const mcucc_channel_dsp_t *channels; /* [in_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_depthwise_gather_dsp_t;

/* The sums of four channels. */
typedef struct {
    int32_t c0;
    int32_t c1;
    int32_t c2;
    int32_t c3;
} mcucc_gathered_t;

/* Two taps of four channels; moves on to the next two and their weights. */
MCUCC_INLINE void mcucc_gathered_add(mcucc_gathered_t *sums, const int8_t *const **tap, int32_t c,
                                     const uint32_t **w)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t x;
    uint32_t y;
    uint32_t low;
    uint32_t first;
    uint32_t second;
    __asm__ volatile("ldrd %[x], %[y], [%[tap]], #8\n\t"
                     "ldr %[x], [%[x], %[c]]\n\t"
                     "ldr %[y], [%[y], %[c]]\n\t"
                     "ldrd %[first], %[second], [%[w]], #8\n\t"
                     "pkhbt %[low], %[x], %[y], lsl #16\n\t"
                     "pkhtb %[y], %[y], %[x], asr #16\n\t"
                     "sxtb16 %[x], %[low]\n\t"
                     "sxtb16 %[low], %[low], ror #8\n\t"
                     "smlad %[c0], %[x], %[first], %[c0]\n\t"
                     "smlad %[c1], %[low], %[second], %[c1]\n\t"
                     "ldrd %[first], %[second], [%[w]], #8\n\t"
                     "sxtb16 %[x], %[y]\n\t"
                     "sxtb16 %[y], %[y], ror #8\n\t"
                     "smlad %[c2], %[x], %[first], %[c2]\n\t"
                     "smlad %[c3], %[y], %[second], %[c3]"
                     : [tap] "+r"(*tap), [w] "+r"(*w), [c0] "+r"(sums->c0), [c1] "+r"(sums->c1),
                       [c2] "+r"(sums->c2), [c3] "+r"(sums->c3), [x] "=&r"(x), [y] "=&r"(y),
                       [low] "=&r"(low), [first] "=&r"(first), [second] "=&r"(second)
                     : [c] "r"(c)
                     : "memory");
#else
    const uint32_t x = mcucc_load4(&(*tap)[0][c]);
    const uint32_t y = mcucc_load4(&(*tap)[1][c]);
    const uint32_t low = (x & 0xFFFFU) | (y << 16);
    const uint32_t high = (x >> 16) | (y & 0xFFFF0000U);
    sums->c0 = mcucc_smlad(mcucc_sxtb16(low), (*w)[0], sums->c0);
    sums->c1 = mcucc_smlad(mcucc_sxtb16_ror8(low), (*w)[1], sums->c1);
    sums->c2 = mcucc_smlad(mcucc_sxtb16(high), (*w)[2], sums->c2);
    sums->c3 = mcucc_smlad(mcucc_sxtb16_ror8(high), (*w)[3], sums->c3);
    *tap += 2;
    *w += 4;
#endif
}

/* Pointers to the first channel of each tap of the window from `column` on; the last one twice if
 * their number is odd, for a weight of 0. */
MCUCC_INLINE void mcucc_gather(const mcucc_depthwise_gather_dsp_t *p, const int8_t *const *rows,
                               int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                               const int8_t **taps)
{
    const int inside = (column >= 0) && (column + ((kw - 1) * dilation) < p->in_w);
    const int32_t step = dilation * p->in_c;
    int32_t count = 0;
    MCUCC_NO_UNROLL
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t at = column * p->in_c;
        for (int32_t kx = 0; kx < kw; kx++, at += step) {
            const int32_t x = column + (kx * dilation);
            taps[count] = (inside || ((x >= 0) && (x < p->in_w))) ? &rows[ky][at] : p->pad;
            count++;
        }
    }
    if (((kh * kw) % 2) != 0) {
        taps[count] = taps[count - 1];
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise_dsp. */
MCUCC_INLINE void mcucc_depthwise_gather_dsp(const mcucc_depthwise_gather_dsp_t *layer,
                                             const int8_t *const *rows, int32_t x_begin,
                                             int32_t x_end, int8_t *out, int32_t out_stride,
                                             int32_t kh, int32_t kw, int32_t stride,
                                             int32_t dilation, mcucc_requant_class_t kind,
                                             int clamps)
{
    const mcucc_depthwise_gather_dsp_t p = *layer;
    const int8_t *taps[MCUCC_MOST_GATHERED];
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const uint32_t *w = p.weights;
        const mcucc_channel_dsp_t *ch = p.channels;
        mcucc_gather(&p, rows, (x * stride) - p.pad_left, kh, kw, dilation, taps);
        int32_t c = 0;
        for (;;) {
            mcucc_gathered_t sums = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
            const int8_t *const *tap = taps;
            for (int32_t pair = 0; pair < ((kh * kw) + 1) / 2; pair++) {
                mcucc_gathered_add(&sums, &tap, c, &w);
            }
            out[c] = mcucc_requantize_dsp(sums.c0, &ch[0], &p.output, kind, clamps);
            out[c + 1] = mcucc_requantize_dsp(sums.c1, &ch[1], &p.output, kind, clamps);
            out[c + 2] = mcucc_requantize_dsp(sums.c2, &ch[2], &p.output, kind, clamps);
            out[c + 3] = mcucc_requantize_dsp(sums.c3, &ch[3], &p.output, kind, clamps);
            const int32_t left = p.in_c - c - 4;
            if (left == 0) {
                break;
            }
            const int32_t forward = (left < 4) ? left : 4;
            c += forward;
            ch += forward;
        }
    }
}

#endif
