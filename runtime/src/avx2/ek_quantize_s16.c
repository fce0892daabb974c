#include "ek_quotients.h"

static inline __attribute__((always_inline)) void ek_quantize_row(const float *x, float scale, int by_product,
                                                                  int32_t zero, int16_t *y, int32_t n)
{
    const ek_i zeros = ek_i_all(zero);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const ek_i a = ek_i_add(ek_quotients(_mm256_loadu_ps(x + i), scale, by_product), zeros);
        const ek_i b = ek_i_add(ek_quotients(_mm256_loadu_ps(x + i + 8), scale, by_product), zeros);
        const ek_i q = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), q);
    }
    for (; i < n; i += 8) {
        const ek_i q = ek_i_add(ek_quotients(ek_few_floats(x + i, n - i), scale, by_product), zeros);
        ek_i_store_s16(y + i, q, n - i);
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
