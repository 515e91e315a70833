/* Depthwise convolution of 3x3 with stride 1 with the DSP extension, one run of output pixels of
 * one row. Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * Channel by channel along a few pixels, two of them a turn. Taps of the upper two rows stand in
 * one word for each column, which three pixels share, those of the lowest row by twos; SMLAD adds
 * two products. The outputs of the few pixels are held in scratch until all their windows were
 * read. */
#ifndef MCUCC_DEPTHWISE_ROWS_DSP_H
#define MCUCC_DEPTHWISE_ROWS_DSP_H

#include "mcucc_dsp.h"
#include "mcucc_requantize_dsp.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output; /* without an activation that narrows it */
    /* [out_c][7]: of each channel the taps of the upper two rows for each column, the first and the
     * second tap of the lowest row, its second and third, as 16 bits each; multiplier; 256 times
     * the bias and the shift */
    const uint32_t *weights;
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
    int32_t held;      /* pixels that scratch holds, an even number */
} mcucc_depthwise_rows_dsp_t;

/* sum + low * high, and sum + high * low */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
MCUCC_DSP_3(mcucc_smlabt, "smlabt %0, %1, %2, %3")
MCUCC_DSP_3(mcucc_smlatb, "smlatb %0, %1, %2, %3")
#else
MCUCC_INLINE int32_t mcucc_smlabt(uint32_t a, uint32_t b, int32_t sum)
{
    return mcucc_wrapped_sum(sum, mcucc_low_half(a) * mcucc_high_half(b));
}

MCUCC_INLINE int32_t mcucc_smlatb(uint32_t a, uint32_t b, int32_t sum)
{
    return mcucc_wrapped_sum(sum, mcucc_high_half(a) * mcucc_low_half(b));
}
#endif

MCUCC_INLINE uint32_t mcucc_two_halves(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xFFFFU) | ((uint32_t)high << 16);
}

/* A few pixels of all channels. The assembly knows the order of the members. */
typedef struct {
    const int8_t *row[3]; /* from the first column on that lies in the map */
    int32_t step;         /* from a pixel to the next, of inputs and of outputs */
    int32_t zero_point;   /* of the output */
    uint32_t pad;         /* the input's zero point, in both halves */
    int32_t left;         /* whether the first column is padding */
    int32_t end;          /* how many bytes of a row the turns read whose columns lie in the map */
    int32_t last;         /* columns of padding in one more turn, if there is one: 0, 1 or 2 */
    int8_t *to;
    const uint32_t *weights;
    const uint32_t *weights_end;
} mcucc_depthwise_state_t;

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(MCUCC_KEEP_R9)
#define MCUCC_ROWS_ASSEMBLY
#define MCUCC_ROWS_PUSHED 68 /* bytes that it pushes, of which compilers know nothing */

/* On the stack: the words of the channel, of which the last one is taken apart to bias and shift in
 * its lowest byte, and from byte 32 on the members from zero_point on.
 * In registers: the rows r0 to r2, the outputs r3, the place in the rows r4, the step r5, the sums
 * r6 and r7, the upper taps r8 and r9, two of the lowest row r10. */
#define MCUCC_ROWS_COLUMN(upper)                                                               \
    "ldrsb " upper ", [r0, r4]\n\tldrsb r11, [r1, r4]\n\t"                                      \
    "pkhbt " upper ", " upper ", r11, lsl #16\n\t"
