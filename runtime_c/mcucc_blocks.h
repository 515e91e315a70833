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

/* By hand for Thumb-2, as gcc needs a tenth more instructions: it cannot bring itself to keep the end
 * of the loop in memory instead of a sum. All 14 registers are taken, so that this demands an
 * optimising gcc that needs none for itself; -DMCUCC_PLAIN_C forbids it. */
#if defined(__GNUC__) && defined(__thumb2__) && defined(__OPTIMIZE__) && !defined(__clang__) && \
    !defined(__PIC__) && !defined(MCUCC_PLAIN_C)
#define MCUCC_BLOCKS_THUMB2
#endif

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

#if defined(MCUCC_BLOCKS_THUMB2)
/* One input of one pixel, one of two. */
#define MCUCC_WEIGHT_1(i) "ldrsb %[t], [%[w]], #1\n\tmla %[a" #i "], %[x], %[t], %[a" #i "]\n\t"
#define MCUCC_INPUT_1     \
    "ldrsb %[x], [%[x0]], #1\n\t" MCUCC_WEIGHT_1(0) MCUCC_WEIGHT_1(1) MCUCC_WEIGHT_1(2) \
        MCUCC_WEIGHT_1(3)
#define MCUCC_WEIGHT_2(i)                                                   \
    "ldrsb %[t], [%[w]], #1\n\tmla %[a" #i "], %[x], %[t], %[a" #i "]\n\t" \
    "mla %[b" #i "], %[y], %[t], %[b" #i "]\n\t"
#define MCUCC_INPUT_2                                                               \
    "ldrsb %[x], [%[x0]], #1\n\tldrsb %[y], [%[x1]], #1\n\t" MCUCC_WEIGHT_2(0)      \
        MCUCC_WEIGHT_2(1) MCUCC_WEIGHT_2(2) MCUCC_WEIGHT_2(3)

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

MCUCC_INLINE const int8_t *mcucc_fours_2x4(const int8_t *x0, const int8_t *x1, const int8_t *end,
                                           const int8_t *w, int32_t acc[8])
{
    int32_t x;
    int32_t y;
    int32_t t;
    __asm__ volatile("1:\n\t" MCUCC_INPUT_2 MCUCC_INPUT_2 MCUCC_INPUT_2 MCUCC_INPUT_2
                     "ldr %[t], %[end]\n\tcmp %[x0], %[t]\n\tbne 1b"
                     : [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w), [a0] "+r"(acc[0]),
                       [a1] "+r"(acc[1]), [a2] "+r"(acc[2]), [a3] "+r"(acc[3]),
                       [b0] "+r"(acc[4]), [b1] "+r"(acc[5]), [b2] "+r"(acc[6]),
                       [b3] "+r"(acc[7]), [x] "=&r"(x), [y] "=&r"(y), [t] "=&r"(t)
                     : [end] "m"(end)
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

MCUCC_INLINE const int8_t *mcucc_fours_2x4(const int8_t *x0, const int8_t *x1, const int8_t *end,
                                           const int8_t *w, int32_t acc[8])
{
    for (; x0 != end; x0 += 4, x1 += 4, w += 16) {
        for (int32_t i = 0; i < 4; i++) {
            mcucc_block_2x4(x0[i], x1[i], &w[4 * i], acc);
        }
    }
    return w;
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

/* n inputs of each of two pixels. */
MCUCC_INLINE const int8_t *mcucc_blocks_2x4(const int8_t *x0, const int8_t *x1, int32_t n,
                                            const int8_t *w, int32_t acc[8])
{
    const int32_t fours = n & ~3;
    if (fours != 0) {
        w = mcucc_fours_2x4(x0, x1, &x0[fours], w, acc);
    }
    for (int32_t i = fours; i < n; i++, w += 4) {
        mcucc_block_2x4(x0[i], x1[i], w, acc);
    }
    return w;
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
