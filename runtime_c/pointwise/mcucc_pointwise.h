/* 1x1 convolution with stride 1: any run of pixels, up to a whole map.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_POINTWISE_H
#define MCUCC_POINTWISE_H

#include "mcucc_pairs.h"

typedef struct {
    int32_t in_c;
    int32_t out_c;
    mcucc_output_t output;
    const int8_t *weights;           /* [ceil(out_c / 4)][in_c][4] */
    const mcucc_channel_t *channels; /* [out_c rounded up to 4] */
} mcucc_pointwise_t;

/* Channels c .. out_c - 1 of an output pixel; c is a multiple of 4. */
MCUCC_INLINE void mcucc_pointwise_from(const mcucc_pointwise_t *p, const int8_t *x, int32_t c,
                                       int8_t *out, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t in_c = p->in_c;
    const int32_t out_c = p->out_c;
    const int8_t *w = &p->weights[c * in_c];
    for (; c < out_c; c += 4) {
        const mcucc_channel_t *const ch = &p->channels[c];
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        w = mcucc_blocks_1x4(x, in_c, w, acc);
        mcucc_blocks_end(acc, ch, out_c - c, &output, &out[c], kind, clamps);
    }
}

/* One dense layer: out[c] = requantize(x . weights[c]). */
MCUCC_INLINE void mcucc_pointwise_pixel(const mcucc_pointwise_t *p, const int8_t *x, int8_t *out,
                                        mcucc_requant_class_t kind, int clamps)
{
    mcucc_pointwise_from(p, x, 0, out, kind, clamps);
}

/* The first channels of two pixels at once, at most MCUCC_HELD. Those of the second one are held
 * back, for they may lie over the first one's inputs. Returns how many. */
MCUCC_INLINE int32_t mcucc_pointwise_held(const mcucc_pointwise_t *p, const int8_t *x, int8_t *out,
                                          int8_t *held, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t in_c = p->in_c;
    const int32_t count = (p->out_c < MCUCC_HELD) ? p->out_c : MCUCC_HELD;
    mcucc_pair_t sums;
    if (kind == MCUCC_FAST) {
        const mcucc_run_t runs[2] = {{x, &x[in_c], &x[in_c]}, {NULL, NULL, NULL}};
        mcucc_pair_outputs(runs, in_c, p->channels, p->weights, count, out, held, &output, clamps);
        return count;
    }
    sums.w = p->weights;
    for (int32_t c = 0; c < count; c += 4) {
        const mcucc_channel_t *const ch = &p->channels[c];
        mcucc_pair_begin(&sums, ch);
        mcucc_pair_run(&sums, x, &x[in_c], in_c);
        mcucc_blocks_end(&sums.acc[0], ch, count - c, &output, &out[c], kind, clamps);
        mcucc_blocks_end(&sums.acc[4], ch, count - c, &output, &held[c], kind, clamps);
    }
    return count;
}

/* All channels of two pixels at once, from a copy of the first one's inputs, at most MCUCC_HELD,
 * for the second one's outputs may lie over them. */
MCUCC_INLINE void mcucc_pointwise_two(const mcucc_pointwise_t *p, const int8_t *x, int8_t *out,
                                      int32_t out_stride, int8_t *copy, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t in_c = p->in_c;
    const mcucc_run_t runs[2] = {{copy, &x[in_c], &copy[in_c]}, {NULL, NULL, NULL}};
    mcucc_release(x, in_c, copy);
    mcucc_pair_outputs(runs, in_c, p->channels, p->weights, p->out_c, out, &out[out_stride],
                       &output, clamps);
}

/* Pixels x_begin .. x_end - 1 of rows[0]. */
MCUCC_INLINE void mcucc_pointwise(const mcucc_pointwise_t *p, const int8_t *const *rows,
                                  int32_t x_begin, int32_t x_end, int8_t *out, int32_t out_stride,
                                  mcucc_requant_class_t kind, int clamps)
{
    int8_t held[MCUCC_HELD];
    const int8_t *pixel = &rows[0][x_begin * p->in_c];
    int32_t x = x_begin;
    int32_t done = 0; /* channels that are done when the pixel's turn comes */
    if ((kind == MCUCC_FAST) && (p->in_c <= MCUCC_HELD)) {
        for (; x + 1 < x_end; x += 2, pixel += 2 * p->in_c, out += 2 * out_stride) {
            mcucc_pointwise_two(p, pixel, out, out_stride, held, clamps);
        }
    }
    for (; x < x_end; x++, pixel += p->in_c, out += out_stride) {
        const int is_second = done != 0;
        if (is_second) {
            mcucc_release(held, done, out);
        } else if (x + 1 < x_end) {
            done = mcucc_pointwise_held(p, pixel, out, held, kind, clamps);
        }
        mcucc_pointwise_from(p, pixel, done, out, kind, clamps);
        done = is_second ? 0 : done;
    }
}

#endif
