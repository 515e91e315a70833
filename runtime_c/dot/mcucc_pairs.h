/* Dot products of two pixels in plain C, all output channels in one loop.
 *
 * By fours of channels as mcucc_blocks.h, whose weights it reads, for the class fast; and from the
 * biases to the outputs nothing leaves the registers. With few inputs gcc spends more instructions
 * around the products than on them. Outputs saturate; a narrower clamp comes behind. */
#ifndef MCUCC_PAIRS_H
#define MCUCC_PAIRS_H

#include "mcucc_blocks.h"

/* Inputs of two pixels that lie side by side. Arrays of them end with one whose x0 is NULL. */
typedef struct {
    const int8_t *x0;  /* those of the first pixel, not NULL: from here */
    const int8_t *x1;  /* as many of the second one */
    const int8_t *end; /* x0 to here, which is not x0 */
} mcucc_run_t;

/* What two pixels are made of. The assembly knows the order of the members. */
typedef struct {
    int32_t skipped;         /* see mcucc_pair_skipped */
    const mcucc_run_t *runs; /* all of the same length */
    const mcucc_channel_t *channels; /* whole fours of them, one at least: from here */
    int32_t zero_point;              /* of the output */
    int8_t *out0;                    /* outputs of the first pixel */
    int8_t *out1;                    /* of the second one: not over the inputs */
    const mcucc_channel_t *end;      /* channels to here */
    const int8_t *w;                 /* [channels / 4][inputs][4] */
} mcucc_pixels_t;

#if defined(__GNUC__) && defined(__thumb2__) && !defined(MCUCC_KEEP_R9)
#define MCUCC_PAIRS_PUSHED 40 /* bytes that it pushes, of which compilers know nothing */

/* Eight inputs a turn, of which the first one leaves out what a run has not: the bytes of its code.
 * All of an input's instructions have four bytes. */
MCUCC_INLINE int32_t mcucc_pair_skipped(int32_t n)
{
    return (int32_t)((0U - (uint32_t)n) & 7U) * (14 * 4);
}

/* On the stack: 0 the end of the run, 4 the next one, 8 where a run's code begins, 12 the runs, 16
 * the channels' multipliers, 20 the zero point, 24 and 28 the outputs, 32 the end of the channels.
 * In registers as in mcucc_fours_2x4: the inputs r11 and r12, the weight lr, the sums r3 to r10,
 * the pointers r0 to r2. */
#define MCUCC_PAIRS_NEXT_RUN "ldm r12!, {r0, r1, lr}\n\t"
#define MCUCC_PAIRS_ENTER "strd lr, r12, [sp]\n\t"
#define MCUCC_PAIRS_SCALE(sum)                                                                 \
    "lsl " sum ", " sum ", #1\n\tsmull lr, " sum ", " sum ", r11\n\tlsls lr, lr, #1\n\t"         \
    "adc " sum ", " sum ", #0\n\tadd " sum ", " sum ", " sum ", asr #31\n\t"                    \
    "asrs " sum ", " sum ", r12\n\tadc " sum ", " sum ", r1\n\tssat " sum ", #8, " sum "\n\t"
#define MCUCC_PAIRS_CHANNEL(a, b) \
    "ldrd r11, r12, [r0], #12\n\t" MCUCC_PAIRS_SCALE(a) MCUCC_PAIRS_SCALE(b)

