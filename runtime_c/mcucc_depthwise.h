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

/* Output channels c .. c + 3 with a depth multiplier of 1; `inside` says that no tap lies in the
 * padding and saves the test per tap. */
MCUCC_INLINE void mcucc_depthwise_lanes4(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                         int32_t column, int inside, int32_t c, int32_t kh,
                                         int32_t kw, int32_t dilation, int32_t acc[4])
{
    int32_t tap = c; /* an index: a pointer would end more than one past the weights */
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < kw; kx++, tap += p->out_c) {
            const int8_t *const w = &p->weights[tap];
            const int32_t x = column + (kx * dilation);
            const int8_t *const pixel =
                inside ? &rows[ky][x * p->in_c] : mcucc_depthwise_tap(p, rows, ky, x);
            acc[0] += (int32_t)pixel[c] * w[0];
            acc[1] += (int32_t)pixel[c + 1] * w[1];
            acc[2] += (int32_t)pixel[c + 2] * w[2];
            acc[3] += (int32_t)pixel[c + 3] * w[3];
        }
    }
}

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
                                  mcucc_requant_class_t kind)
{
    const int32_t span = ((kw - 1) * dilation) + 1;
    const int32_t in_fours = p->out_c - (p->out_c % 4);
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int inside = (column >= 0) && (column + span <= p->in_w);
        for (int32_t c = 0; c < in_fours; c += 4) {
            const mcucc_channel_t *const ch = &p->channels[c];
            int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
            if (inside) {
                mcucc_depthwise_lanes4(p, rows, column, 1, c, kh, kw, dilation, acc);
            } else {
                mcucc_depthwise_lanes4(p, rows, column, 0, c, kh, kw, dilation, acc);
            }
            for (int32_t i = 0; i < 4; i++) {
                out[c + i] = mcucc_requantize(acc[i], &ch[i], &p->output, kind);
            }
        }
        for (int32_t c = in_fours; c < p->out_c; c++) {
            const mcucc_channel_t *const ch = &p->channels[c];
            const int32_t acc =
                mcucc_depthwise_lane1(p, rows, column, c, c, kh, kw, dilation, ch->bias);
            out[c] = mcucc_requantize(acc, ch, &p->output, kind);
        }
    }
}

/* The same with a depth multiplier above 1: output channel c reads input channel
 * c / (out_c / in_c). */
MCUCC_INLINE void mcucc_depthwise_multiplied(const mcucc_depthwise_t *p, const int8_t *const *rows,
                                             int32_t x_begin, int32_t x_end, int8_t *out,
                                             int32_t out_stride, int32_t kh, int32_t kw,
                                             int32_t stride, int32_t dilation,
                                             mcucc_requant_class_t kind)
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
                out[c] = mcucc_requantize(acc, ch, &p->output, kind);
            }
        }
    }
}

#endif
