#include "ek_random.h"

void ek_normal_f32(int64_t seed, int32_t draw, int32_t block, const int32_t *quantiles, float *z)
{
    const uint64_t key = (uint64_t)seed;
    uint32_t words[4];
    words[0] = (uint32_t)block;
    words[1] = (uint32_t)draw;
    words[2] = 0;
    words[3] = 0;
    ek_words_of(words, (uint32_t)key, (uint32_t)(key >> 32));
    for (int32_t i = 0; i < 4; i++) {
        z[i] = ek_normal_of(words[i], quantiles);
    }
}
