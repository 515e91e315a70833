/* Instructions of Helium, the M-profile vector extension (Arm Architecture Reference Manual,
 * Armv8-M, chapter C2), each with a twin in plain C: kernels that use them give the same bits on
 * any processor.
 *
 * A vector holds 16 bytes, 8 halves or 4 words. Instructions that widen or narrow work on every
 * other lane: `bottom` means the even ones, `top` the odd ones. Sums wrap where no saturation is
 * named. */
#ifndef MCUCC_MVE_H
#define MCUCC_MVE_H

#include "mcucc_base.h"

#if defined(MCUCC_CORTEX_M) && !defined(__ARM_FEATURE_MVE) && !defined(MCUCC_ALLOW_PORTABLE)
#error "mcucc: these kernels are for Helium, which this is not compiled for: in plain C they take \
37 times as long. Give the compiler the core that the network was made for (-mcpu=cortex-m55 \
-mfloat-abi=hard), or make it for this one (mcucc compile --board), or define MCUCC_ALLOW_PORTABLE."
#endif

/* Without optimization the compiler lacks registers for the longer pieces of assembly. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_MVE) && defined(__OPTIMIZE__)
#define MCUCC_HELIUM
#endif

#if defined(MCUCC_HELIUM)

typedef int8_t mcucc_bytes_t __attribute__((vector_size(16)));
typedef int16_t mcucc_halves_t __attribute__((vector_size(16)));
typedef int32_t mcucc_words_t __attribute__((vector_size(16)));

/* Assembly that writes the predicate register. gcc names that among what is overwritten. clang has
 * no name for it, and a predicate of its own may stand there: the assembly saves it. */
#if defined(__clang__)
#define MCUCC_PREDICATED(assembly) "vmrs r12, vpr\n\t" assembly "\n\tvmsr vpr, r12"
#define MCUCC_PREDICATE "r12"
#else
#define MCUCC_PREDICATED(assembly) assembly
#define MCUCC_PREDICATE "p0"
#endif

/* Accesses that widen or narrow want their address in a low register. */
#define MCUCC_MVE_LOAD(name, type, instruction)                                              \
    MCUCC_INLINE type name(const int8_t *from)                                               \
    {                                                                                        \
        type result;                                                                         \
        __asm__ volatile(instruction " %q0, [%1]" : "=w"(result) : "l"(from) : "memory");    \
        return result;                                                                       \
    }
#define MCUCC_MVE_LOAD_SOME(name, type, test, instruction)                                   \
    MCUCC_INLINE type name(const int8_t *from, int32_t count)                                \
    {                                                                                        \
        type result;                                                                         \
        __asm__ volatile(MCUCC_PREDICATED(test " %2\n\tvpst\n\t" instruction " %q0, [%1]")   \
                         : "=w"(result)                                                      \
                         : "l"(from), "r"(count)                                             \
                         : "memory", MCUCC_PREDICATE);                                       \
        return result;                                                                       \
    }
#define MCUCC_MVE_STORE(name, type, test, instruction)                                       \
    MCUCC_INLINE void name(int8_t *to, type a, int32_t count)                                \
    {                                                                                        \
        __asm__ volatile(MCUCC_PREDICATED(test " %2\n\tvpst\n\t" instruction " %q0, [%1]")   \
                         :                                                                   \
                         : "w"(a), "l"(to), "r"(count)                                       \
                         : "memory", MCUCC_PREDICATE);                                       \
    }
#define MCUCC_MVE_FILL(name, type, scalar, instruction)                                      \
    MCUCC_INLINE type name(scalar a)                                                         \
    {                                                                                        \
        type result;                                                                         \
        __asm__(instruction " %q0, %1" : "=w"(result) : "r"(a));                             \
        return result;                                                                       \
    }
#define MCUCC_MVE_1(name, type, from, instruction)                                           \
    MCUCC_INLINE type name(from a)                                                           \
    {                                                                                        \
        type result;                                                                         \
        __asm__(instruction " %q0, %q1" : "=w"(result) : "w"(a));                            \
        return result;                                                                       \
    }
#define MCUCC_MVE_2(name, type, from, instruction)                                           \
    MCUCC_INLINE type name(from a, from b)                                                   \
    {                                                                                        \
        type result;                                                                         \
        __asm__(instruction " %q0, %q1, %q2" : "=w"(result) : "w"(a), "w"(b));               \
        return result;                                                                       \
    }
/* Both halves of the lanes, one instruction each. */
#define MCUCC_MVE_BOTH(name, type, from, instruction_b, instruction_t)                       \
    MCUCC_INLINE type name(from bottom, from top)                                            \
    {                                                                                        \
        type result;                                                                         \
        __asm__(instruction_b " %q0, %q1\n\t" instruction_t " %q0, %q2"                      \
                : "=&w"(result)                                                              \
                : "w"(bottom), "w"(top));                                                    \
        return result;                                                                       \
    }

