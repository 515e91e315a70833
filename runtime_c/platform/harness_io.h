/* What the harness needs of the platform it runs on: the host, or a Cortex-M. */
#ifndef HARNESS_IO_H
#define HARNESS_IO_H

#include <stdint.h>

#define HARNESS_REQUEST_FILE "request.bin"
#define HARNESS_REPLY_FILE "reply.bin"

/* Stack depth on a platform that does not measure it. */
#define HARNESS_STACK_UNKNOWN 0xFFFFFFFFu

/* Where the arena goes, if the platform offers a choice. */
#define HARNESS_ARENA_LOW 0u  /* right after a guard page */
#define HARNESS_ARENA_HIGH 1u /* right before a guard page */

/* The arena inside the writable bytes [low, high); those around it belong to nobody. */
typedef struct {
    uint8_t *low;
    uint8_t *arena; /* NULL where the platform cannot provide the arena */
    uint8_t *high;
} mcucc_harness_memory_t;

/* Opens the request and the reply; 0 when both are open. */
int mcucc_harness_io_open(void);

/* Reads up to `bytes` bytes of the request and returns how many were read. */
uint32_t mcucc_harness_io_read(void *to, uint32_t bytes);

/* The next read begins at this byte of the request; 0 when there is such a byte. */
int mcucc_harness_io_seek(uint32_t position);

/* Appends to the reply; 0 when all bytes were taken. */
int mcucc_harness_io_write(const void *from, uint32_t bytes);

/* Completes the reply and ends the program; does not return. */
void mcucc_harness_io_exit(int status);

/* `align` is a power of two. */
mcucc_harness_memory_t mcucc_harness_io_memory(uint32_t bytes, uint32_t align, uint32_t placement);

/* Calls run(arena) and returns its status; `*stack_bytes` becomes the stack that the call used,
   or HARNESS_STACK_UNKNOWN. */
int mcucc_harness_io_call(int (*run)(void *arena), void *arena, uint32_t *stack_bytes);

#endif
