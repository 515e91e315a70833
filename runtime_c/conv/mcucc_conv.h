/* Convolution, one run of output pixels of one row. Meaning: reference/conv.py, `conv2d`. */
#ifndef MCUCC_CONV_H
#define MCUCC_CONV_H

#include "mcucc_pairs.h"

/* Runs of inputs that a window of two pixels may have to be read where it lies. */
#define MCUCC_MOST_RUNS 9
/* Inputs of a window that is small enough to be copied. */
#define MCUCC_MOST_COPIED (MCUCC_HELD / 2)

typedef struct {
    int32_t in_w;     /* pixels in an input row */
    int32_t in_c;     /* channels of an input pixel */
    int32_t out_c;    /* channels of an output pixel */
    int32_t pad_left; /* pixels of padding before an input row */
    mcucc_output_t output;
    const int8_t *weights;           /* [ceil(out_c / 4)][kh][kw][in_c][4] */
    const mcucc_channel_t *channels; /* [out_c rounded up to 4] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_conv_t;

/* The input pixel in column x of a row; x may lie in the padding. */
MCUCC_INLINE const int8_t *mcucc_conv_tap(const mcucc_conv_t *p, const int8_t *row, int32_t x)
{
    return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;
}

/* Whether a window that begins in this column lies within the row, its taps side by side. */
MCUCC_INLINE int mcucc_conv_is_run(const mcucc_conv_t *p, int32_t column, int32_t kw,
                                   int32_t dilation)
{
    return (dilation == 1) && (column >= 0) && (column + kw <= p->in_w);
}

/* One window against the weights of four output channels. `column` is the window's first input
 * column and may lie in the padding. Returns the weights behind theirs. */
MCUCC_INLINE const int8_t *mcucc_conv_window(const mcucc_conv_t *p, const int8_t *const *rows,
                                             int32_t column, int is_run, int32_t kh, int32_t kw,
                                             int32_t dilation, const int8_t *w, int32_t acc[4])
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        if (is_run) {
            w = mcucc_blocks_1x4(&rows[ky][column * in_c], kw * in_c, w, acc);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int8_t *const x = mcucc_conv_tap(p, rows[ky], column + (kx * dilation));
            w = mcucc_blocks_1x4(x, in_c, w, acc);
        }
    }
    return w;
}

/* The windows of two pixels that begin in the columns `column` and `column + stride`. */
MCUCC_INLINE void mcucc_conv_windows(const mcucc_conv_t *p, const int8_t *const *rows,
                                     int32_t column, int are_runs, int32_t kh, int32_t kw,
                                     int32_t stride, int32_t dilation, mcucc_pair_t *sums)
{
    const int32_t in_c = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        if (are_runs) {
            const int8_t *const x = &rows[ky][column * in_c];
            mcucc_pair_run(sums, x, &x[stride * in_c], kw * in_c);
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int32_t x = column + (kx * dilation);
            mcucc_pair_run(sums, mcucc_conv_tap(p, rows[ky], x),
                           mcucc_conv_tap(p, rows[ky], x + stride), in_c);
        }
    }
}

/* Channels c .. out_c - 1 of an output pixel; c is a multiple of 4. */
MCUCC_INLINE void mcucc_conv_from(const mcucc_conv_t *p, const int8_t *const *rows, int32_t column,
                                  int32_t c, int8_t *out, int32_t kh, int32_t kw, int32_t dilation,
                                  mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t out_c = p->out_c;
    const int is_run = mcucc_conv_is_run(p, column, kw, dilation);
    const int8_t *w = &p->weights[c * kh * kw * p->in_c];
    for (; c < out_c; c += 4) {
        const mcucc_channel_t *const ch = &p->channels[c];
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        w = mcucc_conv_window(p, rows, column, is_run, kh, kw, dilation, w, acc);
        mcucc_blocks_end(acc, ch, out_c - c, &output, &out[c], kind, clamps);
    }
}

