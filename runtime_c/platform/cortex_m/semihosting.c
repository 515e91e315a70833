#include "semihosting.h"

#include <string.h>

#define SYS_OPEN 0x01u
#define SYS_CLOSE 0x02u
#define SYS_WRITE0 0x04u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_SEEK 0x0Au
#define SYS_EXIT_EXTENDED 0x20u
#define STOPPED_APPLICATION_EXIT 0x20026u

static uint32_t call_host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static uint32_t word(const void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

int32_t semihosting_open(const char *name, semihosting_mode_t mode)
{
    const uint32_t block[3] = {word(name), (uint32_t)mode, (uint32_t)strlen(name)};
    return (int32_t)call_host(SYS_OPEN, block);
}

int32_t semihosting_close(int32_t handle)
{
    const uint32_t block[1] = {(uint32_t)handle};
    return (int32_t)call_host(SYS_CLOSE, block);
}

uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, word(to), bytes};
    return call_host(SYS_READ, block);
}

uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, word(from), bytes};
    return call_host(SYS_WRITE, block);
}

int32_t semihosting_seek(int32_t handle, uint32_t position)
{
    const uint32_t block[2] = {(uint32_t)handle, position};
    return (int32_t)call_host(SYS_SEEK, block);
}

void semihosting_print(const char *text)
{
    (void)call_host(SYS_WRITE0, text);
}

void semihosting_exit(int status)
{
    const uint32_t block[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        (void)call_host(SYS_EXIT_EXTENDED, block);
    }
}
