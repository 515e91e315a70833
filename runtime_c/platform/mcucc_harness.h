/* The harness runs a network on recorded inputs; it is the same on the host and on a target.

   It reads a request (samples of raw int8 inputs) and writes a reply (outputs and what was
   observed). mcucc/sim/protocol.py describes both formats. What the harness must know of a
   network is in one constant, `mcucc_harness_network`, which is rendered for each network. */
#ifndef MCUCC_HARNESS_H
#define MCUCC_HARNESS_H

#include <stdint.h>

/* Bytes [offset, offset + bytes) of the arena. */
typedef struct {
    uint32_t offset;
    uint32_t bytes;
} mcucc_harness_span_t;

typedef struct {
    const mcucc_harness_span_t *spans;
    uint32_t count;
} mcucc_harness_spans_t;

typedef struct {
    uint32_t arena_bytes;
    uint32_t arena_align;
    mcucc_harness_spans_t inputs;
    mcucc_harness_spans_t outputs;
    int (*run)(void *arena);
    uint32_t sample_bytes; /* of all inputs of a sample */
    uint32_t rows;         /* of an input that is pulled row by row; 0 where inputs lie in the arena */
    uint32_t elsewhere;    /* whether pixels of the input are pulled in any order */
    uint8_t flip_in; /* what turns the request's int8 values into those of the network, by XOR */
    const uint8_t *flip_out; /* likewise for each output the network's into the reply's */
    uint32_t state_bytes; /* at the arena's begin, which runs hand on; 0 without states */
    int (*reset)(void *arena); /* begins a sequence; 0 without states */
} mcucc_harness_network_t;

extern const mcucc_harness_network_t mcucc_harness_network;

/* What `run` returns if it ran on floats and its real outputs are not those of its int8 ones. */
#define HARNESS_REALS_DIFFER 64

/* Copies values between the request or the reply, which are int8, and the arena; `flip` is that of
   the inputs or that of the outputs. */
static inline void mcucc_harness_copy(uint8_t *to, const uint8_t *from, uint32_t bytes,
                                      uint8_t flip)
{
    for (uint32_t i = 0u; i < bytes; i++) {
        to[i] = (uint8_t)(from[i] ^ flip);
    }
}

/* Hands over row y of an input that is pulled row by row: `bytes` values of the sample. Rows must be
   asked for once each, in increasing y. */
void mcucc_harness_pull(int32_t y, uint8_t *to, uint32_t bytes);

/* Hands over `bytes` values of the sample from `offset` on, as often as they are asked for. */
void mcucc_harness_pull_at(uint32_t offset, uint8_t *to, uint32_t bytes);

/* Writes one trace record: `bytes` bytes of the pixels [x0, x1) of row y of a tensor. */
void mcucc_harness_trace(int32_t tensor, int32_t y, int32_t x0, int32_t x1, const int8_t *pixels,
                   uint32_t bytes);

/* Overwrites the bytes of the arena that no buffer owns during a step. Under AddressSanitizer
   they may be neither read nor written until the step ends. */
void mcucc_harness_step_begin(int32_t step, mcucc_harness_spans_t dead);

/* Ends the run with an error if a byte that no buffer owns has changed since the step began. */
void mcucc_harness_step_end(int32_t step, mcucc_harness_spans_t dead);

#endif