/* How many channels of a pixel are held back. */
MCUCC_INLINE int32_t mcucc_conv_held(const mcucc_conv_t *p)
{
    return (p->out_c < MCUCC_HELD) ? p->out_c : MCUCC_HELD;
}

/* The first channels of two pixels at once, at most MCUCC_HELD. Those of the second one are held
 * back, for they may lie over the first one's window. Returns how many. */
MCUCC_INLINE int32_t mcucc_conv_two(const mcucc_conv_t *p, const int8_t *const *rows,
                                    int32_t column, int8_t *out, int8_t *held, int32_t kh,
                                    int32_t kw, int32_t stride, int32_t dilation,
                                    mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t count = mcucc_conv_held(p);
    const int are_runs = mcucc_conv_is_run(p, column, kw, dilation) &&
                         mcucc_conv_is_run(p, column + stride, kw, dilation);
    mcucc_pair_t sums;
    sums.w = p->weights;
    for (int32_t c = 0; c < count; c += 4) {
        const mcucc_channel_t *const ch = &p->channels[c];
        mcucc_pair_begin(&sums, ch);
        mcucc_conv_windows(p, rows, column, are_runs, kh, kw, stride, dilation, &sums);
        mcucc_blocks_end(&sums.acc[0], ch, count - c, &output, &out[c], kind, clamps);
        mcucc_blocks_end(&sums.acc[4], ch, count - c, &output, &held[c], kind, clamps);
    }
    return count;
}

/* A window side by side, padding included. */
MCUCC_INLINE void mcucc_conv_copy(const mcucc_conv_t *p, const int8_t *const *rows, int32_t column,
                                  int32_t kh, int32_t kw, int32_t dilation, int8_t *to)
{
    const int32_t in_c = p->in_c;
    const int is_run = mcucc_conv_is_run(p, column, kw, dilation);
    for (int32_t ky = 0; ky < kh; ky++) {
        if (is_run) {
            mcucc_release(&rows[ky][column * in_c], kw * in_c, to);
            to += kw * in_c;
            continue;
        }
        for (int32_t kx = 0; kx < kw; kx++) {
            const int8_t *const x = mcucc_conv_tap(p, rows[ky], column + (kx * dilation));
            for (int32_t i = 0; i < in_c; i++) {
                *to++ = x[i];
            }
        }
    }
}

/* Where the windows of two pixels lie: rows, or taps if one of them reaches padding. Returns
 * whether there is room for so many. */
MCUCC_INLINE int mcucc_conv_runs(const mcucc_conv_t *p, const int8_t *const *rows, int32_t column,
                                 int are_runs, int32_t kh, int32_t kw, int32_t stride,
                                 int32_t dilation, mcucc_run_t *runs)
{
    const int32_t in_c = p->in_c;
    const int32_t length = are_runs ? (kw * in_c) : in_c;
    const int32_t taps = are_runs ? 1 : kw; /* runs in a row */
    if (kh * taps > MCUCC_MOST_RUNS) {
        return 0;
    }
    for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t kx = 0; kx < taps; kx++, runs++) {
            const int32_t x = column + (kx * dilation);
            runs->x0 = mcucc_conv_tap(p, rows[ky], x);
            runs->x1 = mcucc_conv_tap(p, rows[ky], x + stride);
            runs->end = &runs->x0[length];
        }
    }
    runs->x0 = NULL;
    return 1;
}

/* All channels of two pixels at once from copies of their windows. */
MCUCC_INLINE void mcucc_conv_copied(const mcucc_conv_t *p, const int8_t *const *rows,
                                    int32_t column, int8_t *out, int32_t out_stride, int8_t *copies,
                                    int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                    int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t inputs = kh * kw * p->in_c;
    int8_t *const second = &copies[MCUCC_MOST_COPIED];
    const mcucc_run_t runs[2] = {{copies, second, &copies[inputs]}, {NULL, NULL, NULL}};
    mcucc_conv_copy(p, rows, column, kh, kw, dilation, copies);
    mcucc_conv_copy(p, rows, column + stride, kh, kw, dilation, second);
    mcucc_pair_outputs(runs, inputs, p->channels, p->weights, p->out_c, out, &out[out_stride],
                       &output, clamps);
}

