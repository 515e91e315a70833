/* Depthwise sums of 3x3 with stride 1, channel by channel along a few pixels.
 *
 * By hand for 32-bit and 16-bit Thumb instructions, two pixels a turn, as gcc keeps less in
 * registers. */
#ifndef MCUCC_DEPTHWISE_ALONG_H
#define MCUCC_DEPTHWISE_ALONG_H

#include "mcucc_requantize.h"

/* A few pixels of all channels. The assembly knows the order of the members. */
typedef struct {
    const int8_t *row[3]; /* from the first column on that lies in the map */
    int32_t step;         /* from a pixel to the next, of inputs and of outputs */
    int32_t zero_point;   /* of the output */
    int32_t pad;          /* the input's zero point */
    int32_t left;         /* whether the first column is padding */
    int32_t end;          /* how many bytes of a row the turns read whose columns lie in the map */
    int32_t last;         /* columns of padding in one more turn, if there is one: 0, 1 or 2 */
    int8_t *to;
    const int8_t *weights;
    const mcucc_channel_t *channels;
    const mcucc_channel_t *channels_end;
} mcucc_depthwise_along_t;

#if defined(__GNUC__) && defined(__thumb2__) && !defined(MCUCC_KEEP_R9)
#define MCUCC_ALONG_ASSEMBLY
#define MCUCC_ALONG_PUSHED 108 /* bytes that it pushes, of which compilers know nothing */

/* On the stack: from 0 on the nine weights, 36 multiplier and shift, 44 the zero point, 48 the
 * bias, from 52 on the members. In registers: the rows r0 to r2, the places in them of either
 * column r4 and r5, the sums r6 to r9, three weights r10 to r12, an input lr. The sums r8 and r9 of
 * a turn are r6 and r7 of the next one. */
#define MCUCC_ALONG_INPUT(row, place) "ldrsb lr, [" row ", " place "]\n\t"
#define MCUCC_ALONG_PADDING(row, place) "ldr lr, [sp, #72]\n\t"
#define MCUCC_ALONG_SCALE(sum)                                                                 \
    "lsl " sum ", " sum ", #1\n\tsmull lr, " sum ", " sum ", r10\n\tlsls lr, lr, #1\n\t"         \
    "adc " sum ", " sum ", #0\n\tadd " sum ", " sum ", " sum ", asr #31\n\t"                    \
    "asrs " sum ", " sum ", r11\n\tadc " sum ", " sum ", r12\n\tssat " sum ", #8, " sum "\n\t"
#define MCUCC_ALONG_ROW(row, column2, column3, from2, from3)                                   \
    "ldm r3!, {r10-r12}\n\t" column2(row, "r4") "mla r8, lr, r10, " from2 "\n\t"                \
    "mla r7, lr, r11, r7\n\tmla r6, lr, r12, r6\n\t" column3(row, "r5")                         \
    "mla r9, lr, r10, " from3 "\n\tmla r8, lr, r11, r8\n\tmla r7, lr, r12, r7\n\t"
#define MCUCC_ALONG_TURN(column2, column3)                                                     \
    "mov r6, r8\n\tmov r7, r9\n\tmov r3, sp\n\tldr r9, [sp, #48]\n\t"                           \
    MCUCC_ALONG_ROW("r0", column2, column3, "r9", "r9")                                         \
    MCUCC_ALONG_ROW("r1", column2, column3, "r8", "r9")                                         \
    MCUCC_ALONG_ROW("r2", column2, column3, "r8", "r9")                                         \
    "ldm r3, {r10-r12}\n\tldr r3, [sp, #88]\n\t"                                                \
    MCUCC_ALONG_SCALE("r6") MCUCC_ALONG_SCALE("r7")                                             \
    "strb r6, [r3, r4]\n\tstrb r7, [r3, r5]\n\tldr lr, [sp, #64]\n\t"                           \
    "add r4, r4, lr, lsl #1\n\tadd r5, r5, lr, lsl #1\n\t"

