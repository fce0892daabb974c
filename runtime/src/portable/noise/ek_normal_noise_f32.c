#include "ek_random.h"

/* The next numbers of a noise: normal, z[count]. state[8] holds its seed and the number of the first of them, each as four
 * floats of 16 bits, the lowest first; the number moves on by count. `port` tells several noises of one seed apart.
 * quantiles[993] of edgekit.base.random_normals. */
void ek_normal_noise_f32(float *state, const int32_t *quantiles, float *z, int32_t port, int32_t count)
{
    const uint64_t seed = ek_noise_number(state), first = ek_noise_number(state + 4);
    uint32_t words[4];
    for (int32_t i = 0; i < count; i++) {
        const uint32_t word = ek_noise_word(seed, first + (uint64_t)i, port, words, i == 0);
        z[i] = ek_normal_of(word, quantiles);
    }
    ek_noise_advance(state, first + (uint64_t)count);
}
