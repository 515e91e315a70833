/* 1x1 convolution with Helium of at most 32 inputs: those of two pixels stay in vectors for all
 * channels, and need no scratch. For outputs that nothing clamps further than int8 does.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_SHORT_MVE_H
#define MCUCC_POINTWISE_SHORT_MVE_H

#include "mcucc_pointwise_mve.h"

typedef mcucc_pointwise_mve_t mcucc_pointwise_short_mve_t;

/* Inputs of two pixels. */
typedef struct {
    mcucc_bytes_t first[2];
    mcucc_bytes_t second[2];
} mcucc_short_mve_t;

/* Where outputs of both pixels go, and where those of the first end. */
typedef struct {
    int8_t *first;
    int8_t *second;
    int8_t *end;
} mcucc_short_to_t;

#if defined(MCUCC_HELIUM)

/* Sums of four channels over 16 inputs. */
#define MCUCC_SHORT_VECTOR(x, y)            \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"   \
    "vmladava.s8 r0, %q[" x "], %q[w]\n\t"  \
    "vmladava.s8 r8, %q[" y "], %q[w]\n\t"  \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"   \
    "vmladava.s8 r2, %q[" x "], %q[w]\n\t"  \
    "vmladava.s8 r10, %q[" y "], %q[w]\n\t" \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"   \
    "vmladava.s8 r4, %q[" x "], %q[w]\n\t"  \
    "vmladava.s8 r12, %q[" y "], %q[w]\n\t" \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"   \
    "vmladava.s8 r6, %q[" x "], %q[w]\n\t"  \
    "vmladava.s8 lr, %q[" y "], %q[w]\n\t"
#define MCUCC_SHORT_CORRECT            \
    "movs r4, #1\n\t"                  \
    "vqdmlah.s32 %q[a], %q[a], r4\n\t" \
    "vqdmlah.s32 %q[b], %q[b], r4\n\t"
