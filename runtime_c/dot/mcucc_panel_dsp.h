/* Dot products of two pixels at a time with the DSP extension. Weights and sums are those of
 * mcucc_dot_dsp.h; here the inputs are widened once, to a panel in scratch, for all channels.
 *
 * Four inputs of both pixels take four words of the panel: the inputs 0 and 2 of the first pixel,
 * of the second, then 1 and 3 of either. */
#ifndef MCUCC_PANEL_DSP_H
#define MCUCC_PANEL_DSP_H

#include "mcucc_dot_dsp.h"

/* Where the outputs of two pixels go, and what makes them. */
typedef struct {
    int32_t out_c;
    mcucc_output_t output;
    const uint32_t *weights;
    const mcucc_channel_dsp_t *channels;
} mcucc_panel_layer_t;

MCUCC_INLINE uint32_t *mcucc_widen_word(uint32_t *panel, uint32_t a, uint32_t b)
{
    panel[0] = mcucc_sxtb16(a);
    panel[1] = mcucc_sxtb16(b);
    panel[2] = mcucc_sxtb16_ror8(a);
    panel[3] = mcucc_sxtb16_ror8(b);
    return &panel[4];
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#define MCUCC_WIDEN_STEP                                                                       \
    "ldr %[x], [%[a]], #4\n\tldr %[y], [%[b]], #4\n\t"                                         \
    "sxtb16 %[first], %[x]\n\tsxtb16 %[second], %[y]\n\t"                                      \
    "strd %[first], %[second], [%[panel]], #8\n\t"                                             \
    "sxtb16 %[x], %[x], ror #8\n\tsxtb16 %[y], %[y], ror #8\n\t"                               \
    "strd %[x], %[y], [%[panel]], #8\n\t"

#define MCUCC_WIDEN_LOOP(steps)                                                                \
    __asm__ volatile("1:\n\t" steps "cmp %[a], %[end]\n\tbne 1b"                               \
                     : [panel] "+&r"(panel), [a] "+&r"(a), [b] "+&r"(b),                        \
                       [x] "=&r"(x), [y] "=&r"(y), [first] "=&r"(first),                        \
                       [second] "=&r"(second)                                                  \
                     : [end] "r"(end)                                                          \
                     : "cc", "memory")
#endif

/* Inputs of two pixels from a to `end`, which is not a, whole fours of them, or whole eights if
 * `multiple` is 8; returns the end of what was written. */
MCUCC_INLINE uint32_t *mcucc_widen_run(uint32_t *panel, const int8_t *a, const int8_t *b,
                                       const int8_t *end, int32_t multiple)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t x;
    uint32_t y;
    uint32_t first;
    uint32_t second;
    if (multiple == 8) {
        MCUCC_WIDEN_LOOP(MCUCC_WIDEN_STEP MCUCC_WIDEN_STEP);
    } else {
        MCUCC_WIDEN_LOOP(MCUCC_WIDEN_STEP);
    }
#else
    (void)multiple;
    for (; a != end; a += 4, b += 4) {
        panel = mcucc_widen_word(panel, mcucc_load4(a), mcucc_load4(b));
    }
#endif
    return panel;
}

/* n inputs of two pixels, a multiple of `multiple`; returns the end of what was written. Inputs
 * that are missing in the last four are zeros. */
MCUCC_INLINE uint32_t *mcucc_widen(uint32_t *panel, const int8_t *a, const int8_t *b, int32_t n,
                                   int32_t multiple)
{
    const int32_t rest = (multiple > 1) ? 0 : (n & 3);
    const int32_t whole = n - rest;
    if (whole != 0) {
        panel = mcucc_widen_run(panel, a, b, &a[whole], multiple);
    }
    if (rest != 0) {
        panel = mcucc_widen_word(panel, mcucc_load_some(&a[whole], rest),
                                 mcucc_load_some(&b[whole], rest));
    }
    return panel;
}

