/* Sums of two int16 by their factors, over what ek_lanes.h has of pairs. A factor is a high and a low int16,
 * m = high * 2^16 + low, so that the pairs' products with both fit 32 bits. Since 2^16 divides 2^(shift-1),
 * (p + 2^(shift-1)) >> shift is (high products + 2^(shift-17) + (low products >> 16)) >> (shift - 16). */
#ifndef EK_WORD_FACTORS_GUARD
#define EK_WORD_FACTORS_GUARD

#include "ek_lanes.h"

/* What a call has in common: the pair of factors' halves, and what sums begin with. */
typedef struct {
    ek_i high, low, high_start, low_start, shift;
    int32_t fits;
} ek_word_factors;

/* Of operands from which a and b, at most 2^15, are taken away. */
static inline ek_word_factors ek_word_factors_of(int32_t m1, int32_t a, int32_t m2, int32_t b, int32_t shift)
{
    const int32_t h1 = (int32_t)(((int64_t)m1 + 32768) >> 16), h2 = (int32_t)(((int64_t)m2 + 32768) >> 16);
    const int32_t l1 = (int32_t)(m1 - h1 * (int64_t)65536), l2 = (int32_t)(m2 - h2 * (int64_t)65536);
    const int fits = h1 >= -32768 && h1 < 32768 && h2 >= -32768 && h2 < 32768 && shift >= 17 && shift <= 46;
    const int32_t half = fits ? (int32_t)1 << (shift - 17) : 0;
    const ek_word_factors f = {
        ek_i_all((int32_t)((uint32_t)h1 & 65535u) | (int32_t)((uint32_t)h2 << 16)),
        ek_i_all((int32_t)((uint32_t)l1 & 65535u) | (int32_t)((uint32_t)l2 << 16)),
        ek_i_all(half - a * h1 - b * h2),
        ek_i_all(-a * l1 - b * l2),
        ek_i_all(shift - 16),
        fits,
    };
    return f;
}

/* Sums of a vector of pairs, before the zero point. */
static inline ek_i ek_scaled_words(const ek_word_factors *f, ek_i pairs)
{
    const ek_i high = ek_i_dot_words(f->high_start, pairs, f->high), low = ek_i_dot_words(f->low_start, pairs, f->low);
    return ek_i_shr(ek_i_add(high, ek_i_shr(low, ek_i_all(16))), f->shift);
}

#endif
