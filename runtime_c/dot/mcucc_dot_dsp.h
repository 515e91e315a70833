/* Dot products with the DSP extension: four output channels at a time, two sharing each word of
 * weights.
 *
 * A half of such a word is 256 * b + a, where a and b are the weights of an even channel and of the
 * odd one behind it for the same input. With s the sum over these halves and e the one over the a
 * alone, (s - e) / 256 is the odd channel's sum: nothing has to be unpacked for b. The sums wrap;
 * the result is exact if the odd channel's amount is below 2^23, and mcucc sees to that.
 *
 * Four inputs take four words of weights: two for the first pair of channels, two for the second.
 * The first of two is for the inputs 0 and 2, the other for 1 and 3, as SXTB16 widens them. */
#ifndef MCUCC_DOT_DSP_H
#define MCUCC_DOT_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize_dsp.h"

/* The sums of two pairs of channels: over both of a pair, as above, and over the even one. */
typedef struct {
    int32_t both0;
    int32_t even0;
    int32_t both1;
    int32_t even1;
} mcucc_quad_t;

/* The channels' biases; that of an odd channel is 256 * its own + the even one's, wrapped. */
MCUCC_INLINE mcucc_quad_t mcucc_quad_begin(const mcucc_channel_dsp_t *channels)
{
    const mcucc_quad_t sums = {.both0 = channels[1].bias,
                               .even0 = channels[0].bias,
                               .both1 = channels[3].bias,
                               .even1 = channels[2].bias};
    return sums;
}

/* Four inputs in a word, and their four words of weights. */
MCUCC_INLINE void mcucc_quad_add(mcucc_quad_t *sums, uint32_t inputs, const uint32_t *w)
{
    const uint32_t even = mcucc_sxtb16(inputs);
    const uint32_t odd = mcucc_sxtb16_ror8(inputs);
    sums->both0 = mcucc_smlad(w[0], even, sums->both0);
    sums->even0 = mcucc_smlad(mcucc_sxtb16(w[0]), even, sums->even0);
    sums->both0 = mcucc_smlad(w[1], odd, sums->both0);
    sums->even0 = mcucc_smlad(mcucc_sxtb16(w[1]), odd, sums->even0);
    sums->both1 = mcucc_smlad(w[2], even, sums->both1);
    sums->even1 = mcucc_smlad(mcucc_sxtb16(w[2]), even, sums->even1);
    sums->both1 = mcucc_smlad(w[3], odd, sums->both1);
    sums->even1 = mcucc_smlad(mcucc_sxtb16(w[3]), odd, sums->even1);
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
/* Four inputs. By hand, for gcc runs out of registers and then needs a third more instructions. */
#define MCUCC_QUAD_STEP \
    "ldr %[odd], [%[x]], #4\n\t"                               \
    "ldrd %[first], %[second], [%[w]], #8\n\t"                 \
    "sxtb16 %[even], %[odd]\n\t"                               \
    "sxtb16 %[odd], %[odd], ror #8\n\t"                        \
    "smlad %[b0], %[first], %[even], %[b0]\n\t"                \
    "sxtb16 %[first], %[first]\n\t"                            \
    "smlad %[e0], %[first], %[even], %[e0]\n\t"                \
    "smlad %[b0], %[second], %[odd], %[b0]\n\t"                \
    "sxtb16 %[second], %[second]\n\t"                          \
    "smlad %[e0], %[second], %[odd], %[e0]\n\t"                \
    "ldrd %[first], %[second], [%[w]], #8\n\t"                 \
    "smlad %[b1], %[first], %[even], %[b1]\n\t"                \
    "sxtb16 %[first], %[first]\n\t"                            \
    "smlad %[e1], %[first], %[even], %[e1]\n\t"                \
    "smlad %[b1], %[second], %[odd], %[b1]\n\t"                \
    "sxtb16 %[second], %[second]\n\t"                          \
    "smlad %[e1], %[second], %[odd], %[e1]\n"

#define MCUCC_QUAD_LOOP(steps)                                                                 \
    __asm__ volatile("b 2f\n1:\n\t" steps "2:\n\tcmp %[x], %[end]\n\tbne 1b"                 \
                     : [x] "+r"(x), [w] "+r"(w), [b0] "+r"(sums->both0), [b1] "+r"(sums->both1), \
                       [e0] "+r"(sums->even0), [e1] "+r"(sums->even1), [even] "=&r"(even),     \
                       [odd] "=&r"(odd), [first] "=&r"(first), [second] "=&r"(second)          \
                     : [end] "r"(end)                                                          \
                     : "cc", "memory")
#endif

/* Inputs from x to `end`, whole fours of them, or whole eights if `multiple` is 8; returns the
 * weights behind theirs. */
MCUCC_INLINE const uint32_t *mcucc_quad_run(mcucc_quad_t *sums, const int8_t *x, const int8_t *end,
                                            const uint32_t *w, int32_t multiple)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t even;
    uint32_t odd;
    uint32_t first;
    uint32_t second;
    if (multiple == 8) {
        MCUCC_QUAD_LOOP(MCUCC_QUAD_STEP MCUCC_QUAD_STEP);
    } else {
        MCUCC_QUAD_LOOP(MCUCC_QUAD_STEP);
    }
#else
    (void)multiple;
    for (; x != end; x += 4, w += 4) {
        mcucc_quad_add(sums, mcucc_load4(x), w);
    }
#endif
    return w;
}

