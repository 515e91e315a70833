/* A network of two steps, written by hand after the contract of generated networks.
   Step 0: hidden = saturate(input + 1). Step 1: output = saturate(hidden + hidden). */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_ARENA_BYTES 28u
#define TINY_ARENA_ALIGN 8u
#define TINY_INPUT0_OFFSET 0u
#define TINY_INPUT0_BYTES 8u
#define TINY_OUTPUT0_OFFSET 0u
#define TINY_OUTPUT0_BYTES 8u

#ifdef __cplusplus
extern "C" {
#endif

int tiny_run(void *arena);

#ifdef TINY_TRACE
void tiny_trace(int32_t tensor, int32_t y, int32_t x0, int32_t x1, const int8_t *ptr);
#endif

#ifdef TINY_STEP_HOOKS
void tiny_step_begin(int32_t step);
void tiny_step_end(int32_t step);
#endif

#ifdef __cplusplus
}
#endif

#endif
