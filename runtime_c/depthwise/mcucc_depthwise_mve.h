/* Depthwise convolution with Helium, one run of output pixels of one row: lanes are channels, 16
 * at a time. Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_MVE_H
#define MCUCC_DEPTHWISE_MVE_H

#include "mcucc_requantize_mve.h"

#define MCUCC_MOST_TAPS 64

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(c / 16)] of biases, weights, numbers for the scaling */
    const int8_t *pad; /* at least c zero points; NULL where no window reaches padding */
} mcucc_depthwise_mve_t;

#if defined(MCUCC_HELIUM)

/* The sums of 16 channels in the order of mcucc_to_output_bytes. Products have 16 bits, and
 * those of two taps are added before they are widened: mcucc sees to it that no weight is -128.
 * The taps go in pairs that are 0 1, 2 3, .. for even channels and 1 2, 3 4, .. for odd ones,
 * for then eight registers do. */
#define MCUCC_DEPTHWISE_SUMS(load)                                      \
    "vldrw.32 %q[a0], [%[stream]], #16\n\t"                             \
    "vldrw.32 %q[a1], [%[stream]], #16\n\t"                             \
    "vldrw.32 %q[a2], [%[stream]], #16\n\t"                             \
    "vldrw.32 %q[a3], [%[stream]], #16\n\t"                             \
    "ldr %[first], [%[tap]], #4\n\t"                                    \
    "add %[first], %[c]\n\t"                                            \
    load "%q[x], [%[first]]\n\t"                                        \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"                               \
    "vmullb.s8 %q[p], %q[x], %q[w]\n\t"                                 \
    "vmullt.s8 %q[t], %q[x], %q[w]\n\t"                                 \
    "vmovlb.s16 %q[x], %q[t]\n\t"                                       \
    "vadd.i32 %q[a2], %q[a2], %q[x]\n\t"                                \
    "vmovlt.s16 %q[x], %q[t]\n\t"                                       \
    "vadd.i32 %q[a3], %q[a3], %q[x]\n\t"                                \
    "wls lr, %[pairs], 2f\n"                                            \
    "1:\n\t"                                                            \
    "ldrd %[first], %[second], [%[tap]], #8\n\t"                        \
    "add %[first], %[c]\n\t"                                            \
    "add %[second], %[c]\n\t"                                           \
    load "%q[x], [%[first]]\n\t"                                        \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"                               \
    "vmullb.s8 %q[t], %q[x], %q[w]\n\t"                                 \
    "vadd.i16 %q[p], %q[p], %q[t]\n\t"                                  \
    "vmovlb.s16 %q[t], %q[p]\n\t"                                       \
    "vadd.i32 %q[a0], %q[a0], %q[t]\n\t"                                \
    "vmovlt.s16 %q[p], %q[p]\n\t"                                       \
    "vadd.i32 %q[a1], %q[a1], %q[p]\n\t"                                \
    "vmullt.s8 %q[p], %q[x], %q[w]\n\t"                                 \
    load "%q[x], [%[second]]\n\t"                                       \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"                               \
    "vmullt.s8 %q[t], %q[x], %q[w]\n\t"                                 \
    "vadd.i16 %q[p], %q[p], %q[t]\n\t"                                  \
    "vmovlb.s16 %q[t], %q[p]\n\t"                                       \
    "vadd.i32 %q[a2], %q[a2], %q[t]\n\t"                                \
    "vmovlt.s16 %q[p], %q[p]\n\t"                                       \
    "vadd.i32 %q[a3], %q[a3], %q[p]\n\t"                                \
    "vmullb.s8 %q[p], %q[x], %q[w]\n\t"                                 \
    "le lr, 1b\n"                                                       \
    "2:\n\t"                                                            \
    "vmovlb.s16 %q[t], %q[p]\n\t"                                       \
    "vadd.i32 %q[a0], %q[a0], %q[t]\n\t"                                \
    "vmovlt.s16 %q[p], %q[p]\n\t"                                       \
    "vadd.i32 %q[a1], %q[a1], %q[p]"

/* 16 channels from channel c on; only `count` of them may be read if that is less. `taps` points to
 * 1 + 2 * pairs pixels. Returns the stream behind the weights. */