MCUCC_MVE_LOAD(mcucc_load_bytes, mcucc_bytes_t, "vldrb.8")
MCUCC_MVE_LOAD_SOME(mcucc_load_some_bytes, mcucc_bytes_t, "vctp.8", "vldrbt.8")
MCUCC_MVE_LOAD_SOME(mcucc_load_some_words, mcucc_words_t, "vctp.32", "vldrbt.s32")
MCUCC_MVE_STORE(mcucc_store_some_bytes, mcucc_bytes_t, "vctp.8", "vstrbt.8")
MCUCC_MVE_STORE(mcucc_store_some_words, mcucc_words_t, "vctp.32", "vstrbt.32")
MCUCC_MVE_FILL(mcucc_fill_bytes, mcucc_bytes_t, int32_t, "vdup.8")
MCUCC_MVE_FILL(mcucc_fill_halves, mcucc_halves_t, int32_t, "vdup.16")
MCUCC_MVE_FILL(mcucc_fill_words, mcucc_words_t, int32_t, "vdup.32")
MCUCC_MVE_2(mcucc_vmax_bytes, mcucc_bytes_t, mcucc_bytes_t, "vmax.s8")
MCUCC_MVE_2(mcucc_vmin_bytes, mcucc_bytes_t, mcucc_bytes_t, "vmin.s8")
MCUCC_MVE_2(mcucc_vadd_halves, mcucc_halves_t, mcucc_halves_t, "vadd.i16")
MCUCC_MVE_2(mcucc_vqadd_halves, mcucc_halves_t, mcucc_halves_t, "vqadd.s16")
MCUCC_MVE_2(mcucc_vadd_words, mcucc_words_t, mcucc_words_t, "vadd.i32")
MCUCC_MVE_2(mcucc_vsub_words, mcucc_words_t, mcucc_words_t, "vsub.i32")
MCUCC_MVE_2(mcucc_vmul_words, mcucc_words_t, mcucc_words_t, "vmul.i32")
MCUCC_MVE_2(mcucc_vqadd_words, mcucc_words_t, mcucc_words_t, "vqadd.s32")
MCUCC_MVE_2(mcucc_vmax_words, mcucc_words_t, mcucc_words_t, "vmax.s32")
MCUCC_MVE_2(mcucc_vmin_words, mcucc_words_t, mcucc_words_t, "vmin.s32")
MCUCC_MVE_2(mcucc_vand_words, mcucc_words_t, mcucc_words_t, "vand")
MCUCC_MVE_2(mcucc_vqrdmulh, mcucc_words_t, mcucc_words_t, "vqrdmulh.s32")
MCUCC_MVE_2(mcucc_vshl, mcucc_words_t, mcucc_words_t, "vshl.s32")
MCUCC_MVE_2(mcucc_vrshl, mcucc_words_t, mcucc_words_t, "vrshl.s32")
MCUCC_MVE_2(mcucc_vmullb, mcucc_halves_t, mcucc_bytes_t, "vmullb.s8")
MCUCC_MVE_2(mcucc_vmullt, mcucc_halves_t, mcucc_bytes_t, "vmullt.s8")
MCUCC_MVE_1(mcucc_vmovlb_halves, mcucc_words_t, mcucc_halves_t, "vmovlb.s16")
MCUCC_MVE_1(mcucc_vmovlt_halves, mcucc_words_t, mcucc_halves_t, "vmovlt.s16")
MCUCC_MVE_BOTH(mcucc_vqmovn_words, mcucc_halves_t, mcucc_words_t, "vqmovnb.s32", "vqmovnt.s32")
MCUCC_MVE_BOTH(mcucc_vqmovn_halves, mcucc_bytes_t, mcucc_halves_t, "vqmovnb.s16", "vqmovnt.s16")

/* Four words from where words lie. The compiler may load them once for several uses. */
MCUCC_INLINE mcucc_words_t mcucc_load_words(const uint32_t *from)
{
    typedef mcucc_words_t words_t __attribute__((aligned(4), may_alias));
    return *(const words_t *)from;
}

/* The first `count` lanes. */
MCUCC_INLINE void mcucc_put_bytes(int8_t *to, mcucc_bytes_t a, int32_t count)
{
    if (count < 16) {
        mcucc_store_some_bytes(to, a, count);
    } else {
        __asm__ volatile("vstrb.8 %q0, [%1]" : : "w"(a), "r"(to) : "memory");
    }
}

/* Four addresses or numbers, one in each lane. */
MCUCC_INLINE mcucc_words_t mcucc_hold(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
    mcucc_words_t result;
    __asm__("vmov %q0[2], %q0[0], %1, %3\n\t"
            "vmov %q0[3], %q0[1], %2, %4"
            : "=&w"(result)
            : "r"(a), "r"(b), "r"(c), "r"(d));
    return result;
}

/* The four bytes of a word as words. */
MCUCC_INLINE mcucc_words_t mcucc_load_small_words(const uint32_t *from)
{
    mcucc_words_t result;
    __asm__("vldrb.s32 %q0, [%1]" : "=w"(result) : "l"(from), "m"(*from));
    return result;
}

/* One less where a lane is negative: the lane and the doubled high half of its product with 1. */
MCUCC_INLINE mcucc_words_t mcucc_less_sign(mcucc_words_t a)
{
    __asm__("vqdmlah.s32 %q0, %q0, %1" : "+w"(a) : "r"(1));
    return a;
}

