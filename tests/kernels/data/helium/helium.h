/* A network by the contract of generated ones: its output is what every operation of runtime_c's
   headers for Helium makes of the vectors in its input. */
#ifndef HELIUM_H
#define HELIUM_H

#include <stdint.h>

#define HELIUM_ARENA_BYTES 1280u
#define HELIUM_ARENA_ALIGN 8u
#define HELIUM_INPUT0_OFFSET 0u
#define HELIUM_INPUT0_BYTES 256u
#define HELIUM_OUTPUT0_OFFSET 256u
#define HELIUM_OUTPUT0_BYTES 1024u

int helium_run(void *arena);

#endif
