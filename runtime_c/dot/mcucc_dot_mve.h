/* Dot products with Helium: four output channels of one pixel or of two at a time.
 *
 * What four channels need stands in one stream of words, in the order in which it is read: their
 * biases; weights, 16 inputs of each channel in turn, zeros behind the last input; the numbers of
 * mcucc_requantize_mve.h. VMLADAVA adds 16 products to a register; it wants an even one. */
#ifndef MCUCC_DOT_MVE_H
#define MCUCC_DOT_MVE_H

#include "mcucc_requantize_mve.h"

#if defined(MCUCC_HELIUM)

/* The sums of one pixel: n inputs from x, any number. Returns the stream behind the weights. */
MCUCC_INLINE const uint32_t *mcucc_dot_one(const int8_t *x, int32_t n, const uint32_t *stream,
                                          mcucc_words_t *sums)
{
    mcucc_bytes_t inputs;
    mcucc_words_t w;
    __asm__ volatile("ldm %[stream]!, {r0, r2, r4, r6}\n\t"
                     "dlstp.8 lr, %[n]\n"
                     "1:\n\t"
                     "vldrb.8 %q[inputs], [%[x]], #16\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r0, %q[inputs], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r2, %q[inputs], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r4, %q[inputs], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r6, %q[inputs], %q[w]\n\t"
                     "letp lr, 1b\n\t"
                     "vmov %q[w][2], %q[w][0], r0, r4\n\t"
                     "vmov %q[w][3], %q[w][1], r2, r6"
                     : [x] "+&r"(x), [stream] "+&r"(stream), [inputs] "=&w"(inputs), [w] "=&w"(w)
                     : [n] "r"(n)
                     : "r0", "r2", "r4", "r6", "lr", "memory");
    *sums = w;
    return stream;
}

