/* Runs one function of the runtime on many arguments. Usage: probe FUNCTION, with the files
 *   in.bin   records of four int32: a, multiplier, right, zero point (what the function needs)
 *   out.bin  one int32 per record
 * in the working directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcucc_requantize.h"
#include "mcucc_softmax.h"

typedef int32_t (*probed_t)(int32_t a, int32_t multiplier, int32_t right, int32_t zero);

static int32_t fast(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    return mcucc_scale_fast(a, multiplier, right, zero);
}

static int32_t wide(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    return mcucc_scale_wide(a, multiplier, right, zero);
}

static int32_t general(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    return mcucc_scale_general(a, multiplier, right, zero);
}

static int32_t high_mul(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    (void)right;
    (void)zero;
    return mcucc_high_mul(a, multiplier);
}

static int32_t rounding_shift(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    (void)multiplier;
    (void)zero;
    return mcucc_rounding_shift(a, right);
}

static int32_t reciprocal(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    (void)multiplier;
    (void)right;
    (void)zero;
    return mcucc_softmax_reciprocal(a);
}

static int32_t leading_zeros(int32_t a, int32_t multiplier, int32_t right, int32_t zero)
{
    (void)multiplier;
    (void)right;
    (void)zero;
    return mcucc_leading_zeros((uint32_t)a);
}

static const struct {
    const char *name;
    probed_t function;
} probes[] = {
    {"fast", fast},
    {"wide", wide},
    {"general", general},
    {"high_mul", high_mul},
    {"rounding_shift", rounding_shift},
    {"reciprocal", reciprocal},
    {"leading_zeros", leading_zeros},
};

static int run(probed_t function)
{
    FILE *const in = fopen("in.bin", "rb");
    FILE *const out = fopen("out.bin", "wb");
    int32_t record[4];
    if ((in == NULL) || (out == NULL)) {
        return EXIT_FAILURE;
    }
    while (fread(record, sizeof record, 1, in) == 1) {
        const int32_t result = function(record[0], record[1], record[2], record[3]);
        if (fwrite(&result, sizeof result, 1, out) != 1) {
            return EXIT_FAILURE;
        }
    }
    return ((fclose(in) == 0) && (fclose(out) == 0)) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; (argc == 2) && (i < sizeof probes / sizeof probes[0]); i++) {
        if (strcmp(argv[1], probes[i].name) == 0) {
            return run(probes[i].function);
        }
    }
    return EXIT_FAILURE;
}
