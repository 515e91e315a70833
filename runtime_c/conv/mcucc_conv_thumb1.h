/* Convolution in 16-bit Thumb instructions, one run of output pixels of one row.
 * Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_THUMB1_H
#define MCUCC_CONV_THUMB1_H

#include "mcucc_eights_thumb1.h"

/* Runs of inputs that a window may have to be read where it lies. */
#define MCUCC_MOST_RUNS_THUMB1 9
/* Inputs of a window that is small enough to be copied: where runs behind its only one would be. */
#define MCUCC_MOST_COPIED_THUMB1 64
typedef char mcucc_needs_room_for_copies
    [(sizeof(mcucc_inputs_t) * (MCUCC_MOST_RUNS_THUMB1 - 1) >= MCUCC_MOST_COPIED_THUMB1) ? 1 : -1];

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const uint8_t *weights; /* [ceil(out_c / 8)][kh][kw][in_c][8], 128 added to each */
    const mcucc_channel_t *channels; /* [out_c rounded up to 8] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_thumb1_t;

/* One window against eight channels. `column` is the window's first input column and may lie in the
 * padding. */
MCUCC_INLINE void mcucc_conv_window_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                           int32_t column, int is_run, int32_t kh, int32_t kw,
                                           int32_t dilation, mcucc_eight_t *sums)
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t x = column;
        for (int32_t kx = 0; kx < kw; kx += is_run ? kw : 1, x += dilation) {
            const int8_t *const pixel =
                ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * in_c] : p->pad;
            mcucc_eight_run(sums, pixel, is_run ? (kw * in_c) : in_c);
        }
    }
}

/* A window side by side, padding included. */
MCUCC_INLINE void mcucc_conv_copy_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                         int32_t column, int is_run, int32_t kh, int32_t kw,
                                         int32_t dilation, int8_t *to)
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t x = column;
        for (int32_t kx = 0; kx < kw; kx += is_run ? kw : 1, x += dilation) {
            const int8_t *const pixel =
                ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * in_c] : p->pad;
            const int32_t count = is_run ? (kw * in_c) : in_c;
            for (int32_t i = 0; i < count; i++) {
                to[i] = pixel[i];
            }
            to += count;
        }
    }
}

/* Where a window lies that reaches padding: its taps. */
MCUCC_INLINE void mcucc_conv_taps_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                         int32_t column, int32_t kh, int32_t kw, int32_t dilation,
                                         mcucc_inputs_t *runs)
{
    MCUCC_NO_UNROLL
    for (int32_t ky = 0; ky < kh; ky++) {
        int32_t x = column;
        MCUCC_NO_UNROLL
        for (int32_t kx = 0; kx < kw; kx++, x += dilation, runs++) {
            runs->x = ((x >= 0) && (x < p->in_w)) ? &rows[ky][x * p->in_c] : p->pad;
            runs->end = &runs->x[p->in_c];
        }
    }
    runs->x = NULL;
}

/* Where any other one lies: its rows. */
MCUCC_INLINE void mcucc_conv_rows_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                         int32_t column, int32_t kh, int32_t kw,
                                         mcucc_inputs_t *runs)
{
    const int32_t from = column * p->in_c;
    const int32_t length = kw * p->in_c;
    for (int32_t ky = 0; ky < kh; ky++, runs++) {
        runs->x = &rows[ky][from];
        runs->end = &runs->x[length];
    }
    runs->x = NULL;
}

/* A pixel of class fast. Small windows are copied where taps would have to be read one by one, and
 * where many channels would read many short rows. Returns 0 if the window has too many runs. */
MCUCC_INLINE int mcucc_conv_fast_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                        int32_t column, int is_run, int8_t *out, int32_t kh,
                                        int32_t kw, int32_t dilation, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t inputs = kh * kw * p->in_c;
    mcucc_inputs_t runs[MCUCC_MOST_RUNS_THUMB1 + 1];
    int8_t *const copy = (int8_t *)&runs[2];
    if ((inputs <= MCUCC_MOST_COPIED_THUMB1) && (!is_run || (kh * p->out_c > 4 * inputs))) {
        mcucc_conv_copy_thumb1(p, rows, column, is_run, kh, kw, dilation, copy);
        runs[0].x = copy;
        runs[0].end = &copy[inputs];
        runs[1].x = NULL;
    } else if (is_run && (kh <= MCUCC_MOST_RUNS_THUMB1)) {
        mcucc_conv_rows_thumb1(p, rows, column, kh, kw, runs);
    } else if (!is_run && (kh * kw <= MCUCC_MOST_RUNS_THUMB1)) {
        mcucc_conv_taps_thumb1(p, rows, column, kh, kw, dilation, runs);
    } else {
        return 0;
    }
    mcucc_eights_t s = mcucc_eights_of((int32_t)(runs[0].end - runs[0].x), p->channels, p->weights,
                                       p->out_c, &output);
    mcucc_eights_pixel(&s, runs, inputs, p->out_c, out, &output, clamps);
    return 1;
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv. */
MCUCC_INLINE void mcucc_conv_thumb1(const mcucc_conv_thumb1_t *p, const int8_t *const *rows,
                                    int32_t x_begin, int32_t x_end, int8_t *out,
                                    int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                    int32_t dilation, mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int is_run = (dilation == 1) && (column >= 0) && (column + kw <= p->in_w);
        const mcucc_channel_t *ch = p->channels;
        mcucc_eight_t sums;
        if ((kind == MCUCC_FAST) &&
            mcucc_conv_fast_thumb1(p, rows, column, is_run, out, kh, kw, dilation, clamps)) {
            continue;
        }
        sums.w = p->weights;
        for (int32_t c = 0; c < p->out_c; c += 8, ch += 8) {
            mcucc_eight_begin(&sums, ch);
            mcucc_conv_window_thumb1(p, rows, column, is_run, kh, kw, dilation, &sums);
            mcucc_eight_end(&sums, ch, p->out_c - c, &output, &out[c], kind, clamps);
        }
    }
}

#endif
