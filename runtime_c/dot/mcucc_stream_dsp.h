/* Dot products of two pixels with all pairs of channels, one loop over them all, with the DSP
 * extension. The panel of inputs is that of mcucc_panel_dsp.h; what a pair of channels needs stands
 * in one stream of words, in the order in which it is read: the bias of the even channel and that
 * of both, their weights, multiplier and shift of the even channel, the multiplier of the odd one.
 * Both sums less the even one are 256 times the odd one, and so have a byte to spare: the odd
 * channel's shift, which the bias of both brings along. Arm shifts by the lowest byte of a register,
 * so that nothing need be taken apart. With few inputs gcc spends more instructions around the
 * products than on them; here nothing leaves the registers. */
#ifndef MCUCC_STREAM_DSP_H
#define MCUCC_STREAM_DSP_H

#include "mcucc_panel_dsp.h"

/* Where two pixels stand. The assembly knows the order of the members. */
typedef struct {
    const uint32_t *panel_end;
    const uint32_t *stream;
    int8_t *to;         /* the first pixel's next output */
    int32_t zero_point; /* of the outputs, without an activation that narrows them */
    int32_t second;     /* how far from the first pixel's outputs the second's lie */
    const uint32_t *panel;
    const uint32_t *stream_end;
    int32_t entry; /* where the assembly begins a turn, in bytes of code */
} mcucc_stream_state_t;