MCUCC_ONCE void mcucc_pair_channels(mcucc_pixels_t *s)
{
    mcucc_need_r9();
    register mcucc_pixels_t *state __asm__("r0") = s;
    __asm__ volatile(
        "push {r7}\n\tldm r0, {r1-r8}\n\t"
        "adr r12, 2f\n\tadd r1, r1, r12\n\torr r1, r1, #1\n\tadds r3, #4\n\tadds r7, #4\n\t"
        "push {r1-r7}\n\tsub sp, #8\n\tmov r2, r8\n"
        "1:\n\t" /* four channels */
        "ldrd r12, r11, [sp, #12]\n\t" MCUCC_PAIRS_NEXT_RUN MCUCC_PAIRS_ENTER
        "ldr r3, [r11, #-4]\n\tldr r4, [r11, #8]\n\tldr r5, [r11, #20]\n\tldr r6, [r11, #32]\n\t"
        "mov r7, r3\n\tmov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\t"
        "ldr pc, [sp, #8]\n"
        "2:\n\t"
        ".rept 8\n\t" MCUCC_INPUT_2 "\n.endr\n\t"
        "ldr lr, [sp]\n\tcmp r0, lr\n\tbne 2b\n\t"
        "ldr r12, [sp, #4]\n\t" MCUCC_PAIRS_NEXT_RUN "cbz r0, 3f\n\t" MCUCC_PAIRS_ENTER
        "ldr pc, [sp, #8]\n"
        "3:\n\t"
        "ldrd r0, r1, [sp, #16]\n\t"
        MCUCC_PAIRS_CHANNEL("r3", "r7") MCUCC_PAIRS_CHANNEL("r4", "r8")
        MCUCC_PAIRS_CHANNEL("r5", "r9") MCUCC_PAIRS_CHANNEL("r6", "r10")
        "str r0, [sp, #16]\n\tldrd r11, r12, [sp, #24]\n\t"
        "strb r3, [r11], #1\n\tstrb r4, [r11], #1\n\tstrb r5, [r11], #1\n\tstrb r6, [r11], #1\n\t"
        "strb r7, [r12], #1\n\tstrb r8, [r12], #1\n\tstrb r9, [r12], #1\n\tstrb r10, [r12], #1\n\t"
        "strd r11, r12, [sp, #24]\n\tldr r1, [sp, #32]\n\tcmp r0, r1\n\tbne 1b\n\t"
        "add sp, #36\n\tpop {r7}"
        : "+r"(state)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",
          "memory");
}
#else
MCUCC_INLINE int32_t mcucc_pair_skipped(int32_t n)
{
    (void)n;
    return 0;
}

/* A run against the weights of four channels. Returns the weights behind theirs. */
MCUCC_INLINE const int8_t *mcucc_pair_products(const mcucc_run_t *run, const int8_t *w,
                                               int32_t acc[8])
{
    const int8_t *x0 = run->x0;
    const int8_t *x1 = run->x1;
    for (; run->end - x0 >= 4; x0 += 4, x1 += 4, w += 16) {
        for (int32_t i = 0; i < 4; i++) {
            mcucc_block_2x4(x0[i], x1[i], &w[4 * i], acc);
        }
    }
    for (; x0 != run->end; x0++, x1++, w += 4) {
        mcucc_block_2x4(*x0, *x1, w, acc);
    }
    return w;
}

MCUCC_ONCE void mcucc_pair_channels(mcucc_pixels_t *s)
{
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    for (const mcucc_channel_t *ch = s->channels; ch != s->end; ch += 4) {
        int32_t acc[8];
        for (int32_t i = 0; i < 8; i++) {
            acc[i] = ch[i % 4].bias;
        }
        for (const mcucc_run_t *run = s->runs; run->x0 != NULL; run++) {
            s->w = mcucc_pair_products(run, s->w, acc);
        }
        for (int32_t i = 0; i < 4; i++) {
            *s->out0++ = mcucc_requantize_to(acc[i], &ch[i], &output, MCUCC_FAST, 0);
            *s->out1++ = mcucc_requantize_to(acc[4 + i], &ch[i], &output, MCUCC_FAST, 0);
        }
    }
}
#endif

/* The clamp of a fused activation, of outputs that saturate already. */
MCUCC_INLINE void mcucc_pair_clamp(int8_t *out, int32_t count, const mcucc_output_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int8_t)mcucc_clamp(out[i], output->min, output->max);
    }
}

/* The first `count` channels of two pixels, to `out0` and `out1`. */
MCUCC_INLINE void mcucc_pair_outputs(const mcucc_run_t *runs, int32_t inputs,
                                     const mcucc_channel_t *channels, const int8_t *w,
                                     int32_t count, int8_t *out0, int8_t *out1,
                                     const mcucc_output_t *output, int clamps)
{
    const int32_t fours = count & ~3;
    mcucc_pixels_t s = {mcucc_pair_skipped((int32_t)(runs[0].end - runs[0].x0)),
                        runs,
                        channels,
                        output->zero_point,
                        out0,
                        out1,
                        &channels[fours],
                        w};
    if (fours != 0) {
        mcucc_pair_channels(&s);
    }
    if (fours != count) { /* the last ones are made as if they were four */
        int8_t last[8];
        s.channels = &channels[fours];
        s.end = &channels[fours + 4];
        s.w = &w[fours * inputs];
        s.out0 = last;
        s.out1 = &last[4];
        mcucc_pair_channels(&s);
        for (int32_t i = 0; i < count - fours; i++) {
            out0[fours + i] = last[i];
            out1[fours + i] = last[4 + i];
        }
    }
    if (clamps) {
        mcucc_pair_clamp(out0, count, output);
        mcucc_pair_clamp(out1, count, output);
    }
}

#endif
