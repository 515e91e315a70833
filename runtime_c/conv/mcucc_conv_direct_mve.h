/* Convolution with Helium that reads windows where they lie, where there is no scratch: for pixels
 * of whole vectors. Meaning: reference/conv.py, `conv2d`.
 *
 * Two pixels at a time, as from copies. Outputs of the second are held back, for they may lie over
 * the first one's window. The last pixel of an odd run is made as if it were two. */
#ifndef MCUCC_CONV_DIRECT_MVE_H
#define MCUCC_CONV_DIRECT_MVE_H

#include "mcucc_conv_mve.h"

#define MCUCC_MOST_RUNS 9    /* taps of a window */
#define MCUCC_HELD_BACK 128  /* channels of an output pixel */

typedef mcucc_conv_mve_t mcucc_conv_direct_mve_t;

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

#endif

/* The input pixel in column x of a row; x may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_conv_pixel_mve(const mcucc_conv_mve_t *p, const int8_t *row,
                                                int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;
}

/* The runs of the windows whose first columns are a and b: whole rows of them where both lie in the
 * map. */
MCUCC_INLINE void mcucc_conv_runs_mve(const mcucc_conv_mve_t *p, const int8_t *const *rows,
                                      int32_t a, int32_t b, int32_t kh, int32_t kw,
                                      int32_t dilation, mcucc_input_run_t *run)
{
    const int32_t in_c = p->in_c;
    if ((dilation == 1) && (a >= 0) && (b + kw <= p->in_w)) {
        for (int32_t ky = 0; ky < kh; ky++, run++) {
            run->first = &rows[ky][a * in_c];
            run->second = &rows[ky][b * in_c];
            run->end = &run->first[kw * in_c];
        }
    } else {
        for (int32_t ky = 0; ky < kh; ky++) {
            for (int32_t kx = 0; kx < kw; kx++, run++) {
                run->first = mcucc_conv_pixel_mve(p, rows[ky], a + (kx * dilation));
                run->second = mcucc_conv_pixel_mve(p, rows[ky], b + (kx * dilation));
                run->end = &run->first[in_c];
            }
        }
    }
    run->first = NULL;
    run->second = NULL;
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_mve, without scratch.
 */
MCUCC_INLINE void mcucc_conv_direct_mve(const mcucc_conv_direct_mve_t *p,
                                        const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                        int8_t *out, int32_t out_stride, int8_t *scratch,
                                        int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                        mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    mcucc_input_run_t runs[MCUCC_MOST_RUNS + 1];
    int8_t held[MCUCC_HELD_BACK];
    int32_t column = (x_begin * stride) - p->pad_left;
    (void)scratch;
    for (int32_t left = x_end - x_begin; left > 0; left -= 2, column += 2 * stride) {
        const int32_t next = (left > 1) ? (column + stride) : column;
        const uint32_t *stream = p->weights;
        int8_t *to = out;
        int8_t *to_held = held;
        mcucc_conv_runs_mve(p, rows, column, next, kh, kw, dilation, runs);
        for (int32_t c = p->out_c; c > 0; c -= 4) {
            mcucc_words_t sums[2];
            stream = mcucc_dot_two_runs(runs, stream, sums);
            sums[0] = mcucc_scale_words(sums[0], stream, 4, 0, kind);
            sums[1] = mcucc_scale_words(sums[1], stream, 4, 0, kind);
            sums[0] = mcucc_to_output(sums[0], &output, kind);
            sums[1] = mcucc_to_output(sums[1], &output, kind);
            stream += mcucc_scale_block(4, kind);
            mcucc_put_two_words(&to, &to_held, sums[0], sums[1], c);
        }
        if (left > 1) {
            mcucc_copy_mve(&out[out_stride], held, p->out_c);
            out += 2 * out_stride;
        }
    }
}

#endif
