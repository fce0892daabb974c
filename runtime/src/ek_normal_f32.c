#include "edgekit.h"

/* Philox4x32-10. */
static void words_of(uint32_t *c, uint32_t k0, uint32_t k1)
{
    for (int32_t round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static float normal_of(uint32_t word, const int32_t *quantiles)
{
    const uint32_t tail = (word & 0x7FFFFFFFu) | 1u;
    int32_t octave = 30;
    while ((tail >> octave) == 0) {
        octave--;
    }
    {
        const int32_t shift = octave > 5 ? octave - 5 : 0, lift = octave < 5 ? 5 - octave : 0;
        const int32_t knot = octave * 32 + (int32_t)((tail << lift) >> shift) - 32;
        const int64_t rest = (int64_t)(tail & ((1u << shift) - 1u));
        const int64_t fall = ((int64_t)quantiles[knot] - quantiles[knot + 1]) * rest >> shift;
        const float value = (float)(quantiles[knot] - (int32_t)fall) * 9.5367431640625e-7f; /* 2^-20 */
        return (word >> 31) != 0 ? -value : value;
    }
}

void ek_normal_f32(int64_t seed, int32_t draw, int32_t block, const int32_t *quantiles, float *z)
{
    const uint64_t key = (uint64_t)seed;
    uint32_t words[4];
    words[0] = (uint32_t)block;
    words[1] = (uint32_t)draw;
    words[2] = 0;
    words[3] = 0;
    words_of(words, (uint32_t)key, (uint32_t)(key >> 32));
    for (int32_t i = 0; i < 4; i++) {
        z[i] = normal_of(words[i], quantiles);
    }
}
