/* What is used of QEMU's interface for plugins, version 1: QEMU 7.2 comes without a header. */
#ifndef PLUGIN_API_H
#define PLUGIN_API_H

#include <inttypes.h>
#include <stddef.h>

#ifndef QEMU_PLUGIN_INTERFACE
#define QEMU_PLUGIN_INTERFACE 1
#endif
#define EXPORT __attribute__((visibility("default")))

typedef struct qemu_plugin_tb block_t;
typedef struct qemu_plugin_insn instruction_t;
enum qemu_plugin_cb_flags { CALLBACK_NEEDS_NO_REGISTERS = 0 };
typedef void (*translate_callback_t)(uint64_t id, block_t *block);
typedef void (*execute_callback_t)(unsigned int cpu, void *data);
typedef void (*exit_callback_t)(uint64_t id, void *data);

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translate_callback_t callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(block_t *block, execute_callback_t callback,
                                                 enum qemu_plugin_cb_flags flags, void *data);
extern void qemu_plugin_register_vcpu_insn_exec_cb(instruction_t *instruction,
                                                   execute_callback_t callback,
                                                   enum qemu_plugin_cb_flags flags, void *data);
extern void qemu_plugin_register_atexit_cb(uint64_t id, exit_callback_t callback, void *data);
extern size_t qemu_plugin_tb_n_insns(const block_t *block);
extern instruction_t *qemu_plugin_tb_get_insn(const block_t *block, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const instruction_t *instruction);
extern const void *qemu_plugin_insn_data(const instruction_t *instruction);

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_version = QEMU_PLUGIN_INTERFACE;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#endif