/* -1 where a lane is negative, else 0. */
MCUCC_INLINE mcucc_words_t mcucc_sign(mcucc_words_t a)
{
    mcucc_words_t result;
    __asm__("vshr.s32 %q0, %q1, #31" : "=w"(result) : "w"(a));
    return result;
}

/* The low bytes of the first `count` lanes; the place behind those of four. */
MCUCC_INLINE int8_t *mcucc_put_words(int8_t *to, mcucc_words_t a, int32_t count)
{
    __asm__ volatile(MCUCC_PREDICATED("vctp.32 %[count]\n\t"
                                      "vpst\n\t"
                                      "vstrbt.32 %q[a], [%[to]], #4")
                     : [to] "+&l"(to)
                     : [a] "w"(a), [count] "r"(count)
                     : "memory", MCUCC_PREDICATE);
    return to;
}

/* The same of two vectors. */
MCUCC_INLINE void mcucc_put_two_words(int8_t **to_a, int8_t **to_b, mcucc_words_t a,
                                      mcucc_words_t b, int32_t count)
{
    int8_t *at_a = *to_a;
    int8_t *at_b = *to_b;
    __asm__ volatile(MCUCC_PREDICATED("vctp.32 %[count]\n\t"
                                      "vpstt\n\t"
                                      "vstrbt.32 %q[a], [%[at_a]], #4\n\t"
                                      "vstrbt.32 %q[b], [%[at_b]], #4")
                     : [at_a] "+&l"(at_a), [at_b] "+&l"(at_b)
                     : [a] "w"(a), [b] "w"(b), [count] "r"(count)
                     : "memory", MCUCC_PREDICATE);
    *to_a = at_a;
    *to_b = at_b;
}

/* sums[i] + byte i of each of n pixels, 1 or more, `step` bytes apart, for i < count. */
MCUCC_INLINE mcucc_words_t mcucc_add_pixels(const int8_t *from, int32_t step, int32_t n,
                                            int32_t count, mcucc_words_t sums)
{
    mcucc_words_t bytes;
    __asm__ volatile(MCUCC_PREDICATED("vctp.32 %[count]\n\t"
                                      "dls lr, %[n]\n"
                                      "1:\n\t"
                                      "vpst\n\t"
                                      "vldrbt.s32 %q[bytes], [%[from]]\n\t"
                                      "add %[from], %[step]\n\t"
                                      "vadd.i32 %q[sums], %q[sums], %q[bytes]\n\t"
                                      "le lr, 1b")
                     : [from] "+&l"(from), [sums] "+&w"(sums), [bytes] "=&w"(bytes)
                     : [step] "r"(step), [n] "r"(n), [count] "r"(count)
                     : "lr", "memory", MCUCC_PREDICATE);
    return sums;
}

/* The same in halves, for i < count and 8. */
MCUCC_INLINE mcucc_halves_t mcucc_add_pixel_halves(const int8_t *from, int32_t step, int32_t n,
                                                   int32_t count, mcucc_halves_t sums)
{
    mcucc_halves_t bytes;
    if (count < 8) {
        __asm__ volatile(MCUCC_PREDICATED("vctp.16 %[count]\n\t"
                                          "dls lr, %[n]\n"
                                          "1:\n\t"
                                          "vpst\n\t"
                                          "vldrbt.s16 %q[bytes], [%[from]]\n\t"
                                          "add %[from], %[step]\n\t"
                                          "vadd.i16 %q[sums], %q[sums], %q[bytes]\n\t"
                                          "le lr, 1b")
                         : [from] "+&l"(from), [sums] "+&w"(sums), [bytes] "=&w"(bytes)
                         : [step] "r"(step), [n] "r"(n), [count] "r"(count)
                         : "lr", "memory", MCUCC_PREDICATE);
    } else {
        __asm__ volatile("dls lr, %[n]\n"
                         "1:\n\t"
                         "vldrb.s16 %q[bytes], [%[from]]\n\t"
                         "add %[from], %[step]\n\t"
                         "vadd.i16 %q[sums], %q[sums], %q[bytes]\n\t"
                         "le lr, 1b"
                         : [from] "+&l"(from), [sums] "+&w"(sums), [bytes] "=&w"(bytes)
                         : [step] "r"(step), [n] "r"(n)
                         : "lr", "memory");
    }
    return sums;
}

/* Copies n bytes, 1 or more. */
MCUCC_INLINE void mcucc_copy_mve(int8_t *to, const int8_t *from, int32_t n)
{
    mcucc_bytes_t bytes;
    __asm__ volatile("dlstp.8 lr, %[n]\n"
                     "1:\n\t"
                     "vldrb.8 %q[bytes], [%[from]], #16\n\t"
                     "vstrb.8 %q[bytes], [%[to]], #16\n\t"
                     "letp lr, 1b"
                     : [to] "+&r"(to), [from] "+&r"(from), [bytes] "=&w"(bytes)
                     : [n] "r"(n)
                     : "lr", "memory");
}

#else

#include "mcucc_mve_twin.h"

#endif

#endif
