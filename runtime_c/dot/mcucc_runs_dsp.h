/* Dot products of one pixel with all fours of channels, one loop over them all, with the DSP
 * extension, from inputs that are read where they lie. Weights and sums are those of
 * mcucc_dot_dsp.h; what four channels need stands in one stream of words, in the order in which it
 * is read: biases, weights, the shifts of the even channels as bytes, and four multipliers. The
 * biases of odd channels bring along their shifts, as in mcucc_stream_dsp.h. */
#ifndef MCUCC_RUNS_DSP_H
#define MCUCC_RUNS_DSP_H

#include "mcucc_dot_dsp.h"

/* Inputs one behind the other; `begin` is NULL behind the last run. */
typedef struct {
    const int8_t *begin;
    const int8_t *end;
} mcucc_run_dsp_t;

/* A pixel. The assembly knows the order of the members. */
typedef struct {
    const mcucc_run_dsp_t *runs;
    const uint32_t *stream;
    const uint32_t *stream_end;
    int8_t *to;
    int32_t zero_point; /* of the outputs, without an activation that narrows them */
} mcucc_runs_state_t;

/* `count` channels, four or fewer. Returns the stream behind them. */
MCUCC_INLINE const uint32_t *mcucc_runs_quad(const mcucc_runs_state_t *s, int32_t count)
{
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    mcucc_quad_t sums = {.both0 = (int32_t)s->stream[1],
                         .even0 = (int32_t)s->stream[0],
                         .both1 = (int32_t)s->stream[3],
                         .even1 = (int32_t)s->stream[2]};
    const uint32_t *w = &s->stream[4];
    for (const mcucc_run_dsp_t *run = s->runs; run->begin != NULL; run++) {
        w = mcucc_quad_run(&sums, run->begin, run->end, w, 4);
    }
    const int32_t acc[4] = {sums.even0, mcucc_quad_odd(sums.both0, sums.even0), sums.even1,
                            mcucc_quad_odd(sums.both1, sums.even1)};
    const int32_t shifts[4] = {(int32_t)(w[0] & 0xFFU), mcucc_odd_shift(sums.both0, sums.even0),
                               (int32_t)(w[0] >> 8), mcucc_odd_shift(sums.both1, sums.even1)};
    for (int32_t i = 0; i < count; i++) {
        const mcucc_channel_dsp_t channel = {0, (int32_t)w[1 + i], shifts[i]};
        s->to[i] = mcucc_requantize_dsp(acc[i], &channel, &output, MCUCC_FAST, 0);
    }
    return &w[5];
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(MCUCC_KEEP_R9)
#define MCUCC_RUNS_DSP_PUSHED 20 /* bytes that it pushes, of which compilers know nothing */

/* Four inputs: the sums r4 and r6 over even channels, r5 and r7 over both of a pair; the inputs 0
 * and 2 in r8, 1 and 3 in r9; weights r10, r11, r12 and lr. */
#define MCUCC_RUNS_DSP_PAIR(even, both, first, second)                                         \
    "smlad " both ", " first ", r8, " both "\n\tsxtb16 " first ", " first "\n\t"               \
    "smlad " even ", " first ", r8, " even "\n\tsmlad " both ", " second ", r9, " both "\n\t"  \
    "sxtb16 " second ", " second "\n\tsmlad " even ", " second ", r9, " even "\n\t"
#define MCUCC_RUNS_DSP_STEP                                                                    \
    "ldr r9, [r3], #4\n\tldm r2!, {r10, r11, r12, lr}\n\t"                                     \
    "sxtb16 r8, r9\n\tsxtb16 r9, r9, ror #8\n\t"                                               \
    MCUCC_RUNS_DSP_PAIR("r4", "r5", "r10", "r11") MCUCC_RUNS_DSP_PAIR("r6", "r7", "r12", "lr")

/* Whole fours of channels, from `stream` to `stream_end`. On the stack runs, stream_end, to and
 * zero_point; r7 may be the frame pointer, which must not be named as clobbered: it is saved. */
#define MCUCC_RUNS_DSP_LOOP(name, steps)                                                       \
    MCUCC_ONCE void name(const mcucc_runs_state_t *s)                                 \
    {                                                                                          \
        mcucc_need_r9();                                                                       \
        register const mcucc_runs_state_t *state __asm__("r0") = s;                            \
        __asm__ volatile("push {r7}\n\tldm r0, {r1-r5}\n\tpush {r1, r3-r5}\n"                  \
                         "1:\n\tldr r0, [sp]\n\tldm r2!, {r4-r7}\n\tldrd r3, r1, [r0], #8\n"   \
                         "2:\n\t" steps "cmp r3, r1\n\tbne 2b\n\t"                             \
                         "ldrd r3, r1, [r0], #8\n\tcmp r3, #0\n\tbne 2b\n\t"                   \
                         "subs r0, r5, r4\n\tsubs lr, r7, r6\n\tasrs r5, r0, #8\n\t"           \
                         "asrs r7, lr, #8\n\tldm r2!, {r3, r8-r11}\n\t"                         \
                         "ldrd r1, r12, [sp, #8]\n\t"                                         \
                         MCUCC_SCALE("r4", "r8", "r3", "r12")                                  \
                         MCUCC_SCALE("r5", "r9", "r0", "r12")                                  \
                         "lsrs r3, r3, #8\n\t"                                                \
                         MCUCC_SCALE("r6", "r10", "r3", "r12")                                 \
                         MCUCC_SCALE("r7", "r11", "lr", "r12")                                 \
                         "strb r5, [r1, #1]\n\tstrb r6, [r1, #2]\n\tstrb r7, [r1, #3]\n\t"     \
                         "strb r4, [r1], #4\n\tldr r3, [sp, #4]\n\tstr r1, [sp, #8]\n\t"       \
                         "cmp r2, r3\n\tbne 1b\n\tadd sp, #16\n\tpop {r7}"                     \
                         : "+r"(state)                                                         \
                         :                                                                     \
                         : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", \
                           "lr", "cc", "memory");                                              \
    }

MCUCC_RUNS_DSP_LOOP(mcucc_runs_by_8, MCUCC_RUNS_DSP_STEP MCUCC_RUNS_DSP_STEP)
MCUCC_RUNS_DSP_LOOP(mcucc_runs_by_4, MCUCC_RUNS_DSP_STEP)

MCUCC_INLINE void mcucc_runs_quads(mcucc_runs_state_t *s, int32_t multiple)
{
    if (multiple == 8) {
        mcucc_runs_by_8(s);
    } else {
        mcucc_runs_by_4(s);
    }
}
#else
MCUCC_INLINE void mcucc_runs_quads(mcucc_runs_state_t *s, int32_t multiple)
{
    (void)multiple;
    while (s->stream != s->stream_end) {
        s->stream = mcucc_runs_quad(s, 4);
        s->to += 4;
    }
}
#endif

/* All channels of a pixel.
 *   runs      their inputs, each a multiple of `multiple`, 4 or 8
 *   inputs    how many they are in all
 *   weights   [ceil(out_c / 4)], each a stream as above
 */
MCUCC_INLINE void mcucc_runs_end(const mcucc_run_dsp_t *runs, int32_t inputs,
                                 const uint32_t *weights, int32_t out_c, int32_t zero_point,
                                 int8_t *out, int32_t multiple)
{
    const int32_t rest = out_c & 3;
    const uint32_t *const end = &weights[(out_c / 4) * (9 + inputs)];
    mcucc_runs_state_t s = {runs, weights, end, out, zero_point};
    if (weights != end) {
        mcucc_runs_quads(&s, multiple);
    }
    if (rest != 0) {
        s.stream = end;
        s.to = &out[out_c - rest];
        (void)mcucc_runs_quad(&s, rest);
    }
}

#endif
