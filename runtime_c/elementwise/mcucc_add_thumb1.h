/* Sum or difference of two tensors in 16-bit Thumb instructions, pixel by pixel.
 * Meaning: reference/elementwise.py.
 *
 * Both inputs get 20 fractional bits and are scaled by the larger of their scales, twice. For the
 * input that has it the factor is one half: it gets 19 bits instead. A difference of the other one
 * and its zero point has 9 bits, so that two products with the halves of the multiplier, which fit
 * 32 bits, are the whole product. Equal scales are the factor 2^31 / 2^31 and a shift. */
#ifndef MCUCC_ADD_THUMB1_H
#define MCUCC_ADD_THUMB1_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t c;             /* channels of a pixel */
    int32_t halved;        /* which of the two inputs has the larger scale */
    int32_t zero_point[2]; /* of that one, of the other */
    int32_t high;          /* the multiplier of the other, up to 2^31: by 2^16, */
    int32_t low;           /* and the rest */
    int32_t right;         /* its shift, 1 .. 31 */
    mcucc_channel_t scale; /* of the sum, of class fast */
    mcucc_output_t output;
} mcucc_add_thumb1_t;

/* Where a run stands and what its loop needs. The assembly knows the order of the members. */
typedef struct {
    const int8_t *x;   /* behind its end, as y and out */
    const int8_t *y;
    int32_t at;        /* less the number of elements */
    int8_t *out;
    int32_t zero_y;    /* added to y */
    int32_t low;       /* of the multiplier of y */
    int32_t high;
    int32_t right;
    int32_t zero_x;    /* added to the scaled y, for x */
    int32_t scale_low; /* of the multiplier of the sum */
    int32_t scale_high;
    int32_t scale_right;
    int32_t zero; /* of the output */
} mcucc_add_state_t;

/* One element, before activations that narrow the range; x is of the halved input. */
MCUCC_INLINE int8_t mcucc_add_element(const mcucc_add_thumb1_t *p, int8_t x, int8_t y,
                                      int32_t sign)
{
    const mcucc_output_t output = {p->output.zero_point, INT8_MIN, INT8_MAX};
    const int32_t halved = ((int32_t)x - p->zero_point[0]) * ((int32_t)1 << 19);
    const int32_t from_zero = (int32_t)y - p->zero_point[1];
    const int32_t product =
        (from_zero * p->high * 32) + (((from_zero * p->low) + ((int32_t)1 << 10)) >> 11);
    const int32_t other = mcucc_shift_and_add(product + (product >> 31), p->right, 0);
    int32_t sum = halved + other;
    if (sign < 0) {
        sum = (p->halved == 0) ? (halved - other) : (other - halved);
    }
    return mcucc_requantize(sum, &p->scale, &output, MCUCC_FAST);
}

#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
#define MCUCC_ADD_THUMB1_PUSHED 20 /* bytes that it pushes, of which compilers know nothing */

/* On the stack the members from scale_low on. In registers: x r1, y r2, the place r3, the outputs
 * r7; zero_y r8, the halves of its multiplier r10 and r11, its shift r12, zero_x lr. r7 may be the
 * frame pointer, which must not be named as clobbered: it is saved. As in mcucc_scale_twice and
 * mcucc_saturate. */
