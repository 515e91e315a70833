/* Sum or difference of two tensors with the DSP extension, pixel by pixel.
 * Meaning: reference/elementwise.py.
 *
 * Both inputs get 20 fractional bits and are scaled by the larger of their scales, twice. For the
 * input that has it the factor is one half: it gets 19 bits instead. The other one is scaled,
 * unless both scales are the same. No branch depends on an element, and all constants stay in
 * registers: 14 instructions, 10 with equal scales. */
#ifndef MCUCC_ADD_DSP_H
#define MCUCC_ADD_DSP_H

#include "mcucc_requantize_dsp.h"

typedef struct {
    int32_t c;             /* channels of a pixel */
    int32_t halved;        /* which of the two inputs has the larger scale */
    int32_t zero_point[2]; /* of that one, of the other */
    int32_t multiplier;    /* of the other */
    int32_t right;         /* likewise, 1 .. 31, or 0 if the scales are equal */
    mcucc_channel_dsp_t scale; /* of the sum, 1 .. 31 bits to the right */
    mcucc_output_t output;
} mcucc_add_dsp_t;

/* One element, before activations that narrow the range; x is of the halved input. */
MCUCC_INLINE int8_t mcucc_add_element(const mcucc_add_dsp_t *p, int8_t x, int8_t y, int32_t sign)
{
    const int32_t halved = ((int32_t)x - p->zero_point[0]) * ((int32_t)1 << 19);
    int32_t other = ((int32_t)y - p->zero_point[1]) * ((int32_t)1 << 19);
    if (p->right != 0) {
        other = mcucc_scale_twice(other * 4, p->multiplier, p->right, 0);
    }
    int32_t sum = halved + other;
    if (sign < 0) {
        sum = (p->halved == 0) ? (halved - other) : (other - halved);
    }
    return mcucc_requantize_dsp(sum, &p->scale, &p->output, MCUCC_FAST, 0);
}

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#define MCUCC_ADD_PUSHED 4 /* bytes that it pushes, of which compilers know nothing */
/* Where a run stands and what its loop keeps in registers. The assembly knows the order of the
 * members. */
typedef struct {
    const int8_t *x;
    const int8_t *y;
    int8_t *out;
    int32_t zero_x; /* what is added to the sum for the zero points: r4 */
    int32_t factor; /* of the sum, and bits to shift it to the right */
    int32_t right;
    int32_t zero;     /* of the output */
    int32_t zero_y;   /* of y with 21 bits: r10 */
    int32_t factor_y; /* of y, and bits to shift it to the right */
    int32_t right_y;
    const int8_t *end; /* of the outputs */
} mcucc_add_state_t;

/* The sum is in r0: makes an output of it. */
#define MCUCC_ADD_END                                                                          \
    "smmlar r0, r0, r5, r0\n\tadd r0, r0, r0, asr #31\n\tasrs r0, r6\n\tadc r0, r0, r8\n\t"     \
    "ssat r0, #8, r0\n\tstrb r0, [r3], #1\n\t"

/* An element whose other input is scaled; `combine` is how that enters the sum. */
#define MCUCC_ADD_SCALED(combine)                                                              \
    "ldrsb lr, [r2], #1\n\tldrsb r0, [r1], #1\n\trsb lr, r10, lr, lsl #21\n\t"                  \
    "smmulr lr, lr, r11\n\tadd lr, lr, lr, asr #31\n\tasrs lr, r12\n\tadc lr, lr, r4\n\t"       \
    combine " r0, lr, r0, lsl #19\n\t" MCUCC_ADD_END

/* An element of two inputs of one scale. */
#define MCUCC_ADD_EQUAL(combine)                                                               \
    "ldrsb r0, [r1], #1\n\tldrsb lr, [r2], #1\n\t" combine " r0, r0, lr\n\t"                    \
    "add r0, r4, r0, lsl #19\n\t" MCUCC_ADD_END

/* Leaves r9 to the system and r7, which may be the frame pointer, to the compiler. */
#define MCUCC_ADD_FOURS(element)                                                               \
    __asm__ volatile("ldr lr, [r0, #40]\n\tpush {lr}\n\t"                                      \
                     "ldmia r0, {r1-r6, r8, r10-r12}\n"                                        \
                     "1:\n\t" element element element element                                  \
                     "ldr r0, [sp]\n\tcmp r3, r0\n\tbne 1b\n\tpop {lr}"                        \
                     : "+r"(state)                                                             \
                     :                                                                         \
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "r11", "r12", "lr",    \
                       "cc", "memory")

