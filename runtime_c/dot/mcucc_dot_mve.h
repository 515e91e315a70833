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
    int8_t *out_of_second = &out[out_stride];
    for (int32_t left = out_c; left > 0; left -= 4) {
        mcucc_words_t sums[2];
        stream = mcucc_dot_two(x, second, second, stream, sums);
        sums[0] = mcucc_to_output(mcucc_scale_words(sums[0], stream, 4, 0, kind), output, kind);
        sums[1] = mcucc_to_output(mcucc_scale_words(sums[1], stream, 4, 0, kind), output, kind);
        stream += mcucc_scale_block(4, kind);
        mcucc_put_two_words(&out, &out_of_second, sums[0], sums[1], left);
    }
}

#endif
