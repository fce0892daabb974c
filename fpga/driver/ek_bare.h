/* An engine on a machine without an operating system: its registers are at an address, its memory is not cached, or coherent.
 * Where the CPU's cache holds it, set `to_engine` and `from_engine` to functions that write it back and forget it. */
#ifndef EK_BARE_H
#define EK_BARE_H

#include "ek_driver.h"

static uint32_t ek_bare_read(void *registers, uint32_t address)
{
    return ((volatile uint32_t *)registers)[address / 4];
}

static void ek_bare_write(void *registers, uint32_t address, uint32_t value)
{
#if defined(__GNUC__)
    __sync_synchronize(); /* what was written to memory before is there before the register is */
#endif
    ((volatile uint32_t *)registers)[address / 4] = value;
}

static inline ek_platform ek_bare(volatile uint32_t *registers)
{
    const ek_platform platform = {(void *)(uintptr_t)registers, ek_bare_read, ek_bare_write, NULL, NULL, NULL};
    return platform;
}

#endif
