/* 1x1 convolution with stride 1 with the DSP extension, two pixels at a time, all channels in one
 * loop. Meaning: reference/conv.py, `conv2d`.
 *
 * As mcucc_pointwise_pairs_dsp, but what a pair of channels needs stands in one stream of words, in
 * the order in which it is read: the bias of the even channel and that of both, their weights, and
 * multiplier and shift of either. With 8 inputs gcc spends more instructions around the products
 * than on them; here nothing leaves the registers but two words a pair. */
#ifndef MCUCC_POINTWISE_STREAM_DSP_H
#define MCUCC_POINTWISE_STREAM_DSP_H

#include "mcucc_panel_dsp.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;   /* without an activation that narrows it */
    const uint32_t *weights; /* [ceil(out_c / 2)], each a stream as above */
} mcucc_pointwise_stream_dsp_t;

/* Where two pixels stand. The assembly knows the order of the members. */
typedef struct {
    const uint32_t *panel;
    const uint32_t *panel_end;
    const uint32_t *stream;
    int8_t *a; /* the next output of either pixel */
    int8_t *b;
    int32_t zero_point;
    const uint32_t *stream_end;
} mcucc_stream_state_t;

/* One pair of channels; only the even one, if it is the last. Returns the stream behind it. */
MCUCC_INLINE const uint32_t *mcucc_stream_pair(const mcucc_stream_state_t *s, int both)
{
    const uint32_t *w = &s->stream[2];
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    mcucc_panel_sums_t sums = {(int32_t)s->stream[1], (int32_t)s->stream[0],
                               (int32_t)s->stream[1], (int32_t)s->stream[0]};
    for (const uint32_t *x = s->panel; x != s->panel_end; x += 2, w++) {
        const uint32_t even = mcucc_sxtb16(*w);
        sums.both_a = mcucc_smlad(*w, x[0], sums.both_a);
        sums.both_b = mcucc_smlad(*w, x[1], sums.both_b);
        sums.even_a = mcucc_smlad(even, x[0], sums.even_a);
        sums.even_b = mcucc_smlad(even, x[1], sums.even_b);
    }
    const mcucc_channel_dsp_t first = {0, (int32_t)w[0], (int32_t)w[1]};
    const mcucc_channel_dsp_t second = {0, (int32_t)w[2], (int32_t)w[3]};
    s->a[0] = mcucc_requantize_dsp(sums.even_a, &first, &output, MCUCC_FAST, 0);
    s->b[0] = mcucc_requantize_dsp(sums.even_b, &first, &output, MCUCC_FAST, 0);
    if (both) {
        const int32_t odd_a = mcucc_quad_odd(sums.both_a, sums.even_a);
        const int32_t odd_b = mcucc_quad_odd(sums.both_b, sums.even_b);
        s->a[1] = mcucc_requantize_dsp(odd_a, &second, &output, MCUCC_FAST, 0);
        s->b[1] = mcucc_requantize_dsp(odd_b, &second, &output, MCUCC_FAST, 0);
    }
    return &w[4];
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(MCUCC_KEEP_R9)
#define MCUCC_STREAM_ASSEMBLY
#define MCUCC_STREAM_PUSHED 12 /* bytes that it pushes, of which compilers know nothing */

/* One copy for all layers: gcc would make one for the numbers of each. */
#if defined(__clang__)
#define MCUCC_STREAM_ONCE static __attribute__((noinline, unused))
#else
#define MCUCC_STREAM_ONCE static __attribute__((noinline, noclone, unused))
#endif

/* The sums r5 and r6 over both channels of either pixel, r7 and r8 over the even one; r9 and r10
 * inputs of either pixel, r11 and r12 weights. Two inputs in the first line, four in a step; in the
 * first step the sums begin with the biases r8 and r6. */
#define MCUCC_STREAM_HALF(w)                                                                   \
    "smlad r5, " w ", r9, r5\n\tsmlad r6, " w ", r10, r6\n\tsxtb16 " w ", " w "\n\t"            \
    "smlad r7, " w ", r9, r7\n\tsmlad r8, " w ", r10, r8\n\t"
#define MCUCC_STREAM_LOADS "ldrd r9, r10, [r0], #8\n\tldrd r11, r12, [r2], #8\n\t"
#define MCUCC_STREAM_REST "ldrd r9, r10, [r0], #8\n\t" MCUCC_STREAM_HALF("r12")
#define MCUCC_STREAM_STEP MCUCC_STREAM_LOADS MCUCC_STREAM_HALF("r11") MCUCC_STREAM_REST
#define MCUCC_STREAM_FIRST                                                                     \
    "ldrd r8, r6, [r2], #8\n\t" MCUCC_STREAM_LOADS "smlad r5, r11, r9, r6\n\t"                  \
    "smlad r6, r11, r10, r6\n\tsxtb16 r11, r11\n\tsmlad r7, r11, r9, r8\n\t"                    \
    "smlad r8, r11, r10, r8\n\t" MCUCC_STREAM_REST

/* A sum to an output, by the multiplier r9, the shift r10 and the zero point lr. Where the lowest
 * output is the zero point, sums below 0 end there, and `less` need not take off their sign. */
#define MCUCC_STREAM_LESS(sum) "add " sum ", " sum ", " sum ", asr #31\n\t"
#define MCUCC_STREAM_SAME(sum)
#define MCUCC_STREAM_SCALE(sum, less)                                                          \
    "smmlar " sum ", " sum ", r9, " sum "\n\t" less(sum) "asrs " sum ", r10\n\t"                \
    "adc " sum ", " sum ", lr\n\tssat " sum ", #8, " sum "\n\t"

/* r7 may be the frame pointer, which must not be named as clobbered: it is saved. */
#define MCUCC_STREAM_LOOP(first, steps, less)                                                  \
    __asm__ volatile("ldr r12, [r0]\n\tldr lr, [r0, #24]\n\tpush {r7, r12, lr}\n\t"             \
                     "ldr lr, [r0, #20]\n\tldmia r0, {r0-r4}\n"                                 \
                     "1:\n\t" first "cmp r0, r1\n\tbeq 3f\n"                                    \
                     "2:\n\t" steps "cmp r0, r1\n\tbne 2b\n"                                    \
                     "3:\n\t"                                                                  \
                     "subs r5, r5, r7\n\tsubs r6, r6, r8\n\tldrd r9, r10, [r2], #8\n\t"         \
                     MCUCC_STREAM_SCALE("r7", less) MCUCC_STREAM_SCALE("r8", less)             \
                     "strb r7, [r3], #1\n\tstrb r8, [r4], #1\n\tldrd r9, r10, [r2], #8\n\t"     \
                     "asrs r5, r5, #8\n\tasrs r6, r6, #8\n\t"                                   \
                     MCUCC_STREAM_SCALE("r5", less) MCUCC_STREAM_SCALE("r6", less)             \
                     "strb r5, [r3], #1\n\tstrb r6, [r4], #1\n\t"                               \
                     "ldrd r0, r5, [sp, #4]\n\tcmp r2, r5\n\tbne 1b\n\tpop {r7, r12, lr}"       \
                     : "+r"(state)                                                             \
                     :                                                                         \
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12",    \
                       "lr", "cc", "memory")

/* Whole pairs of channels, from `stream` to `stream_end`: of inputs by eights, and by fours. */
MCUCC_STREAM_ONCE void mcucc_stream_by_eights(mcucc_stream_state_t *s)
{
    mcucc_need_r9();
    register mcucc_stream_state_t *state __asm__("r0") = s;
    if (s->zero_point == INT8_MIN) {
        MCUCC_STREAM_LOOP(MCUCC_STREAM_FIRST MCUCC_STREAM_STEP,
                          MCUCC_STREAM_STEP MCUCC_STREAM_STEP, MCUCC_STREAM_SAME);
    } else {
        MCUCC_STREAM_LOOP(MCUCC_STREAM_FIRST MCUCC_STREAM_STEP,
                          MCUCC_STREAM_STEP MCUCC_STREAM_STEP, MCUCC_STREAM_LESS);
    }
}

MCUCC_STREAM_ONCE void mcucc_stream_by_fours(mcucc_stream_state_t *s)
{
    mcucc_need_r9();
    register mcucc_stream_state_t *state __asm__("r0") = s;
    if (s->zero_point == INT8_MIN) {
        MCUCC_STREAM_LOOP(MCUCC_STREAM_FIRST, MCUCC_STREAM_STEP, MCUCC_STREAM_SAME);
    } else {
        MCUCC_STREAM_LOOP(MCUCC_STREAM_FIRST, MCUCC_STREAM_STEP, MCUCC_STREAM_LESS);
    }
}
#endif

/* All channels of two pixels; a and b may be the same pixel. */
MCUCC_INLINE void mcucc_stream_end(const mcucc_pointwise_stream_dsp_t *p, const uint32_t *panel,
                                   const uint32_t *end, int8_t *a, int8_t *b, int32_t multiple)
{
    const int32_t pairs = p->out_c / 2;
    const int32_t words = 6 + (int32_t)((end - panel) / 2); /* of a pair */
    mcucc_stream_state_t s = {panel, end, p->weights, a, b, p->output.zero_point,
                              &p->weights[pairs * words]};
#if defined(MCUCC_STREAM_ASSEMBLY)
    if (pairs != 0) {
        if (multiple == 8) {
            mcucc_stream_by_eights(&s);
        } else {
            mcucc_stream_by_fours(&s);
        }
    }
#else
    (void)multiple;
    while (s.stream != s.stream_end) {
        s.stream = mcucc_stream_pair(&s, 1);
        s.a += 2;
        s.b += 2;
    }
#endif
    if ((p->out_c % 2) != 0) {
        s.stream = s.stream_end;
        s.a = &a[p->out_c - 1];
        s.b = &b[p->out_c - 1];
        (void)mcucc_stream_pair(&s, 0);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]; arguments as for mcucc_pointwise_pairs_dsp, of the class
 * fast and without `clamps`. */
MCUCC_INLINE void mcucc_pointwise_pairs_stream_dsp(const mcucc_pointwise_stream_dsp_t *p,
                                                   const int8_t *const *rows, int32_t x_begin,
                                                   int32_t x_end, int8_t *out, int32_t out_stride,
                                                   void *scratch, int32_t multiple,
                                                   mcucc_requant_class_t kind, int clamps)
{
    const int32_t in_c = p->in_c;
    uint32_t *const panel = scratch;
    const int8_t *a = &rows[0][x_begin * in_c];
    (void)kind;
    (void)clamps;
    for (int32_t left = x_end - x_begin; left > 0; left -= 2) {
        const int32_t next = (left > 1) ? 1 : 0;
        const uint32_t *const end = mcucc_widen(panel, a, &a[next * in_c], in_c, multiple);
        mcucc_stream_end(p, panel, end, out, &out[next * out_stride], multiple);
        a += 2 * in_c;
        out += 2 * out_stride;
    }
}

#endif
