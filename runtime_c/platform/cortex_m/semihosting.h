/* Calls to the debugger or simulator that hosts the program (Arm's "Semihosting for AArch32 and
   AArch64"). Without such a host the first call is a hard fault. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

typedef enum { SEMIHOSTING_READ_BINARY = 1, SEMIHOSTING_WRITE_BINARY = 5 } semihosting_mode_t;

/* Returns a handle, or -1. `name` is relative to the working directory of the host. */
int32_t semihosting_open(const char *name, semihosting_mode_t mode);

/* Returns 0, or -1 on failure. */
int32_t semihosting_close(int32_t handle);

/* Both return the number of bytes that were NOT transferred. */
uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes);
uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes);

/* The next read or write begins at this byte of the file; returns 0, or another value on failure. */
int32_t semihosting_seek(int32_t handle, uint32_t position);

/* Prints text on the console of the host. */
void semihosting_print(const char *text);

/* Ends the simulation with an exit status; does not return. */
void semihosting_exit(int status);

#endif
