/* Depthwise convolution in 16-bit Thumb instructions, one run of output pixels of one row.
 * Meaning: reference/conv.py, `depthwise_conv2d`.
 *
 * For each pixel the pointers to its taps are gathered first. A channel is then one offset for all
 * of them: a tap takes five instructions, and a sum goes from its bias to the output in
 * registers. */
#ifndef MCUCC_DEPTHWISE_GATHER_THUMB1_H
#define MCUCC_DEPTHWISE_GATHER_THUMB1_H

#include "mcucc_gather.h"
#include "mcucc_requantize.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;  /* channels of an input pixel */
    int32_t out_c; /* the same number */
    int32_t pad_left;
    mcucc_output_t output;
    const int8_t *weights;           /* [out_c][kh][kw] */
    const mcucc_channel_t *channels; /* [out_c] */
    const int8_t *pad; /* at least in_c zero points; NULL where no window reaches padding */
} mcucc_depthwise_gather_thumb1_t;

/* A pixel. The assembly knows the order of the members. */
typedef struct {
    const int8_t **taps;  /* of channel 0; of an odd number the first one stands there twice */
    const int8_t **end;   /* of them, and two that are read and not used */
    int32_t odd;          /* whether their number is odd */
    int32_t zero_point;   /* of the output */
    const int8_t *weights;
    const mcucc_channel_t *channels;
    const mcucc_channel_t *channels_end;
    int8_t *out;
} mcucc_gathered_t;

#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
#define MCUCC_GATHER_THUMB1_PUSHED 32 /* bytes that it pushes, of which compilers know nothing */

/* On the stack: 0 the taps, 4 where their code begins, 8 whether they are odd, 12 the zero point,
 * 16 the channels and 20 their end, 24 the output. In registers: the next taps r0, two of them r1
 * and r2, the channel r4, weights r5 and their places 0 and 1 in r3 and r6, the sum r8, what r0 is
 * in the end r10. Ten taps a turn, the first of which is entered behind those that are too many:
 * within two taps if their number is odd. Taps are read one turn ahead. r7 may be the frame
 * pointer, which must not be named as clobbered: it is saved. */
#define MCUCC_GATHER_TAP(x, place)                                                             \
    "ldrsb " x ", [" x ", r4]\n\tldrsb r7, [r5, " place "]\n\tmuls " x ", r7\n\tadd r8, " x "\n\t"
#define MCUCC_GATHER_TWO_BYTES (10 * 2)
#define MCUCC_GATHER_ONE_BYTES (4 * 2)

MCUCC_ONCE void mcucc_gathered_pixel(const mcucc_gathered_t *pixel, int32_t entry)
{
    register const mcucc_gathered_t *state __asm__("r0") = pixel;
    register int32_t skipped __asm__("r1") = entry;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r7}\n\tsub sp, #28\n\tadr r7, 2f\n\tadds r1, r1, r7\n\tstr r1, [sp, #4]\n\t"
        "ldmia r0!, {r1-r6}\n\tstr r1, [sp]\n\tadds r2, #8\n\tmov r10, r2\n\tstr r3, [sp, #8]\n\t"
        "str r4, [sp, #12]\n\tstr r6, [sp, #16]\n\tldmia r0!, {r1, r2}\n\tstr r1, [sp, #20]\n\t"
        "str r2, [sp, #24]\n\tmovs r4, #0\n"
        "1:\n\t" /* a channel */
        "ldr r0, [sp, #16]\n\tldr r0, [r0]\n\tmov r8, r0\n\tldr r0, [sp, #8]\n\t"
        "subs r5, r5, r0\n\tmovs r3, #0\n\tmovs r6, #1\n\tldr r0, [sp]\n\tldmia r0!, {r1, r2}\n\t"
        "ldr r7, [sp, #4]\n\tmov pc, r7\n\t"
        ".p2align 2\n"
        "2:\n\t"
        ".rept 5\n\t" MCUCC_GATHER_TAP("r1", "r3") MCUCC_GATHER_TAP("r2", "r6")
        "adds r5, #2\n\tldmia r0!, {r1, r2}\n\t.endr\n\t"
        "cmp r0, r10\n\tbne 2b\n\t"
        /* the output, as in mcucc_scale_twice and mcucc_saturate */
        "mov r1, r8\n\tadds r1, r1, r1\n\tuxth r0, r1\n\tasrs r1, r1, #16\n\tldr r7, [sp, #16]\n\t"
        "ldr r6, [r7, #4]\n\tuxth r2, r6\n\tasrs r6, r6, #16\n\tmovs r3, r0\n\tmuls r3, r2\n\t"
        "lsrs r3, r3, #16\n\tmuls r2, r1\n\tadds r2, r2, r3\n\tmuls r0, r6\n\tmuls r1, r6\n\t"
        "asrs r3, r2, #16\n\tadds r1, r1, r3\n\tuxth r2, r2\n\tadds r0, r0, r2\n\t"
        "asrs r0, r0, #16\n\tadcs r1, r0\n\tasrs r0, r1, #31\n\tadds r1, r1, r0\n\t"
        "ldr r0, [r7, #8]\n\tldr r2, [sp, #12]\n\tasrs r1, r0\n\tadcs r1, r2\n\tsxtb r0, r1\n\t"
        "cmp r0, r1\n\tbeq 3f\n\tasrs r1, r1, #31\n\tmovs r0, #127\n\teors r1, r0\n"
        "3:\n\t"
        "ldr r0, [sp, #24]\n\tstrb r1, [r0, r4]\n\tadds r4, #1\n\tadds r7, #12\n\t"
        "str r7, [sp, #16]\n\tldr r0, [sp, #20]\n\tcmp r7, r0\n\tbne 1b\n\t"
        "add sp, #28\n\tpop {r7}"
        : "+l"(state), "+l"(skipped)
        :
        : "r2", "r3", "r4", "r5", "r6", "r8", "r10", "cc", "memory");
}

