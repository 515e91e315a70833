/* What the shared library exports beside the network itself. */
#ifndef HARNESS_LIBRARY_H
#define HARNESS_LIBRARY_H

#include <stdint.h>

#include "mcucc_harness.h"

uint32_t mcucc_harness_arena_bytes(void);
uint32_t mcucc_harness_arena_align(void);

/* Runs the network on `samples` samples in turn, as one sequence. `inputs` holds, per sample, all inputs one after
   the other, and `outputs` likewise. Returns the first status that is not 0, else 0. */
int mcucc_harness_run_samples(uint8_t *arena, const int8_t *inputs, int8_t *outputs,
                              uint32_t samples);

#endif