#define MCUCC_ADD_LOOP(name, combine)                                                          \
    MCUCC_ONCE void name(const mcucc_add_state_t *s)                                           \
    {                                                                                          \
        register const mcucc_add_state_t *state __asm__("r0") = s;                             \
        __asm__ volatile(                                                                      \
            ".syntax unified\n\t"                                                              \
            "push {r7}\n\tsub sp, #16\n\tldmia r0!, {r1-r3, r7}\n\tldmia r0!, {r4-r6}\n\t"      \
            "mov r8, r4\n\tmov r10, r5\n\tmov r11, r6\n\tldmia r0!, {r4, r5}\n\t"               \
            "mov r12, r4\n\tmov lr, r5\n\tldmia r0!, {r4-r6}\n\tldr r0, [r0]\n\t"               \
            "str r4, [sp]\n\tstr r5, [sp, #4]\n\tstr r6, [sp, #8]\n\tstr r0, [sp, #12]\n"       \
            "1:\n\t"                                                                           \
            "ldrsb r0, [r2, r3]\n\tadd r0, r8\n\tmov r4, r10\n\tmuls r4, r0\n\tmov r5, r11\n\t" \
            "muls r0, r5\n\tlsls r0, r0, #5\n\tasrs r4, r4, #11\n\tadcs r0, r4\n\t"             \
            "asrs r4, r0, #31\n\tadds r0, r0, r4\n\tmov r5, r12\n\tmov r4, lr\n\t"              \
            "asrs r0, r5\n\tadcs r0, r4\n\tldrsb r4, [r1, r3]\n\tlsls r4, r4, #19\n\t"          \
            combine "\n\tadds r0, r0, r0\n\tuxth r4, r0\n\tasrs r0, r0, #16\n\t"                \
            "ldr r5, [sp]\n\tmovs r6, r4\n\tmuls r6, r5\n\tlsrs r6, r6, #16\n\tmuls r5, r0\n\t" \
            "adds r5, r5, r6\n\tldr r6, [sp, #4]\n\tmuls r4, r6\n\tmuls r0, r6\n\t"             \
            "asrs r6, r5, #16\n\tadds r0, r0, r6\n\tuxth r5, r5\n\tadds r4, r4, r5\n\t"         \
            "asrs r4, r4, #16\n\tadcs r0, r4\n\tasrs r4, r0, #31\n\tadds r0, r0, r4\n\t"        \
            "ldr r4, [sp, #8]\n\tldr r5, [sp, #12]\n\tasrs r0, r4\n\tadcs r0, r5\n\t"           \
            "sxtb r4, r0\n\tcmp r0, r4\n\tbeq 2f\n\t"                                           \
            "asrs r0, r0, #31\n\tmovs r4, #127\n\teors r0, r4\n"                                \
            "2:\n\tstrb r0, [r7, r3]\n\tadds r3, #1\n\tbne 1b\n\t"                              \
            "add sp, #16\n\tpop {r7}"                                                          \
            : "+l"(state)                                                                      \
            :                                                                                  \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "r11", "r12", "lr", "cc",       \
              "memory");                                                                       \
    }

MCUCC_ADD_LOOP(mcucc_add_both, "adds r0, r0, r4")
MCUCC_ADD_LOOP(mcucc_subtract_scaled, "subs r0, r4, r0")
MCUCC_ADD_LOOP(mcucc_subtract_halved, "subs r0, r0, r4")
#endif

/* n elements, before activations that narrow the range; x are of the halved input. */
MCUCC_INLINE void mcucc_add_elements(const mcucc_add_thumb1_t *p, const int8_t *x, const int8_t *y,
                                     int32_t n, int8_t *out, int32_t sign)
{
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
    const int32_t zero_x = p->zero_point[0] * ((int32_t)1 << 19);
    const mcucc_add_state_t s = {&x[n],
                                 &y[n],
                                 -n,
                                 &out[n],
                                 -p->zero_point[1],
                                 p->low,
                                 p->high,
                                 p->right,
                                 (sign > 0) ? -zero_x : zero_x,
                                 (int32_t)((uint32_t)p->scale.multiplier & 0xFFFFU),
                                 p->scale.multiplier >> 16,
                                 p->scale.right,
                                 p->output.zero_point};
    if (sign > 0) {
        mcucc_add_both(&s);
    } else if (p->halved == 0) {
        mcucc_subtract_scaled(&s);
    } else {
        mcucc_subtract_halved(&s);
    }
#else
    for (int32_t i = 0; i < n; i++) {
        out[i] = mcucc_add_element(p, x[i], y[i], sign);
    }
#endif
}

/* Pixels x_begin .. x_end - 1 of rows[0] + sign * rows[1], sign 1 or -1; `out` may be one of the
 * inputs' pixels. */
MCUCC_INLINE void mcucc_add_thumb1(const mcucc_add_thumb1_t *p, const int8_t *const *rows,
                                   int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                   int32_t sign)
{
    const int whole = out_stride == p->c;
    const int32_t step = whole ? (x_end - x_begin) : 1;
    for (int32_t x = x_begin; x < x_end; x += step, out += out_stride) {
        const int8_t *const halved = &rows[p->halved][x * p->c];
        const int8_t *const other = &rows[1 - p->halved][x * p->c];
        mcucc_add_elements(p, halved, other, step * p->c, out, sign);
        if ((p->output.min > INT8_MIN) || (p->output.max < INT8_MAX)) {
            for (int32_t i = 0; i < step * p->c; i++) {
                out[i] = (int8_t)mcucc_clamp(out[i], p->output.min, p->output.max);
            }
        }
    }
}

#endif
