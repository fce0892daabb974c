#include "ek_random.h"

/* The next numbers of a noise: uniform from -1 up, below 1, z[count]. state[8] and port as for ek_normal_noise_f32. */
void ek_uniform_noise_f32(float *state, float *z, int32_t port, int32_t count)
{
    const uint64_t seed = ek_noise_number(state), first = ek_noise_number(state + 4);
    uint32_t words[4];
    for (int32_t i = 0; i < count; i++) {
        const uint32_t word = ek_noise_word(seed, first + (uint64_t)i, port, words, i == 0);
        z[i] = (float)((int32_t)(word >> 8) - 8388608) * 1.1920928955078125e-7f; /* 2^-23 */
    }
    ek_noise_advance(state, first + (uint64_t)count);
}