MCUCC_ONCE void mcucc_depthwise_along(mcucc_depthwise_along_t *s)
{
    mcucc_need_r9();
    register mcucc_depthwise_along_t *state __asm__("r0") = s;
    __asm__ volatile(
        "push {r7}\n\tsub sp, #104\n\tadd r12, sp, #52\n\tmov lr, r0\n\t"
        "ldm lr!, {r1-r7}\n\tstm r12!, {r1-r7}\n\tstr r5, [sp, #44]\n\t"
        "mov r1, r4\n\tldm lr, {r2-r6, r8}\n\t"
        "subs r4, r4, r1\n\tcmp r7, #0\n\tit eq\n\tsubeq r4, r4, r1\n\t"
        "stm r12, {r2-r6, r8}\n\tldm r0, {r0-r2}\n"
        "1:\n\t" /* a channel */
        "ldr r12, [sp, #92]\n\t"
        ".irp w, 3, 4, 5, 6, 7, 8, 9, 10, 11\n\tldrsb r\\w, [r12], #1\n\t.endr\n\t"
        "str r12, [sp, #92]\n\tstm sp, {r3-r11}\n\t"
        "ldr lr, [sp, #96]\n\tldm lr!, {r8, r11, r12}\n\tstr lr, [sp, #96]\n\t"
        "strd r11, r12, [sp, #36]\n\tstr r8, [sp, #48]\n\tmov r11, r8\n\t"
        "ldrd lr, r12, [sp, #72]\n\tmovs r5, #0\n\tcmp r12, #0\n\tbne 2f\n\t"
        "ldrsb lr, [r0]\n\tmla r8, lr, r3, r8\n\tldrsb lr, [r1]\n\tmla r8, lr, r6, r8\n\t"
        "ldrsb lr, [r2]\n\tmla r8, lr, r9, r8\n\tldr r5, [sp, #64]\n\tb 3f\n"
        "2:\n\t"
        "mla r8, lr, r3, r8\n\tmla r8, lr, r6, r8\n\tmla r8, lr, r9, r8\n"
        "3:\n\t"
        "ldrsb lr, [r0, r5]\n\tmla r11, lr, r3, r11\n\tmla r8, lr, r4, r8\n\t"
        "ldrsb lr, [r1, r5]\n\tmla r11, lr, r6, r11\n\tmla r8, lr, r7, r8\n\t"
        "ldrsb lr, [r2, r5]\n\tmla r9, lr, r9, r11\n\tmla r8, lr, r10, r8\n\t"
        "ldr lr, [sp, #64]\n\tadd r4, r5, lr\n\tadd r5, r4, lr\n\t"
        "ldr lr, [sp, #80]\n\tcmp r4, lr\n\tbeq 5f\n"
        "4:\n\t"
        MCUCC_ALONG_TURN(MCUCC_ALONG_INPUT, MCUCC_ALONG_INPUT)
        "ldr lr, [sp, #80]\n\tcmp r4, lr\n\tbne 4b\n"
        "5:\n\t"
        "ldr lr, [sp, #84]\n\tcmp lr, #1\n\tblt 7f\n\tbne 6f\n\t"
        MCUCC_ALONG_TURN(MCUCC_ALONG_INPUT, MCUCC_ALONG_PADDING)
        "b 7f\n"
        "6:\n\t" /* behind two columns of padding there is no second pixel */
        "ldr lr, [sp, #72]\n\tldr r10, [sp, #8]\n\tldr r11, [sp, #20]\n\tldr r12, [sp, #32]\n\t"
        "mla r8, lr, r10, r8\n\tmla r8, lr, r11, r8\n\tmla r8, lr, r12, r8\n\t"
        "ldrd r10, r11, [sp, #36]\n\tldr r12, [sp, #44]\n\tldr r3, [sp, #88]\n\t"
        MCUCC_ALONG_SCALE("r8") "strb r8, [r3, r4]\n"
        "7:\n\t"
        "adds r0, #1\n\tadds r1, #1\n\tadds r2, #1\n\t"
        "ldr r3, [sp, #88]\n\tadds r3, #1\n\tstr r3, [sp, #88]\n\t"
        "ldrd r3, r4, [sp, #96]\n\tcmp r3, r4\n\tbne 1b\n\t"
        "add sp, #104\n\tpop {r7}"
        : "+r"(state)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",
          "memory");
}
#elif defined(__GNUC__) && defined(__ARM_ARCH_6M__) && !defined(MCUCC_KEEP_R9)
#define MCUCC_ALONG_ASSEMBLY
#define MCUCC_ALONG_PUSHED 108 /* bytes that it pushes, of which compilers know nothing */

