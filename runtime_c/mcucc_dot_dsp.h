/* Dot products with the DSP extension: four output channels at a time, two sharing each word of
 * weights.
 *
 * A half of such a word is 256 * b + a, where a and b are the weights of an even channel and of the
 * odd one behind it for the same input. With s the sum over these halves and e the one over the a
 * alone, (s - e) / 256 is the odd channel's sum: nothing has to be unpacked for b. The sums wrap; the
 * result is exact if the odd channel's amount is below 2^23, and mcucc sees to that.
 *
 * Four inputs take four words of weights: two for the first pair of channels, two for the second. The
 * first of two is for the inputs 0 and 2, the other for 1 and 3, as SXTB16 widens them. */
#ifndef MCUCC_DOT_DSP_H
#define MCUCC_DOT_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize.h"

/* The sums of four channels: `even` of the channels 0 and 2, `both` as above. */
typedef struct {
    int32_t both[2];
    int32_t even[2];
} mcucc_quad_t;

/* The channels' biases; that of an odd channel is 256 * its own + the even one's, wrapped. */
MCUCC_INLINE mcucc_quad_t mcucc_quad_begin(const mcucc_channel_t *channels)
{
    const mcucc_quad_t sums = {{channels[1].bias, channels[3].bias},
                               {channels[0].bias, channels[2].bias}};
    return sums;
}

/* Four inputs in a word, and their four words of weights. */
MCUCC_INLINE void mcucc_quad_add(mcucc_quad_t *sums, uint32_t inputs, const uint32_t *w)
{
    const uint32_t even = mcucc_sxtb16(inputs);
    const uint32_t odd = mcucc_sxtb16_ror8(inputs);
    for (int32_t i = 0; i < 2; i++) {
        const uint32_t first = w[2 * i];
        const uint32_t second = w[(2 * i) + 1];
        sums->both[i] = mcucc_smlad(first, even, sums->both[i]);
        sums->even[i] = mcucc_smlad(mcucc_sxtb16(first), even, sums->even[i]);
        sums->both[i] = mcucc_smlad(second, odd, sums->both[i]);
        sums->even[i] = mcucc_smlad(mcucc_sxtb16(second), odd, sums->even[i]);
    }
}

/* Inputs from x to `end`, whole fours of them; returns the weights behind theirs. By hand on Arm, for
 * gcc runs out of registers and then needs a third more instructions. */
MCUCC_INLINE const uint32_t *mcucc_quad_run(mcucc_quad_t *sums, const int8_t *x, const int8_t *end,
                                            const uint32_t *w)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    uint32_t even;
    uint32_t odd;
    uint32_t first;
    uint32_t second;
    __asm__ volatile("b 2f\n"
                     "1:\n\t"
                     "ldr %[odd], [%[x]], #4\n\t"
                     "ldrd %[first], %[second], [%[w]], #8\n\t"
                     "sxtb16 %[even], %[odd]\n\t"
                     "sxtb16 %[odd], %[odd], ror #8\n\t"
                     "smlad %[b0], %[first], %[even], %[b0]\n\t"
                     "sxtb16 %[first], %[first]\n\t"
                     "smlad %[e0], %[first], %[even], %[e0]\n\t"
                     "smlad %[b0], %[second], %[odd], %[b0]\n\t"
                     "sxtb16 %[second], %[second]\n\t"
                     "smlad %[e0], %[second], %[odd], %[e0]\n\t"
                     "ldrd %[first], %[second], [%[w]], #8\n\t"
                     "smlad %[b1], %[first], %[even], %[b1]\n\t"
                     "sxtb16 %[first], %[first]\n\t"
                     "smlad %[e1], %[first], %[even], %[e1]\n\t"
                     "smlad %[b1], %[second], %[odd], %[b1]\n\t"
                     "sxtb16 %[second], %[second]\n\t"
                     "smlad %[e1], %[second], %[odd], %[e1]\n"
                     "2:\n\t"
                     "cmp %[x], %[end]\n\t"
                     "bne 1b"
                     : [x] "+r"(x), [w] "+r"(w), [b0] "+r"(sums->both[0]),
                       [b1] "+r"(sums->both[1]), [e0] "+r"(sums->even[0]),
                       [e1] "+r"(sums->even[1]), [even] "=&r"(even), [odd] "=&r"(odd),
                       [first] "=&r"(first), [second] "=&r"(second)
                     : [end] "r"(end)
                     : "cc", "memory");
#else
    for (; x != end; x += 4, w += 4) {
        mcucc_quad_add(sums, mcucc_load4(x), w);
    }
#endif
    return w;
}

/* n inputs, any number. */
MCUCC_INLINE const uint32_t *mcucc_quad_dot(mcucc_quad_t *sums, const int8_t *x, int32_t n,
                                            const uint32_t *w)
{
    const int32_t rest = n & 3;
    const int8_t *const end = &x[n - rest];
    w = mcucc_quad_run(sums, x, end, w);
    if (rest != 0) {
        mcucc_quad_add(sums, mcucc_load_some(end, rest), w);
        w += 4;
    }
    return w;
}

/* The outputs of the first `count` channels, of all four if it is larger. */
MCUCC_INLINE void mcucc_quad_end(const mcucc_quad_t *sums, const mcucc_channel_t *channels,
                                 int32_t count, const mcucc_output_t *output, int8_t *out,
                                 mcucc_requant_class_t kind, int clamps)
{
    int32_t acc[4];
    for (int32_t i = 0; i < 2; i++) {
        acc[2 * i] = sums->even[i];
        acc[(2 * i) + 1] = (int32_t)((uint32_t)sums->both[i] - (uint32_t)sums->even[i]) >> 8;
    }
    if (count >= 4) {
        for (int32_t i = 0; i < 4; i++) {
            out[i] = mcucc_requantize_to(acc[i], &channels[i], output, kind, clamps);
        }
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        out[i] = mcucc_requantize_to(acc[i], &channels[i], output, kind, clamps);
    }
}

#endif
