/* From accumulators to int8 outputs with Helium; the meaning is mcucc_requantize.h's.
 *
 * Each lane has numbers of its own. A block of them, for lanes of words that come four at a
 * time, is the multipliers; then in bytes the shifts as VRSHL wants them, negative to the right;
 * but for class fast, in bytes the shifts to the left. */
#ifndef MCUCC_REQUANTIZE_MVE_H
#define MCUCC_REQUANTIZE_MVE_H

#include "mcucc_mve.h"
#include "mcucc_requantize.h"

/* An mcucc_output_t, a copy in each lane. */
typedef struct {
    mcucc_words_t zero_point;
    mcucc_words_t min;
    mcucc_words_t max;
} mcucc_output_words_t;

MCUCC_INLINE mcucc_output_words_t mcucc_output_words(const mcucc_output_t *output)
{
    mcucc_output_words_t words;
    words.zero_point = mcucc_fill_words(output->zero_point);
    words.min = mcucc_fill_words(output->min);
    words.max = mcucc_fill_words(output->max);
    return words;
}

/* Words in a block of the numbers of so many lanes. */
MCUCC_INLINE int32_t mcucc_scale_block(int32_t lanes, mcucc_requant_class_t kind)
{
    return (lanes / 4) * ((kind == MCUCC_FAST) ? 5 : 6);
}

/* The scaling of lane 4 * i and the three behind it, before the zero point. VRSHL rounds halves
 * up, away from zero for x >= 0; for x < 0, one less makes them go down, away from zero again.
 * Without a shift to the right nothing is rounded there, and nothing may be taken off. */
MCUCC_INLINE mcucc_words_t mcucc_scale_words(mcucc_words_t a, const uint32_t *block,
                                             int32_t lanes, int32_t i,
                                             mcucc_requant_class_t kind)
{
    const uint32_t *const shifts = &block[lanes];
    const mcucc_words_t multiplier = mcucc_load_words(&block[4 * i]);
    const mcucc_words_t shift = mcucc_load_small_words(&shifts[i]);
    if (kind == MCUCC_FAST) {
        return mcucc_vrshl(mcucc_less_sign(mcucc_vqrdmulh(a, multiplier)), shift);
    }
    a = mcucc_vshl(a, mcucc_load_small_words(&shifts[(lanes / 4) + i]));
    a = mcucc_vqrdmulh(a, multiplier);
    return mcucc_vrshl(mcucc_vadd_words(a, mcucc_sign(mcucc_vand_words(a, shift))), shift);
}

/* Adds the zero point, as far as words go, and clamps: the lanes are in the range of int8. */
MCUCC_INLINE mcucc_words_t mcucc_to_output(mcucc_words_t a, const mcucc_output_words_t *output,
                                           mcucc_requant_class_t kind)
{
    a = (kind == MCUCC_FAST) ? mcucc_vadd_words(a, output->zero_point)
                             : mcucc_vqadd_words(a, output->zero_point);
    return mcucc_vmin_words(mcucc_vmax_words(a, output->min), output->max);
}

/* An mcucc_output_t for narrower lanes. */
typedef struct {
    mcucc_halves_t zero_point;
    mcucc_bytes_t min;
    mcucc_bytes_t max;
} mcucc_output_bytes_t;

MCUCC_INLINE mcucc_output_bytes_t mcucc_output_bytes(const mcucc_output_t *output)
{
    mcucc_output_bytes_t bytes;
    bytes.zero_point = mcucc_fill_halves(output->zero_point);
    bytes.min = mcucc_fill_bytes(output->min);
    bytes.max = mcucc_fill_bytes(output->max);
    return bytes;
}

#if defined(MCUCC_HELIUM)

#define MCUCC_SCALE_SIXTEEN(correct)                  \
    "vldrw.32 %q[w], [%[stream]], #16\n\t"            \
    "vqrdmulh.s32 %q[a0], %q[a0], %q[w]\n\t"          \
    "vldrw.32 %q[w], [%[stream]], #16\n\t"            \
    "vqrdmulh.s32 %q[a1], %q[a1], %q[w]\n\t"          \
    "vldrw.32 %q[w], [%[stream]], #16\n\t"            \
    "vqrdmulh.s32 %q[a2], %q[a2], %q[w]\n\t"          \
    "vldrw.32 %q[w], [%[stream]], #16\n\t"            \
    "vqrdmulh.s32 %q[a3], %q[a3], %q[w]\n\t" correct  \
    "vldrb.s32 %q[w], [%[stream]], #4\n\t"            \
    "vrshl.s32 %q[a0], %q[a0], %q[w]\n\t"             \
    "vldrb.s32 %q[w], [%[stream]], #4\n\t"            \
    "vrshl.s32 %q[a1], %q[a1], %q[w]\n\t"             \
    "vldrb.s32 %q[w], [%[stream]], #4\n\t"            \
    "vrshl.s32 %q[a2], %q[a2], %q[w]\n\t"             \
    "vldrb.s32 %q[w], [%[stream]], #4\n\t"            \
    "vrshl.s32 %q[a3], %q[a3], %q[w]"
