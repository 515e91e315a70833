/* The network as a shared library for use within another process. */
#include "library.h"

static const uint8_t *image; /* where the next row of an input that is pulled lies */

uint32_t harness_arena_bytes(void)
{
    return harness_network.arena_bytes;
}

uint32_t harness_arena_align(void)
{
    return harness_network.arena_align;
}

void harness_pull(int32_t y, uint8_t *to, uint32_t bytes)
{
    (void)y;
    harness_copy(to, image, bytes, harness_network.flip_in);
    image += bytes;
}

int harness_run_samples(uint8_t *arena, const int8_t *inputs, int8_t *outputs, uint32_t samples)
{
    const harness_network_t *const net = &harness_network;
    if (net->reset != 0) {
        const int status = net->reset(arena);
        if (status != 0) {
            return status;
        }
    }
    for (uint32_t n = 0u; n < samples; n++) {
        int status;
        for (uint32_t i = 0u; i < net->inputs.count; i++) {
            const harness_span_t span = net->inputs.spans[i];
            harness_copy(&arena[span.offset], (const uint8_t *)inputs, span.bytes,
                         harness_network.flip_in);
            inputs += span.bytes;
        }
        if (net->rows != 0u) {
            image = (const uint8_t *)inputs;
            inputs += net->sample_bytes;
        }
        status = net->run(arena);
        if (status != 0) {
            return status;
        }
        for (uint32_t i = 0u; i < net->outputs.count; i++) {
            const harness_span_t span = net->outputs.spans[i];
            harness_copy((uint8_t *)outputs, &arena[span.offset], span.bytes,
                         harness_network.flip_out[i]);
            outputs += span.bytes;
        }
    }
    return 0;
}