#define MCUCC_ROWS_PADDING(upper) "ldr " upper ", [sp, #36]\n\t"
#define MCUCC_ROWS_LOWEST(tap) "ldrsb " tap ", [r2, r4]\n\t"
/* Two pixels, whose next two columns are read or padding. */
#define MCUCC_ROWS_TURN(column2, lowest2, column3, lowest3)                                    \
    "ldrd r12, lr, [sp]\n\tldr r6, [sp, #20]\n\tsmlad r7, r9, r12, r6\n\t"                      \
    "smlad r6, r8, r12, r6\n\tsmlad r6, r9, lr, r6\n\t" column2("r8")                           \
    "smlad r7, r8, lr, r7\n\tldrd r12, lr, [sp, #8]\n\tsmlad r6, r8, r12, r6\n\t"               \
    "smlad r6, r10, lr, r6\n\tsmlatb r7, r10, lr, r7\n\t" lowest2("r10")                        \
    "add r4, r5\n\t" column3("r9") "smlad r7, r9, r12, r7\n\t" lowest3("r11")                   \
    "pkhbt r10, r10, r11, lsl #16\n\tldr r12, [sp, #16]\n\tsmlad r7, r10, r12, r7\n\t"          \
    "smlabt r6, r10, r12, r6\n\tldrd r12, lr, [sp, #24]\n\tldr r11, [sp, #32]\n\t"              \
    MCUCC_SCALE("r6", "r12", "lr", "r11") MCUCC_SCALE("r7", "r12", "lr", "r11")                \
    "strb r6, [r3]\n\tstrb r7, [r3, r5]\n\tadd r3, r3, r5, lsl #1\n\tadd r4, r5\n\t"

/* The words of a channel, as they lie, and from weights of 8 bits. */
#define MCUCC_ROWS_WORDS                                                                       \
    "ldr r12, [sp, #56]\n\tldm r12!, {r4, r6-r9, r11, lr}\n\tstr r12, [sp, #56]\n\t"
#define MCUCC_ROWS_NARROW                                                                      \
    "ldr r12, [sp, #56]\n\tldm r12!, {r6, r8, r9, r11, lr}\n\tstr r12, [sp, #56]\n\t"            \
    "sxtb16 r4, r6\n\tsxtb16 r10, r8\n\tsxtb16 r6, r6, ror #8\n\tsxtb16 r8, r8, ror #8\n\t"     \
    "pkhtb r7, r10, r4, asr #16\n\tpkhbt r4, r4, r10, lsl #16\n\tpkhbt r6, r6, r8, lsl #16\n\t" \
    "sxtb16 r8, r9\n\tsxtb16 r10, r9, ror #8\n\tpkhbt r9, r10, r8\n\t"                          \
    "pkhbt r8, r8, r10, lsl #16\n\t"