#define MCUCC_SHORT_LOOP(vectors, correct, ...)                                              \
    __asm__ volatile("1:\n\t"                                                                \
                     "ldm %[stream], {r0, r2, r4, r6}\n\t"                                   \
                     "ldm %[stream]!, {r8, r10, r12, lr}\n\t" vectors                        \
                     "vmov %q[a][2], %q[a][0], r0, r4\n\t"                                   \
                     "vmov %q[a][3], %q[a][1], r2, r6\n\t"                                   \
                     "vmov %q[b][2], %q[b][0], r8, r12\n\t"                                  \
                     "vmov %q[b][3], %q[b][1], r10, lr\n\t"                                  \
                     "vldrw.32 %q[w], [%[stream]], #16\n\t"                                  \
                     "vqrdmulh.s32 %q[a], %q[a], %q[w]\n\t"                                  \
                     "vqrdmulh.s32 %q[b], %q[b], %q[w]\n\t" correct                          \
                     "vldrb.s32 %q[w], [%[stream]], #4\n\t"                                  \
                     "vrshl.s32 %q[a], %q[a], %q[w]\n\t"                                     \
                     "vrshl.s32 %q[b], %q[b], %q[w]\n\t"                                     \
                     "vadd.i32 %q[a], %q[a], %q[zero_point]\n\t"                             \
                     "vadd.i32 %q[b], %q[b], %q[zero_point]\n\t"                             \
                     "vqmovnb.s32 %q[a], %q[a]\n\t"                                          \
                     "vqmovnb.s32 %q[b], %q[b]\n\t"                                          \
                     "vqmovnb.s16 %q[a], %q[a]\n\t"                                          \
                     "vqmovnb.s16 %q[b], %q[b]\n\t"                                          \
                     "vstrb.32 %q[a], [%[to]], #4\n\t"                                       \
                     "vstrb.32 %q[b], [%[to_second]], #4\n\t"                                \
                     "cmp %[to], %[end]\n\t"                                                 \
                     "bne 1b"                                                                \
                     : [stream] "+&l"(stream), [to] "+&l"(first), [to_second] "+&l"(second), \
                       [a] "=&w"(a), [b] "=&w"(b), [w] "=&w"(w)                              \
                     : [zero_point] "w"(zero_points), [end] "r"(to->end), __VA_ARGS__        \
                     : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc", "memory")
#define MCUCC_SHORT_ONE(correct)                                                     \
    MCUCC_SHORT_LOOP(MCUCC_SHORT_VECTOR("x0", "y0"), correct, [x0] "w"(x->first[0]), \
                     [y0] "w"(x->second[0]))
#define MCUCC_SHORT_TWO(correct)                                                             \
    MCUCC_SHORT_LOOP(MCUCC_SHORT_VECTOR("x0", "y0") MCUCC_SHORT_VECTOR("x1", "y1"), correct, \
                     [x0] "w"(x->first[0]), [y0] "w"(x->second[0]), [x1] "w"(x->first[1]),   \
                     [y1] "w"(x->second[1]))

/* Outputs of whole fours of channels; returns the stream behind what was read. A word below the
 * zero point of -128 saturates, however it is rounded. */
MCUCC_INLINE const uint32_t *mcucc_short_fours(const mcucc_short_mve_t *x, int32_t in_c,
                                               const uint32_t *stream, const mcucc_short_to_t *to,
                                               int32_t zero_point)
{
    const mcucc_words_t zero_points = mcucc_fill_words(zero_point);
    int8_t *first = to->first;
    int8_t *second = to->second;
    mcucc_words_t a;
    mcucc_words_t b;
    mcucc_bytes_t w;
    if (in_c <= 16) {
        if (zero_point == INT8_MIN) {
            MCUCC_SHORT_ONE("");
        } else {
            MCUCC_SHORT_ONE(MCUCC_SHORT_CORRECT);
        }
    } else if (zero_point == INT8_MIN) {
        MCUCC_SHORT_TWO("");
    } else {
        MCUCC_SHORT_TWO(MCUCC_SHORT_CORRECT);
    }
    return stream;
}

#else

MCUCC_TWIN mcucc_words_t mcucc_short_sums(const mcucc_bytes_t x[2], int32_t in_c,
                                          const uint32_t *stream)
{
    mcucc_words_t sums = mcucc_load_words(stream);
    for (int32_t i = 0; i < in_c; i++) {
        const int8_t *const w = (const int8_t *)&stream[4 + (16 * (i / 16))];
        for (int32_t c = 0; c < 4; c++) {
            sums.lane[c] += (int32_t)x[i / 16].lane[i % 16] * w[(16 * c) + (i % 16)];
        }
    }
    return sums;
}

MCUCC_TWIN void mcucc_short_put(mcucc_words_t a, const uint32_t *block, int32_t zero_point,
                                int8_t *to)
{
    a = mcucc_vqrdmulh(a, mcucc_load_words(block));
    a = (zero_point == INT8_MIN) ? a : mcucc_less_sign(a);
    a = mcucc_vrshl(a, mcucc_load_small_words(&block[4]));
    a = mcucc_vadd_words(a, mcucc_fill_words(zero_point));
    for (int32_t i = 0; i < 4; i++) {
        to[i] = mcucc_narrow8(a.lane[i]);
    }
}

MCUCC_TWIN const uint32_t *mcucc_short_fours(const mcucc_short_mve_t *x, int32_t in_c,
                                             const uint32_t *stream, const mcucc_short_to_t *to,
                                             int32_t zero_point)
{
    const int32_t n = (in_c <= 16) ? 16 : 32;
    for (int32_t c = 0; &to->first[c] != to->end; c += 4, stream += 9 + n) {
        const mcucc_words_t a = mcucc_short_sums(x->first, in_c, stream);
        const mcucc_words_t b = mcucc_short_sums(x->second, in_c, stream);
        mcucc_short_put(a, &stream[4 + n], zero_point, &to->first[c]);
        mcucc_short_put(b, &stream[4 + n], zero_point, &to->second[c]);
    }
    return stream;
}

#endif

/* All output channels of two pixels, whose inputs are read before any output is written. */
MCUCC_INLINE void mcucc_short_pair(const mcucc_pointwise_short_mve_t *p, const int8_t *x,
                                   int8_t *out, int32_t out_stride)
{
    const int32_t in_c = p->in_c;
    const int8_t *const next = &x[in_c];
    const uint32_t *stream = p->weights;
    mcucc_short_mve_t inputs;
    inputs.first[0] = mcucc_load_some_bytes(x, in_c);
    inputs.second[0] = mcucc_load_some_bytes(next, in_c);
    inputs.first[1] = inputs.first[0];
    inputs.second[1] = inputs.second[0];
    if (in_c > 16) {
        inputs.first[1] = mcucc_load_some_bytes(&x[16], in_c - 16);
        inputs.second[1] = mcucc_load_some_bytes(&next[16], in_c - 16);
    }
    int8_t rest[8]; /* of four channels that are not all there */
    const int32_t fours = p->out_c & ~3;
    const mcucc_short_to_t part = {rest, &rest[4], &rest[4]};
    mcucc_short_to_t to = {out, &out[out_stride], &out[fours]};
    int last = (p->out_c == fours) || (fours == 0);
    if (fours == 0) {
        to = part;
    }
    for (;;) {
        stream = mcucc_short_fours(&inputs, in_c, stream, &to, p->output.zero_point);
        if (last) {
            break;
        }
        to = part;
        last = 1;
    }
    for (int32_t c = fours; c < p->out_c; c++) {
        out[c] = rest[c - fours];
        out[c + out_stride] = rest[4 + c - fours];
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0]; arguments as for mcucc_pointwise_mve, without scratch. */
MCUCC_INLINE void mcucc_pointwise_short_mve(const mcucc_pointwise_short_mve_t *p,
                                            const int8_t *const *rows, int32_t x_begin,
                                            int32_t x_end, int8_t *out, int32_t out_stride,
                                            int8_t *scratch, mcucc_requant_class_t kind)
{
    const mcucc_output_words_t output = mcucc_output_words(&p->output);
    const int32_t in_c = p->in_c;
    const int8_t *x = &rows[0][x_begin * in_c];
    int32_t left = x_end - x_begin;
    (void)scratch;
    for (; left >= 2; left -= 2, x += 2 * in_c, out += 2 * out_stride) {
        mcucc_short_pair(p, x, out, out_stride);
    }
    if (left > 0) {
        mcucc_pixel_mve(x, in_c, p->weights, p->out_c, &output, out, kind);
    }
}

#endif
