/* A simulated core without semihosting: start, print, marks, end, by stores to addresses that riscv_cycles.cpp knows. */
#include "replay.h"

#include <string.h>

#define HOST ((volatile uint32_t *)0x10000000u) /* a letter, a mark, the exit code */

typedef struct {
    const uint32_t *from;
    uint32_t *to;
    uint32_t words;
} copied;
typedef struct {
    uint32_t *to;
    uint32_t words;
} cleared;
extern const copied __copy_table_start__[], __copy_table_end__[];
extern const cleared __zero_table_start__[], __zero_table_end__[];
extern unsigned char replay_stack_end[];
int main(void);
void reset_handler(void);

void replay_print(const char *text)
{
    while (*text) {
        HOST[0] = (unsigned char)*text++;
    }
}

uintptr_t replay_stack_limit(void)
{
    return (uintptr_t)replay_stack_end;
}

__attribute__((noreturn)) static void end(uint32_t code)
{
    for (;;) {
        HOST[2] = code;
    }
}

__attribute__((noreturn, used)) static void fault(void)
{
    replay_print("FAIL, a processor fault\n");
    end(2);
}

__attribute__((noreturn, used)) static void start(void)
{
    for (const copied *row = __copy_table_start__; row < __copy_table_end__; row++) {
        memcpy(row->to, row->from, row->words * sizeof *row->to);
    }
    for (const cleared *row = __zero_table_start__; row < __zero_table_end__; row++) {
        memset(row->to, 0, row->words * sizeof *row->to);
    }
    end((uint32_t)main());
}

/* Exceptions are vectored to the first word; both cores begin 128 bytes after it. */
__attribute__((section(".vectors"), naked, used)) void reset_handler(void)
{
    __asm__ volatile(".balign 256\n .option push\n .option norvc\n j %0\n .option pop\n .balign 128\n"
                     "la sp, replay_stack_top\n j %1"
                     :
                     : "i"(fault), "i"(start));
}
