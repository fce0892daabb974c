/* Pictures through the engine on ek_soc.sv: driver, CPU parts and all, as a board without an operating system runs them. */
#include "ek_bare.h"
#include "ek_network.h"

#define REGISTERS ((volatile uint32_t *)0x40000000u)
#define HOST ((volatile uint32_t *)0x80000000u)
#define MEMORY 0x00100000u  /* the engine's block */
#define RESULTS 0x00200000u /* floats of one output behind another */

extern const uint32_t program[], program_end[];
extern const float pictures[], pictures_end[];

int main(void)
{
    static unsigned char work[EK_WORK_BYTES] __attribute__((aligned(16)));
    static const uint32_t sizes[EK_OUTPUTS] = {OUTPUT_FLOATS};
    const ek_platform platform = ek_bare(REGISTERS);
    float *result = (float *)RESULTS;
    ek_engine engine;
    int error = ek_open(&engine, &platform, (void *)MEMORY, MEMORY, program, (uint32_t)(program_end - program));
    for (const float *x = pictures; error == EK_OK && x != pictures_end; x += INPUT_FLOATS) {
        float *outputs[EK_OUTPUTS];
        for (int i = 0; i < EK_OUTPUTS; i++) {
            outputs[i] = result;
            result += sizes[i];
        }
        error = ek_picture(&engine, work, x, outputs);
    }
    HOST[1] = RESULTS;
    HOST[2] = (uint32_t)((char *)result - (char *)RESULTS);
    return error;
}
