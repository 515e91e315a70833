/* Dot products in 16-bit Thumb instructions, all output channels of a pixel in one loop.
 *
 * By eights of channels as mcucc_dot_thumb1.h, whose weights it reads, for the class fast: sums
 * go from their biases to the outputs in registers. Outputs saturate; a narrower clamp comes
 * behind. */
#ifndef MCUCC_EIGHTS_THUMB1_H
#define MCUCC_EIGHTS_THUMB1_H

#include "mcucc_dot_thumb1.h"

/* Inputs that lie side by side. Arrays of them end with one whose x is NULL. */
typedef struct {
    const int8_t *x;   /* from here, not NULL */
    const int8_t *end; /* to here, which is not x */
} mcucc_inputs_t;

/* What a pixel is made of. The assembly knows the order of the members. */
typedef struct {
    int32_t skipped;            /* see mcucc_eights_skipped */
    const mcucc_inputs_t *runs; /* all of the same length */
    const mcucc_channel_t *channels; /* whole eights of them, one at least: from here */
    const mcucc_channel_t *end;      /* to here */
    int32_t zero_point;              /* of the output */
    int8_t *out;
    const uint8_t *w; /* [channels / 8][inputs][8], 128 added to each */
} mcucc_eights_t;

/* The first turn over four inputs begins behind those that the run has not. */
MCUCC_INLINE int32_t mcucc_eights_skipped(int32_t n)
{
    return (int32_t)((0U - (uint32_t)n) & 3U);
}

#if defined(MCUCC_EIGHT_BY_HAND)
#define MCUCC_EIGHTS_PUSHED 44 /* bytes that it pushes, of which compilers know nothing */

/* On the stack: 0 where a run's code begins, 4 the inputs that it skips, 8 the next run, 12 the
 * runs, 16 and 20 the channels and their end, 24 the zero point, 28 the output, 32 the weights. In
 * registers as in mcucc_eight_add: x in r0, w in r1, the sum of the inputs in r4, the end in r7,
 * the sums of eight channels in r8 to r12, lr, r5 and r6.
 *
 * An output from the sum x in a low register: r4 is 128 times the sum of the inputs, r7 the
 * channels and at an offset that of this one. As in mcucc_scale_twice and mcucc_saturate. */
#define MCUCC_EIGHTS_OUTPUT(x, i)                                                              \
    "subs " x ", " x ", r4\n\tadds " x ", " x ", " x "\n\tuxth r0, " x "\n\t"                    \
    "asrs " x ", " x ", #16\n\tldr r1, [r7, #12 * " i " + 4]\n\tuxth r2, r1\n\t"                 \
    "asrs r1, r1, #16\n\tmovs r3, r0\n\tmuls r3, r2\n\tlsrs r3, r3, #16\n\t"                     \
    "muls r2, " x "\n\tadds r2, r2, r3\n\tmuls r0, r1\n\tmuls " x ", r1\n\t"                     \
    "asrs r3, r2, #16\n\tadds " x ", " x ", r3\n\tuxth r2, r2\n\tadds r0, r0, r2\n\t"            \
    "asrs r0, r0, #16\n\tadcs " x ", r0\n\tasrs r0, " x ", #31\n\tadds " x ", " x ", r0\n\t"     \
    "ldr r0, [r7, #12 * " i " + 8]\n\tldr r1, [sp, #24]\n\tasrs " x ", r0\n\t"                   \
    "adcs " x ", r1\n\tsxtb r0, " x "\n\tcmp r0, " x "\n\tbeq 9f\n\t"                            \
    "asrs " x ", " x ", #31\n\tmovs r0, #127\n\teors " x ", r0\n"                               \
    "9:\n\tldr r0, [sp, #28]\n\tstrb " x ", [r0, #" i "]\n\t"
#define MCUCC_EIGHTS_PRODUCT(i, add) \
    "ldrb r3, [r1, #8 * \\k + " #i "]\n\tmuls r3, r2\n\t" add ", r3\n\t"