/* The sums of a pair of channels over two pixels. */
typedef struct {
    int32_t both_a;
    int32_t even_a;
    int32_t both_b;
    int32_t even_b;
} mcucc_panel_sums_t;

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#define MCUCC_PANEL_STEP                                       \
    "ldrd %[a], %[b], [%[x]], #8\n\t"                          \
    "ldrd %[first], %[second], [%[w]], #16\n\t"                \
    "smlad %[both_a], %[first], %[a], %[both_a]\n\t"           \
    "smlad %[both_b], %[first], %[b], %[both_b]\n\t"           \
    "sxtb16 %[first], %[first]\n\t"                            \
    "smlad %[even_a], %[first], %[a], %[even_a]\n\t"           \
    "smlad %[even_b], %[first], %[b], %[even_b]\n\t"           \
    "ldrd %[a], %[b], [%[x]], #8\n\t"                          \
    "smlad %[both_a], %[second], %[a], %[both_a]\n\t"          \
    "smlad %[both_b], %[second], %[b], %[both_b]\n\t"          \
    "sxtb16 %[second], %[second]\n\t"                          \
    "smlad %[even_a], %[second], %[a], %[even_a]\n\t"          \
    "smlad %[even_b], %[second], %[b], %[even_b]\n\t"

#define MCUCC_PANEL_LOOP(steps)                                                                  \
    __asm__ volatile("1:\n\t" steps "cmp %[x], %[end]\n\tbne 1b"                                 \
                     : [x] "+r"(x), [w] "+r"(w), [both_a] "+r"(sums->both_a),                    \
                       [even_a] "+r"(sums->even_a), [both_b] "+r"(sums->both_b),                 \
                       [even_b] "+r"(sums->even_b), [a] "=&r"(a), [b] "=&r"(b),                  \
                       [first] "=&r"(first), [second] "=&r"(second)                              \
                     : [end] "r"(end)                                                            \
                     : "cc", "memory")
#endif

/* The panel from x to `end`, which is not empty, against one pair of channels; returns the weights
 * of the next inputs. */
MCUCC_INLINE const uint32_t *mcucc_panel_run(mcucc_panel_sums_t *sums, const uint32_t *x,
                                             const uint32_t *end, const uint32_t *w,
                                             int32_t multiple)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t a;
    uint32_t b;
    uint32_t first;
    uint32_t second;
    if (multiple == 8) {
        MCUCC_PANEL_LOOP(MCUCC_PANEL_STEP MCUCC_PANEL_STEP);
    } else {
        MCUCC_PANEL_LOOP(MCUCC_PANEL_STEP);
    }
#else
    (void)multiple;
    for (; x != end; x += 4, w += 4) {
        for (int32_t i = 0; i < 2; i++) {
            const uint32_t even = mcucc_sxtb16(w[i]);
            sums->both_a = mcucc_smlad(w[i], x[2 * i], sums->both_a);
            sums->both_b = mcucc_smlad(w[i], x[(2 * i) + 1], sums->both_b);
            sums->even_a = mcucc_smlad(even, x[2 * i], sums->even_a);
            sums->even_b = mcucc_smlad(even, x[(2 * i) + 1], sums->even_b);
        }
    }
#endif
    return w;
}

/* All output channels of two pixels; `a` and `b` may be the same pixel. */
MCUCC_INLINE void mcucc_panel_end(const mcucc_panel_layer_t *p, const uint32_t *panel,
                                  const uint32_t *end, int8_t *a, int8_t *b, int32_t multiple,
                                  mcucc_requant_class_t kind, int clamps)
{
    const mcucc_channel_dsp_t *ch = p->channels;
    const uint32_t *w = p->weights;
    for (int32_t c = 0; c < p->out_c; c += 2, ch += 2) {
        const mcucc_channel_dsp_t even = ch[0];
        const mcucc_channel_dsp_t odd = ch[1];
        mcucc_panel_sums_t sums = {odd.bias, even.bias, odd.bias, even.bias};
        const uint32_t *const behind = mcucc_panel_run(&sums, panel, end, w, multiple);
        a[c] = mcucc_requantize_dsp(sums.even_a, &even, &p->output, kind, clamps);
        b[c] = mcucc_requantize_dsp(sums.even_b, &even, &p->output, kind, clamps);
        if (c + 1 < p->out_c) {
            const int32_t odd_a = mcucc_quad_odd(sums.both_a, sums.even_a);
            const int32_t odd_b = mcucc_quad_odd(sums.both_b, sums.even_b);
            a[c + 1] = mcucc_requantize_dsp(odd_a, &odd, &p->output, kind, clamps);
            b[c + 1] = mcucc_requantize_dsp(odd_b, &odd, &p->output, kind, clamps);
        }
        /* The second pair of four channels lies between the words of the first. */
        w = ((c & 2) == 0) ? &w[2] : (behind - 2);
    }
}

#endif