/* One pair of channels; only the even one, if it is the last. Returns the stream behind it. */
MCUCC_INLINE const uint32_t *mcucc_stream_pair(const mcucc_stream_state_t *s, int both)
{
    const uint32_t *w = &s->stream[2];
    int8_t *const to = s->to;
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
    to[0] = mcucc_requantize_dsp(sums.even_a, &first, &output, MCUCC_FAST, 0);
    to[s->second] = mcucc_requantize_dsp(sums.even_b, &first, &output, MCUCC_FAST, 0);
    if (both) {
        const int32_t odd_a = mcucc_quad_odd(sums.both_a, sums.even_a);
        const int32_t odd_b = mcucc_quad_odd(sums.both_b, sums.even_b);
        const mcucc_channel_dsp_t second = {0, (int32_t)w[2],
                                            mcucc_odd_shift(sums.both_a, sums.even_a)};
        to[1] = mcucc_requantize_dsp(odd_a, &second, &output, MCUCC_FAST, 0);
        to[s->second + 1] = mcucc_requantize_dsp(odd_b, &second, &output, MCUCC_FAST, 0);
    }
    return &w[3];
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(MCUCC_KEEP_R9)
#define MCUCC_STREAM_ASSEMBLY
#define MCUCC_STREAM_PUSHED 24 /* bytes that it pushes, of which compilers know nothing */

/* The sums r5 and r6 over both channels of either pixel, r7 and r8 over the even one; r9 to r12
 * inputs of both pixels, r3 and r4 weights. Two inputs in a half, four in a step, whose
 * instructions are all of four bytes; in the first step sums begin with the biases r8 and r6. */
#define MCUCC_STREAM_HALF(w, a, b)                                                             \
    "smlad r5, " w ", " a ", r5\n\tsmlad r6, " w ", " b ", r6\n\tsxtb16 " w ", " w "\n\t"        \
    "smlad r7, " w ", " a ", r7\n\tsmlad r8, " w ", " b ", r8\n\t"
#define MCUCC_STREAM_LOADS "ldm r0!, {r9-r12}\n\tldrd r3, r4, [r2], #8\n\t"
#define MCUCC_STREAM_REST MCUCC_STREAM_HALF("r4", "r11", "r12")
#define MCUCC_STREAM_STEP MCUCC_STREAM_LOADS MCUCC_STREAM_HALF("r3", "r9", "r10") MCUCC_STREAM_REST
#define MCUCC_STREAM_TWO MCUCC_STREAM_STEP MCUCC_STREAM_STEP
#define MCUCC_STREAM_STEP_BYTES (12 * 4)
#define MCUCC_STREAM_FIRST                                                                     \
    "ldrd r8, r6, [r2], #8\n\t" MCUCC_STREAM_LOADS "smlad r5, r3, r9, r6\n\t"                   \
    "smlad r6, r3, r10, r6\n\tsxtb16 r3, r3\n\tsmlad r7, r3, r9, r8\n\t"                       \
    "smlad r8, r3, r10, r8\n\t" MCUCC_STREAM_REST

/* Whole pairs of channels, from `stream` to `stream_end`. Four steps a turn; the first turn is
 * entered at `entry`, behind steps that are too many, or at its end. On the stack the members from
 * zero_point on. r7 may be the frame pointer, which must not be named as clobbered: it is saved. */
#define MCUCC_STREAM_LOOP(name, scale)                                                         \
    MCUCC_ONCE void name(mcucc_stream_state_t *s)                                       \
    {                                                                                          \
        mcucc_need_r9();                                                                       \
        register mcucc_stream_state_t *state __asm__("r0") = s;                                \
        __asm__ volatile("push {r7}\n\tldm r0, {r1, r2, r4-r9}\n\tadr.w r3, 2f + 1\n\t"         \
                         "add r9, r9, r3\n\tpush {r5-r9}\n\tmov lr, r4\n\tmov r0, r7\n"         \
                         "1:\n\t" MCUCC_STREAM_FIRST "ldr pc, [sp, #16]\n"                      \
                         "2:\n\t" MCUCC_STREAM_TWO MCUCC_STREAM_TWO                            \
                         "cmp r0, r1\n\tbne 2b\n\t"                                            \
                         "subs r5, r5, r7\n\tsubs r12, r6, r8\n\t"                             \
                         "ldm r2!, {r9-r11}\n\tldrd r3, r4, [sp]\n\t"                          \
                         scale("r7", "r9", "r10", "r3")                                        \
                         scale("r8", "r9", "r10", "r3")                                        \
                         "strb r8, [lr, r4]\n\tstrb r7, [lr], #1\n\t"                          \
                         "asrs r5, r5, #8\n\tasrs r6, r12, #8\n\t"                             \
                         scale("r5", "r11", "r12", "r3")                                       \
                         scale("r6", "r11", "r12", "r3")                                       \
                         "strb r6, [lr, r4]\n\tstrb r5, [lr], #1\n\t"                          \
                         "ldrd r0, r3, [sp, #8]\n\tcmp r2, r3\n\tbne 1b\n\t"                   \
                         "add sp, #20\n\tpop {r7}"                                             \
                         : "+r"(state)                                                         \
                         :                                                                     \
                         : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11",       \
                           "r12", "lr", "cc", "memory");                                       \
    }

MCUCC_STREAM_LOOP(mcucc_stream_loop, MCUCC_SCALE)
MCUCC_STREAM_LOOP(mcucc_stream_lowest, MCUCC_SCALE_LOWEST)

MCUCC_INLINE void mcucc_stream_pairs(mcucc_stream_state_t *s, int32_t inputs)
{
    const int32_t behind_first = (inputs / 4) - 1;
    s->entry = (4 - (behind_first % 4)) * MCUCC_STREAM_STEP_BYTES; /* of a first turn, or none */
    if (s->zero_point == INT8_MIN) {
        mcucc_stream_lowest(s);
    } else {
        mcucc_stream_loop(s);
    }
}
#else
MCUCC_INLINE void mcucc_stream_pairs(mcucc_stream_state_t *s, int32_t inputs)
{
    (void)inputs;
    while (s->stream != s->stream_end) {
        s->stream = mcucc_stream_pair(s, 1);
        s->to += 2;
    }
}
#endif

/* All channels of two pixels; a and b may be the same pixel.
 *   panel    `inputs` words, a multiple of four
 *   weights  [ceil(out_c / 2)], each a stream as above
 */
MCUCC_INLINE void mcucc_stream_end(const uint32_t *panel, int32_t inputs, const uint32_t *weights,
                                   int32_t out_c, int32_t zero_point, int8_t *a, int8_t *b)
{
    const int32_t pairs = out_c / 2;
    const int32_t words = 5 + (inputs / 2); /* of a pair */
    const uint32_t *const end = &weights[pairs * words];
    mcucc_stream_state_t s = {&panel[inputs], weights, a, zero_point, (int32_t)(b - a), panel, end,
                              0};
    if (pairs != 0) {
        mcucc_stream_pairs(&s, inputs);
    }
    if ((out_c % 2) != 0) {
        s.stream = end;
        s.to = &a[out_c - 1];
        (void)mcucc_stream_pair(&s, 0);
    }
}

#endif
