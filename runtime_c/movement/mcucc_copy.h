/* A few bytes from one place to another: the channels of a pixel. */
#ifndef MCUCC_COPY_H
#define MCUCC_COPY_H

#include "mcucc_base.h"

/* Up to so many bytes are moved here: a call would take longer. */
#define MCUCC_FEW_BYTES 8

/* count >= 0 bytes that do not overlap. */
MCUCC_INLINE void mcucc_copy(int8_t *to, const int8_t *from, int32_t count)
{
    if (count > MCUCC_FEW_BYTES) {
        memcpy(to, from, (size_t)count);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

#endif
