/* Depthwise convolution with the DSP extension, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * For each pixel the pointers to its taps are gathered first, those in the padding too, so that all
 * windows are alike. Two taps of a channel then stand in one word, and SMLAD adds both products:
 * for two taps of four channels 16 instructions, where mcucc_depthwise_dsp.h takes 18 and more.
 * What four channels need stands in one stream of words, in the order in which it is read. */
#ifndef MCUCC_DEPTHWISE_GATHER_DSP_H
#define MCUCC_DEPTHWISE_GATHER_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_gather.h"
#include "mcucc_requantize_dsp.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel, at least 4 */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    /* [ceil(in_c / 4)]: four biases; of each two taps the channels 0 to 3, 16 bits each; their
     * shifts as bytes of a word; four multipliers. The last four channels stand together, even if
     * some of them were in the fours before. */
    const uint32_t *weights;
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_depthwise_gather_dsp_t;

/* A pixel. The assembly knows the order of the members. */
typedef struct {
    const int8_t *const *taps; /* of channel 0, behind them two that are NULL */
    const uint32_t *stream;
    const uint32_t *stream_end;
    int32_t last; /* how many channels lie before the last four */
    int8_t *out;
    int32_t zero_point;
} mcucc_gathered_t;

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(MCUCC_KEEP_R9)
#define MCUCC_GATHER_ASSEMBLY
#define MCUCC_GATHER_PUSHED 24 /* bytes that it pushes, of which compilers know nothing */

/* The sums of four channels r4 to r7, their first channel r3, two taps r8 and r9, their weights r1,
 * r11, r12 and lr. On the stack taps, stream_end, last, out and zero_point. r7 may be the frame
 * pointer, which must not be named as clobbered: it is saved. */
#define MCUCC_GATHER_PAIR                                                                      \
    "ldr r8, [r8, r3]\n\tldr r9, [r9, r3]\n\tldm r2!, {r1, r11, r12, lr}\n\t"                  \
    "pkhbt r10, r8, r9, lsl #16\n\tpkhtb r9, r9, r8, asr #16\n\t"                              \
    "sxtb16 r8, r10\n\tsxtb16 r10, r10, ror #8\n\t"                                            \
    "smlad r4, r8, r1, r4\n\tsmlad r5, r10, r11, r5\n\t"                                       \
    "sxtb16 r8, r9\n\tsxtb16 r9, r9, ror #8\n\t"                                               \
    "smlad r6, r8, r12, r6\n\tsmlad r7, r9, lr, r7\n\t"                                        \
    "ldrd r8, r9, [r0], #8\n\tcmp r8, #0\n\t"

MCUCC_ONCE void mcucc_gathered_pixel(const mcucc_gathered_t *pixel)
{
    mcucc_need_r9();
    register const mcucc_gathered_t *state __asm__("r0") = pixel;
    __asm__ volatile("push {r7}\n\tldm r0, {r1-r6}\n\tpush {r1, r3-r6}\n\tmovs r3, #0\n\t"
                     "mov r0, r1\n"
                     "1:\n\t" /* four channels */
                     "ldm r2!, {r4-r7}\n\tldrd r8, r9, [r0], #8\n"
                     "2:\n\t" MCUCC_GATHER_PAIR "beq 3f\n\t" MCUCC_GATHER_PAIR "bne 2b\n"
                     "3:\n\t"
                     "ldm r2!, {r1, r8-r11}\n\tldrd r0, r12, [sp, #12]\n\tadd r0, r0, r3\n\t"
                     MCUCC_SCALE("r4", "r8", "r1", "r12") "lsrs r1, r1, #8\n\t"
                     MCUCC_SCALE("r5", "r9", "r1", "r12") "lsrs r1, r1, #8\n\t"
                     MCUCC_SCALE("r6", "r10", "r1", "r12") "lsrs r1, r1, #8\n\t"
                     MCUCC_SCALE("r7", "r11", "r1", "r12")
                     "strb r4, [r0]\n\tstrb r5, [r0, #1]\n\tstrb r6, [r0, #2]\n\t"
                     "strb r7, [r0, #3]\n\tldm sp, {r0, r1, r12}\n\t"
                     "adds r3, r3, #4\n\tcmp r3, r12\n\tit gt\n\tmovgt r3, r12\n\t"
                     "cmp r2, r1\n\tbne 1b\n\t"
                     "add sp, #20\n\tpop {r7}"
                     : "+r"(state)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                       "cc", "memory");
}
#endif

