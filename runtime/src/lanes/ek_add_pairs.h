/* The sum of two int8 operands, over what ek_lanes.h has of pairs of int16. A factor is a high and a low int16,
 * m = high * 2^16 + low, so that the pairs' products with both fit 32 bits. Since 2^16 divides 2^(shift-1),
 * (p + 2^(shift-1)) >> shift is (sum of high products + 2^(shift-17) + (sum of low products >> 16)) >> (shift - 16). */
#include "ek_lanes.h"

/* What a call has in common: the pair of factors' halves, and what sums begin with. Operands gain 128. */
typedef struct {
    ek_i high, low, high_start, low_start, shift;
    int32_t fits;
} ek_add_factors;

static inline ek_add_factors ek_add_factors_of(int32_t m1, int32_t a_zero, int32_t m2, int32_t b_zero, int32_t shift)
{
    const int32_t h1 = (int32_t)(((int64_t)m1 + 32768) >> 16), h2 = (int32_t)(((int64_t)m2 + 32768) >> 16);
    const int32_t l1 = (int32_t)(m1 - h1 * (int64_t)65536), l2 = (int32_t)(m2 - h2 * (int64_t)65536);
    const int fits = h1 >= -32768 && h1 < 32768 && h2 >= -32768 && h2 < 32768 && shift >= 17 && shift <= 46;
    const int32_t half = fits ? (int32_t)1 << (shift - 17) : 0, a = a_zero + 128, b = b_zero + 128;
    const ek_add_factors f = {
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
static inline ek_i ek_add_pair(const ek_add_factors *f, ek_i pairs)
{
    const ek_i high = ek_i_dot_words(f->high_start, pairs, f->high), low = ek_i_dot_words(f->low_start, pairs, f->low);
    return ek_i_shr(ek_i_add(high, ek_i_shr(low, ek_i_all(16))), f->shift);
}

/* Whether the factors are such as this takes; then y is done. */
static inline int ek_add_pairs(const int8_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int8_t *b,
                               int32_t b_step, int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero,
                               int32_t y_min, int32_t y_max, int8_t *y, int32_t n)
{
    const ek_add_factors f = ek_add_factors_of(m1, a_zero, m2, b_zero, shift);
    const ek_bytes all_a = ek_bytes_all(*a), all_b = ek_bytes_all(*b);
    for (int32_t i = 0; i < n && f.fits; i += EK_BYTES_WIDTH) {
        const ek_bytes va = a_step ? ek_bytes_load(a + i, n - i) : all_a;
        const ek_bytes vb = b_step ? ek_bytes_load(b + i, n - i) : all_b;
        ek_i sums[4];
        ek_bytes_pairs(va, vb, sums);
        for (int32_t v = 0; v < 4; v++) {
            sums[v] = ek_add_pair(&f, sums[v]);
        }
        ek_bytes_store(y + i, sums, y_zero, y_min, y_max, n - i);
    }
    return f.fits;
}
