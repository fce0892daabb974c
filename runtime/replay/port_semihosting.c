/* Cortex-M under a debugger or emulator that answers semihosting calls: start, print, end. */
#include "replay.h"

#include "edgekit.h"

#define SYS_WRITE0 0x04
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define FPU_AND_MVE (0xFu << 20) /* coprocessors 10 and 11 */

extern uint32_t replay_stack_top[], replay_data_load[], replay_data[], replay_data_end[], replay_bss[], replay_bss_end[];
int main(void);

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void replay_print(const char *text)
{
    semihosting(SYS_WRITE0, text);
}

static void end(uint32_t code)
{
    const uint32_t reason[2] = {APPLICATION_EXIT, code};
    for (;;) {
        semihosting(SYS_EXIT_EXTENDED, reason);
    }
}

void reset_handler(void);

void reset_handler(void)
{
    CPACR |= FPU_AND_MVE;
    __asm__ volatile("dsb\n isb" ::: "memory");
    memcpy(replay_data, replay_data_load, (size_t)((char *)replay_data_end - (char *)replay_data));
    memset(replay_bss, 0, (size_t)((char *)replay_bss_end - (char *)replay_bss));
    end((uint32_t)main());
}

static void fault_handler(void)
{
    replay_print("FAIL, a processor fault\n");
    end(2);
}

/* Stack, reset, then the exceptions of an Armv7-M or Armv8-M core, none of which may happen. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))replay_stack_top, reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    fault_handler, fault_handler, 0, 0, 0, fault_handler, fault_handler, 0, fault_handler, fault_handler,
};