/* r7 may be the frame pointer, which must not be named as clobbered. */
#define MCUCC_ROWS_LOOP(name, words)                                                               \
    MCUCC_ONCE void name(mcucc_depthwise_state_t *s)                                               \
    {                                                                                              \
        mcucc_need_r9();                                                                           \
        register mcucc_depthwise_state_t *state __asm__("r0") = s;                                 \
        __asm__ volatile(                                                                          \
            "push {r7}\n\tadd r12, r0, #16\n\tldm r12, {r1-r6, r8, r9}\n\t"                       \
            "push {r1-r6, r8, r9}\n\tsub sp, #32\n\tldr r5, [r0, #12]\n\tldm r0, {r0-r2}\n"       \
            "1:\n\t" /* a channel */                                                               \
            words                                                                                  \
            "asr r10, lr, #8\n\tstm sp, {r4, r6-r11, lr}\n\tldr r3, [sp, #52]\n\tmovs r4, #0\n\t"  \
            "ldrd r8, r11, [sp, #36]\n\tmov r10, r8\n\tcmp r11, #0\n\tbne 2f\n\t"                  \
            MCUCC_ROWS_COLUMN("r8") MCUCC_ROWS_LOWEST("r10") "add r4, r5\n"                        \
            "2:\n\t" MCUCC_ROWS_COLUMN("r9") MCUCC_ROWS_LOWEST("r11")                              \
            "pkhbt r10, r10, r11, lsl #16\n\tadd r4, r5\n\t"                                       \
            "ldr r11, [sp, #44]\n\tcmp r4, r11\n\tbeq 4f\n"                                        \
            "3:\n\t"                                                                               \
            MCUCC_ROWS_TURN(MCUCC_ROWS_COLUMN, MCUCC_ROWS_LOWEST, MCUCC_ROWS_COLUMN,               \
                            MCUCC_ROWS_LOWEST)                                                     \
            "ldr r11, [sp, #44]\n\tcmp r4, r11\n\tbne 3b\n"                                        \
            "4:\n\t"                                                                               \
            "ldr r11, [sp, #48]\n\tcmp r11, #1\n\tblt 6f\n\tbne 5f\n\t"                            \
            MCUCC_ROWS_TURN(MCUCC_ROWS_COLUMN, MCUCC_ROWS_LOWEST, MCUCC_ROWS_PADDING,              \
                            MCUCC_ROWS_PADDING)                                                    \
            "b 6f\n"                                                                               \
            "5:\n\t"                                                                               \
            MCUCC_ROWS_TURN(MCUCC_ROWS_PADDING, MCUCC_ROWS_PADDING, MCUCC_ROWS_PADDING,            \
                            MCUCC_ROWS_PADDING)                                                    \
            "6:\n\t"                                                                               \
            "adds r0, #1\n\tadds r1, #1\n\tadds r2, #1\n\t"                                        \
            "ldrd r3, r4, [sp, #52]\n\tadds r3, #1\n\tstr r3, [sp, #52]\n\t"                       \
            "ldr r11, [sp, #60]\n\tcmp r4, r11\n\tbne 1b\n\t"                                      \
            "add sp, #64\n\tpop {r7}"                                                              \
            : "+r"(state)                                                                          \
            :                                                                                      \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",     \
              "memory");                                                                           \
    }

MCUCC_ROWS_LOOP(mcucc_depthwise_few, MCUCC_ROWS_WORDS)
MCUCC_ROWS_LOOP(mcucc_depthwise_few_narrow, MCUCC_ROWS_NARROW)
#else
/* A column of a channel: a tap in the map, or padding. */
MCUCC_INLINE int32_t mcucc_rows_tap(const mcucc_depthwise_state_t *s, int32_t row, int32_t at,
                                    int is_padding)
{
    return is_padding ? (int32_t)(int8_t)s->pad : s->row[row][at];
}

/* Two taps out of words of four. */
MCUCC_INLINE uint32_t mcucc_rows_two(uint32_t low, uint32_t low_at, uint32_t high, uint32_t high_at)
{
    return mcucc_two_halves((int8_t)(low >> (8 * low_at)), (int8_t)(high >> (8 * high_at)));
}

/* The words of a channel, of weights of 8 bits or of 16. */
MCUCC_INLINE void mcucc_rows_words(const uint32_t *from, int narrow, uint32_t w[7])
{
    for (uint32_t k = 0; narrow && (k < 3); k++) {
        w[k] = mcucc_rows_two(from[0], k, from[1], k);
    }
    for (uint32_t k = 0; narrow && (k < 2); k++) {
        w[3 + k] = mcucc_rows_two(from[2], k, from[2], k + 1);
    }
    for (int32_t k = narrow ? 5 : 0; k < 7; k++) {
        w[k] = from[narrow ? (k - 2) : k];
    }
}

MCUCC_INLINE void mcucc_rows_few(mcucc_depthwise_state_t *s, int narrow)
{
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    const int32_t first = s->left ? -s->step : 0; /* where the first column would lie */
    const int32_t end = s->end - first + ((s->last != 0) ? (2 * s->step) : 0);
    for (; s->weights != s->weights_end; s->weights += narrow ? 5 : 7, s->to++) {
        uint32_t w[7];
        mcucc_rows_words(s->weights, narrow, w);
        const mcucc_channel_dsp_t ch = {(int32_t)w[6] >> 8, (int32_t)w[5],
                                        (int32_t)(w[6] & 0xFFU)};
        for (int32_t at = 0; at + (2 * s->step) < end; at += s->step) {
            uint32_t upper[3];
            int32_t lowest[3];
            for (int32_t k = 0; k < 3; k++) {
                const int32_t from = first + at + (k * s->step);
                const int32_t until = s->end + ((s->last == 1) ? s->step : 0);
                const int is_padding = (from < 0) || (from >= until);
                upper[k] = mcucc_two_halves(mcucc_rows_tap(s, 0, from, is_padding),
                                            mcucc_rows_tap(s, 1, from, is_padding));
                lowest[k] = mcucc_rows_tap(s, 2, from, is_padding);
            }
            int32_t sum = ch.bias;
            for (int32_t k = 0; k < 3; k++) {
                sum = mcucc_smlad(upper[k], w[k], sum);
            }
            sum = mcucc_smlad(mcucc_two_halves(lowest[0], lowest[1]), w[3], sum);
            sum = mcucc_smlabt(mcucc_two_halves(lowest[2], 0), w[4], sum);
            s->to[at] = mcucc_requantize_dsp(sum, &ch, &output, MCUCC_FAST, 0);
        }
        for (int32_t row = 0; row < 3; row++) {
            s->row[row]++;
        }
    }
}

MCUCC_INLINE void mcucc_depthwise_few(mcucc_depthwise_state_t *s)
{
    mcucc_rows_few(s, 0);
}

MCUCC_INLINE void mcucc_depthwise_few_narrow(mcucc_depthwise_state_t *s)
{
    mcucc_rows_few(s, 1);
}
#endif

/* Pixels x to x + count - 1, to `held`. */
MCUCC_INLINE void mcucc_depthwise_hold(const mcucc_depthwise_rows_dsp_t *p,
                                       const int8_t *const *rows, int32_t x, int32_t count,
                                       int8_t *held, int narrow)
{
    const int32_t column = x - p->pad_left;
    const int32_t left = (column < 0) ? 1 : 0;
    const int32_t turns = (count + 1) / 2;
    const int32_t behind = column + (2 * turns) + 2 - p->in_w; /* columns of padding */
    const int32_t last = (behind > 0) ? behind : 0;
    const int32_t whole = turns - ((last != 0) ? 1 : 0);
    const int32_t at = (column + left) * p->in_c;
    const uint32_t zero = (p->pad != NULL) ? ((uint32_t)p->pad[0] & 0xFFFFU) : 0U;
    mcucc_depthwise_state_t s = {{&rows[0][at], &rows[1][at], &rows[2][at]},
                                 p->in_c,
                                 p->output.zero_point,
                                 zero | (zero << 16),
                                 left,
                                 (2 - left + (2 * whole)) * p->in_c,
                                 last,
                                 held,
                                 p->weights,
                                 &p->weights[(narrow ? 5 : 7) * p->in_c]};
    if (narrow) {
        mcucc_depthwise_few_narrow(&s);
    } else {
        mcucc_depthwise_few(&s);
    }
}

/* A run of pixels, by as many as scratch holds. */
MCUCC_INLINE void mcucc_depthwise_by_rows(const mcucc_depthwise_rows_dsp_t *p,
                                          const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                          int8_t *out, int32_t out_stride, int8_t *held,
                                          int narrow)
{
    for (int32_t x = x_begin; x < x_end; x += p->held) {
        const int32_t left = x_end - x;
        const int32_t count = (left < p->held) ? left : p->held;
        mcucc_depthwise_hold(p, rows, x, count, held, narrow);
        if (out_stride == p->in_c) {
            memcpy(out, held, (size_t)(count * p->in_c));
            out += count * p->in_c;
        } else {
            for (int32_t i = 0; i < count; i++, out += out_stride) {
                memcpy(out, &held[i * p->in_c], (size_t)p->in_c);
            }
        }
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise_dsp, of windows
 * of 3x3 with one pixel of padding at most, the class fast and without `clamps`.
 *   scratch  `held` pixels
 */
MCUCC_INLINE void mcucc_depthwise_rows_dsp(const mcucc_depthwise_rows_dsp_t *p,
                                           const int8_t *const *rows, int32_t x_begin,
                                           int32_t x_end, int8_t *out, int32_t out_stride,
                                           void *scratch, int32_t kh, int32_t kw, int32_t stride,
                                           int32_t dilation, mcucc_requant_class_t kind,
                                           int clamps)
{
    (void)kh;
    (void)kw;
    (void)stride;
    (void)dilation;
    (void)kind;
    (void)clamps;
    mcucc_depthwise_by_rows(p, rows, x_begin, x_end, out, out_stride, scratch, 0);
}

#endif