MCUCC_ONCE void mcucc_eights(const mcucc_eights_t *s)
{
    mcucc_need_r9();
    register const mcucc_eights_t *state __asm__("r0") = s;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r7}\n\tsub sp, #40\n\tldmia r0!, {r1-r7}\n\tadr r0, 3f\n\t"
        "str r1, [sp, #4]\n\tstr r2, [sp, #12]\n\tstr r3, [sp, #16]\n\tstr r4, [sp, #20]\n\t"
        "str r5, [sp, #24]\n\tstr r6, [sp, #28]\n\tstr r7, [sp, #32]\n\t"
        "movs r2, #54\n\tmuls r1, r2\n\tadds r0, r0, r1\n\tstr r0, [sp]\n"
        "1:\n\t" /* eight channels */
        "ldr r7, [sp, #16]\n\t"
        ".irp s, 8, 9, 10, 11, 12\n\tldr r0, [r7, #12 * (\\s - 8)]\n\tmov r\\s, r0\n\t.endr\n\t"
        "ldr r0, [r7, #60]\n\tmov lr, r0\n\tldr r5, [r7, #72]\n\tldr r6, [r7, #84]\n\t"
        "movs r4, #0\n\tldr r1, [sp, #32]\n\tldr r2, [sp, #12]\n"
        "2:\n\t" /* a run */
        "ldmia r2!, {r0, r7}\n\tstr r2, [sp, #8]\n\tldr r3, [sp, #4]\n\tsubs r0, r0, r3\n\t"
        "lsls r3, r3, #3\n\tsubs r1, r1, r3\n\tldr r3, [sp]\n\tmov pc, r3\n\t"
        ".p2align 2\n"
        "3:\n\t"
        ".irp k, 0, 1, 2, 3\n\tldrb r2, [r0, #\\k]\n\tsxtb r2, r2\n\tadds r4, r4, r2\n\t"
        MCUCC_EIGHTS_PRODUCT(0, "add r8") MCUCC_EIGHTS_PRODUCT(1, "add r9")
        MCUCC_EIGHTS_PRODUCT(2, "add r10") MCUCC_EIGHTS_PRODUCT(3, "add r11")
        MCUCC_EIGHTS_PRODUCT(4, "add r12") MCUCC_EIGHTS_PRODUCT(5, "add lr")
        MCUCC_EIGHTS_PRODUCT(6, "adds r5, r5") MCUCC_EIGHTS_PRODUCT(7, "adds r6, r6")
        ".endr\n\t"
        "adds r0, #4\n\tadds r1, #32\n\tcmp r0, r7\n\tbne 3b\n\t"
        "ldr r2, [sp, #8]\n\tldr r3, [r2]\n\tcmp r3, #0\n\tbeq 4f\n\tb 2b\n"
        "4:\n\t"
        "str r1, [sp, #32]\n\tldr r7, [sp, #16]\n\tlsls r4, r4, #7\n\t"
        MCUCC_EIGHTS_OUTPUT("r6", "7") MCUCC_EIGHTS_OUTPUT("r5", "6")
        "mov r5, lr\n\t" MCUCC_EIGHTS_OUTPUT("r5", "5")
        ".irp s, 8, 9, 10, 11, 12\n\tmov r5, r\\s\n\t" MCUCC_EIGHTS_OUTPUT("r5", "(\\s - 8)")
        ".endr\n\t"
        "ldr r0, [sp, #28]\n\tadds r0, #8\n\tstr r0, [sp, #28]\n\tadds r7, #96\n\t"
        "str r7, [sp, #16]\n\tldr r0, [sp, #20]\n\tcmp r0, r7\n\tbeq 5f\n\tb 1b\n"
        "5:\n\t"
        "add sp, #40\n\tpop {r7}"
        : "+l"(state)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",
          "memory");
}
#else
MCUCC_ONCE void mcucc_eights(const mcucc_eights_t *s)
{
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    int8_t *out = s->out;
    mcucc_eight_t sums;
    sums.w = s->w;
    for (const mcucc_channel_t *ch = s->channels; ch != s->end; ch += 8, out += 8) {
        mcucc_eight_begin(&sums, ch);
        for (const mcucc_inputs_t *run = s->runs; run->x != NULL; run++) {
            mcucc_eight_run(&sums, run->x, (int32_t)(run->end - run->x));
        }
        mcucc_eight_end(&sums, ch, 8, &output, out, MCUCC_FAST, 0);
    }
}
#endif

/* What stays the same from pixel to pixel of `count` channels: all but the runs and the output. */
MCUCC_INLINE mcucc_eights_t mcucc_eights_of(int32_t length, const mcucc_channel_t *channels,
                                            const uint8_t *w, int32_t count,
                                            const mcucc_output_t *output)
{
    const mcucc_eights_t s = {mcucc_eights_skipped(length),
                              NULL,
                              channels,
                              &channels[count & ~7],
                              output->zero_point,
                              NULL,
                              w};
    return s;
}

/* The last channels of a pixel, which are made as if they were eight. */
MCUCC_INLINE void mcucc_eights_last(const mcucc_eights_t *s, int32_t inputs, int32_t count,
                                    int8_t *out)
{
    const int32_t whole = count & ~7;
    int8_t last[8];
    mcucc_eights_t rest = *s;
    rest.channels = s->end;
    rest.end = &s->end[8];
    rest.w = &s->w[whole * inputs];
    rest.out = last;
    mcucc_eights(&rest);
    for (int32_t i = whole; i < count; i++) {
        out[i] = last[i - whole];
    }
}

/* `count` channels of a pixel of so many inputs. */
MCUCC_INLINE void mcucc_eights_pixel(mcucc_eights_t *s, const mcucc_inputs_t *runs, int32_t inputs,
                                     int32_t count, int8_t *out, const mcucc_output_t *output,
                                     int clamps)
{
    s->runs = runs;
    s->out = out;
    if (count >= 8) {
        mcucc_eights(s);
    }
    if ((count & 7) != 0) {
        mcucc_eights_last(s, inputs, count, out);
    }
    for (int32_t i = 0; clamps && (i < count); i++) {
        out[i] = (int8_t)mcucc_clamp(out[i], output->min, output->max);
    }
}

#endif
