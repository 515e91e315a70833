/* Rows of a tensor that are made one after the other and held in a ring, the newest only.
 *
 * Row r lies in slot r % rows. A tensor that is held whole has as many slots as rows. */
#ifndef MCUCC_RING_H
#define MCUCC_RING_H

#include "mcucc_base.h"

/* What does not change. */
typedef struct {
    int32_t offset; /* of slot 0 in the arena */
    int32_t row_bytes;
    int32_t rows;   /* slots */
    int32_t height; /* rows of the whole tensor */
} mcucc_ring_t;

/* How far it is: the rows made, and the slot of the next one. */
typedef struct {
    uint16_t made;
    uint16_t slot;
} mcucc_made_t;

MCUCC_INLINE int32_t mcucc_min(int32_t a, int32_t b)
{
    return (a < b) ? a : b;
}

/* Where the next row goes. */
MCUCC_INLINE int8_t *mcucc_ring_next(const mcucc_ring_t *ring, const mcucc_made_t *made,
                                     int8_t *arena)
{
    return &arena[ring->offset + ((int32_t)made->slot * ring->row_bytes)];
}

/* The next row is made. */
MCUCC_INLINE void mcucc_ring_advance(const mcucc_ring_t *ring, mcucc_made_t *made)
{
    const int32_t slot = (int32_t)made->slot + 1;
    made->made = (uint16_t)(made->made + 1U);
    made->slot = (uint16_t)((slot == ring->rows) ? 0 : slot);
}

/* A row that was made and is still held. */
MCUCC_INLINE const int8_t *mcucc_ring_row(const mcucc_ring_t *ring, const mcucc_made_t *made,
                                          const int8_t *arena, int32_t row)
{
    const int32_t slot = (int32_t)made->slot - ((int32_t)made->made - row);
    return &arena[ring->offset + (((slot < 0) ? (slot + ring->rows) : slot) * ring->row_bytes)];
}

/* rows[k] = row first + k * dilation, or `pad` where that row lies outside of the tensor: a row of
 * zero points, or NULL for kernels that leave padding out. */
MCUCC_INLINE void mcucc_ring_window(const mcucc_ring_t *ring, const mcucc_made_t *made,
                                    const int8_t *arena, const int8_t **rows, int32_t taps,
                                    int32_t first, int32_t dilation, const int8_t *pad)
{
    for (int32_t k = 0; k < taps; k++) {
        const int32_t y = first + (k * dilation);
        const int inside = (y >= 0) && (y < ring->height);
        rows[k] = inside ? mcucc_ring_row(ring, made, arena, y) : pad;
    }
}

#endif
