/* Classes of Thumb instructions that differ in what they cost. */
#ifndef CLASSES_H
#define CLASSES_H

#include <stdint.h>

/* The order is that of `CLASSES` in mcucc/targets/cycles.py. */
typedef enum {
    CLASS_ALU,           /* moves, arithmetic, shifts, bit fields, saturation, hints, IT */
    CLASS_MULTIPLY,      /* 32-bit results, SIMD multiplications */
    CLASS_LONG_MULTIPLY, /* 64-bit results */
    CLASS_DIVIDE,
    CLASS_LOAD,        /* of one register, not right after another single load or store */
    CLASS_PAIRED_LOAD, /* right after one */
    CLASS_STORE,       /* of one register */
    CLASS_MULTIPLE,    /* several registers: LDM, STM, PUSH, POP, LDRD, STRD, VLDM, VSTM */
    CLASS_BRANCH,
    CLASS_FLOAT,
    CLASS_FLOAT_MAC,
    CLASS_FLOAT_DIVIDE, /* and square root */
    CLASS_OTHER,        /* vectors, special registers, barriers, exclusive accesses */
    CLASS_COUNT
} class_t;

typedef struct {
    class_t class;
    uint32_t registers; /* that CLASS_MULTIPLE moves */
} decoded_t;

/* 1 if the instruction that begins with this halfword has two. */
int is_wide(uint32_t first);

/* `second` is read of instructions with two halfwords only. */
decoded_t decode(uint32_t first, uint32_t second);

#endif