/* As mcucc_conv_two, of class fast; 0 if the windows have too many runs. */
MCUCC_INLINE int32_t mcucc_conv_read(const mcucc_conv_t *p, const int8_t *const *rows,
                                     int32_t column, int are_runs, int8_t *out, int8_t *held,
                                     int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                     int clamps)
{
    const mcucc_output_t output = p->output;
    const int32_t count = mcucc_conv_held(p);
    mcucc_run_t runs[MCUCC_MOST_RUNS + 1];
    if (!mcucc_conv_runs(p, rows, column, are_runs, kh, kw, stride, dilation, runs)) {
        return 0;
    }
    mcucc_pair_outputs(runs, kh * kw * p->in_c, p->channels, p->weights, count, out, held, &output,
                       clamps);
    return count;
}

/* Whether windows are copied: where taps would have to be read one by one, and where many channels
 * would read many short rows. */
MCUCC_INLINE int mcucc_conv_copies(const mcucc_conv_t *p, int are_runs, int32_t kh, int32_t kw)
{
    const int32_t inputs = kh * kw * p->in_c;
    return (inputs <= MCUCC_MOST_COPIED) && (!are_runs || (kh * p->out_c > 4 * inputs));
}

/* Two pixels at once, of class fast. Returns how many channels are done, those of the second one
 * held back; -1 if all are, and none held back. */
MCUCC_INLINE int32_t mcucc_conv_fast(const mcucc_conv_t *p, const int8_t *const *rows,
                                     int32_t column, int8_t *out, int32_t out_stride, int8_t *held,
                                     int32_t kh, int32_t kw, int32_t stride, int32_t dilation,
                                     int clamps)
{
    const int are_runs = mcucc_conv_is_run(p, column, kw, dilation) &&
                         mcucc_conv_is_run(p, column + stride, kw, dilation);
    if (mcucc_conv_copies(p, are_runs, kh, kw)) {
        mcucc_conv_copied(p, rows, column, out, out_stride, held, kh, kw, stride, dilation, clamps);
        return -1;
    }
    return mcucc_conv_read(p, rows, column, are_runs, out, held, kh, kw, stride, dilation, clamps);
}

/* Output pixels x_begin .. x_end - 1 of one row.
 *   rows   kh pointers to input rows; rows of vertical padding hold zero points
 *   out    output pixel x_begin; the next one lies out_stride bytes further
 */
MCUCC_INLINE void mcucc_conv(const mcucc_conv_t *p, const int8_t *const *rows, int32_t x_begin,
                             int32_t x_end, int8_t *out, int32_t out_stride, int32_t kh, int32_t kw,
                             int32_t stride, int32_t dilation, mcucc_requant_class_t kind,
                             int clamps)
{
    int8_t held[MCUCC_HELD];
    int32_t done = 0; /* channels that are done when the pixel's turn comes */
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        const int is_second = done != 0;
        if (is_second) {
            mcucc_release(held, done, out);
        } else if ((x + 1 < x_end) && (kind == MCUCC_FAST)) {
            done = mcucc_conv_fast(p, rows, column, out, out_stride, held, kh, kw, stride, dilation,
                                   clamps);
            if (done < 0) {
                done = 0;
                x++;
                out += out_stride;
                continue;
            }
        } else if (x + 1 < x_end) {
            done = mcucc_conv_two(p, rows, column, out, held, kh, kw, stride, dilation, kind,
                                  clamps);
        }
        mcucc_conv_from(p, rows, column, done, out, kh, kw, dilation, kind, clamps);
        done = is_second ? 0 : done;
    }
}

#endif
