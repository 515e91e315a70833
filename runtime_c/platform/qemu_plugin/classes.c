/* Encodings: Armv7-M Architecture Reference Manual, chapters A5 and A6. */
#include "classes.h"

static uint32_t bits(uint32_t value, uint32_t high, uint32_t low)
{
    return (value >> low) & ((2u << (high - low)) - 1u);
}

static decoded_t single(class_t class)
{
    const decoded_t decoded = {class, 0u};
    return decoded;
}

static decoded_t multiple(uint32_t registers)
{
    const decoded_t decoded = {CLASS_MULTIPLE, registers};
    return decoded;
}

static decoded_t access_of(int is_load)
{
    return single(is_load ? CLASS_LOAD : CLASS_STORE);
}

int is_wide(uint32_t first)
{
    return bits(first, 15u, 11u) >= 0x1Du;
}

static decoded_t decode_miscellaneous(uint32_t first)
{
    const uint32_t group = bits(first, 11u, 8u);
    if ((group & 5u) == 1u) { /* CBZ, CBNZ */
        return single(CLASS_BRANCH);
    }
    if ((group & 6u) == 4u) { /* PUSH, POP: the list and LR or PC */
        return multiple((uint32_t)__builtin_popcount(bits(first, 8u, 0u)));
    }
    return single(group == 6u || group == 14u ? CLASS_OTHER : CLASS_ALU);
}

static decoded_t decode_narrow(uint32_t first)
{
    const uint32_t top = bits(first, 15u, 11u);
    if (top < 8u) {
        return single(CLASS_ALU);
    }
    if (top == 8u) { /* data processing; branches by register */
        if (bits(first, 10u, 8u) == 7u) {
            return single(CLASS_BRANCH);
        }
        return single(bits(first, 10u, 6u) == 13u ? CLASS_MULTIPLY : CLASS_ALU);
    }
    if (top == 9u) {
        return single(CLASS_LOAD);
    }
    if (top <= 11u) { /* by register: STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH */
        return access_of(bits(first, 11u, 9u) >= 3u);
    }
    if (top <= 19u) {
        return access_of((top & 1u) != 0u);
    }
    if (top == 22u || top == 23u) {
        return decode_miscellaneous(first);
    }
    if (top == 24u || top == 25u) {
        return multiple((uint32_t)__builtin_popcount(bits(first, 7u, 0u)));
    }
    if (top >= 26u) {
        return single(bits(first, 15u, 9u) == 0x6Fu ? CLASS_OTHER : CLASS_BRANCH); /* UDF, SVC */
    }
    return single(CLASS_ALU);
}

static decoded_t decode_coprocessor(uint32_t first, uint32_t second)
{
    const uint32_t number = bits(second, 11u, 8u);
    const uint32_t op = bits(first, 9u, 4u);
    if (bits(first, 12u, 12u) != 0u || number < 10u || number > 11u) {
        return single(CLASS_OTHER);
    }
    if ((op & 0x20u) == 0u) {
        const uint32_t words = bits(second, 7u, 0u);
        if ((op & 0x1Eu) == 4u) { /* VMOV between two pairs of registers */
            return single(CLASS_FLOAT);
        }
        if ((op & 0x12u) != 0x10u) { /* VLDM, VSTM, VPUSH, VPOP */
            return multiple(words);
        }
        return number == 11u ? multiple(2u) : access_of((op & 1u) != 0u);
    }
    if (bits(first, 9u, 8u) == 2u && bits(second, 4u, 4u) == 0u) {
        const uint32_t op1 = bits(first, 7u, 4u) & 0xBu;
        if (op1 == 0u || op1 == 1u || op1 == 9u || op1 == 10u) {
            return single(CLASS_FLOAT_MAC);
        }
        if (op1 == 8u ||
            (op1 == 11u && bits(first, 3u, 0u) == 1u && bits(second, 7u, 6u) == 3u)) {
            return single(CLASS_FLOAT_DIVIDE);
        }
    }
    return single(CLASS_FLOAT);
}

static decoded_t decode_load_or_store(uint32_t first, uint32_t second)
{
    const uint32_t op = bits(first, 8u, 4u);
    if (bits(first, 10u, 9u) == 0u) {
        if ((op & 4u) == 0u) { /* LDM, STM */
            return multiple((uint32_t)__builtin_popcount(bits(second, 15u, 0u)));
        }
        if ((op & 0x1Eu) == 0xCu && bits(second, 7u, 5u) == 0u) { /* TBB, TBH */
            return single((op & 1u) != 0u ? CLASS_BRANCH : CLASS_OTHER);
        }
        if ((op & 0x12u) == 0u || (op & 0x1Eu) == 0xCu) { /* exclusive accesses */
            return single(CLASS_OTHER);
        }
        return multiple(2u); /* LDRD, STRD */
    }
    return access_of((op & 1u) != 0u);
}

static decoded_t decode_wide(uint32_t first, uint32_t second)
{
    const uint32_t op1 = bits(first, 12u, 11u);
    const uint32_t op2 = bits(first, 10u, 4u);
    if ((op2 & 0x40u) != 0u && op1 != 2u) {
        return decode_coprocessor(first, second);
    }
    if (op1 == 1u) { /* shifted registers otherwise */
        return (op2 & 0x60u) == 0u ? decode_load_or_store(first, second) : single(CLASS_ALU);
    }
    if (op1 == 2u) {
        if ((second & 0x8000u) == 0u) {
            return single(CLASS_ALU);
        }
        if ((second & 0x5000u) == 0u && (op2 & 0x38u) == 0x38u) { /* MSR, MRS, barriers, hints */
            return single(CLASS_OTHER);
        }
        return single(CLASS_BRANCH);
    }
    if ((op2 & 0x60u) == 0u) {
        return access_of((op2 & 1u) != 0u);
    }
    if ((op2 & 0x78u) == 0x30u) {
        return single(CLASS_MULTIPLY);
    }
    if ((op2 & 0x78u) == 0x38u) {
        const int divides = bits(second, 7u, 4u) == 15u;
        return single(divides ? CLASS_DIVIDE : CLASS_LONG_MULTIPLY);
    }
    return single(CLASS_ALU);
}

decoded_t decode(uint32_t first, uint32_t second)
{
    return is_wide(first) ? decode_wide(first, second) : decode_narrow(first);
}
