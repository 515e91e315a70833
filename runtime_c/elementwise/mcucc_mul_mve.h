/* Product of two tensors with Helium. Meaning: reference/elementwise.py, `mul`. */
#ifndef MCUCC_MUL_MVE_H
#define MCUCC_MUL_MVE_H

#include "mcucc_mul.h"
#include "mcucc_requantize_mve.h"

typedef mcucc_mul_t mcucc_mul_mve_t;

/* c elements of one pixel; `out` may be `a` or `b`. */
MCUCC_INLINE void mcucc_mul_pixel_mve(const mcucc_mul_t *p, const int8_t *a, const int8_t *b,
                                      int8_t *out, mcucc_requant_class_t kind)
{
    const int32_t right = p->scale.right;
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    const mcucc_words_t zero_a = mcucc_fill_words(p->zero_point[0]);
    const mcucc_words_t zero_b = mcucc_fill_words(p->zero_point[1]);
    const mcucc_words_t multiplier = mcucc_fill_words(p->scale.multiplier);
    const mcucc_words_t down = mcucc_fill_words((right > 0) ? -right : 0);
    const mcucc_words_t up = mcucc_fill_words((right < 0) ? -right : 0);
    for (int32_t c = 0; c < p->c; c += 4) {
        const int32_t left = p->c - c;
        mcucc_words_t x = mcucc_vsub_words(mcucc_load_some_words(&a[c], left), zero_a);
        x = mcucc_vmul_words(x, mcucc_vsub_words(mcucc_load_some_words(&b[c], left), zero_b));
        if (kind == MCUCC_FAST) {
            x = mcucc_less_sign(mcucc_vqrdmulh(x, multiplier));
        } else {
            x = mcucc_vqrdmulh(mcucc_vshl(x, up), multiplier);
            x = mcucc_vadd_words(x, mcucc_sign(mcucc_vand_words(x, down)));
        }
        x = mcucc_to_output(mcucc_vrshl(x, down), &output, kind);
        mcucc_store_some_words(&out[c], x, left);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0] * rows[1]; `out` may be one of the inputs' pixels. */
MCUCC_INLINE void mcucc_mul_mve(const mcucc_mul_t *p, const int8_t *const *rows, int32_t x_begin,
                                int32_t x_end, int8_t *out, int32_t out_stride,
                                mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_mul_pixel_mve(p, &rows[0][x * p->c], &rows[1][x * p->c], out, kind);
    }
}

/* The same where rows[1] is a single pixel that all pixels of rows[0] are multiplied by; `out` may
 * be the pixels of rows[0]. */
MCUCC_INLINE void mcucc_mul_channels_mve(const mcucc_mul_t *p, const int8_t *const *rows,
                                         int32_t x_begin, int32_t x_end, int8_t *out,
                                         int32_t out_stride, mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_mul_pixel_mve(p, &rows[0][x * p->c], rows[1], out, kind);
    }
}

#endif
