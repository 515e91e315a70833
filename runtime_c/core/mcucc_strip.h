/* Columns of a map that a stage makes in one strip, from rows that hold some columns, too. */
#ifndef MCUCC_STRIP_H
#define MCUCC_STRIP_H

#include "mcucc_base.h"

typedef struct {
    uint16_t begin;    /* first column that is made */
    uint16_t count;    /* columns that are made */
    uint16_t in_w;     /* columns that a row of the input holds */
    uint16_t pad_left; /* columns of padding before these */
    uint16_t first;    /* number of the first pixel that is made, in a map that begins with them */
} mcucc_strip_t;

#endif
