/* Addresses that the linker script defines. */
#ifndef MEMORY_MAP_H
#define MEMORY_MAP_H

#include <stdint.h>

extern uint8_t link_flash_start[];
extern uint8_t link_flash_end[];
extern uint8_t link_ram_start[];
extern uint8_t link_ram_end[];
extern uint32_t link_stack_limit[]; /* lowest address of the stack */
extern uint32_t link_stack_top[];
extern const uint32_t link_data_load[]; /* initial values of .data, in flash */
extern uint32_t link_data_start[];
extern uint32_t link_data_end[];
extern uint32_t link_bss_start[];
extern uint32_t link_bss_end[];
extern uint8_t link_arena_low[]; /* first canary */
extern uint8_t link_arena[];
extern uint8_t link_arena_high[]; /* end of the last canary */

#endif
