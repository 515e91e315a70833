/* Blocks of dot products in plain C: four output channels by one or two pixels.
 *
 * The weights of four channels stand side by side for every input, so that one pointer runs through
 * all of them, and channels come in fours: zeros stand for missing ones. Each weight that is loaded
 * serves both pixels, each input all four channels. Loops take four inputs at a time, for half of
 * what a shorter loop executes is the loop itself. */
#ifndef MCUCC_BLOCKS_H
#define MCUCC_BLOCKS_H

#include "mcucc_requantize.h"

/* Channels of a pixel whose outputs can be held back. */
#define MCUCC_HELD 128

/* Where the dot products of two pixels stand. The routine in assembler knows the order of the
 * members. */
typedef struct {
    const int8_t *x1; /* a run of inputs of the second pixel */
    const int8_t *w;  /* [inputs][4] */
    int32_t acc[8];   /* four channels of the first pixel, four of the second */
    const int8_t *x0; /* a run of inputs of the first pixel: from here */
    const int8_t *end; /* to here */
} mcucc_pair_t;

/* acc[0 .. 3] += one input times the weights of four channels */
MCUCC_INLINE void mcucc_block_1x4(int32_t x, const int8_t *w, int32_t acc[4])
{
    for (int32_t i = 0; i < 4; i++) {
        acc[i] += x * w[i];
    }
}

/* The same for two pixels: acc[4 .. 7] belong to the second one. */
MCUCC_INLINE void mcucc_block_2x4(int32_t x0, int32_t x1, const int8_t *w, int32_t acc[8])
{
    for (int32_t i = 0; i < 4; i++) {
        const int32_t weight = w[i];
        acc[i] += x0 * weight;
        acc[4 + i] += x1 * weight;
    }
}

/* By hand for Thumb-2, as gcc needs a quarter more instructions in such loops: it keeps the end of
 * the loop in a register and a sum in memory, and adds to pointers where a load could. */
#if defined(__GNUC__) && defined(__thumb2__)
/* One input of one pixel. */
#define MCUCC_WEIGHT_1(i) "ldrsb %[t], [%[w]], #1\n\tmla %[a" #i "], %[x], %[t], %[a" #i "]\n\t"
#define MCUCC_INPUT_1     \
    "ldrsb %[x], [%[x0]], #1\n\t" MCUCC_WEIGHT_1(0) MCUCC_WEIGHT_1(1) MCUCC_WEIGHT_1(2) \
        MCUCC_WEIGHT_1(3)

/* Fours of inputs, from x0 to `end`, which is not x0. */
MCUCC_INLINE const int8_t *mcucc_fours_1x4(const int8_t *x0, const int8_t *end, const int8_t *w,
                                           int32_t acc[4])
{
    int32_t x;
    int32_t t;
    __asm__ volatile("1:\n\t" MCUCC_INPUT_1 MCUCC_INPUT_1 MCUCC_INPUT_1 MCUCC_INPUT_1
                     "cmp %[x0], %[end]\n\tbne 1b"
                     : [x0] "+r"(x0), [w] "+r"(w), [a0] "+r"(acc[0]), [a1] "+r"(acc[1]),
                       [a2] "+r"(acc[2]), [a3] "+r"(acc[3]), [x] "=&r"(x), [t] "=&r"(t)
                     : [end] "r"(end)
                     : "cc", "memory");
    return w;
}
#else
MCUCC_INLINE const int8_t *mcucc_fours_1x4(const int8_t *x0, const int8_t *end, const int8_t *w,
                                           int32_t acc[4])
{
    for (; x0 != end; x0 += 4, w += 16) {
        for (int32_t i = 0; i < 4; i++) {
            mcucc_block_1x4(x0[i], &w[4 * i], acc);
        }
    }
    return w;
}
#endif

#if defined(__GNUC__) && defined(__thumb2__) && !defined(MCUCC_KEEP_R9)
#define MCUCC_BLOCKS_PUSHED 12 /* bytes that it pushes, of which compilers know nothing */

/* One input of two pixels. */
#define MCUCC_WEIGHT_2(a, b) \
    "ldrsb lr, [r2], #1\n\tmla " #a ", r11, lr, " #a "\n\tmla " #b ", r12, lr, " #b "\n\t"