/* Two taps of four channels from c on. */
MCUCC_INLINE void mcucc_gathered_add(int32_t sums[4], const int8_t *const *tap, int32_t c,
                                     const uint32_t *w)
{
    const uint32_t x = mcucc_load4(&tap[0][c]);
    const uint32_t y = mcucc_load4(&tap[1][c]);
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t low;
    uint32_t high;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(low) : "r"(x), "r"(y));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(high) : "r"(x), "r"(y));
#else
    const uint32_t low = (x & 0xFFFFU) | (y << 16);
    const uint32_t high = (x >> 16) | (y & 0xFFFF0000U);
#endif
    sums[0] = mcucc_smlad(mcucc_sxtb16(low), w[0], sums[0]);
    sums[1] = mcucc_smlad(mcucc_sxtb16_ror8(low), w[1], sums[1]);
    sums[2] = mcucc_smlad(mcucc_sxtb16(high), w[2], sums[2]);
    sums[3] = mcucc_smlad(mcucc_sxtb16_ror8(high), w[3], sums[3]);
}

/* The same for any class and activation. */
MCUCC_INLINE void mcucc_gathered_any(const mcucc_gathered_t *pixel, const mcucc_output_t *output,
                                     mcucc_requant_class_t kind, int clamps)
{
    const uint32_t *w = pixel->stream;
    for (int32_t c = 0; w != pixel->stream_end; c += 4) {
        const int32_t begin = (c < pixel->last) ? c : pixel->last;
        int32_t sums[4] = {(int32_t)w[0], (int32_t)w[1], (int32_t)w[2], (int32_t)w[3]};
        w += 4;
        for (const int8_t *const *tap = pixel->taps; *tap != NULL; tap += 2, w += 4) {
            mcucc_gathered_add(sums, tap, begin, w);
        }
        for (int32_t i = 0; i < 4; i++) {
            const int32_t shift = (int8_t)(w[0] >> (8 * i));
            const mcucc_channel_dsp_t channel = {0, (int32_t)w[1 + i], shift};
            pixel->out[begin + i] = mcucc_requantize_dsp(sums[i], &channel, output, kind, clamps);
        }
        w += 5;
    }
}

/* Pointers to the first channel of each tap of the window from `column` on; the last one twice if
 * their number is odd, for a weight of 0; and the end. */
MCUCC_INLINE void mcucc_gather(const mcucc_depthwise_gather_dsp_t *p, const int8_t *const *rows,
                               int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                               const int8_t **taps)
{
    taps = mcucc_gather_taps(rows, p->in_w, p->in_c, p->pad, column, kh, kw, dilation, taps);
    if (((kh * kw) % 2) != 0) {
        taps[0] = taps[-1];
        taps++;
    }
    taps[0] = NULL;
    taps[1] = NULL;
}

/* A run of pixels; `taps` has room for all pointers. */
MCUCC_INLINE void mcucc_gather_run(const mcucc_depthwise_gather_dsp_t *p, const int8_t *const *rows,
                                   int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                   int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                   mcucc_requant_class_t kind, int clamps, const int8_t **taps)
{
    const int32_t words = (9 + (4 * (((kh * kw) + 1) / 2))) * ((p->in_c + 3) / 4);
    mcucc_gathered_t pixel = {taps, p->weights, &p->weights[words], p->in_c - 4, out,
                              p->output.zero_point};
    for (int32_t x = x_begin; x < x_end; x++, pixel.out += out_stride) {
        mcucc_gather(p, rows, (x * stride) - p->pad_left, kh, kw, dilation, taps);
#if defined(MCUCC_GATHER_ASSEMBLY)
        if ((kind == MCUCC_FAST) && !clamps) {
            mcucc_gathered_pixel(&pixel);
            continue;
        }
#endif
        mcucc_gathered_any(&pixel, &p->output, kind, clamps);
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise_dsp. */
MCUCC_INLINE void mcucc_depthwise_gather_dsp(const mcucc_depthwise_gather_dsp_t *p,
                                             const int8_t *const *rows, int32_t x_begin,
                                             int32_t x_end, int8_t *out, int32_t out_stride,
                                             int32_t kh, int32_t kw, int32_t stride,
                                             int32_t dilation, mcucc_requant_class_t kind,
                                             int clamps)
{
    const int32_t pointers = (2 * (((kh * kw) + 1) / 2)) + 2;
    if (pointers <= MCUCC_FEW_GATHERED) {
        const int8_t *few[MCUCC_FEW_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation, kind,
                         clamps, few);
    } else if (pointers <= MCUCC_SOME_GATHERED) {
        const int8_t *some[MCUCC_SOME_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation, kind,
                         clamps, some);
    } else {
        const int8_t *taps[MCUCC_MOST_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation, kind,
                         clamps, taps);
    }
}

#endif
