/* Words from a counter, and numbers from words: see edgekit.base.random_normals. */
#ifndef EK_RANDOM_H
#define EK_RANDOM_H

#include "edgekit.h"

/* Philox4x32-10: the words of counter c in its place. */
static inline void ek_words_of(uint32_t *c, uint32_t k0, uint32_t k1)
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

static inline float ek_normal_of(uint32_t word, const int32_t *quantiles)
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

/* Where a noise is: of four floats, each 16 bits of a number, the lowest first. */
static inline uint64_t ek_noise_number(const float *parts)
{
    uint64_t number = 0;
    for (int32_t i = 3; i >= 0; i--) {
        const float part = parts[i] >= 0.0f && parts[i] < 65536.0f ? parts[i] : 0.0f; /* a damaged state holds any */
        number = number << 16 | (uint64_t)(uint32_t)part;
    }
    return number;
}

/* Word number `place` of a noise; `words` are those of its block, made where it is the first that is asked for. */
static inline uint32_t ek_noise_word(uint64_t seed, uint64_t place, int32_t port, uint32_t *words, int32_t is_first)
{
    if (is_first || place % 4 == 0) {
        words[0] = (uint32_t)(place >> 2);
        words[1] = (uint32_t)(place >> 34);
        words[2] = (uint32_t)port;
        words[3] = 0;
        ek_words_of(words, (uint32_t)seed, (uint32_t)(seed >> 32));
    }
    return words[place % 4];
}

/* Put the place behind `count` numbers into the state. */
static inline void ek_noise_advance(float *state, uint64_t place)
{
    for (int32_t i = 0; i < 4; i++) {
        state[4 + i] = (float)(uint32_t)(place >> 16 * i & 0xFFFFu);
    }
}

#endif