/* On the stack: from 0 on the nine weights, 36 and 40 the halves of the multiplier, 44 the shift,
 * 48 the bias, from 52 on the members. In registers: the rows r0 to r2, the places in them of
 * either column r4 and r5, inputs of these r6 and r7, the sums r8 to r11. */
#define MCUCC_ALONG_INPUTS "ldrsb r6, [r\\k, r4]\n\tldrsb r7, [r\\k, r5]\n\t"
#define MCUCC_ALONG_PADDED "ldrsb r6, [r\\k, r4]\n\tldr r7, [sp, #72]\n\t"
#define MCUCC_ALONG_TWO(weight, first, second)                                                 \
    "ldr r3, [sp, #12 * \\k + " weight "]\n\tmuls r3, r6\n\tadd " first ", r3\n\t"               \
    "ldr r3, [sp, #12 * \\k + " weight "]\n\tmuls r3, r7\n\tadd " second ", r3\n\t"
#define MCUCC_ALONG_OUTPUTS                                                              \
    ".irp s, 8, 9\n\t"                                                                         \
    "mov r0, r\\s\n\tadds r0, r0, r0\n\tuxth r1, r0\n\tasrs r0, r0, #16\n\tldr r2, [sp, #36]\n\t" \
    "movs r3, r1\n\tmuls r3, r2\n\tlsrs r3, r3, #16\n\tmuls r2, r0\n\tadds r2, r2, r3\n\t"        \
    "ldr r6, [sp, #40]\n\tmuls r1, r6\n\tmuls r0, r6\n\tasrs r3, r2, #16\n\tadds r0, r0, r3\n\t"  \
    "uxth r2, r2\n\tadds r1, r1, r2\n\tasrs r1, r1, #16\n\tadcs r0, r1\n\t"                      \
    "asrs r1, r0, #31\n\tadds r0, r0, r1\n\tldr r1, [sp, #44]\n\tldr r2, [sp, #68]\n\t"          \
    "asrs r0, r1\n\tadcs r0, r2\n\tsxtb r1, r0\n\tcmp r0, r1\n\tbeq 9f\n\t"                      \
    "asrs r0, r0, #31\n\tmovs r1, #127\n\teors r0, r1\n9:\n\tldr r2, [sp, #88]\n\t"              \
    ".if \\s == 8\n\tstrb r0, [r2, r4]\n\t.else\n\tstrb r0, [r2, r5]\n\t.endif\n\t"              \
    ".endr\n\t"                                                                                \
    "add r3, sp, #52\n\tldmia r3!, {r0-r2}\n\t"                                                \
    "ldr r3, [sp, #64]\n\tlsls r3, r3, #1\n\tadds r4, r4, r3\n\tadds r5, r5, r3\n\t"
