/* The integer sum of two operands over ek_lanes.h, EK_NAME, EK_X and EK_Y. */
#include "ek_scale.h"
#ifdef EK_BYTES_WIDTH
#include "ek_word_factors.h"

/* Whether int8 operands have factors for pairs of int16; then y is done. Both gain 128. */
static inline int ek_add_pairs(const int8_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int8_t *b,
                               int32_t b_step, int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero,
                               int32_t y_min, int32_t y_max, int8_t *y, int32_t n)
{
    const ek_word_factors f = ek_word_factors_of(m1, a_zero + 128, m2, b_zero + 128, shift);
    const ek_bytes all_a = ek_bytes_all(*a), all_b = ek_bytes_all(*b);
    for (int32_t i = 0; i < n && f.fits; i += EK_BYTES_WIDTH) {
        const ek_bytes va = a_step ? ek_bytes_load(a + i, n - i) : all_a;
        const ek_bytes vb = b_step ? ek_bytes_load(b + i, n - i) : all_b;
        ek_i sums[4];
        ek_bytes_pairs(va, vb, sums);
        for (int32_t v = 0; v < 4; v++) {
            sums[v] = ek_scaled_words(&f, sums[v]);
        }
        ek_bytes_store(y + i, sums, y_zero, y_min, y_max, n - i);
    }
    return f.fits;
}
#endif

void EK_NAME(const EK_X *a, int32_t a_step, int32_t a_zero, int32_t m1, const EK_X *b, int32_t b_step,
             int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
             int32_t n)
{
#ifdef EK_BYTES_WIDTH
    if (sizeof(EK_X) == 1
        && ek_add_pairs((const int8_t *)(const void *)a, a_step, a_zero, m1, (const int8_t *)(const void *)b, b_step,
                        b_zero, m2, shift, y_zero, y_min, y_max, (int8_t *)(void *)y, n)) {
        return;
    }
#endif
    const ek_scaling s = ek_scaling_of(shift, EK_ROOM, ek_larger(m1, m2), y_zero, y_min, y_max);
    const ek_i za = ek_i_all(a_zero), zb = ek_i_all(b_zero), ma = ek_lifted(m1, &s), mb = ek_lifted(m2, &s);
    ek_i va = ek_i_all(*a), vb = ek_i_all(*b);
    if (!s.fits) {
        for (int32_t i = 0; i < n; i++) {
            const int64_t da = a[i * a_step] - a_zero, db = b[i * b_step] - b_zero;
            const int64_t sum = da * m1 + db * m2 + ((int64_t)1 << (shift - 1));
            y[i] = (EK_Y)ek_clamp64((sum >> shift) + y_zero, y_min, y_max);
        }
        return;
    }
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        va = a_step ? EK_LOAD(a + i, n - i) : va;
        vb = b_step ? EK_LOAD(b + i, n - i) : vb;
        const ek_i da = ek_i_shl(ek_i_sub(va, za), ek_i_all(s.up)), db = ek_i_shl(ek_i_sub(vb, zb), ek_i_all(s.up));
        ek_scaled_store(ek_i_high_of_two(da, ma, db, mb), &s, y + i, n - i);
    }
}
