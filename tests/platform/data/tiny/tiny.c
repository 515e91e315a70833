/* Memory map: input [0, 8) in step 0, hidden [20, 28) in steps 0 and 1, output [0, 8) in step 1.
   Nobody owns [8, 20). */
#include "tiny.h"
#include "tiny_weights.h"

#include <stddef.h>

#define AT_INPUT 0
#define AT_HIDDEN 20
#define AT_OUTPUT 0

#ifdef TINY_TRACE
#define TRACE_ROWS(tensor, ptr) trace_rows(tensor, ptr)
static void trace_rows(int32_t tensor, const int8_t *ptr)
{
    tiny_trace(tensor, 0, 0, 2, ptr);
    tiny_trace(tensor, 1, 0, 1, ptr + 4);
    tiny_trace(tensor, 1, 1, 2, ptr + 6);
}
#else
#define TRACE_ROWS(tensor, ptr) ((void)(ptr))
#endif

#ifdef TINY_STEP_HOOKS
#define STEP_BEGIN(step) tiny_step_begin(step)
#define STEP_END(step) tiny_step_end(step)
#else
#define STEP_BEGIN(step) ((void)0)
#define STEP_END(step) ((void)0)
#endif

static void add_saturated(const int8_t *a, const int8_t *b, int8_t *out)
{
    for (int32_t i = 0; i < 8; i++) {
        const int32_t sum = a[i] + b[i];
        out[i] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
    }
}

int tiny_run(void *arena)
{
    int8_t *const mem = arena;
    if (arena == NULL || (uintptr_t)arena % TINY_ARENA_ALIGN != 0u) {
        return 1;
    }

    STEP_BEGIN(0);
    add_saturated(&mem[AT_INPUT], tiny_increments, &mem[AT_HIDDEN]);
    TRACE_ROWS(1, &mem[AT_HIDDEN]);
    STEP_END(0);

    STEP_BEGIN(1);
    add_saturated(&mem[AT_HIDDEN], &mem[AT_HIDDEN], &mem[AT_OUTPUT]);
    TRACE_ROWS(2, &mem[AT_OUTPUT]);
    STEP_END(1);
    return 0;
}