/* n inputs, a multiple of `multiple`, which is 1, 4 or 8. */
MCUCC_INLINE const uint32_t *mcucc_quad_dot(mcucc_quad_t *sums, const int8_t *x, int32_t n,
                                            const uint32_t *w, int32_t multiple)
{
    const int32_t rest = (multiple > 1) ? 0 : (n & 3);
    const int8_t *const end = &x[n - rest];
    w = mcucc_quad_run(sums, x, end, w, multiple);
    if (rest != 0) {
        mcucc_quad_add(sums, mcucc_load_some(end, rest), w);
        w += 4;
    }
    return w;
}

/* The sum of an odd channel. */
MCUCC_INLINE int32_t mcucc_quad_odd(int32_t both, int32_t even)
{
    return (int32_t)((uint32_t)both - (uint32_t)even) >> 8;
}

/* The shift of an odd channel whose bias brings it along: the byte that its sum leaves. */
MCUCC_INLINE int32_t mcucc_odd_shift(int32_t both, int32_t even)
{
    return (int32_t)(((uint32_t)both - (uint32_t)even) & 0xFFU);
}

/* The outputs of four channels. */
MCUCC_INLINE void mcucc_quad_end(const mcucc_quad_t *sums, const mcucc_channel_dsp_t *ch,
                                 const mcucc_output_t *output, int8_t *out,
                                 mcucc_requant_class_t kind, int clamps)
{
    const int32_t odd0 = mcucc_quad_odd(sums->both0, sums->even0);
    const int32_t odd1 = mcucc_quad_odd(sums->both1, sums->even1);
    out[0] = mcucc_requantize_dsp(sums->even0, &ch[0], output, kind, clamps);
    out[1] = mcucc_requantize_dsp(odd0, &ch[1], output, kind, clamps);
    out[2] = mcucc_requantize_dsp(sums->even1, &ch[2], output, kind, clamps);
    out[3] = mcucc_requantize_dsp(odd1, &ch[3], output, kind, clamps);
}

/* Those of the first one to three. */
MCUCC_INLINE void mcucc_quad_end_some(const mcucc_quad_t *sums, const mcucc_channel_dsp_t *ch,
                                      int32_t count, const mcucc_output_t *output, int8_t *out,
                                      mcucc_requant_class_t kind, int clamps)
{
    const int32_t acc[3] = {sums->even0, mcucc_quad_odd(sums->both0, sums->even0), sums->even1};
    for (int32_t i = 0; i < count; i++) {
        out[i] = mcucc_requantize_dsp(acc[i], &ch[i], output, kind, clamps);
    }
}

#endif