#define MCUCC_INPUT_2                                                                          \
    "ldrsb r11, [r0], #1\n\tldrsb r12, [r1], #1\n\t" MCUCC_WEIGHT_2(r3, r7) MCUCC_WEIGHT_2(r4, r8) \
        MCUCC_WEIGHT_2(r5, r9) MCUCC_WEIGHT_2(r6, r10)

/* The same for two pixels. All 14 registers are taken: the inputs r11 and r12, the weight lr, the
 * sums r3 to r10, the pointers r0 to r2. It saves r7 itself, for that may be the frame pointer,
 * which must not be named as clobbered. */
MCUCC_INLINE void mcucc_fours_2x4(mcucc_pair_t *s)
{
    mcucc_need_r9();
    register mcucc_pair_t *state __asm__("r0") = s;
    __asm__ volatile("ldr lr, [r0, #44]\n\t"
                     "push {r0, r7, lr}\n\t"
                     "ldmia r0!, {r1-r10}\n\t"
                     "ldr r0, [r0]\n"
                     "1:\n\t" MCUCC_INPUT_2 MCUCC_INPUT_2 MCUCC_INPUT_2 MCUCC_INPUT_2
                     "ldr lr, [sp, #8]\n\t"
                     "cmp r0, lr\n\t"
                     "bne 1b\n\t"
                     "ldr r12, [sp]\n\t"
                     "stmia r12, {r1-r10}\n\t"
                     "pop {r0, r7, lr}"
                     : "+r"(state)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                       "cc", "memory");
}
#else
MCUCC_INLINE void mcucc_fours_2x4(mcucc_pair_t *s)
{
    for (const int8_t *x0 = s->x0; x0 != s->end; x0 += 4, s->x1 += 4, s->w += 16) {
        for (int32_t i = 0; i < 4; i++) {
            mcucc_block_2x4(x0[i], s->x1[i], &s->w[4 * i], s->acc);
        }
    }
}
#endif

/* n inputs of one pixel; returns the weights behind theirs. */
MCUCC_INLINE const int8_t *mcucc_blocks_1x4(const int8_t *x, int32_t n, const int8_t *w,
                                            int32_t acc[4])
{
    const int32_t fours = n & ~3;
    if (fours != 0) {
        w = mcucc_fours_1x4(x, &x[fours], w, acc);
    }
    for (int32_t i = fours; i < n; i++, w += 4) {
        mcucc_block_1x4(x[i], w, acc);
    }
    return w;
}

/* Two pixels begin anew with the channels' biases. */
MCUCC_INLINE void mcucc_pair_begin(mcucc_pair_t *s, const mcucc_channel_t *channels)
{
    for (int32_t i = 0; i < 4; i++) {
        s->acc[i] = channels[i].bias;
        s->acc[4 + i] = channels[i].bias;
    }
}

/* n inputs of each of two pixels; w moves on. */
MCUCC_INLINE void mcucc_pair_run(mcucc_pair_t *s, const int8_t *x0, const int8_t *x1, int32_t n)
{
    const int32_t fours = n & ~3;
    if (fours != 0) {
        s->x0 = x0;
        s->x1 = x1;
        s->end = &x0[fours];
        mcucc_fours_2x4(s);
    }
    for (int32_t i = fours; i < n; i++, s->w += 4) {
        mcucc_block_2x4(x0[i], x1[i], s->w, s->acc);
    }
}

/* The outputs of the first `count` of four channels, of all four if it is larger. */
MCUCC_INLINE void mcucc_blocks_end(const int32_t acc[4], const mcucc_channel_t *channels,
                                   int32_t count, const mcucc_output_t *output, int8_t *out,
                                   mcucc_requant_class_t kind, int clamps)
{
    for (int32_t i = 0; (i < 4) && (i < count); i++) {
        out[i] = mcucc_requantize_to(acc[i], &channels[i], output, kind, clamps);
    }
}

/* Outputs that were held back. */
MCUCC_INLINE void mcucc_release(const int8_t *held, int32_t count, int8_t *out)
{
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        memcpy(&out[i], &held[i], 4);
    }
    for (; i < count; i++) {
        out[i] = held[i];
    }
}

#endif