#define MCUCC_ALONG_SUMS(inputs)                                                               \
    "mov r8, r10\n\tmov r9, r11\n\tldr r3, [sp, #48]\n\tmov r10, r3\n\tmov r11, r3\n\t"           \
    ".irp k, 0, 1, 2\n\t" inputs MCUCC_ALONG_TWO("0", "r10", "r11")                             \
    MCUCC_ALONG_TWO("4", "r9", "r10")                                                          \
    "ldr r3, [sp, #12 * \\k + 8]\n\tmuls r6, r3\n\tadd r8, r6\n\tmuls r7, r3\n\tadd r9, r7\n\t"   \
    ".endr\n\t"

MCUCC_ONCE void mcucc_depthwise_along(mcucc_depthwise_along_t *s)
{
    mcucc_need_r9();
    register mcucc_depthwise_along_t *state __asm__("r0") = s;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r7}\n\tsub sp, #104\n\tadd r1, sp, #52\n\t"
        "ldmia r0!, {r2-r7}\n\tstmia r1!, {r2-r7}\n\tldmia r0!, {r2-r7}\n\tstmia r1!, {r2-r7}\n\t"
        "ldr r2, [r0]\n\tstr r2, [r1]\n\t"
        "ldr r1, [sp, #88]\n\tldr r2, [sp, #64]\n\tsubs r1, r1, r2\n\tldr r3, [sp, #76]\n\t"
        "cmp r3, #0\n\tbne 1f\n\tsubs r1, r1, r2\n"
        "1:\n\tstr r1, [sp, #88]\n"
        "10:\n\t" /* a channel */
        "ldr r0, [sp, #92]\n\tmov r1, sp\n\t"
        ".irp w, 0, 1, 2, 3, 4, 5\n\t"
        "ldrb r2, [r0, #\\w]\n\tsxtb r2, r2\n\tstr r2, [r1, #4 * \\w]\n\t"
        ".endr\n\tadds r0, #6\n\t"
        ".irp w, 0, 1, 2\n\tldrb r2, [r0, #\\w]\n\tsxtb r2, r2\n\tstr r2, [r1, #4 * \\w + 24]\n\t"
        ".endr\n\tadds r0, #3\n\tstr r0, [sp, #92]\n\t"
        "ldr r0, [sp, #96]\n\tldmia r0!, {r2, r3, r7}\n\tstr r0, [sp, #96]\n\t"
        "uxth r5, r3\n\tasrs r6, r3, #16\n\tadds r1, #36\n\tstmia r1!, {r5-r7}\n\tstr r2, [r1]\n\t"
        "movs r5, r2\n\tmovs r6, r2\n\tadd r3, sp, #52\n\tldmia r3!, {r0-r2}\n\t"
        "movs r4, #0\n\tldr r3, [sp, #76]\n\tcmp r3, #0\n\tbne 3f\n\t"
        ".irp k, 0, 1, 2\n\tldrsb r3, [r\\k, r4]\n\tldr r7, [sp, #12 * \\k]\n\tmuls r3, r7\n\t"
        "adds r5, r5, r3\n\t.endr\n\tldr r4, [sp, #64]\n\tb 4f\n"
        "3:\n\tldr r3, [sp, #72]\n\t"
        ".irp k, 0, 1, 2\n\tldr r7, [sp, #12 * \\k]\n\tmuls r7, r3\n\tadds r5, r5, r7\n\t.endr\n"
        "4:\n\t"
        ".irp k, 0, 1, 2\n\tldrsb r3, [r\\k, r4]\n\tldr r7, [sp, #12 * \\k]\n\tmuls r7, r3\n\t"
        "adds r6, r6, r7\n\tldr r7, [sp, #12 * \\k + 4]\n\tmuls r3, r7\n\tadds r5, r5, r3\n\t"
        ".endr\n\tmov r10, r5\n\tmov r11, r6\n\t"
        "ldr r3, [sp, #64]\n\tadds r4, r4, r3\n\tadds r5, r4, r3\n\t"
        "ldr r3, [sp, #80]\n\tcmp r4, r3\n\tbne 5f\n\tb 6f\n"
        "5:\n\t"
        MCUCC_ALONG_SUMS(MCUCC_ALONG_INPUTS) MCUCC_ALONG_OUTPUTS
        "ldr r3, [sp, #80]\n\tcmp r4, r3\n\tbeq 6f\n\tb 5b\n"
        "6:\n\t"
        "ldr r3, [sp, #84]\n\tcmp r3, #1\n\tbeq 0f\n\tbgt 8f\n\tb 2f\n8:\n\tb 1f\n"
        "0:\n\t"
        MCUCC_ALONG_SUMS(MCUCC_ALONG_PADDED)
        "b 3f\n"
        "1:\n\t" /* behind two columns of padding there is no second pixel */
        "ldr r7, [sp, #72]\n\tmov r6, r10\n\t"
        ".irp k, 0, 1, 2\n\tldr r3, [sp, #12 * \\k + 8]\n\tmuls r3, r7\n\tadds r6, r6, r3\n\t"
        ".endr\n\t"
        "mov r8, r6\n"
        "3:\n\t"
        MCUCC_ALONG_OUTPUTS
        "2:\n\t"
        "adds r0, #1\n\tadds r1, #1\n\tadds r2, #1\n\tadd r3, sp, #52\n\tstmia r3!, {r0-r2}\n\t"
        "ldr r0, [sp, #88]\n\tadds r0, #1\n\tstr r0, [sp, #88]\n\t"
        "ldr r0, [sp, #96]\n\tldr r1, [sp, #100]\n\tcmp r0, r1\n\tbeq 3f\n\tb 10b\n"
        "3:\n\t"
        "add sp, #104\n\tpop {r7}"
        : "+l"(state)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
}
#else
/* A column of a channel, which may be padding. */
MCUCC_INLINE void mcucc_along_column(const mcucc_depthwise_along_t *s, int32_t at, int is_padding,
                                     int32_t x[3])
{
    for (int32_t k = 0; k < 3; k++) {
        x[k] = is_padding ? s->pad : s->row[k][at];
    }
}

