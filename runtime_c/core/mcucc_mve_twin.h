/* What the instructions of mcucc_mve.h do, in plain C. */
#ifndef MCUCC_MVE_TWIN_H
#define MCUCC_MVE_TWIN_H

#include "mcucc_base.h"

/* Twins need not be fast, but they are called at many places: inlined, they would keep the compiler
 * busy for minutes. */
#if defined(__GNUC__)
#define MCUCC_TWIN static __attribute__((noinline, unused))
#else
#define MCUCC_TWIN static inline
#endif

typedef struct {
    int8_t lane[16];
} mcucc_bytes_t;

typedef struct {
    int16_t lane[8];
} mcucc_halves_t;

typedef struct {
    int32_t lane[4];
} mcucc_words_t;

/* To a lane's width: the low bits of a word, or the nearest value that fits. */
MCUCC_TWIN int8_t mcucc_wrap8(int32_t a)
{
    return (int8_t)((int32_t)((uint32_t)a << 24) >> 24);
}

MCUCC_TWIN int16_t mcucc_wrap16(int32_t a)
{
    return (int16_t)((int32_t)((uint32_t)a << 16) >> 16);
}

MCUCC_TWIN int16_t mcucc_narrow16(int32_t a)
{
    return (int16_t)mcucc_clamp(a, INT16_MIN, INT16_MAX);
}

MCUCC_TWIN int8_t mcucc_narrow8(int32_t a)
{
    return (int8_t)mcucc_clamp(a, INT8_MIN, INT8_MAX);
}

MCUCC_TWIN int32_t mcucc_narrow32(int64_t a)
{
    const int64_t low = (a < INT32_MIN) ? INT32_MIN : a;
    return (int32_t)((low > INT32_MAX) ? INT32_MAX : low);
}

/* The first `count` lanes from memory, the others 0; all of them if it is larger. */
#define MCUCC_TWIN_LOAD(some, all, type, lanes)                                         \
    MCUCC_TWIN type some(const int8_t *from, int32_t count)                             \
    {                                                                                   \
        type result;                                                                    \
        for (int32_t i = 0; i < (lanes); i++) {                                         \
            result.lane[i] = 0;                                                         \
        }                                                                               \
        for (int32_t i = 0; (i < (lanes)) && (i < count); i++) {                        \
            result.lane[i] = from[i];                                                   \
        }                                                                               \
        return result;                                                                  \
    }                                                                                   \
    MCUCC_TWIN type all(const int8_t *from)                                             \
    {                                                                                   \
        return some(from, (lanes));                                                     \
    }
/* The low byte of each of the first `count` lanes. */
#define MCUCC_TWIN_STORE(name, type, lanes)                                             \
    MCUCC_TWIN void name(int8_t *to, type a, int32_t count)                             \
    {                                                                                   \
        for (int32_t i = 0; (i < (lanes)) && (i < count); i++) {                        \
            to[i] = mcucc_wrap8(a.lane[i]);                                             \
        }                                                                               \
    }
#define MCUCC_TWIN_FILL(name, type, lanes, wrap)                                        \
    MCUCC_TWIN type name(int32_t a)                                                     \
    {                                                                                   \
        type result;                                                                    \
        for (int32_t i = 0; i < (lanes); i++) {                                         \
            result.lane[i] = wrap(a);                                                   \
        }                                                                               \
        return result;                                                                  \
    }
/* Each lane from x and y, the lanes of `a` and `b` at the same place. */
#define MCUCC_TWIN_2(name, type, lanes, expression)                                     \
    MCUCC_TWIN type name(type a, type b)                                                \
    {                                                                                   \
        type result;                                                                    \
        for (int32_t i = 0; i < (lanes); i++) {                                         \
            const int32_t x = a.lane[i];                                                \
            const int32_t y = b.lane[i];                                                \
            result.lane[i] = (expression);                                              \
        }                                                                               \
        return result;                                                                  \
    }
#define MCUCC_TWIN_PRODUCT(name, first)                                                 \
    MCUCC_TWIN mcucc_halves_t name(mcucc_bytes_t a, mcucc_bytes_t b)                    \
    {                                                                                   \
        mcucc_halves_t result;                                                          \
        for (int32_t i = 0; i < 8; i++) {                                               \
            const int32_t at = (2 * i) + (first);                                       \
            result.lane[i] = (int16_t)((int32_t)a.lane[at] * b.lane[at]);               \
        }                                                                               \
        return result;                                                                  \
    }
