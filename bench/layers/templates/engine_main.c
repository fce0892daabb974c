/* Runs an engine on given inputs, and prints its outputs as hexadecimal. The counter counts from replay_begin to
 * replay_end. */
#include "replay.h"

#include <string.h>

#include "engine.h"

__asm__(".pushsection .rodata.golden_inputs, \"a\"\n.balign 16\n"
        "golden_inputs:\n.incbin \"golden_inputs.bin\"\n.popsection");
extern const unsigned char golden_inputs[];

__attribute__((noinline)) void replay_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void replay_end(void)
{
    __asm__ volatile("" ::: "memory");
}

void engine_layer(void)
{
    replay_end();
    replay_begin();
}

static void print_bytes(const char *name, const void *data, size_t size)
{
    const unsigned char *const bytes = data;
    replay_print(name);
    for (size_t i = 0; i < size; i++) {
        const char text[3] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15], 0};
        replay_print(text);
    }
    replay_print("\n");
}

int main(void)
{
    const unsigned char *next = golden_inputs;
    if (engine_open() != 0) {
        replay_print("the network does not open\n");
        return 1;
    }
    for (int call = 0; call < ENGINE_CALLS; call++) {
        for (int i = 0; i < ENGINE_INPUTS; i++) {
            memcpy(engine_input(i), next, engine_input_bytes[i]);
            next += engine_input_bytes[i];
        }
        replay_begin();
        const int status = engine_call();
        replay_end();
        if (status != 0) {
            replay_print("a call failed\n");
            return 1;
        }
        for (int i = 0; i < ENGINE_OUTPUTS; i++) {
            print_bytes("output ", engine_output(i), engine_output_bytes[i]);
        }
    }
    const uint32_t spare = (uint32_t)engine_spare_bytes();
    print_bytes("spare ", &spare, sizeof spare);
    return 0;
}
