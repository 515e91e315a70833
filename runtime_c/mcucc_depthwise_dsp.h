/* Depthwise convolution with the DSP extension, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`. */
#ifndef MCUCC_DEPTHWISE_DSP_H
#define MCUCC_DEPTHWISE_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;
    int32_t in_c; /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    const uint32_t *weights; /* [ceil(c / 4)][kh][kw][2]: 16 bits each, channels 0 2 and 1 3 */
    const mcucc_channel_t *channels; /* [c rounded up to 4] */
    const int8_t *pad; /* at least c zero points; NULL where no window reaches padding */
} mcucc_depthwise_dsp_t;

/* One tap of four channels; of the last ones only `count` may be read. */
MCUCC_INLINE void mcucc_depthwise_tap_dsp(const int8_t *x, int32_t count, const uint32_t *w,
                                          int32_t acc[4])
{
    const uint32_t word = (count >= 4) ? mcucc_load4(x) : mcucc_load_some(x, count);
    const uint32_t even = mcucc_sxtb16(word);
    const uint32_t odd = mcucc_sxtb16_ror8(word);
    const uint32_t w0 = w[0];
    const uint32_t w1 = w[1];
    acc[0] = mcucc_smlabb(even, w0, acc[0]);
    acc[1] = mcucc_smlabb(odd, w1, acc[1]);
    acc[2] = mcucc_smlatt(even, w0, acc[2]);
    acc[3] = mcucc_smlatt(odd, w1, acc[3]);
}

/* A window of `count` channels from channel c on, 4 or fewer. `inside` says that no tap lies in
 * the padding and saves the test per tap. */
MCUCC_INLINE void mcucc_depthwise_window_dsp(const mcucc_depthwise_dsp_t *p,
                                             const int8_t *const *rows, int32_t column, int inside,
                                             int32_t c, int32_t count, int32_t kh, int32_t kw,
                                             int32_t dilation, const uint32_t *w, int32_t acc[4])
{
    const int32_t step = p->in_c;
    for (int32_t ky = 0; ky < kh; ky++) {
        const int8_t *const row = &rows[ky][c];
        for (int32_t kx = 0; kx < kw; kx++, w += 2) {
            const int32_t x = column + (kx * dilation);
            const int padded = !inside && !((x >= 0) && (x < p->in_w));
            mcucc_depthwise_tap_dsp(padded ? &p->pad[c] : &row[x * step], count, w, acc);
        }
    }
}

MCUCC_INLINE void mcucc_depthwise_pixel_dsp(const mcucc_depthwise_dsp_t *p,
                                            const int8_t *const *rows, int32_t column, int inside,
                                            int8_t *out, int32_t kh, int32_t kw, int32_t dilation,
                                            mcucc_requant_class_t kind, int clamps)
{
    const mcucc_output_t output = p->output;
    const mcucc_channel_t *ch = p->channels;
    const uint32_t *w = p->weights;
    int32_t c = 0;
    for (; c + 4 <= p->in_c; c += 4, ch += 4, w += 2 * kh * kw) {
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        mcucc_depthwise_window_dsp(p, rows, column, inside, c, 4, kh, kw, dilation, w, acc);
        for (int32_t i = 0; i < 4; i++) {
            out[c + i] = mcucc_requantize_to(acc[i], &ch[i], &output, kind, clamps);
        }
    }
    if (c < p->in_c) {
        int32_t acc[4] = {ch[0].bias, ch[1].bias, ch[2].bias, ch[3].bias};
        mcucc_depthwise_window_dsp(p, rows, column, inside, c, p->in_c - c, kh, kw, dilation, w, acc);
        for (int32_t i = 0; i < p->in_c - c; i++) {
            out[c + i] = mcucc_requantize_to(acc[i], &ch[i], &output, kind, clamps);
        }
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_conv_dsp. */
MCUCC_INLINE void mcucc_depthwise_dsp(const mcucc_depthwise_dsp_t *p, const int8_t *const *rows,
                                      int32_t x_begin, int32_t x_end, int8_t *out,
                                      int32_t out_stride, int32_t kh, int32_t kw, int32_t stride,
                                      int32_t dilation, mcucc_requant_class_t kind, int clamps)
{
    const int32_t span = ((kw - 1) * dilation) + 1;
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        const int32_t column = (x * stride) - p->pad_left;
        if ((column >= 0) && (column + span <= p->in_w)) {
            mcucc_depthwise_pixel_dsp(p, rows, column, 1, out, kh, kw, dilation, kind, clamps);
        } else {
            mcucc_depthwise_pixel_dsp(p, rows, column, 0, out, kh, kw, dilation, kind, clamps);
        }
    }
}

#endif
