/* The harness on a POSIX host: files in the working directory, and an arena between two guard
   pages, so that an access past the one end (or the other) of the arena is a fault. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness_io.h"

static FILE *request_file;
static FILE *reply_file;

int mcucc_harness_io_open(void)
{
    request_file = fopen(HARNESS_REQUEST_FILE, "rb");
    reply_file = fopen(HARNESS_REPLY_FILE, "wb");
    return request_file == NULL || reply_file == NULL;
}

uint32_t mcucc_harness_io_read(void *to, uint32_t bytes)
{
    return (uint32_t)fread(to, 1u, bytes, request_file);
}

int mcucc_harness_io_seek(uint32_t position)
{
    return fseek(request_file, (long)position, SEEK_SET);
}

int mcucc_harness_io_write(const void *from, uint32_t bytes)
{
    return fwrite(from, 1u, bytes, reply_file) != bytes;
}

void mcucc_harness_io_exit(int status)
{
    const int lost = reply_file == NULL || fclose(reply_file) != 0;
    exit(status == 0 && lost ? 1 : status);
}

/* Maps guard page, whole pages for the arena, guard page. */
mcucc_harness_memory_t mcucc_harness_io_memory(uint32_t bytes, uint32_t align, uint32_t placement)
{
    const mcucc_harness_memory_t none = {NULL, NULL, NULL};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (bytes / page + 1u) * page;
    mcucc_harness_memory_t memory;
    uint8_t *const base =
        mmap(NULL, room + 2u * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if ((void *)base == MAP_FAILED || align > page ||
        mprotect(base + page, room, PROT_READ | PROT_WRITE) != 0) {
        return none;
    }
    memory.low = base + page;
    memory.high = memory.low + room;
    memory.arena = memory.low;
    if (placement == HARNESS_ARENA_HIGH) {
        const size_t start = (room - bytes) & ~((size_t)align - 1u);
        memory.arena = memory.low + start;
    }
    return memory;
}

int mcucc_harness_io_call(int (*run)(void *arena), void *arena, uint32_t *stack_bytes)
{
    *stack_bytes = HARNESS_STACK_UNKNOWN;
    return run(arena);
}
