#include "tiny.h"

#include <stdio.h>

static union {
    uint64_t align;
    int8_t bytes[TINY_ARENA_BYTES];
} arena;

int main(void)
{
    const int status = tiny_run(&arena);
    (void)printf("%d\n", arena.bytes[TINY_OUTPUT0_OFFSET]);
    return status;
}