#define MCUCC_TWIN_WIDEN(name, type, from, lanes, first)                                \
    MCUCC_TWIN type name(from a)                                                        \
    {                                                                                   \
        type result;                                                                    \
        for (int32_t i = 0; i < (lanes); i++) {                                         \
            result.lane[i] = a.lane[(2 * i) + (first)];                                 \
        }                                                                               \
        return result;                                                                  \
    }
#define MCUCC_TWIN_NARROW(name, type, from, lanes, narrow)                              \
    MCUCC_TWIN type name(from bottom, from top)                                         \
    {                                                                                   \
        type result;                                                                    \
        for (int32_t i = 0; i < (lanes); i++) {                                         \
            result.lane[2 * i] = narrow(bottom.lane[i]);                                \
            result.lane[(2 * i) + 1] = narrow(top.lane[i]);                             \
        }                                                                               \
        return result;                                                                  \
    }

MCUCC_TWIN int32_t mcucc_same(int32_t a)
{
    return a;
}

/* a << by; a >> -by, rounded halves up where `rounds`, if `by` is negative. |by| <= 31. */
MCUCC_TWIN int32_t mcucc_shift_lane(int32_t a, int32_t by, int32_t rounds)
{
    if (by >= 0) {
        return (int32_t)((uint32_t)a << by);
    }
    const int64_t half = rounds ? ((int64_t)1 << (-by - 1)) : 0;
    return (int32_t)((a + half) >> -by);
}

MCUCC_TWIN int32_t mcucc_high_lane(int32_t a, int32_t b)
{
    return mcucc_narrow32((((int64_t)a * b) + ((int64_t)1 << 30)) >> 31);
}

MCUCC_TWIN_LOAD(mcucc_load_some_bytes, mcucc_load_bytes, mcucc_bytes_t, 16)
MCUCC_TWIN_STORE(mcucc_store_some_bytes, mcucc_bytes_t, 16)
MCUCC_TWIN_STORE(mcucc_store_some_words, mcucc_words_t, 4)
MCUCC_TWIN_FILL(mcucc_fill_bytes, mcucc_bytes_t, 16, mcucc_wrap8)
MCUCC_TWIN_FILL(mcucc_fill_halves, mcucc_halves_t, 8, mcucc_wrap16)
MCUCC_TWIN_FILL(mcucc_fill_words, mcucc_words_t, 4, mcucc_same)
MCUCC_TWIN_2(mcucc_vmax_bytes, mcucc_bytes_t, 16, (int8_t)((x > y) ? x : y))
MCUCC_TWIN_2(mcucc_vmin_bytes, mcucc_bytes_t, 16, (int8_t)((x < y) ? x : y))
MCUCC_TWIN_2(mcucc_vadd_halves, mcucc_halves_t, 8, mcucc_wrap16(x + y))
MCUCC_TWIN_2(mcucc_vqadd_halves, mcucc_halves_t, 8, mcucc_narrow16(x + y))
MCUCC_TWIN_2(mcucc_vadd_words, mcucc_words_t, 4, (int32_t)((uint32_t)x + (uint32_t)y))
MCUCC_TWIN_2(mcucc_vsub_words, mcucc_words_t, 4, (int32_t)((uint32_t)x - (uint32_t)y))
MCUCC_TWIN_2(mcucc_vmul_words, mcucc_words_t, 4, (int32_t)((uint32_t)x * (uint32_t)y))
MCUCC_TWIN_2(mcucc_vqadd_words, mcucc_words_t, 4, mcucc_narrow32((int64_t)x + y))
MCUCC_TWIN_2(mcucc_vmax_words, mcucc_words_t, 4, (x > y) ? x : y)
MCUCC_TWIN_2(mcucc_vmin_words, mcucc_words_t, 4, (x < y) ? x : y)
MCUCC_TWIN_2(mcucc_vand_words, mcucc_words_t, 4, (int32_t)((uint32_t)x & (uint32_t)y))
MCUCC_TWIN_2(mcucc_vqrdmulh, mcucc_words_t, 4, mcucc_high_lane(x, y))
MCUCC_TWIN_2(mcucc_vshl, mcucc_words_t, 4, mcucc_shift_lane(x, y, 0))
MCUCC_TWIN_2(mcucc_vrshl, mcucc_words_t, 4, mcucc_shift_lane(x, y, 1))
MCUCC_TWIN_PRODUCT(mcucc_vmullb, 0)
MCUCC_TWIN_PRODUCT(mcucc_vmullt, 1)
MCUCC_TWIN_WIDEN(mcucc_vmovlb_halves, mcucc_words_t, mcucc_halves_t, 4, 0)
MCUCC_TWIN_WIDEN(mcucc_vmovlt_halves, mcucc_words_t, mcucc_halves_t, 4, 1)
MCUCC_TWIN_NARROW(mcucc_vqmovn_words, mcucc_halves_t, mcucc_words_t, 4, mcucc_narrow16)
MCUCC_TWIN_NARROW(mcucc_vqmovn_halves, mcucc_bytes_t, mcucc_halves_t, 8, mcucc_narrow8)

