/* From four accumulators to four int8 outputs with Helium; the meaning is mcucc_requantize.h's.
 *
 * Each lane has numbers of its own: a block of them is the multipliers, then the shifts as VRSHL
 * wants them, negative to the right; but for class fast, the shifts to the left then follow. */
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

/* Words of a block of numbers. */
MCUCC_INLINE int32_t mcucc_scale_block(mcucc_requant_class_t kind)
{
    return (kind == MCUCC_FAST) ? 8 : 12;
}

/* The scaling, before the zero point. VRSHL rounds halves up, away from zero for x >= 0; for x < 0,
 * one less makes them go down, away from zero again. Without a shift to the right nothing is rounded
 * there, and nothing may be taken off. */
MCUCC_INLINE mcucc_words_t mcucc_scale_words(mcucc_words_t a, const uint32_t *block,
                                             mcucc_requant_class_t kind)
{
    const mcucc_words_t multiplier = mcucc_load_words(block);
    const mcucc_words_t shift = mcucc_load_words(&block[4]);
    if (kind == MCUCC_FAST) {
        return mcucc_vrshl(mcucc_less_sign(mcucc_vqrdmulh(a, multiplier)), shift);
    }
    a = mcucc_vqrdmulh(mcucc_vshl(a, mcucc_load_words(&block[8])), multiplier);
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

#endif
