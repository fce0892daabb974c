#include "ek_quotients.h"

static inline __attribute__((always_inline)) void ek_quantize_row(const float *x, float scale, int by_product,
                                                                  int32_t zero, int8_t *y, int32_t n)
{
    const ek_i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const ek_i zeros = _mm512_set1_epi16((int16_t)zero);
    int32_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const ek_i a = ek_quotients(_mm512_loadu_ps(x + i), scale, by_product);
        const ek_i b = ek_quotients(_mm512_loadu_ps(x + i + 16), scale, by_product);
        const ek_i c = ek_quotients(_mm512_loadu_ps(x + i + 32), scale, by_product);
        const ek_i d = ek_quotients(_mm512_loadu_ps(x + i + 48), scale, by_product);
        const ek_i low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zeros);
        const ek_i high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zeros);
        _mm512_storeu_si512(y + i, _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high)));
    }
    for (; i < n; i += 16) {
        const __m512 few = _mm512_maskz_loadu_ps(ek_lanes(n - i), x + i);
        const ek_i q = ek_i_add(ek_quotients(few, scale, by_product), ek_i_all(zero));
        ek_i_store_s8(y + i, ek_i_clamp(q, ek_i_all(-128), ek_i_all(127)), n - i);
    }
}

void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    if (ek_by_product(scale)) {
        ek_quantize_row(x, scale, 1, zero, y, n);
    } else {
        ek_quantize_row(x, scale, 0, zero, y, n);
    }
}
