#include "ek_quotients.h"

static inline __attribute__((always_inline)) void ek_quantize_row(const float *x, float scale, int by_product,
                                                                  int32_t zero, int8_t *y, int32_t n)
{
    const ek_i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), zeros = _mm256_set1_epi16((int16_t)zero);
    int32_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const ek_i a = ek_quotients(_mm256_loadu_ps(x + i), scale, by_product);
        const ek_i b = ek_quotients(_mm256_loadu_ps(x + i + 8), scale, by_product);
        const ek_i c = ek_quotients(_mm256_loadu_ps(x + i + 16), scale, by_product);
        const ek_i d = ek_quotients(_mm256_loadu_ps(x + i + 24), scale, by_product);
        const ek_i low = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zeros);
        const ek_i high = _mm256_adds_epi16(_mm256_packs_epi32(c, d), zeros);
        const ek_i q = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), q);
    }
    for (; i < n; i += 8) {
        const ek_i q = ek_i_add(ek_quotients(ek_few_floats(x + i, n - i), scale, by_product), ek_i_all(zero));
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