/* sum + a column times the weights under it */
MCUCC_INLINE int32_t mcucc_along_sum(const int32_t x[3], const int8_t *w, int32_t sum)
{
    return sum + (x[0] * w[0]) + (x[1] * w[3]) + (x[2] * w[6]);
}

MCUCC_ONCE void mcucc_depthwise_along(mcucc_depthwise_along_t *s)
{
    const mcucc_output_t output = {.zero_point = s->zero_point, .min = INT8_MIN, .max = INT8_MAX};
    const int32_t begin = (2 - s->left) * s->step;
    const int32_t map_end = s->end + ((s->last == 1) ? s->step : 0);
    const int32_t end = s->end + ((s->last != 0) ? (2 * s->step) : 0);
    for (; s->channels != s->channels_end; s->channels++, s->weights += 9, s->to++) {
        const int8_t *const w = s->weights;
        const int32_t bias = s->channels->bias;
        int8_t *to = s->to;
        int32_t x[3];
        mcucc_along_column(s, 0, s->left, x);
        int32_t first = mcucc_along_sum(x, w, bias); /* of the next pixel */
        mcucc_along_column(s, begin - s->step, 0, x);
        first = mcucc_along_sum(x, &w[1], first);
        int32_t second = mcucc_along_sum(x, w, bias); /* of the one behind it */
        for (int32_t at = begin; at != end; at += s->step, to += s->step) {
            mcucc_along_column(s, at, at >= map_end, x);
            first = mcucc_along_sum(x, &w[2], first);
            *to = mcucc_requantize_to(first, s->channels, &output, MCUCC_FAST, 0);
            first = mcucc_along_sum(x, &w[1], second);
            second = mcucc_along_sum(x, w, bias);
        }
        for (int32_t k = 0; k < 3; k++) {
            s->row[k]++;
        }
    }
}
#endif

#endif
