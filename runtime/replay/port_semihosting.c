/* A bare core under a debugger or emulator that answers semihosting calls: start, print, end. */
#include "replay.h"

#include "edgekit.h"

#define SYS_WRITE0 0x04
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026

/* Of the linker script, as CMSIS lays them out: what start-up copies and clears, in words of 32 bits. */
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
extern uint32_t replay_stack_top[];
extern unsigned char replay_stack_end[];
int main(void);
void reset_handler(void);

static uintptr_t semihosting(uintptr_t operation, const void *argument)
{
#ifdef __riscv
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* The three must stand uncompressed and in one page. */
    __asm__ volatile(".option push\n .option norvc\n .balign 16\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#else
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#endif
}

void replay_print(const char *text)
{
    (void)semihosting(SYS_WRITE0, text);
}

uintptr_t replay_stack_limit(void)
{
    return (uintptr_t)replay_stack_end;
}

__attribute__((noreturn)) static void end(uint32_t code)
{
    const uint32_t reason[2] = {APPLICATION_EXIT, code};
    for (;;) {
        (void)semihosting(SYS_EXIT_EXTENDED, reason);
    }
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

#ifdef __riscv

__attribute__((aligned(4), used)) static void fault_handler(void)
{
    replay_print("FAIL, a processor fault\n");
    end(2);
}

/* The first instruction of the memory for code, where the emulated core starts. */
__attribute__((section(".vectors"), naked, used)) void reset_handler(void)
{
    __asm__ volatile("la sp, replay_stack_top\n la t0, %0\n csrw mtvec, t0\n j %1" : : "i"(fault_handler), "i"(start));
}

#else

#if __ARM_ARCH_6M__
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define UNALIGN_TRP 8u /* an Armv6-M core has no unaligned access; one that emulates it shall have none */
#else
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define FPU_AND_MVE (0xFu << 20) /* coprocessors 10 and 11 */
#endif

void reset_handler(void)
{
#if __ARM_ARCH_6M__
    CCR |= UNALIGN_TRP;
#else
    CPACR |= FPU_AND_MVE;
#endif
    __asm__ volatile("dsb\n isb" ::: "memory");
    start();
}

static void fault_handler(void)
{
    replay_print("FAIL, a processor fault\n");
    end(2);
}

/* Stack, reset, then the exceptions of an M-profile core, none of which may happen. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))replay_stack_top, reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    fault_handler, fault_handler, 0, 0, 0, fault_handler, fault_handler, 0, fault_handler, fault_handler,
};

#endif
