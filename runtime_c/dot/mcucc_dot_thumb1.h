/* Dot products for cores that have 16-bit Thumb instructions only, eight output channels at a time.
 *
 * Such a core loads a signed byte only from the sum of two registers, an unsigned one from a
 * register and a constant. So weights are stored with 128 added, side by side for eight channels,
 * and 128 times the sum of the inputs, which all channels share, is taken off in the end. Six sums
 * stay in the high registers, which can be added to and little else. Sums wrap; the result is
 * exact. */
#ifndef MCUCC_DOT_THUMB1_H
#define MCUCC_DOT_THUMB1_H

#include "mcucc_requantize.h"

#if defined(MCUCC_CORTEX_M) && !defined(__ARM_ARCH_6M__) && !defined(MCUCC_ALLOW_PORTABLE)
#error "mcucc: these kernels are for the Cortex-M0 and M0+, which this is not compiled for: \
elsewhere they are slow. Give the compiler the core that the network was made for (-mcpu), or make \
it for this one (mcucc compile --board), or define MCUCC_ALLOW_PORTABLE."
#endif

#if defined(__GNUC__) && defined(__ARM_ARCH_6M__) && !defined(MCUCC_KEEP_R9)
#define MCUCC_EIGHT_BY_HAND
#define MCUCC_EIGHT_PUSHED 8 /* bytes that it pushes, of which compilers know nothing */
#endif

/* Where eight dot products stand. The routine in assembler knows the order of the members. */
typedef struct {
    const uint8_t *w;    /* [inputs][8], 128 added to each */
    uint32_t inputs;     /* their sum so far */
    const int8_t *x;     /* a run of inputs: from here, */
    const int8_t *fours; /* whole fours of them until here, */
    const int8_t *end;   /* single ones until here */
    uint32_t acc[8];
} mcucc_eight_t;

/* Begins anew with the channels' biases. */
MCUCC_INLINE void mcucc_eight_begin(mcucc_eight_t *s, const mcucc_channel_t *channels)
{
    s->inputs = 0;
    for (int32_t i = 0; i < 8; i++) {
        s->acc[i] = (uint32_t)channels[i].bias;
    }
}

#if defined(MCUCC_EIGHT_BY_HAND)
#define MCUCC_EIGHT_LOW(offset, acc) \
    "ldrb r3, [r1, #" #offset "]\n\tmuls r3, r2\n\tadds " #acc ", " #acc ", r3\n\t"
#define MCUCC_EIGHT_HIGH(offset, acc) \
    "ldrb r3, [r1, #" #offset "]\n\tmuls r3, r2\n\tadd " #acc ", r3\n\t"
/* Input i of a run and its weights, which begin at offset a. */
#define MCUCC_EIGHT_INPUT(i, a, b, c, d, e, f, g, h)                                     \
    "ldrb r2, [r0, #" #i "]\n\tsxtb r2, r2\n\tadds r4, r4, r2\n\t" MCUCC_EIGHT_HIGH(a, r8)  \
        MCUCC_EIGHT_HIGH(b, r9) MCUCC_EIGHT_HIGH(c, r10) MCUCC_EIGHT_HIGH(d, r11)        \
            MCUCC_EIGHT_HIGH(e, r12) MCUCC_EIGHT_HIGH(f, lr) MCUCC_EIGHT_LOW(g, r5)      \
                MCUCC_EIGHT_LOW(h, r6)
#endif

/* acc[i] += x . w[..][i] and inputs += x, over the run. w moves on.
 *
 * The assembler has x in r0, w in r1, the sum of the inputs in r4, the end in r7. It saves r7
 * itself, for that may be the frame pointer, which must not be named as clobbered. */
MCUCC_INLINE void mcucc_eight_add(mcucc_eight_t *s)
{
#if defined(MCUCC_EIGHT_BY_HAND)
    mcucc_need_r9();
    register mcucc_eight_t *state __asm__("r0") = s;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r0, r7}\n\t"
        "adds r0, #20\n\t"
        "ldmia r0!, {r1-r6}\n\t"
        "mov r8, r1\n\tmov r9, r2\n\tmov r10, r3\n\tmov r11, r4\n\tmov r12, r5\n\tmov lr, r6\n\t"
        "ldmia r0!, {r5, r6}\n\t"
        "ldr r7, [sp]\n\t"
        "ldr r1, [r7, #0]\n\tldr r4, [r7, #4]\n\tldr r0, [r7, #8]\n\tldr r7, [r7, #12]\n\t"
        "cmp r0, r7\n\t"
        "beq 2f\n"
        "1:\n\t" MCUCC_EIGHT_INPUT(0, 0, 1, 2, 3, 4, 5, 6, 7)
            MCUCC_EIGHT_INPUT(1, 8, 9, 10, 11, 12, 13, 14, 15)
                MCUCC_EIGHT_INPUT(2, 16, 17, 18, 19, 20, 21, 22, 23)
                    MCUCC_EIGHT_INPUT(3, 24, 25, 26, 27, 28, 29, 30, 31)
        "adds r0, #4\n\t"
        "adds r1, #32\n\t"
        "cmp r0, r7\n\t"
        "bne 1b\n"
        "2:\n\t"
        "ldr r7, [sp]\n\tldr r7, [r7, #16]\n\t"
        "b 4f\n"
        "3:\n\t" MCUCC_EIGHT_INPUT(0, 0, 1, 2, 3, 4, 5, 6, 7)
        "adds r0, #1\n\t"
        "adds r1, #8\n"
        "4:\n\t"
        "cmp r0, r7\n\t"
        "bne 3b\n\t"
        "pop {r0, r7}\n\t"
        "str r1, [r0, #0]\n\tstr r4, [r0, #4]\n\t"
        "adds r0, #20\n\t"
        "mov r1, r8\n\tmov r2, r9\n\tmov r3, r10\n\tmov r4, r11\n\t"
        "stmia r0!, {r1-r4}\n\t"
        "mov r1, r12\n\tmov r2, lr\n\t"
        "stmia r0!, {r1, r2, r5, r6}"
        : "+l"(state)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",
          "memory");
#else
    for (; s->x != s->end; s->x++, s->w += 8) {
        const uint32_t x = (uint32_t)(int32_t)*s->x;
        s->inputs += x;
        for (int32_t i = 0; i < 8; i++) {
            s->acc[i] += x * s->w[i];
        }
    }
#endif
}

/* A run of n inputs. */
MCUCC_INLINE void mcucc_eight_run(mcucc_eight_t *s, const int8_t *x, int32_t n)
{
    s->x = x;
    s->fours = &x[n & ~3];
    s->end = &x[n];
    mcucc_eight_add(s);
}

/* The outputs of the first `count` channels, of all eight if it is larger. */
MCUCC_INLINE void mcucc_eight_end(const mcucc_eight_t *s, const mcucc_channel_t *channels,
                                  int32_t count, const mcucc_output_t *output, int8_t *out,
                                  mcucc_requant_class_t kind, int clamps)
{
    const uint32_t excess = 128U * s->inputs;
    const int32_t n = (count < 8) ? count : 8;
    for (int32_t i = 0; i < n; i++) {
        const int32_t acc = (int32_t)(s->acc[i] - excess);
        out[i] = mcucc_requantize_to(acc, &channels[i], output, kind, clamps);
    }
}

#endif
