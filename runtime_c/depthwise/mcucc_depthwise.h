/* Depthwise convolution, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_H
#define MCUCC_DEPTHWISE_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t out_c; /* in_c times the depth multiplier */
    int32_t pad_left;
    mcucc_output_t output;
    const int8_t *weights;           /* [kh][kw][out_c] */
    const mcucc_channel_t *channels; /* [out_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_depthwise_t;

/* The input pixel in column x of the row under tap ky; x may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_depthwise_tap(const mcucc_depthwise_t *p,
                                               const int8_t *const *rows, int32_t ky, int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * p->in_c] : p->pad;
}

/* Channels c .. c + 3 with a depth multiplier of 1. A window inside the map needs no test per tap:
 * its pointers just move on. */
MCUCC_INLINE void mcucc_depthwise_lanes4(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                         int32_t column, int inside, int32_t c, int32_t kh,
                                         int32_t kw, int32_t dilation, int32_t acc[4])
{
    const int32_t in_c = p->in_c;
    const int32_t start = (column * in_c) + c;
    const int8_t *w = &p->weights[c];
    for (int32_t ky = 0; ky < kh; ky++) {
        const int8_t *x = inside ? &rows[ky][start] : NULL;
        for (int32_t kx = 0; kx < kw; kx++) {
            if (!inside) {
                x = &mcucc_depthwise_tap(p, rows, ky, column + (kx * dilation))[c];
            }
            for (int32_t i = 0; i < 4; i++) {
                acc[i] += (int32_t)x[i] * w[i];
            }
            if (inside && (kx + 1 < kw)) {
                x += dilation * in_c;
            }
            if ((ky + 1 < kh) || (kx + 1 < kw)) {
                w += in_c; /* no further than the weights go */
            }
        }
    }
}

/* The same of a window inside the map whose taps stand side by side, for 16-bit Thumb instructions.
 * A tap of the inputs lies as far from its row's first one as its weight does: one register, added
 * to either pointer, loads both and extends their signs. gcc would rather move two pointers. */
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
MCUCC_INLINE int32_t mcucc_depthwise_product(int32_t acc, const int8_t *x, const int8_t *w,
                                             int32_t at)
{
    int32_t value;
    int32_t weight;
    __asm__ volatile(".syntax unified\n\tldrsb %1, [%3, %5]\n\tldrsb %2, [%4, %5]\n\t"
            "muls %1, %2\n\tadd %0, %1"
            : "+r"(acc), "=&l"(value), "=&l"(weight)
            : "l"(x), "l"(w), "l"(at)
            : "cc", "memory");
    return acc;
}

MCUCC_INLINE void mcucc_depthwise_inside4(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                          int32_t column, int32_t c, int32_t kh, int32_t kw,
                                          int32_t acc[4])
{
    const int32_t in_c = p->in_c;
    const int32_t start = (column * in_c) + c;
    const int8_t *w = &p->weights[c];
    for (int32_t ky = 0; ky < kh; ky++, w += kw * in_c) {
        const int8_t *const x = &rows[ky][start];
        for (int32_t i = 0; i < 4; i++) {
            for (int32_t kx = 0; kx < kw; kx++) {
                acc[i] = mcucc_depthwise_product(acc[i], &x[i], &w[i], kx * in_c);
            }
        }
    }
}
#endif

/* One output channel that reads input channel `source`. */
MCUCC_INLINE int32_t mcucc_depthwise_lane1(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                           int32_t column, int32_t c, int32_t source, int32_t kh,
                                           int32_t kw, int32_t dilation, int32_t acc)
{
    int32_t tap = c;
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, tap += p->out_c) {
            const int32_t x = column + (kx * dilation);
            acc += (int32_t)mcucc_depthwise_tap(p, rows, ky, x)[source] * p->weights[tap];
        }
    }
    return acc;
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv. */
MCUCC_INLINE void mcucc_depthwise(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                  int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                  int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                  mcucc_requant_class_t kind, int clamps)
{
    const int32_t span = ((kw - 1) * dilation) + 1;
    const mcucc_output_t output = p->output;
    const int32_t in_fours = p->in_c & ~3;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int inside = (column >= 0) && (column + span <= p->in_w);
        for (int32_t c = 0; c < in_fours; c += 4) {
            const mcucc_channel_t *const ch = &p->channels[c];
            int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
            if (inside && (dilation == 1)) {
                mcucc_depthwise_inside4(p, rows, column, c, kh, kw, acc);
            } else
#endif
            if (inside) {
                mcucc_depthwise_lanes4(p, rows, column, 1, c, kh, kw, dilation, acc);
            } else {
                mcucc_depthwise_lanes4(p, rows, column, 0, c, kh, kw, dilation, acc);
            }
            for (int32_t i = 0; i < 4; i++) {
                out[c + i] = mcucc_requantize_to(acc[i], &ch[i], &output, kind, clamps);
            }
        }
        for (int32_t c = in_fours; c < p->in_c; c++) {
            const mcucc_channel_t *const ch = &p->channels[c];
            const int32_t acc =
                mcucc_depthwise_lane1(p, rows, column, c, c, kh, kw, dilation, ch->bias);
            out[c] = mcucc_requantize_to(acc, ch, &output, kind, clamps);
        }
    }
}

/* The same with a depth multiplier above 1: output channel c reads input channel
 * c / (out_c / in_c). */
MCUCC_INLINE void mcucc_depthwise_multiplied(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                             int32_t x_begin, int32_t x_end, int8_t *out,
                                             int32_t out_stride, int32_t kh, int32_t kw,
                                             int32_t stride, int32_t dilation,
                                             mcucc_requant_class_t kind, int clamps)
{
    const int32_t multiplier = p->out_c / p->in_c;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        int32_t c = 0;
        for (int32_t source = 0; source < p->in_c; source++) {
            for (int32_t i = 0; i < multiplier; i++, c++) {
                const mcucc_channel_t *const ch = &p->channels[c];
                const int32_t acc = mcucc_depthwise_lane1(p, rows, column, c, source, kh, kw,
                                                          dilation, ch->bias);
                out[c] = mcucc_requantize_to(acc, ch, &p->output, kind, clamps);
            }
        }
    }
}

#endif
