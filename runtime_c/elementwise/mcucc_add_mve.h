/* Sum or difference of two tensors with Helium. Meaning: reference/elementwise.py. */
#ifndef MCUCC_ADD_MVE_H
#define MCUCC_ADD_MVE_H

#include "mcucc_add.h"
#include "mcucc_mve.h"

typedef mcucc_add_t mcucc_add_mve_t;

/* Both inputs are scaled by the larger of their scales, twice: for one of them the factor is one
 * half, without a shift. The other one is `scaled`. */
typedef struct {
    const mcucc_addend_t *half;
    const mcucc_addend_t *scaled;
    const int8_t *x; /* elements of the first */
    const int8_t *y; /* elements of the second */
    int32_t swapped; /* whether y comes first in the sum or difference */
} mcucc_add_run_t;

/* How much of the sign is taken off before a shift: 1 if it rounds, see mcucc_requantize_mve.h. */
MCUCC_INLINE int32_t mcucc_add_less(int32_t right)
{
    return (right > 0) ? 1 : 0;
}

#if defined(MCUCC_HELIUM)

/* Inputs get 20 fractional bits; the half of one of them is the same with 19. */
#define MCUCC_ADD_LOOP(combine)                                                                  \
    __asm__ volatile("dlstp.32 lr, %[n]\n"                                                       \
                     "1:\n\t"                                                                    \
                     "vldrb.s32 %q[x], [%[at_x]], #4\n\t"                                        \
                     "vldrb.s32 %q[y], [%[at_y]], #4\n\t"                                        \
                     "vsub.i32 %q[x], %q[x], %[zero_x]\n\t"                                      \
                     "vsub.i32 %q[y], %q[y], %[zero_y]\n\t"                                      \
                     "vshl.i32 %q[x], %q[x], #19\n\t"                                            \
                     "vshl.i32 %q[y], %q[y], #20\n\t"                                            \
                     "vqrdmulh.s32 %q[y], %q[y], %[multiplier_y]\n\t"                            \
                     "vqdmlah.s32 %q[y], %q[y], %[less_y]\n\t"                                   \
                     "vrshl.s32 %q[y], %q[y], %q[shift_y]\n\t"                                   \
                     combine "\n\t"                                                              \
                     "vqrdmulh.s32 %q[x], %q[x], %q[multiplier]\n\t"                             \
                     "vqdmlah.s32 %q[x], %q[x], %[less]\n\t"                                     \
                     "vrshl.s32 %q[x], %q[x], %q[shift]\n\t"                                     \
                     "vadd.i32 %q[x], %q[x], %q[zero_point]\n\t"                                 \
                     "vmax.s32 %q[x], %q[x], %q[min]\n\t"                                        \
                     "vmin.s32 %q[x], %q[x], %q[max]\n\t"                                        \
                     "vstrb.32 %q[x], [%[out]], #4\n\t"                                          \
                     "letp lr, 1b"                                                               \
                     : [at_x] "+&l"(at_x), [at_y] "+&l"(at_y), [out] "+&l"(out), [x] "=&w"(x),   \
                       [y] "=&w"(y)                                                              \
                     : [n] "r"(n), [shift_y] "w"(shift_y), [multiplier] "w"(multiplier),         \
                       [shift] "w"(shift), [zero_point] "w"(zero_point), [min] "w"(min),         \
                       [max] "w"(max), [zero_x] "r"(run->half->zero_point),                      \
                       [zero_y] "r"(run->scaled->zero_point),                                    \
                       [multiplier_y] "r"(run->scaled->multiplier),                              \
                       [less_y] "r"(mcucc_add_less(run->scaled->right)),                         \
                       [less] "r"(mcucc_add_less(p->right))                                      \
                     : "lr", "memory")

