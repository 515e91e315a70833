/* Product of two tensors, pixel by pixel. Meaning: reference/elementwise.py, `mul`. */
#ifndef MCUCC_MUL_H
#define MCUCC_MUL_H

#include "mcucc_requantize.h"

typedef struct {
    int32_t c;             /* channels of a pixel */
    int32_t zero_point[2]; /* of the inputs */
    mcucc_channel_t scale; /* its bias is not used */
    mcucc_output_t output;
} mcucc_mul_t;

/* One pixel; `out` may be `a` or `b`. */
MCUCC_INLINE void mcucc_mul_pixel(const mcucc_mul_t *p, const int8_t *a, const int8_t *b,
                                  int8_t *out, mcucc_requant_class_t kind)
{
    for (int32_t c = 0; c < p->c; c++) {
        const int32_t product =
            ((int32_t)a[c] - p->zero_point[0]) * ((int32_t)b[c] - p->zero_point[1]);
        out[c] = mcucc_requantize(product, &p->scale, &p->output, kind);
    }
}

/* Pixels x_begin .. x_end - 1 of rows[0] * rows[1]; `out` may be one of the inputs' pixels. */
MCUCC_INLINE void mcucc_mul(const mcucc_mul_t *p, const int8_t *const *rows, int32_t x_begin,
                            int32_t x_end, int8_t *out, int32_t out_stride,
                            mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_mul_pixel(p, &rows[0][x * p->c], &rows[1][x * p->c], out, kind);
    }
}

/* The same where rows[1] is a single pixel that all pixels of rows[0] are multiplied by; `out` may
 * be the pixels of rows[0]. */
MCUCC_INLINE void mcucc_mul_channels(const mcucc_mul_t *p, const int8_t *const *rows,
                                     int32_t x_begin, int32_t x_end, int8_t *out,
                                     int32_t out_stride, mcucc_requant_class_t kind)
{
    for (int32_t x = x_begin; x < x_end; x++, out += out_stride) {
        mcucc_mul_pixel(p, &rows[0][x * p->c], rows[1], out, kind);
    }
}

#endif
