#include "ek_quotients.h"

static inline __attribute__((always_inline)) void ek_quantize_row(const float *x, float scale, int by_product,
                                                                  int32_t zero, int16_t *y, int32_t n)
{
    const ek_i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), zeros = ek_i_all(zero);
    int32_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const ek_i a = ek_i_add(ek_quotients(_mm512_loadu_ps(x + i), scale, by_product), zeros);
        const ek_i b = ek_i_add(ek_quotients(_mm512_loadu_ps(x + i + 16), scale, by_product), zeros);
        _mm512_storeu_si512(y + i, _mm512_permutexvar_epi64(order, _mm512_packs_epi32(a, b)));
    }
    for (; i < n; i += 16) {
        const __m512 few = _mm512_maskz_loadu_ps(ek_lanes(n - i), x + i);
        const ek_i q = ek_i_add(ek_quotients(few, scale, by_product), zeros);
        ek_i_store_s16(y + i, ek_i_clamp(q, ek_i_all(-32768), ek_i_all(32767)), n - i);
    }
}

void ek_quantize_s16(const float *x, float scale, int32_t zero, int16_t *y, int32_t n)
{
    if (ek_by_product(scale)) {
        ek_quantize_row(x, scale, 1, zero, y, n);
    } else {
        ek_quantize_row(x, scale, 0, zero, y, n);
    }
}
