/* A plugin for QEMU's code generator: counts executed instructions by class, and by the part of the
   program that they were executed for.

   Arguments: out=FILE, parts=FILE, owners=N, kernels=M, begin=ADDRESS (any number of them), and
   end=ADDRESS. The parts are records of uint32: start, end, owner, kernel, by address. Owners and
   kernels are numbers; 0xFFFFFFFF leaves the current one as it is. An instruction in a part with an
   owner is executed for it and its kernel, one in a part with a kernel alone for the kernel and the
   current owner, any other for what was current: code that is called works for its caller.

   From passing a begin to passing the end counts are collected. Then a table of uint64 is appended
   to the output: for each owner and kernel the counts of each class, of registers that
   CLASS_MULTIPLE moved, and of branches taken. Instructions that an IT block skips count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classes.h"
#include "plugin_api.h"

#define KEEP 0xFFFFFFFFu
#define MAX_BEGINS 4u
#define REGISTERS ((size_t)CLASS_COUNT)
#define TAKEN (REGISTERS + 1u)
#define COLUMNS (TAKEN + 1u)

typedef struct {
    uint32_t start;
    uint32_t end;
    uint32_t owner;
    uint32_t kernel;
} part_t;

/* Instructions of one block that follow each other in one part. */
typedef struct {
    uint32_t start;
    uint32_t end;
    uint32_t owner;
    uint32_t kernel;
    int begins;
    int ends;
    uint32_t counts[COLUMNS];
} piece_t;

static const part_t nowhere = {0u, 0u, KEEP, KEEP};
static part_t *parts;
static size_t part_count;
static uint32_t begins[MAX_BEGINS];
static size_t begin_count;
static uint32_t end_address;
static uint32_t owners;
static uint32_t kernels;
static uint32_t owner;
static uint32_t kernel;
static uint32_t expected;
static uint64_t *counts;
static int counting;
static FILE *output;

static void *allocate(size_t bytes)
{
    void *const memory = calloc(1u, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static size_t table_size(void)
{
    return (size_t)owners * kernels * COLUMNS;
}

static void start(void)
{
    memset(counts, 0, table_size() * sizeof *counts);
    owner = 0u;
    kernel = 0u;
    counting = 1;
}

static void stop(void)
{
    if (counting && fwrite(counts, sizeof *counts, table_size(), output) != table_size()) {
        abort();
    }
    counting = 0;
}

static void enter_piece(unsigned int cpu, void *data)
{
    const piece_t *const piece = data;
    uint64_t *cell;
    (void)cpu;
    if (counting && piece->start != expected) {
        counts[((size_t)owner * kernels + kernel) * COLUMNS + TAKEN]++;
    }
    if (piece->ends) {
        stop();
    } else if (piece->begins && !counting) {
        start();
    }
    expected = piece->end;
    if (!counting) {
        return;
    }
    owner = piece->owner == KEEP ? owner : piece->owner;
    kernel = piece->kernel == KEEP ? kernel : piece->kernel;
    cell = &counts[((size_t)owner * kernels + kernel) * COLUMNS];
    for (size_t i = 0u; i < COLUMNS; i++) {
        cell[i] += piece->counts[i];
    }
}

static const part_t *find_part(uint32_t address)
{
    size_t low = 0u;
    size_t high = part_count;
    while (low < high) {
        const size_t middle = (low + high) / 2u;
        if (address >= parts[middle].end) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low < part_count && address >= parts[low].start ? &parts[low] : &nowhere;
}

static int is_begin(uint32_t address)
{
    for (size_t i = 0u; i < begin_count; i++) {
        if (begins[i] == address) {
            return 1;
        }
    }
    return 0;
}

static piece_t *new_piece(instruction_t *instruction, uint32_t address, const part_t *part)
{
    piece_t *const piece = allocate(sizeof *piece);
    piece->start = address;
    piece->owner = part->owner;
    piece->kernel = part->kernel;
    piece->begins = is_begin(address);
    piece->ends = address == end_address;
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, enter_piece, CALLBACK_NEEDS_NO_REGISTERS,
                                           piece);
    return piece;
}

static uint32_t halfword(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8);
}

/* The size comes from the first halfword: QEMU 7.2 tells a wrong one at the end of some pages. */
static class_t count(piece_t *piece, const instruction_t *instruction, class_t before)
{
    const uint8_t *const bytes = qemu_plugin_insn_data(instruction);
    const uint32_t first = halfword(bytes);
    const int wide = is_wide(first);
    decoded_t decoded = decode(first, wide ? halfword(&bytes[2]) : 0u);
    if (decoded.class == CLASS_LOAD &&
        (before == CLASS_LOAD || before == CLASS_PAIRED_LOAD || before == CLASS_STORE)) {
        decoded.class = CLASS_PAIRED_LOAD;
    }
    piece->counts[decoded.class]++;
    piece->counts[REGISTERS] += decoded.registers;
    piece->end = (uint32_t)qemu_plugin_insn_vaddr(instruction) + (wide ? 4u : 2u);
    return decoded.class;
}

static void translate(uint64_t id, block_t *block)
{
    const size_t length = qemu_plugin_tb_n_insns(block);
    const part_t *current = NULL;
    piece_t *piece = NULL;
    class_t before = CLASS_OTHER;
    (void)id;
    for (size_t i = 0u; i < length; i++) {
        instruction_t *const instruction = qemu_plugin_tb_get_insn(block, i);
        const uint32_t address = (uint32_t)qemu_plugin_insn_vaddr(instruction);
        const part_t *const part = find_part(address);
        if (piece == NULL || part != current || is_begin(address) || address == end_address) {
            piece = new_piece(instruction, address, part);
            current = part;
        }
        before = count(piece, instruction, before);
    }
}

static void finish(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    (void)fclose(output);
}

static int read_parts(const char *path)
{
    FILE *const file = fopen(path, "rb");
    long bytes;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0) {
        return 1;
    }
    rewind(file);
    part_count = (size_t)bytes / sizeof *parts;
    parts = allocate((size_t)bytes + 1u);
    if (fread(parts, sizeof *parts, part_count, file) != part_count) {
        return 1;
    }
    return fclose(file);
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoull(text, NULL, 0);
}

static int parse(const char *argument)
{
    if (strncmp(argument, "out=", 4u) == 0 && output == NULL) {
        output = fopen(argument + 4, "wb");
        return output == NULL;
    }
    if (strncmp(argument, "parts=", 6u) == 0 && parts == NULL) {
        return read_parts(argument + 6);
    }
    if (strncmp(argument, "begin=", 6u) == 0 && begin_count < MAX_BEGINS) {
        begins[begin_count++] = number(argument + 6);
    } else if (strncmp(argument, "end=", 4u) == 0) {
        end_address = number(argument + 4);
    } else if (strncmp(argument, "owners=", 7u) == 0) {
        owners = number(argument + 7);
    } else if (strncmp(argument, "kernels=", 8u) == 0) {
        kernels = number(argument + 8);
    } else {
        return 1;
    }
    return 0;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (parse(argv[i]) != 0) {
            (void)fprintf(stderr, "profile_insn: cannot use the argument %s\n", argv[i]);
            return 1;
        }
    }
    if (output == NULL || parts == NULL || owners == 0u || kernels == 0u || begin_count == 0u) {
        (void)fprintf(stderr, "profile_insn: an argument is missing\n");
        return 1;
    }
    counts = allocate(table_size() * sizeof *counts);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