#define MCUCC_CORRECT_SIXTEEN                      \
    "vqdmlah.s32 %q[a0], %q[a0], %[one]\n\t"       \
    "vqdmlah.s32 %q[a1], %q[a1], %[one]\n\t"       \
    "vqdmlah.s32 %q[a2], %q[a2], %[one]\n\t"       \
    "vqdmlah.s32 %q[a3], %q[a3], %[one]\n\t"
#define MCUCC_SCALED(assembly)                                                               \
    __asm__ volatile(assembly                                                                \
                     : [stream] "+&l"(stream), [a0] "+&w"(a0), [a1] "+&w"(a1),               \
                       [a2] "+&w"(a2), [a3] "+&w"(a3), [w] "=&w"(w)                          \
                     : [one] "r"(1)                                                          \
                     : "memory")

/* As four times mcucc_scale_words of class fast. */
MCUCC_INLINE const uint32_t *mcucc_scale_sixteen_fast(mcucc_words_t a[4], const uint32_t *stream,
                                                      int rectify)
{
    mcucc_words_t a0 = a[0];
    mcucc_words_t a1 = a[1];
    mcucc_words_t a2 = a[2];
    mcucc_words_t a3 = a[3];
    mcucc_words_t w;
    if (rectify) {
        MCUCC_SCALED(MCUCC_SCALE_SIXTEEN(""));
    } else {
        MCUCC_SCALED(MCUCC_SCALE_SIXTEEN(MCUCC_CORRECT_SIXTEEN));
    }
    a[0] = a0;
    a[1] = a1;
    a[2] = a2;
    a[3] = a3;
    return stream;
}

#else

MCUCC_TWIN const uint32_t *mcucc_scale_sixteen_fast(mcucc_words_t a[4], const uint32_t *stream,
                                                    int rectify)
{
    for (int32_t i = 0; i < 4; i++) {
        a[i] = mcucc_vqrdmulh(a[i], mcucc_load_words(&stream[4 * i]));
        a[i] = rectify ? a[i] : mcucc_less_sign(a[i]);
        a[i] = mcucc_vrshl(a[i], mcucc_load_small_words(&stream[16 + i]));
    }
    return &stream[20];
}

#endif

/* The scaling of 16 lanes; returns what lies behind their block. Where outputs `rectify`, none is
 * below the zero point: then words below zero, however they are rounded, end there. Only class
 * fast makes use of it. */
MCUCC_INLINE const uint32_t *mcucc_scale_sixteen(mcucc_words_t a[4], const uint32_t *block,
                                                 mcucc_requant_class_t kind, int rectify)
{
    if (kind == MCUCC_FAST) {
        return mcucc_scale_sixteen_fast(a, block, rectify);
    }
    for (int32_t i = 0; i < 4; i++) {
        a[i] = mcucc_scale_words(a[i], block, 16, i, kind);
    }
    return &block[mcucc_scale_block(16, kind)];
}

/* Sixteen outputs of scaled words, as int8 saturates. The words of a[0] belong to the outputs
 * 0, 4, 8 and 12, those of a[1] to 2, 6, 10 and 14, of a[2] to 1, 5, .. and of a[3] to 3, 7, ..
 * Saturation on the way does not matter, for 16 bits hold every zero point and int8 beside it. */
MCUCC_INLINE mcucc_bytes_t mcucc_to_bytes(const mcucc_words_t a[4], mcucc_halves_t zero_point)
{
    const mcucc_halves_t even = mcucc_vqadd_halves(mcucc_vqmovn_words(a[0], a[1]), zero_point);
    const mcucc_halves_t odd = mcucc_vqadd_halves(mcucc_vqmovn_words(a[2], a[3]), zero_point);
    return mcucc_vqmovn_halves(even, odd);
}

/* The same clamped. */
MCUCC_INLINE mcucc_bytes_t mcucc_to_output_bytes(const mcucc_words_t a[4],
                                                 const mcucc_output_bytes_t *output)
{
    const mcucc_bytes_t bytes = mcucc_to_bytes(a, output->zero_point);
    return mcucc_vmin_bytes(mcucc_vmax_bytes(bytes, output->min), output->max);
}

#endif
