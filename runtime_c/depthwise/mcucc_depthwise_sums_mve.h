/* The products of depthwise convolutions with Helium: sums of 16 lanes, and outputs of those whose
 * zero point is -128. The stream of what 16 lanes need: mcucc_depthwise_mve.h. */
#ifndef MCUCC_DEPTHWISE_SUMS_MVE_H
#define MCUCC_DEPTHWISE_SUMS_MVE_H

#include "mcucc_requantize_mve.h"

#if defined(MCUCC_HELIUM)

/* The sums of 16 lanes in the order of mcucc_to_bytes. Products have 16 bits, and
 * those of two taps are added before they are widened: mcucc sees to it that no weight is -128.
 * The taps go in pairs that are 0 1, 2 3, .. for even lanes and 1 2, 3 4, .. for odd ones,
 * for then eight registers do. */
#define MCUCC_DEPTHWISE_FIRST(load)         \
    "vldrw.32 %q[a0], [%[stream]], #16\n\t" \
    "vldrw.32 %q[a1], [%[stream]], #16\n\t" \
    "vldrw.32 %q[a2], [%[stream]], #16\n\t" \
    "vldrw.32 %q[a3], [%[stream]], #16\n\t" \
    "ldr %[first], [%[tap]], #4\n\t"        \
    "add %[first], %[at]\n\t"               \
    load "%q[x], [%[first]]\n\t"            \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"   \
    "vmullb.s8 %q[p], %q[x], %q[w]\n\t"     \
    "vmullt.s8 %q[t], %q[x], %q[w]\n\t"     \
    "vmovlb.s16 %q[x], %q[t]\n\t"           \
    "vadd.i32 %q[a2], %q[a2], %q[x]\n\t"    \
    "vmovlt.s16 %q[x], %q[t]\n\t"           \
    "vadd.i32 %q[a3], %q[a3], %q[x]\n\t"
#define MCUCC_DEPTHWISE_PAIR(load)               \
    "ldrd %[first], %[second], [%[tap]], #8\n\t" \
    "add %[first], %[at]\n\t"                    \
    "add %[second], %[at]\n\t"                   \
    load "%q[x], [%[first]]\n\t"                 \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"        \
    "vmullb.s8 %q[t], %q[x], %q[w]\n\t"          \
    "vadd.i16 %q[p], %q[p], %q[t]\n\t"           \
    "vmovlb.s16 %q[t], %q[p]\n\t"                \
    "vadd.i32 %q[a0], %q[a0], %q[t]\n\t"         \
    "vmovlt.s16 %q[p], %q[p]\n\t"                \
    "vadd.i32 %q[a1], %q[a1], %q[p]\n\t"         \
    "vmullt.s8 %q[p], %q[x], %q[w]\n\t"          \
    load "%q[x], [%[second]]\n\t"                \
    "vldrb.8 %q[w], [%[stream]], #16\n\t"        \
    "vmullt.s8 %q[t], %q[x], %q[w]\n\t"          \
    "vadd.i16 %q[p], %q[p], %q[t]\n\t"           \
    "vmovlb.s16 %q[t], %q[p]\n\t"                \
    "vadd.i32 %q[a2], %q[a2], %q[t]\n\t"         \
    "vmovlt.s16 %q[p], %q[p]\n\t"                \
    "vadd.i32 %q[a3], %q[a3], %q[p]\n\t"         \
    "vmullb.s8 %q[p], %q[x], %q[w]\n\t"
#define MCUCC_DEPTHWISE_LAST             \
    "vmovlb.s16 %q[t], %q[p]\n\t"        \
    "vadd.i32 %q[a0], %q[a0], %q[t]\n\t" \
    "vmovlt.s16 %q[p], %q[p]\n\t"        \
    "vadd.i32 %q[a1], %q[a1], %q[p]"