/* n elements, 1 or more. */
MCUCC_INLINE void mcucc_add_elements(const mcucc_add_t *p, const mcucc_add_run_t *run, int8_t *out,
                                     int32_t n, int32_t sign)
{
    const mcucc_words_t shift_y = mcucc_fill_words(-run->scaled->right);
    const mcucc_words_t multiplier = mcucc_fill_words(p->multiplier);
    const mcucc_words_t shift = mcucc_fill_words(-p->right);
    const mcucc_words_t zero_point = mcucc_fill_words(p->output.zero_point);
    const mcucc_words_t min = mcucc_fill_words(p->output.min);
    const mcucc_words_t max = mcucc_fill_words(p->output.max);
    const int8_t *at_x = run->x;
    const int8_t *at_y = run->y;
    mcucc_words_t x;
    mcucc_words_t y;
    if (sign > 0) {
        MCUCC_ADD_LOOP("vadd.i32 %q[x], %q[x], %q[y]");
    } else if (run->swapped) {
        MCUCC_ADD_LOOP("vsub.i32 %q[x], %q[y], %q[x]");
    } else {
        MCUCC_ADD_LOOP("vsub.i32 %q[x], %q[x], %q[y]");
    }
}

#else

MCUCC_TWIN mcucc_words_t mcucc_add_input(const mcucc_addend_t *p, const int8_t *from, int32_t n)
{
    const mcucc_words_t a =
        mcucc_vsub_words(mcucc_load_some_words(from, n), mcucc_fill_words(p->zero_point));
    return mcucc_vmul_words(a, mcucc_fill_words((int32_t)1 << 20));
}

MCUCC_TWIN mcucc_words_t mcucc_add_scale(mcucc_words_t a, int32_t multiplier, int32_t right)
{
    a = mcucc_vqrdmulh(a, mcucc_fill_words(multiplier));
    a = (mcucc_add_less(right) != 0) ? mcucc_less_sign(a) : a;
    return mcucc_vrshl(a, mcucc_fill_words(-right));
}

MCUCC_TWIN void mcucc_add_elements(const mcucc_add_t *p, const mcucc_add_run_t *run, int8_t *out,
                                     int32_t n, int32_t sign)
{
    for (int32_t i = 0; i < n; i += 4) {
        const mcucc_words_t x = mcucc_vshl(mcucc_add_input(run->half, &run->x[i], n - i),
                                           mcucc_fill_words(-1));
        const mcucc_words_t y = mcucc_add_scale(mcucc_add_input(run->scaled, &run->y[i], n - i),
                                                run->scaled->multiplier, run->scaled->right);
        mcucc_words_t q = mcucc_vadd_words(x, y);
        if (sign < 0) {
            q = run->swapped ? mcucc_vsub_words(y, x) : mcucc_vsub_words(x, y);
        }
        q = mcucc_add_scale(q, p->multiplier, p->right);
        q = mcucc_vadd_words(q, mcucc_fill_words(p->output.zero_point));
        q = mcucc_vmax_words(q, mcucc_fill_words(p->output.min));
        q = mcucc_vmin_words(q, mcucc_fill_words(p->output.max));
        mcucc_store_some_words(&out[i], q, n - i);
    }
}

#endif

/* Pixels x_begin .. x_end - 1 of rows[0] + sign * rows[1], sign 1 or -1; `out` may be one of the
 * inputs' pixels. */
MCUCC_INLINE void mcucc_add_mve(const mcucc_add_t *p, const int8_t *const *rows, int32_t x_begin,
                                int32_t x_end, int8_t *out, int32_t out_stride, int32_t sign)
{
    const int whole = out_stride == p->c;
    const int32_t n = whole ? ((x_end - x_begin) * p->c) : p->c;
    /* The input with the larger scale is halved: its multiplier is 1/2, and it alone has that. A
     * scale that is far too small for the sum has multiplier 0, and is not shifted either. */
    const int halves = (p->input[0].right == 0) && (p->input[0].multiplier != 0);
    const int32_t swapped = halves ? 0 : 1;
    for (int32_t x = x_begin; x < x_end; x += whole ? (x_end - x_begin) : 1, out += out_stride) {
        const mcucc_add_run_t run = {&p->input[swapped], &p->input[1 - swapped],
                                     &rows[swapped][x * p->c], &rows[1 - swapped][x * p->c],
                                     swapped};
        mcucc_add_elements(p, &run, out, n, sign);
    }
}

#endif