/* Where its code begins, in bytes: a first turn has up to five pairs of taps. */
MCUCC_INLINE int32_t mcucc_gathered_entry(int32_t taps)
{
    const int32_t pairs = (taps + 1) / 2;
    const int32_t skipped = (((pairs + 4) / 5) * 5) - pairs;
    return (skipped * MCUCC_GATHER_TWO_BYTES) + ((taps % 2) * MCUCC_GATHER_ONE_BYTES);
}
#else
MCUCC_INLINE int32_t mcucc_gathered_entry(int32_t taps)
{
    (void)taps;
    return 0;
}

MCUCC_INLINE void mcucc_gathered_pixel(const mcucc_gathered_t *pixel, int32_t entry)
{
    const mcucc_output_t output = {pixel->zero_point, INT8_MIN, INT8_MAX};
    const int8_t *w = pixel->weights;
    int32_t c = 0;
    (void)entry;
    for (const mcucc_channel_t *ch = pixel->channels; ch != pixel->channels_end; ch++, c++) {
        int32_t sum = ch->bias;
        for (const int8_t **tap = &pixel->taps[pixel->odd]; tap != pixel->end; tap++, w++) {
            sum += (int32_t)(*tap)[c] * *w;
        }
        pixel->out[c] = mcucc_requantize(sum, ch, &output, MCUCC_FAST);
    }
}
#endif

/* A run of pixels; `taps` has room for all pointers. */
MCUCC_INLINE void mcucc_gather_run(const mcucc_depthwise_gather_thumb1_t *p,
                                   const int8_t *const *rows, int32_t x_begin, int32_t x_end,
                                   int8_t *out, int32_t out_stride, int32_t kh, int32_t kw,
                                   int32_t stride, int32_t dilation, int clamps,
                                   const int8_t **taps)
{
    const int32_t odd = (kh * kw) % 2;
    const int8_t **const end = &taps[(kh * kw) + odd];
    const int32_t entry = mcucc_gathered_entry(kh * kw);
    mcucc_gathered_t pixel = {taps, end, odd, p->output.zero_point, p->weights, p->channels,
                              &p->channels[p->in_c], out};
    end[0] = NULL;
    end[1] = NULL;
    for (int32_t x = x_begin; x < x_end; x++, pixel.out += out_stride) {
        (void)mcucc_gather_taps(rows, p->in_w, p->in_c, p->pad, (x * stride) - p->pad_left, kh, kw,
                                dilation, &taps[odd]);
        taps[0] = taps[odd];
        mcucc_gathered_pixel(&pixel, entry);
        for (int32_t c = 0; clamps && (c < p->in_c); c++) {
            pixel.out[c] = (int8_t)mcucc_clamp(pixel.out[c], p->output.min, p->output.max);
        }
    }
}

/* Output pixels x_begin .. x_end - 1 of one row; arguments as for mcucc_depthwise, of class
 * fast. */
MCUCC_INLINE void mcucc_depthwise_gather_thumb1(const mcucc_depthwise_gather_thumb1_t *p,
                                                const int8_t *const *rows, int32_t x_begin,
                                                int32_t x_end, int8_t *out, int32_t out_stride,
                                                int32_t kh, int32_t kw, int32_t stride,
                                                int32_t dilation, mcucc_requant_class_t kind,
                                                int clamps)
{
    const int32_t pointers = (2 * (((kh * kw) + 1) / 2)) + 2;
    (void)kind;
    if (pointers <= MCUCC_FEW_GATHERED) {
        const int8_t *few[MCUCC_FEW_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation,
                         clamps, few);
    } else if (pointers <= MCUCC_SOME_GATHERED) {
        const int8_t *some[MCUCC_SOME_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation,
                         clamps, some);
    } else {
        const int8_t *taps[MCUCC_MOST_GATHERED];
        mcucc_gather_run(p, rows, x_begin, x_end, out, out_stride, kh, kw, stride, dilation,
                         clamps, taps);
    }
}

#endif