MCUCC_INLINE const uint32_t *mcucc_depthwise_sums(const int8_t *const *taps, int32_t pairs,
                                                  int32_t c, int32_t count,
                                                  const uint32_t *stream, mcucc_words_t sums[4])
{
    const int8_t *first;
    const int8_t *second;
    mcucc_words_t a0;
    mcucc_words_t a1;
    mcucc_words_t a2;
    mcucc_words_t a3;
    mcucc_halves_t p;
    mcucc_halves_t t;
    mcucc_bytes_t x;
    mcucc_bytes_t w;
    if (count >= 16) {
        __asm__ volatile(MCUCC_DEPTHWISE_SUMS("vldrb.8 ")
                         : [tap] "+&r"(taps), [stream] "+&r"(stream), [first] "=&r"(first),
                           [second] "=&r"(second), [a0] "=&w"(a0), [a1] "=&w"(a1),
                           [a2] "=&w"(a2), [a3] "=&w"(a3), [p] "=&w"(p), [t] "=&w"(t),
                           [x] "=&w"(x), [w] "=&w"(w)
                         : [c] "r"(c), [pairs] "r"(pairs)
                         : "lr", "memory");
    } else {
        __asm__ volatile(MCUCC_PREDICATED("vctp.8 %[count]\n\t"
                                          MCUCC_DEPTHWISE_SUMS("vpst\n\tvldrbt.8 "))
                         : [tap] "+&r"(taps), [stream] "+&r"(stream), [first] "=&r"(first),
                           [second] "=&r"(second), [a0] "=&w"(a0), [a1] "=&w"(a1),
                           [a2] "=&w"(a2), [a3] "=&w"(a3), [p] "=&w"(p), [t] "=&w"(t),
                           [x] "=&w"(x), [w] "=&w"(w)
                         : [c] "r"(c), [pairs] "r"(pairs), [count] "r"(count)
                         : "lr", "memory", MCUCC_PREDICATE);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return stream;
}

#else

MCUCC_TWIN void mcucc_add_wide(mcucc_halves_t products, mcucc_words_t sums[2])
{
    sums[0] = mcucc_vadd_words(sums[0], mcucc_vmovlb_halves(products));
    sums[1] = mcucc_vadd_words(sums[1], mcucc_vmovlt_halves(products));
}

MCUCC_TWIN const uint32_t *mcucc_depthwise_sums(const int8_t *const *taps, int32_t pairs,
                                                  int32_t c, int32_t count,
                                                  const uint32_t *stream, mcucc_words_t sums[4])
{
    for (int32_t i = 0; i < 4; i++, stream += 4) {
        sums[i] = mcucc_load_words(stream);
    }
    mcucc_bytes_t x = mcucc_load_some_bytes(&taps[0][c], count);
    mcucc_bytes_t w = mcucc_load_bytes((const int8_t *)stream);
    mcucc_halves_t even = mcucc_vmullb(x, w);
    mcucc_add_wide(mcucc_vmullt(x, w), &sums[2]);
    stream += 4;
    for (int32_t i = 0; i < pairs; i++, stream += 8) {
        x = mcucc_load_some_bytes(&taps[(2 * i) + 1][c], count);
        w = mcucc_load_bytes((const int8_t *)stream);
        mcucc_add_wide(mcucc_vadd_halves(even, mcucc_vmullb(x, w)), &sums[0]);
        const mcucc_halves_t odd = mcucc_vmullt(x, w);
        x = mcucc_load_some_bytes(&taps[(2 * i) + 2][c], count);
        w = mcucc_load_bytes((const int8_t *)&stream[4]);
        mcucc_add_wide(mcucc_vadd_halves(odd, mcucc_vmullt(x, w)), &sums[2]);
        even = mcucc_vmullb(x, w);
    }
    mcucc_add_wide(even, &sums[0]);
    return stream;
}

#endif

/* The pixels under the taps of a window whose first input column is `column`, and the first of them
 * once more if their number is even. */
MCUCC_INLINE void mcucc_depthwise_taps(const mcucc_depthwise_mve_t *p, const int8_t *const *rows,
                                       int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                       const int8_t **taps)
{
    const int32_t step = p->in_c;
    const int inside = (column >= 0) && (column + ((kw - 1) * dilation) < p->in_w);
    const int8_t **tap = taps;
    for (int32_t ky = 0; ky < kh; ky++) {
        const int8_t *const row = rows[ky];
        for (int32_t kx = 0; kx < kw; kx++) {
            const int32_t x = column + (kx * dilation);
            *tap++ = (inside || ((x >= 0) && (x < p->in_w))) ? &row[x * step] : p->pad;
        }
    }
    *tap = taps[0];
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_mve. */
MCUCC_INLINE void mcucc_depthwise_mve(const mcucc_depthwise_mve_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                      int32_t dilation, mcucc_requant_class_t kind)
{
    const mcucc_output_bytes_t output = mcucc_output_bytes(&p->output);
    const int32_t in_c = p->in_c;
    const int8_t *taps[MCUCC_MOST_TAPS + 1];
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const uint32_t *stream = p->weights;
        mcucc_depthwise_taps(p, rows, (x * stride) - p->pad_left, kh, kw, dilation, taps);
        for (int32_t c = 0; c < in_c; c += 16) {
            mcucc_words_t sums[4];
            stream = mcucc_depthwise_sums(taps, (kh * kw) / 2, c, in_c - c, stream, sums);
            for (int32_t i = 0; i < 4; i++) {
                sums[i] = mcucc_scale_words(sums[i], stream, 16, i, kind);
            }
            stream += mcucc_scale_block(16, kind);
            mcucc_store_some_bytes(&out[c], mcucc_to_output_bytes(sums, &output), in_c - c);
        }
    }
}

#endif
