/* Pictures through an engine beside LiteX's core on an ULX3S: the build's driver runs them, what it finds goes to the UART. */
#include "board.h"
#include "ek_bare.h"
#include "ek_network.h"

extern const uint32_t program[], program_end[];
extern const float pictures[], expected[];

static void put(char c)
{
    while (*(volatile uint32_t *)UART_TXFULL) {
    }
    *(volatile uint32_t *)UART_RXTX = (uint32_t)(unsigned char)c;
}

static void say(const char *text)
{
    while (*text) {
        put(*text++);
    }
}

static void number(uint32_t n)
{
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count) {
        put(digits[--count]);
    }
}

static uint32_t cycles(void)
{
    uint32_t now;
    __asm__ volatile(".option push\n.option arch, +zicsr\nrdcycle %0\n.option pop" : "=r"(now));
    return now;
}

static uint32_t differing(const float *found, const float *right, uint32_t count)
{
    const uint32_t *a = (const uint32_t *)(const void *)found, *b = (const uint32_t *)(const void *)right;
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        n += a[i] != b[i];
    }
    return n;
}

static int failed(int error)
{
    say(error < EK_OTHER_ENGINE ? "FAIL: the engine's error " : "FAIL: the driver's error ");
    number((uint32_t)error);
    say(", see ek_build.h and ek_driver.h\r\n");
    return error;
}

int main(void)
{
    static unsigned char memory[EK_MEMORY_BYTES] __attribute__((aligned(64)));
    static unsigned char work[EK_WORK_BYTES] __attribute__((aligned(16)));
    static float results[OUTPUT_FLOATS];
    static const struct {
        const char *name;
        uint32_t floats;
    } outputs[EK_OUTPUTS] = {OUTPUTS};
    const ek_platform platform = ek_bare((volatile uint32_t *)REGISTERS);
    const float *right = expected;
    float *places[EK_OUTPUTS];
    uint32_t wrong = 0, at = 0;
    ek_engine engine;
    for (int i = 0; i < EK_OUTPUTS; at += outputs[i++].floats) {
        places[i] = results + at;
    }
    say("EdgeKit on an ULX3S\r\n");
    int error = ek_open(&engine, &platform, memory, (uint32_t)(uintptr_t)memory, program, (uint32_t)(program_end - program));
    if (error != EK_OK) {
        return failed(error);
    }
    for (uint32_t picture = 0; picture < PICTURES; picture++) {
        const uint32_t begin = cycles();
        error = ek_picture(&engine, work, pictures + picture * INPUT_FLOATS, places);
        const uint32_t took = cycles() - begin;
        if (error != EK_OK) {
            return failed(error);
        }
        const ek_counters counters = ek_count(&engine);
        say("picture ");
        number(picture + 1);
        say(": ");
        number(took);
        say(" cycles, the engine's last run ");
        number(counters.cycles);
        say(", of them waiting ");
        number(counters.stalls);
        say("\r\n");
        for (int i = 0; i < EK_OUTPUTS; i++) {
            const uint32_t differ = differing(places[i], right, outputs[i].floats);
            right += outputs[i].floats;
            wrong += differ;
            say("  ");
            say(outputs[i].name);
            say(": ");
            number(outputs[i].floats);
            say(" values, ");
            number(differ);
            say(" differ\r\n");
        }
    }
    say(wrong ? "FAIL\r\n" : "PASS\r\n");
    return wrong != 0;
}
