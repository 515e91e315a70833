/* A plugin for QEMU's code generator: logs how many instructions were executed before each pass
   through one of a few addresses.

   Arguments: out=FILE and any number of mark=ADDRESS (as strtoull reads it). FILE becomes a
   sequence of pairs of uint64 in host byte order: the index of the mark, and the number of
   instructions executed before the marked one. Instructions that an IT block skips count.

   A counter is raised by the length of a translation block when the block is entered. A marked
   instruction inside the block subtracts what has not been executed yet, which was known when
   the block was translated; so every logged count is exact. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_api.h"

#define MAX_MARKS 64u

/* A marked instruction in one translated block. Blocks are translated again after a flush, so
   these are kept until the end. */
typedef struct {
    uint64_t mark;
    uint64_t not_yet_executed;
} marked_t;

static uint64_t marks[MAX_MARKS];
static size_t mark_count;
static uint64_t executed;
static FILE *log_file;

static void enter_block(unsigned int cpu, void *data)
{
    (void)cpu;
    executed += (uint64_t)(uintptr_t)data;
}

static void pass_mark(unsigned int cpu, void *data)
{
    const marked_t *const marked = data;
    const uint64_t entry[2] = {marked->mark, executed - marked->not_yet_executed};
    (void)cpu;
    if (fwrite(entry, sizeof entry, 1u, log_file) != 1u) {
        abort();
    }
}

static void watch(instruction_t *instruction, size_t mark, size_t not_yet_executed)
{
    marked_t *const marked = malloc(sizeof *marked);
    if (marked == NULL) {
        abort();
    }
    marked->mark = mark;
    marked->not_yet_executed = not_yet_executed;
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, pass_mark, CALLBACK_NEEDS_NO_REGISTERS,
                                           marked);
}

static void translate(uint64_t id, block_t *block)
{
    const size_t length = qemu_plugin_tb_n_insns(block);
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, enter_block, CALLBACK_NEEDS_NO_REGISTERS,
                                         (void *)(uintptr_t)length);
    for (size_t i = 0u; i < length; i++) {
        instruction_t *const instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        for (size_t k = 0u; k < mark_count; k++) {
            if (address == marks[k]) {
                watch(instruction, k, length - i);
            }
        }
    }
}

static void finish(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    (void)fclose(log_file);
}

static int parse(const char *argument)
{
    if (strncmp(argument, "out=", 4u) == 0 && log_file == NULL) {
        log_file = fopen(argument + 4, "wb");
        return log_file == NULL;
    }
    if (strncmp(argument, "mark=", 5u) == 0 && mark_count < MAX_MARKS) {
        marks[mark_count] = strtoull(argument + 5, NULL, 0);
        mark_count++;
        return 0;
    }
    return 1;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (parse(argv[i]) != 0) {
            (void)fprintf(stderr, "count_insn: cannot use the argument %s\n", argv[i]);
            return 1;
        }
    }
    if (log_file == NULL) {
        (void)fprintf(stderr, "count_insn: the argument out=FILE is missing\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
