#include "helium.h"

#include "mcucc_add_mve.h"
#include "mcucc_depthwise_sums_mve.h"
#include "mcucc_dot_mve.h"

typedef struct {
    int8_t *at;
} sink_t;

static void put(sink_t *sink, const void *vector)
{
    memcpy(sink->at, vector, 16);
    sink->at += 16;
}

#define PUT(type, expression)           \
    do {                                \
        const type result = expression; \
        put(sink, &result);             \
    } while (0)

static void put_words(sink_t *sink, mcucc_words_t a, mcucc_words_t b, mcucc_words_t shift)
{
    PUT(mcucc_words_t, mcucc_vadd_words(a, b));
    PUT(mcucc_words_t, mcucc_vsub_words(a, b));
    PUT(mcucc_words_t, mcucc_vmul_words(a, b));
    PUT(mcucc_words_t, mcucc_vqadd_words(a, b));
    PUT(mcucc_words_t, mcucc_vmax_words(a, b));
    PUT(mcucc_words_t, mcucc_vmin_words(a, b));
    PUT(mcucc_words_t, mcucc_vand_words(a, b));
    PUT(mcucc_words_t, mcucc_vqrdmulh(a, b));
    PUT(mcucc_words_t, mcucc_vshl(a, shift));
    PUT(mcucc_words_t, mcucc_vrshl(a, shift));
    PUT(mcucc_words_t, mcucc_less_sign(a));
    PUT(mcucc_words_t, mcucc_sign(b));
    PUT(mcucc_halves_t, mcucc_vqmovn_words(a, b));
}

static void put_halves(sink_t *sink, mcucc_halves_t a, mcucc_halves_t b)
{
    PUT(mcucc_halves_t, mcucc_vadd_halves(a, b));
    PUT(mcucc_halves_t, mcucc_vqadd_halves(a, b));
    PUT(mcucc_words_t, mcucc_vmovlb_halves(a));
    PUT(mcucc_words_t, mcucc_vmovlt_halves(a));
    PUT(mcucc_bytes_t, mcucc_vqmovn_halves(a, b));
}

static void put_bytes(sink_t *sink, mcucc_bytes_t a, mcucc_bytes_t b)
{
    PUT(mcucc_bytes_t, mcucc_vmax_bytes(a, b));
    PUT(mcucc_bytes_t, mcucc_vmin_bytes(a, b));
    PUT(mcucc_halves_t, mcucc_vmullb(a, b));
    PUT(mcucc_halves_t, mcucc_vmullt(a, b));
}

/* `count` is 1 to 20; nothing beyond `from` + 20 is read or beyond the next 16 bytes written. */
static void put_some(sink_t *sink, const int8_t *from, int32_t count)
{
    int8_t bytes[32] = {0};
    PUT(mcucc_bytes_t, mcucc_load_some_bytes(from, count));
    PUT(mcucc_words_t, mcucc_load_some_words(from, count));
    PUT(mcucc_bytes_t, mcucc_load_bytes(from));
    PUT(mcucc_bytes_t, mcucc_fill_bytes(count));
    PUT(mcucc_halves_t, mcucc_fill_halves(-count));
    PUT(mcucc_words_t, mcucc_fill_words(from[0]));
    mcucc_store_some_bytes(bytes, mcucc_load_bytes(from), count);
    put(sink, bytes);
    mcucc_store_some_words(bytes, mcucc_load_some_words(&from[5], 4), count);
    (void)mcucc_put_words(&bytes[16], mcucc_load_some_words(&from[7], 4), count);
    put(sink, bytes);
    put(sink, &bytes[16]);
    mcucc_copy_mve(bytes, from, count);
    put(sink, bytes);
    put(sink, &bytes[16]);
}

static void put_sums(sink_t *sink, const int8_t *x, const uint32_t *stream, int32_t n)
{
    mcucc_words_t sums[4];
    (void)mcucc_dot_one(x, n, stream, &sums[0]);
    put(sink, &sums[0]);
    (void)mcucc_dot_two(x, &x[32], &x[3], stream, sums);
    put(sink, &sums[0]);
    put(sink, &sums[1]);
    const int8_t *const taps[3] = {x, &x[9], &x[2]};
    (void)mcucc_depthwise_sums(taps, 1, 5, n, stream, sums);
    for (int32_t i = 0; i < 4; i++) {
        put(sink, &sums[i]);
    }
}

/* Four channels of two pixels of one vector and of two; of a stream's shifts bytes may say -31 to
 * 31. */
static void put_pairs(sink_t *sink, const int8_t *x, const uint32_t *stream, uint32_t shifts)
{
    const mcucc_output_t output = {x[0], -100, 90};
    const mcucc_output_words_t words = mcucc_output_words(&output);
    for (int32_t n = 16; n <= 32; n += 16) {
        int8_t bytes[16] = {0};
        uint32_t block[41];
        memcpy(block, stream, sizeof block);
        block[8 + n] = shifts;
        const mcucc_pair_mve_t pair = {x, n, 7, 1};
        (void)mcucc_pair_fast_mve(&pair, block, &words, bytes);
        put(sink, bytes);
    }
}

static void put_added(sink_t *sink, const int8_t *in, int32_t n)
{
    const mcucc_addend_t half = {in[0], (int32_t)1 << 30, 0};
    const mcucc_addend_t scaled = {in[1], ((int32_t)1 << 30) + in[2], in[3] & 3};
    for (int32_t i = 0; i < 2; i++) {
        const mcucc_add_t add = {.c = n,
                                 .input = {(i == 0) ? half : scaled, (i == 0) ? scaled : half},
                                 .multiplier = ((int32_t)1 << 30) + (in[4] * 1000),
                                 .right = 17 + (in[5] & 1),
                                 .output = {in[6], -120, 120}};
        const int8_t *const rows[2] = {&in[16], &in[40]};
        for (int32_t sign = -1; sign <= 1; sign += 2) {
            int8_t bytes[16] = {0};
            mcucc_add_mve(&add, rows, 0, 1, bytes, n, sign);
            put(sink, bytes);
        }
    }
    PUT(mcucc_words_t, mcucc_add_pixels(in, n, 3, n, mcucc_fill_words(in[0])));
}

int helium_run(void *arena)
{
    int8_t *const in = arena;
    sink_t sink = {&in[HELIUM_OUTPUT0_OFFSET]};
    memset(sink.at, 0, HELIUM_OUTPUT0_BYTES);
    uint32_t stream[64];
    memcpy(stream, in, sizeof stream);
    const int32_t count = 1 + (in[0] & 15);
    put_words(&sink, mcucc_load_words(&stream[4]), mcucc_load_words(&stream[8]),
              mcucc_load_small_words(&stream[2]));
    mcucc_halves_t halves[2];
    memcpy(halves, &stream[4], sizeof halves);
    put_halves(&sink, halves[0], halves[1]);
    put_bytes(&sink, mcucc_load_bytes(&in[16]), mcucc_load_bytes(&in[32]));
    put_some(&sink, &in[16], count + ((in[1] & 4) != 0 ? 4 : 0));
    put_sums(&sink, &in[64], &stream[16], count);
    put_pairs(&sink, &in[64], &stream[16], stream[2]);
    put_added(&sink, in, count);
    return 0;
}
