/* Dot products with Helium of inputs that are read where they lie: four output channels of two
 * pixels at a time. The stream is that of mcucc_dot_mve.h. */
#ifndef MCUCC_DOT_RUNS_MVE_H
#define MCUCC_DOT_RUNS_MVE_H

#include "mcucc_dot_mve.h"

#define MCUCC_HELD_BACK 128 /* channels of an output pixel */

/* Inputs of two pixels, one behind the other: from first to `end`, and as many from `second`.
 * Behind the last run of a window `first` is NULL. */
typedef struct {
    const int8_t *first;
    const int8_t *second;
    const int8_t *end;
} mcucc_input_run_t;

/* The sums of four channels of two pixels; returns the stream behind the weights. */
#if defined(MCUCC_HELIUM)

MCUCC_INLINE const uint32_t *mcucc_dot_two_runs(const mcucc_input_run_t *run,
                                                const uint32_t *stream, mcucc_words_t sums[2])
{
    const int8_t *x0;
    const int8_t *x1;
    const int8_t *end;
    mcucc_words_t first;
    mcucc_words_t second;
    mcucc_bytes_t w;
    __asm__ volatile("ldm %[stream], {r0, r2, r4, r6}\n\t"
                     "ldm %[stream]!, {r8, r10, r12, lr}\n\t"
                     "ldrd %[x0], %[x1], [%[run]], #8\n"
                     "1:\n\t"
                     "ldr %[end], [%[run]], #4\n"
                     "2:\n\t"
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
                     "bne 2b\n\t"
                     "ldrd %[x0], %[x1], [%[run]], #8\n\t"
                     "cmp %[x0], #0\n\t"
                     "bne 1b\n\t"
                     "vmov %q[first][2], %q[first][0], r0, r4\n\t"
                     "vmov %q[first][3], %q[first][1], r2, r6\n\t"
                     "vmov %q[second][2], %q[second][0], r8, r12\n\t"
                     "vmov %q[second][3], %q[second][1], r10, lr"
                     : [run] "+&r"(run), [stream] "+&r"(stream), [x0] "=&r"(x0), [x1] "=&r"(x1),
                       [end] "=&r"(end), [first] "=&w"(first), [second] "=&w"(second),
                       [w] "=&w"(w)
                     :
                     : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc", "memory");
    sums[0] = first;
    sums[1] = second;
    return stream;
}

#define MCUCC_RUNS_LOOP(inputs)                                                                \
    __asm__ volatile("1:\n\t"                                                                  \
                     "vmov %[run], r4, %q[held][3], %q[held][1]\n\t"                           \
                     "ldm %[stream], {r0, r2, r4, r6}\n\t"                                     \
                     "ldm %[stream]!, {r8, r10, r12, lr}\n\t"                                  \
                     "ldrd %[x0], %[x1], [%[run]], #8\n"                                       \
                     "2:\n\t"                                                                  \
                     "ldr %[end], [%[run]], #4\n"                                              \
                     "3:\n\t" inputs                                                           \
                     "cmp %[x0], %[end]\n\t"                                                   \
                     "bne 3b\n\t"                                                              \
                     "ldrd %[x0], %[x1], [%[run]], #8\n\t"                                     \
                     "cmp %[x0], #0\n\t"                                                       \
                     "bne 2b\n\t" MCUCC_PAIR_SCALE                                             \
                     "vmov r0, r2, %q[held][2], %q[held][0]\n\t"                               \
                     "vstrb.32 %q[first], [r0], #4\n\t"                                        \
                     "vstrb.32 %q[second], [r2], #4\n\t"                                       \
                     "vmov %[run], r4, %q[held][3], %q[held][1]\n\t"                           \
                     "vmov %q[held][2], %q[held][0], r0, r2\n\t"                               \
                     "cmp r0, r4\n\t"                                                          \
                     "bne 1b"                                                                  \
                     : [stream] "+&l"(stream), [held] "+&w"(held), [run] "=&r"(run),           \
                       [x0] "=&r"(x0), [x1] "=&r"(x1), [end] "=&r"(end), [first] "=&w"(first), \
                       [second] "=&w"(second), [w] "=&w"(w)                                    \
                     : [zero_point] "w"(output->zero_point), [min] "w"(output->min),           \
                       [max] "w"(output->max)                                                  \
                     : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc", "memory")

/* Outputs of class fast of whole fours of channels; runs are of whole threes of vectors, or any
 * number. There are registers for no more than what a loop over inputs needs: lanes of `held` are
 * where outputs of both pixels go, where the first run is, and where outputs of the first pixel
 * end. */
MCUCC_INLINE const uint32_t *mcucc_runs_fast_mve(const mcucc_input_run_t *runs, int threes,
                                                 const uint32_t *stream,
                                                 const mcucc_output_words_t *output, int8_t *out,
                                                 const int8_t *out_end, int8_t *out_of_second)
{
    mcucc_words_t held = mcucc_hold((uintptr_t)out, (uintptr_t)runs, (uintptr_t)out_of_second,
                                    (uintptr_t)out_end);
    const mcucc_input_run_t *run;
    const int8_t *x0;
    const int8_t *x1;
    const int8_t *end;
    mcucc_words_t first;
    mcucc_words_t second;
    mcucc_bytes_t w;
    if (threes) {
        MCUCC_RUNS_LOOP(MCUCC_PAIR_VECTOR MCUCC_PAIR_VECTOR MCUCC_PAIR_VECTOR);
    } else {
        MCUCC_RUNS_LOOP(MCUCC_PAIR_VECTOR);
    }
    return stream;
}

#else

MCUCC_TWIN const uint32_t *mcucc_dot_two_runs(const mcucc_input_run_t *run,
                                              const uint32_t *stream, mcucc_words_t sums[2])
{
    sums[0] = mcucc_load_words(stream);
    sums[1] = sums[0];
    stream += 4;
    for (; run->first != NULL; run++) {
        const int32_t n = (int32_t)(run->end - run->first);
        for (int32_t i = 0; i < n; i++) {
            const int8_t *const w = (const int8_t *)&stream[16 * (i / 16)];
            for (int32_t c = 0; c < 4; c++) {
                sums[0].lane[c] += (int32_t)run->first[i] * w[(16 * c) + (i % 16)];
                sums[1].lane[c] += (int32_t)run->second[i] * w[(16 * c) + (i % 16)];
            }
        }
        stream += n;
    }
    return stream;
}

MCUCC_TWIN const uint32_t *mcucc_runs_fast_mve(const mcucc_input_run_t *runs, int threes,
                                               const uint32_t *stream,
                                               const mcucc_output_words_t *output, int8_t *out,
                                               const int8_t *out_end, int8_t *out_of_second)
{
    (void)threes;
    while (out != out_end) {
        mcucc_words_t sums[2];
        stream = mcucc_dot_two_runs(runs, stream, sums);
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

/* All output channels of two pixels, whose runs are of whole threes of vectors or any number. */
MCUCC_INLINE void mcucc_runs_pair_mve(const mcucc_input_run_t *runs, int threes,
                                      const uint32_t *stream, int32_t out_c,
                                      const mcucc_output_words_t *output, int8_t *out,
                                      int8_t *out_of_second, mcucc_requant_class_t kind)
{
    int32_t left = out_c;
    if ((kind == MCUCC_FAST) && (left >= 4)) {
        const int32_t fours = left & ~3;
        stream = mcucc_runs_fast_mve(runs, threes, stream, output, out, &out[fours],
                                     out_of_second);
        out += fours;
        out_of_second += fours;
        left -= fours;
    }
    for (; left > 0; left -= 4) {
        mcucc_words_t sums[2];
        stream = mcucc_dot_two_runs(runs, stream, sums);
        sums[0] = mcucc_to_output(mcucc_scale_words(sums[0], stream, 4, 0, kind), output, kind);
        sums[1] = mcucc_to_output(mcucc_scale_words(sums[1], stream, 4, 0, kind), output, kind);
        stream += mcucc_scale_block(4, kind);
        mcucc_put_two_words(&out, &out_of_second, sums[0], sums[1], left);
    }
}

#endif