MCUCC_TWIN void mcucc_put_bytes(int8_t *to, mcucc_bytes_t a, int32_t count)
{
    mcucc_store_some_bytes(to, a, count);
}

MCUCC_TWIN mcucc_words_t mcucc_load_words(const uint32_t *from)
{
    const mcucc_words_t result = {
        {(int32_t)from[0], (int32_t)from[1], (int32_t)from[2], (int32_t)from[3]}};
    return result;
}

MCUCC_TWIN mcucc_words_t mcucc_load_some_words(const int8_t *from, int32_t count)
{
    mcucc_words_t result = {{0, 0, 0, 0}};
    for (int32_t i = 0; (i < 4) && (i < count); i++) {
        result.lane[i] = from[i];
    }
    return result;
}

MCUCC_TWIN mcucc_words_t mcucc_load_small_words(const uint32_t *from)
{
    return mcucc_load_some_words((const int8_t *)from, 4);
}

MCUCC_TWIN mcucc_words_t mcucc_sign(mcucc_words_t a)
{
    for (int32_t i = 0; i < 4; i++) {
        a.lane[i] = (a.lane[i] < 0) ? -1 : 0;
    }
    return a;
}

MCUCC_TWIN mcucc_words_t mcucc_less_sign(mcucc_words_t a)
{
    for (int32_t i = 0; i < 4; i++) {
        a.lane[i] = mcucc_narrow32((int64_t)a.lane[i] + ((a.lane[i] < 0) ? -1 : 0));
    }
    return a;
}

/* With fewer than four lanes the place behind them: there may be nothing further. */
MCUCC_TWIN int8_t *mcucc_put_words(int8_t *to, mcucc_words_t a, int32_t count)
{
    mcucc_store_some_words(to, a, count);
    return (count < 4) ? &to[count] : &to[4];
}

MCUCC_TWIN void mcucc_put_two_words(int8_t **to_a, int8_t **to_b, mcucc_words_t a,
                                      mcucc_words_t b, int32_t count)
{
    *to_a = mcucc_put_words(*to_a, a, count);
    *to_b = mcucc_put_words(*to_b, b, count);
}

MCUCC_TWIN mcucc_words_t mcucc_add_pixels(const int8_t *from, int32_t step, int32_t n,
                                            int32_t count, mcucc_words_t sums)
{
    for (int32_t i = 0; i < n; i++) {
        sums = mcucc_vadd_words(sums, mcucc_load_some_words(&from[i * step], count));
    }
    return sums;
}

MCUCC_TWIN mcucc_halves_t mcucc_add_pixel_halves(const int8_t *from, int32_t step, int32_t n,
                                                 int32_t count, mcucc_halves_t sums)
{
    for (int32_t i = 0; i < n; i++) {
        for (int32_t c = 0; (c < 8) && (c < count); c++) {
            sums.lane[c] = mcucc_wrap16(sums.lane[c] + (int32_t)from[(i * step) + c]);
        }
    }
    return sums;
}

MCUCC_TWIN void mcucc_copy_mve(int8_t *to, const int8_t *from, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

#endif