/* `zero` is what is added for the zero points, in steps of the inputs. */
MCUCC_INLINE mcucc_add_state_t mcucc_add_begin(const mcucc_add_dsp_t *p, const int8_t *x,
                                               const int8_t *y, int8_t *out, const int8_t *end,
                                               int32_t zero)
{
    const mcucc_add_state_t run = {.x = x,
                                   .y = y,
                                   .out = out,
                                   .zero_x = zero * ((int32_t)1 << 19),
                                   .factor = p->scale.multiplier,
                                   .right = p->scale.right,
                                   .zero = p->output.zero_point,
                                   .zero_y = p->zero_point[1] * ((int32_t)1 << 21),
                                   .factor_y = p->multiplier,
                                   .right_y = p->right,
                                   .end = end};
    return run;
}

MCUCC_ONCE void mcucc_sum_fours(const mcucc_add_dsp_t *p, const int8_t *x, const int8_t *y,
                                    int8_t *out, const int8_t *end)
{
    const int32_t other = (p->right == 0) ? p->zero_point[1] : 0;
    mcucc_add_state_t run = mcucc_add_begin(p, x, y, out, end, -p->zero_point[0] - other);
    register mcucc_add_state_t *state __asm__("r0") = &run;
    if (p->right == 0) {
        MCUCC_ADD_FOURS(MCUCC_ADD_EQUAL("add"));
    } else {
        MCUCC_ADD_FOURS(MCUCC_ADD_SCALED("add"));
    }
}

/* The zero point of the halved input is taken off together with it, or added to the other one. */
MCUCC_ONCE void mcucc_difference_fours(const mcucc_add_dsp_t *p, const int8_t *x,
                                           const int8_t *y, int8_t *out, const int8_t *end)
{
    const int32_t zero =
        (p->right == 0) ? (p->zero_point[1] - p->zero_point[0]) : p->zero_point[0];
    mcucc_add_state_t run = mcucc_add_begin(p, x, y, out, end, zero);
    register mcucc_add_state_t *state __asm__("r0") = &run;
    if (p->right == 0) {
        MCUCC_ADD_FOURS(MCUCC_ADD_EQUAL("sub"));
    } else if (p->halved == 0) {
        MCUCC_ADD_FOURS(MCUCC_ADD_SCALED("rsb"));
    } else {
        MCUCC_ADD_FOURS(MCUCC_ADD_SCALED("sub"));
    }
}
#endif

/* Whole fours of elements, one four or more, up to `end` of the outputs. */
MCUCC_INLINE void mcucc_add_fours(const mcucc_add_dsp_t *p, const int8_t *x, const int8_t *y,
                                  int8_t *out, const int8_t *end, int32_t sign)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    if (sign > 0) {
        mcucc_sum_fours(p, x, y, out, end);
    } else {
        mcucc_difference_fours(p, x, y, out, end);
    }
#else
    for (; out != end; x++, y++, out++) {
        *out = mcucc_add_element(p, *x, *y, sign);
    }
#endif
}

/* n elements; x are of the halved input. */
MCUCC_INLINE void mcucc_add_run(const mcucc_add_dsp_t *p, const int8_t *x, const int8_t *y,
                                int32_t n, int8_t *out, int32_t sign)
{
    const int32_t fours = n & ~3;
    if (fours != 0) {
        mcucc_add_fours(p, x, y, out, &out[fours], sign);
    }
    MCUCC_NO_UNROLL
    for (int32_t i = fours; i < n; i++) {
        out[i] = mcucc_add_element(p, x[i], y[i], sign);
    }
    if ((p->output.min > INT8_MIN) || (p->output.max < INT8_MAX)) {
        MCUCC_NO_UNROLL
        for (int32_t i = 0; i < n; i++) {
            out[i] = (int8_t)mcucc_clamp(out[i], p->output.min, p->output.max);
        }
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0] + sign * rows[1], sign 1 or -1; `out` may be one of the
 * inputs' pixels. */
MCUCC_INLINE void mcucc_add_dsp(const mcucc_add_dsp_t *p, const int8_t *const *rows,
                                int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                int32_t sign)
{
    const int whole = out_stride == p->c;
    const int32_t step = whole ? (x_end - x_begin) : 1;
    for (int32_t x = x_begin; x < x_end; x += step, out += out_stride) {
        const int8_t *const halved = &rows[p->halved][x * p->c];
        const int8_t *const other = &rows[1 - p->halved][x * p->c];
        mcucc_add_run(p, halved, other, step * p->c, out, sign);
    }
}

#endif
