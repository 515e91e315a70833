/* The network as a shared library for use within another process. */
#include "library.h"

static const uint8_t *image; /* where the next row of an input that is pulled lies, or all of it */

uint32_t mcucc_harness_arena_bytes(void)
{
    return mcucc_harness_network.arena_bytes;
}

uint32_t mcucc_harness_arena_align(void)
{
    return mcucc_harness_network.arena_align;
}

void mcucc_harness_pull(int32_t y, uint8_t *to, uint32_t bytes)
{
    (void)y;
    mcucc_harness_copy(to, image, bytes, mcucc_harness_network.flip_in);
    image += bytes;
}

void mcucc_harness_pull_at(uint32_t offset, uint8_t *to, uint32_t bytes)
{
    mcucc_harness_copy(to, &image[offset], bytes, mcucc_harness_network.flip_in);
}

int mcucc_harness_run_samples(uint8_t *arena, const int8_t *inputs, int8_t *outputs,
                              uint32_t samples)
{
    const mcucc_harness_network_t *const net = &mcucc_harness_network;
    if (net->reset != 0) {
        const int status = net->reset(arena);
        if (status != 0) {
            return status;
        }
    }
    for (uint32_t n = 0u; n < samples; n++) {
        int status;
        for (uint32_t i = 0u; i < net->inputs.count; i++) {
            const mcucc_harness_span_t span = net->inputs.spans[i];
            mcucc_harness_copy(&arena[span.offset], (const uint8_t *)inputs, span.bytes,
                         mcucc_harness_network.flip_in);
            inputs += span.bytes;
        }
        if (net->rows != 0u || net->elsewhere != 0u) {
            image = (const uint8_t *)inputs;
            inputs += net->sample_bytes;
        }
        status = net->run(arena);
        if (status != 0) {
            return status;
        }
        for (uint32_t i = 0u; i < net->outputs.count; i++) {
            const mcucc_harness_span_t span = net->outputs.spans[i];
            mcucc_harness_copy((uint8_t *)outputs, &arena[span.offset], span.bytes,
                         mcucc_harness_network.flip_out[i]);
            outputs += span.bytes;
        }
    }
    return 0;
}