#define MCUCC_DEPTHWISE_ANY(load)                     \
    MCUCC_DEPTHWISE_FIRST(load)                       \
    "wls lr, %[pairs], 2f\n"                          \
    "1:\n\t" MCUCC_DEPTHWISE_PAIR(load) "le lr, 1b\n" \
    "2:\n\t" MCUCC_DEPTHWISE_LAST
/* Windows of 3x3 are most of them. */
#define MCUCC_DEPTHWISE_NINE(load)                        \
    MCUCC_DEPTHWISE_FIRST(load)                           \
    MCUCC_DEPTHWISE_PAIR(load) MCUCC_DEPTHWISE_PAIR(load) \
    MCUCC_DEPTHWISE_PAIR(load) MCUCC_DEPTHWISE_PAIR(load) \
    MCUCC_DEPTHWISE_LAST
#define MCUCC_DEPTHWISE_SUMS(assembly, ...)                                                    \
    __asm__ volatile(assembly                                                                  \
                     : [tap] "+&r"(taps), [stream] "+&r"(stream), [first] "=&r"(first),        \
                       [second] "=&r"(second), [a0] "=&w"(a0), [a1] "=&w"(a1), [a2] "=&w"(a2), \
                       [a3] "=&w"(a3), [p] "=&w"(p), [t] "=&w"(t), [x] "=&w"(x), [w] "=&w"(w)  \
                     : [at] "r"(at), [pairs] "r"(pairs), [count] "r"(count)                    \
                     : "lr", __VA_ARGS__)

/* 16 lanes from `at` bytes behind the taps on; only `count` of them may be read if that is less.
 * There are 1 + 2 * pairs taps. Returns the stream behind the weights. */