/* The sums of two pixels: inputs from x0 to `end` and as many from x1, whole sixteens. */
MCUCC_INLINE const uint32_t *mcucc_dot_two(const int8_t *x0, const int8_t *end, const int8_t *x1,
                                          const uint32_t *stream, mcucc_words_t sums[2])
{
    mcucc_words_t first;
    mcucc_words_t second;
    mcucc_bytes_t w;
    __asm__ volatile("ldm %[stream], {r0, r2, r4, r6}\n\t"
                     "ldm %[stream]!, {r8, r10, r12, lr}\n"
                     "1:\n\t"
                     "vldrb.8 %q[first], [%[x0]], #16\n\t"
                     "vldrb.8 %q[second], [%[x1]], #16\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r0, %q[first], %q[w]\n\t"
                     "vmladava.s8 r8, %q[second], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r2, %q[first], %q[w]\n\t"
                     "vmladava.s8 r10, %q[second], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r4, %q[first], %q[w]\n\t"
                     "vmladava.s8 r12, %q[second], %q[w]\n\t"
                     "vldrb.8 %q[w], [%[stream]], #16\n\t"
                     "vmladava.s8 r6, %q[first], %q[w]\n\t"
                     "vmladava.s8 lr, %q[second], %q[w]\n\t"
                     "cmp %[x0], %[end]\n\t"
                     "bne 1b\n\t"
                     "vmov %q[first][2], %q[first][0], r0, r4\n\t"
                     "vmov %q[first][3], %q[first][1], r2, r6\n\t"
                     "vmov %q[second][2], %q[second][0], r8, r12\n\t"
                     "vmov %q[second][3], %q[second][1], r10, lr"
                     : [x0] "+&r"(x0), [x1] "+&r"(x1), [stream] "+&r"(stream),
                       [first] "=&w"(first), [second] "=&w"(second), [w] "=&w"(w)
                     : [end] "r"(end)
                     : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc", "memory");
    sums[0] = first;
    sums[1] = second;
    return stream;
}

#else

MCUCC_TWIN const uint32_t *mcucc_dot_one(const int8_t *x, int32_t n, const uint32_t *stream,
                                          mcucc_words_t *sums)
{
    *sums = mcucc_load_words(stream);
    stream += 4;
    for (int32_t begin = 0; begin < n; begin += 16, stream += 16) {
        const int8_t *const w = (const int8_t *)stream;
        for (int32_t i = 0; (i < 16) && (begin + i < n); i++) {
            for (int32_t c = 0; c < 4; c++) {
                sums->lane[c] += (int32_t)x[begin + i] * w[(16 * c) + i];
            }
        }
    }
    return stream;
}

MCUCC_TWIN const uint32_t *mcucc_dot_two(const int8_t *x0, const int8_t *end, const int8_t *x1,
                                          const uint32_t *stream, mcucc_words_t sums[2])
{
    const int32_t n = (int32_t)(end - x0);
    (void)mcucc_dot_one(x0, n, stream, &sums[0]);
    return mcucc_dot_one(x1, n, stream, &sums[1]);
}

#endif

/* What stays the same for all channels of two pixels whose inputs lie one behind the other. */
typedef struct {
    const int8_t *inputs; /* of the first */
    int32_t n;            /* inputs of a pixel, whole sixteens */
    int32_t out_stride;   /* from its outputs to those of the second */
    int32_t fours;        /* groups of four channels, 1 or more */
} mcucc_pair_mve_t;

#if defined(MCUCC_HELIUM)

/* 16 inputs of both pixels. */
#define MCUCC_PAIR_VECTOR                    \
    "vldrb.8 %q[first], [%[x0]], #16\n\t"    \
    "vldrb.8 %q[second], [%[x1]], #16\n\t"   \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"    \
    "vmladava.s8 r0, %q[first], %q[w]\n\t"   \
    "vmladava.s8 r8, %q[second], %q[w]\n\t"  \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"    \
    "vmladava.s8 r2, %q[first], %q[w]\n\t"   \
    "vmladava.s8 r10, %q[second], %q[w]\n\t" \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"    \
    "vmladava.s8 r4, %q[first], %q[w]\n\t"   \
    "vmladava.s8 r12, %q[second], %q[w]\n\t" \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"    \
    "vmladava.s8 r6, %q[first], %q[w]\n\t"   \
    "vmladava.s8 lr, %q[second], %q[w]\n\t"

/* The sums of four channels to their outputs. */
#define MCUCC_PAIR_SCALE                                  \
    "vmov %q[first][2], %q[first][0], r0, r4\n\t"         \
    "vmov %q[first][3], %q[first][1], r2, r6\n\t"         \
    "vmov %q[second][2], %q[second][0], r8, r12\n\t"      \
    "vmov %q[second][3], %q[second][1], r10, lr\n\t"      \
    "movs r4, #1\n\t"                                     \
    "vldrw.32 %q[w], [%[stream]], #16\n\t"                \
    "vqrdmulh.s32 %q[first], %q[first], %q[w]\n\t"        \
    "vqrdmulh.s32 %q[second], %q[second], %q[w]\n\t"      \
    "vqdmlah.s32 %q[first], %q[first], r4\n\t"            \
    "vqdmlah.s32 %q[second], %q[second], r4\n\t"          \
    "vldrb.s32 %q[w], [%[stream]], #4\n\t"                \
    "vrshl.s32 %q[first], %q[first], %q[w]\n\t"           \
    "vrshl.s32 %q[second], %q[second], %q[w]\n\t"         \
    "vadd.i32 %q[first], %q[first], %q[zero_point]\n\t"   \
    "vadd.i32 %q[second], %q[second], %q[zero_point]\n\t" \
    "vmax.s32 %q[first], %q[first], %q[min]\n\t"          \
    "vmax.s32 %q[second], %q[second], %q[min]\n\t"        \
    "vmin.s32 %q[first], %q[first], %q[max]\n\t"          \
    "vmin.s32 %q[second], %q[second], %q[max]\n\t"

/* There are registers for no more than what a loop over inputs needs: lanes of `held` are where
 * both pixels begin, the stride, and where outputs end. */
#define MCUCC_PAIR_OUTPUTS                      \
    MCUCC_PAIR_SCALE                            \
    "vmov r0, r2, %q[held][3], %q[held][1]\n\t" \
    "add r0, %[out]\n\t"                        \
    "vstrb.32 %q[first], [%[out]], #4\n\t"      \
    "vstrb.32 %q[second], [r0]\n\t"             \
    "cmp %[out], r2\n\t"                        \
    "bne 1b"

/* `enter` is where the loop over pairs of vectors begins: behind its middle if their number is
 * odd. */
#define MCUCC_PAIR_LOOP(enter)                                                                   \
    __asm__ volatile("1:\n\t"                                                                    \
                     "vmov %[x0], %[x1], %q[held][2], %q[held][0]\n\t"                           \
                     "ldm %[stream], {r0, r2, r4, r6}\n\t"                                       \
                     "ldm %[stream]!, {r8, r10, r12, lr}\n" enter                                \
                     "2:\n\t" MCUCC_PAIR_VECTOR "3:\n\t" MCUCC_PAIR_VECTOR                       \
                     "cmp %[x0], %[end]\n\t"                                                     \
                     "bne 2b\n\t" MCUCC_PAIR_OUTPUTS                                             \
                     : [stream] "+&l"(stream), [out] "+&l"(out), [x0] "=&r"(x0), [x1] "=&r"(x1), \
                       [first] "=&w"(first), [second] "=&w"(second), [w] "=&w"(w)                \
                     : [end] "r"(second_inputs), [held] "w"(held),                               \
                       [zero_point] "w"(output->zero_point), [min] "w"(output->min),             \
                       [max] "w"(output->max)                                                    \
                     : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc", "memory")

/* Outputs of class fast; returns the stream behind those of its blocks that were read. */
MCUCC_INLINE const uint32_t *mcucc_pair_fast_mve(const mcucc_pair_mve_t *pair,
                                                 const uint32_t *stream,
                                                 const mcucc_output_words_t *output, int8_t *out)
{
    const int8_t *const second_inputs = &pair->inputs[pair->n];
    const mcucc_words_t held =
        mcucc_hold((uintptr_t)pair->inputs, (uintptr_t)pair->out_stride,
                   (uintptr_t)second_inputs, (uintptr_t)&out[4 * pair->fours]);
    const int8_t *x0;
    const int8_t *x1;
    mcucc_words_t first;
    mcucc_words_t second;
    mcucc_bytes_t w;
    if ((pair->n & 16) != 0) {
        MCUCC_PAIR_LOOP("\tb 3f\n");
    } else {
        MCUCC_PAIR_LOOP("");
    }
    return stream;
}

#else

MCUCC_TWIN const uint32_t *mcucc_pair_fast_mve(const mcucc_pair_mve_t *pair,
                                               const uint32_t *stream,
                                               const mcucc_output_words_t *output, int8_t *out)
{
    const int8_t *const second = &pair->inputs[pair->n];
    int8_t *out_of_second = &out[pair->out_stride];
    for (int32_t i = 0; i < pair->fours; i++) {
        mcucc_words_t sums[2];
        stream = mcucc_dot_two(pair->inputs, second, second, stream, sums);
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            sums[pixel] = mcucc_scale_words(sums[pixel], stream, 4, 0, MCUCC_FAST);
            sums[pixel] = mcucc_to_output(sums[pixel], output, MCUCC_FAST);
        }
        stream += mcucc_scale_block(4, MCUCC_FAST);
        mcucc_put_two_words(&out, &out_of_second, sums[0], sums[1], 4);
    }
    return stream;
}

#endif

/* All output channels of one pixel from n inputs. */
MCUCC_INLINE void mcucc_pixel_mve(const int8_t *x, int32_t n, const uint32_t *stream,
                                  int32_t out_c, const mcucc_output_words_t *output, int8_t *out,
                                  mcucc_requant_class_t kind)
{
    for (int32_t left = out_c; left > 0; left -= 4) {
        mcucc_words_t sums;
        stream = mcucc_dot_one(x, n, stream, &sums);
        sums = mcucc_to_output(mcucc_scale_words(sums, stream, 4, 0, kind), output, kind);
        stream += mcucc_scale_block(4, kind);
        out = mcucc_put_words(out, sums, left);
    }
}

/* All output channels of two pixels, whose n inputs begin at x and at &x[n]; n is a multiple of 16.
 * The outputs of the second lie `out_stride` bytes behind those of the first. */
MCUCC_INLINE void mcucc_pixel_pair_mve(const int8_t *x, int32_t n, const uint32_t *stream,
                                       int32_t out_c, const mcucc_output_words_t *output,
                                       int8_t *out, int32_t out_stride,
                                       mcucc_requant_class_t kind)
{
    const int8_t *const second = &x[n];
    int32_t left = out_c;
    if ((kind == MCUCC_FAST) && (left >= 4)) {
        const mcucc_pair_mve_t pair = {x, n, out_stride, out_c / 4};
        stream = mcucc_pair_fast_mve(&pair, stream, output, out);
        out += 4 * pair.fours;
        left -= 4 * pair.fours;
    }
    int8_t *out_of_second = &out[out_stride];
    for (; left > 0; left -= 4) {
        mcucc_words_t sums[2];
        stream = mcucc_dot_two(x, second, second, stream, sums);
        sums[0] = mcucc_to_output(mcucc_scale_words(sums[0], stream, 4, 0, kind), output, kind);
        sums[1] = mcucc_to_output(mcucc_scale_words(sums[1], stream, 4, 0, kind), output, kind);
        stream += mcucc_scale_block(4, kind);
        mcucc_put_two_words(&out, &out_of_second, sums[0], sums[1], left);
    }
}

#endif