MCUCC_INLINE const uint32_t *mcucc_depthwise_sums(const int8_t *const *taps, int32_t pairs,
                                                  int32_t at, int32_t count,
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
    if (count < 16) {
        MCUCC_DEPTHWISE_SUMS(MCUCC_PREDICATED("vctp.8 %[count]\n\t"
                                              MCUCC_DEPTHWISE_ANY("vpst\n\tvldrbt.8 ")),
                             "memory", MCUCC_PREDICATE);
    } else if (pairs == 4) {
        MCUCC_DEPTHWISE_SUMS(MCUCC_DEPTHWISE_NINE("vldrb.8 "), "memory");
    } else {
        MCUCC_DEPTHWISE_SUMS(MCUCC_DEPTHWISE_ANY("vldrb.8 "), "memory");
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return stream;
}

#define MCUCC_DEPTHWISE_RELU(sums)                                                              \
    __asm__ volatile("4:\n\t"                                                                   \
                     "mov %[tap], %[taps]\n\t" sums "\n\t" MCUCC_SCALE_SIXTEEN("") "\n\t"       \
                     "vqmovnb.s32 %q[a0], %q[a0]\n\t"                                           \
                     "vqmovnt.s32 %q[a0], %q[a1]\n\t"                                           \
                     "vqmovnb.s32 %q[a2], %q[a2]\n\t"                                           \
                     "vqmovnt.s32 %q[a2], %q[a3]\n\t"                                           \
                     "vqadd.s16 %q[a0], %q[a0], %[zero_point]\n\t"                              \
                     "vqadd.s16 %q[a2], %q[a2], %[zero_point]\n\t"                              \
                     "vqmovnb.s16 %q[a0], %q[a0]\n\t"                                           \
                     "vqmovnt.s16 %q[a0], %q[a2]\n\t"                                           \
                     "add %[first], %[out], %[at]\n\t"                                          \
                     "vstrb.8 %q[a0], [%[first]]\n\t"                                           \
                     "add %[at], #16\n\t"                                                       \
                     "cmp %[at], %[last]\n\t"                                                   \
                     "ble 4b\n\t"                                                               \
                     "sub %[first], %[at], %[last]\n\t"                                         \
                     "mov %[at], %[last]\n\t"                                                   \
                     "cmp %[first], #16\n\t"                                                    \
                     "bne 4b"                                                                   \
                     : [tap] "=&r"(tap), [stream] "+&l"(stream), [at] "+&r"(at),                \
                       [first] "=&r"(first), [second] "=&r"(second), [a0] "=&w"(a0),            \
                       [a1] "=&w"(a1), [a2] "=&w"(a2), [a3] "=&w"(a3), [p] "=&w"(p),            \
                       [t] "=&w"(t), [x] "=&w"(x), [w] "=&w"(w)                                 \
                     : [taps] "r"(taps), [last] "r"(last), [out] "r"(from), [pairs] "r"(pairs), \
                       [zero_point] "r"(zero_point)                                             \
                     : "lr", "cc", "memory")

/* Sixteen lanes and more. */
MCUCC_INLINE void mcucc_depthwise_relu_blocks(const int8_t *const *taps, int32_t pairs, int32_t at,
                                              int32_t lanes, const uint32_t *stream, int8_t *out,
                                              int32_t zero_point)
{
    const int32_t last = at + lanes - 16;
    const uintptr_t from = (uintptr_t)out - (uintptr_t)at;
    const int8_t *const *tap;
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
    if (pairs == 4) {
        MCUCC_DEPTHWISE_RELU(MCUCC_DEPTHWISE_NINE("vldrb.8 "));
    } else {
        MCUCC_DEPTHWISE_RELU(MCUCC_DEPTHWISE_ANY("vldrb.8 "));
    }
}

#else

MCUCC_TWIN void mcucc_add_wide(mcucc_halves_t products, mcucc_words_t sums[2])
{
    sums[0] = mcucc_vadd_words(sums[0], mcucc_vmovlb_halves(products));
    sums[1] = mcucc_vadd_words(sums[1], mcucc_vmovlt_halves(products));
}

MCUCC_TWIN const uint32_t *mcucc_depthwise_sums(const int8_t *const *taps, int32_t pairs,
                                                int32_t at, int32_t count,
                                                const uint32_t *stream, mcucc_words_t sums[4])
{
    for (int32_t i = 0; i < 4; i++, stream += 4) {
        sums[i] = mcucc_load_words(stream);
    }
    mcucc_bytes_t x = mcucc_load_some_bytes(&taps[0][at], count);
    mcucc_bytes_t w = mcucc_load_bytes((const int8_t *)stream);
    mcucc_halves_t even = mcucc_vmullb(x, w);
    mcucc_add_wide(mcucc_vmullt(x, w), &sums[2]);
    stream += 4;
    for (int32_t i = 0; i < pairs; i++, stream += 8) {
        x = mcucc_load_some_bytes(&taps[(2 * i) + 1][at], count);
        w = mcucc_load_bytes((const int8_t *)stream);
        mcucc_add_wide(mcucc_vadd_halves(even, mcucc_vmullb(x, w)), &sums[0]);
        const mcucc_halves_t odd = mcucc_vmullt(x, w);
        x = mcucc_load_some_bytes(&taps[(2 * i) + 2][at], count);
        w = mcucc_load_bytes((const int8_t *)&stream[4]);
        mcucc_add_wide(mcucc_vadd_halves(odd, mcucc_vmullt(x, w)), &sums[2]);
        even = mcucc_vmullb(x, w);
    }
    mcucc_add_wide(even, &sums[0]);
    return stream;
}

MCUCC_TWIN void mcucc_depthwise_relu_blocks(const int8_t *const *taps, int32_t pairs, int32_t at,
                                            int32_t lanes, const uint32_t *stream, int8_t *out,
                                            int32_t zero_point)
{
    for (int32_t begin = 0; begin < lanes; begin += 16) {
        const int32_t c = (begin + 16 > lanes) ? (lanes - 16) : begin;
        mcucc_words_t sums[4];
        stream = mcucc_depthwise_sums(taps, pairs, at + c, 16, stream, sums);
        stream = mcucc_scale_sixteen_fast(sums, stream, 1);
        mcucc_put_bytes(&out[c], mcucc_to_bytes(sums, mcucc_fill_halves(zero_point)), 16);
    }
}

#endif

#endif
