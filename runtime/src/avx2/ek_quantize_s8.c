#include "ek_quotients.h"

#define EK_NAME ek_quantize_s8
#define EK_Y int8_t
#define EK_BLOCK 32

static inline __attribute__((always_inline)) int ek_quantize_block(const float *x, const ek_divisor *d,
                                                                   int32_t zero, int8_t *y, int32_t n)
{
    const ek_i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), zeros = _mm256_set1_epi16((int16_t)zero);
    const ek_i a = ek_by_products(ek_some_floats(x, n), d), b = ek_by_products(ek_some_floats(x + 8, n - 8), d);
    const ek_i e = ek_by_products(ek_some_floats(x + 16, n - 16), d), f = ek_by_products(ek_some_floats(x + 24, n - 24), d);
    const ek_i low = _mm256_packs_epi32(a, b), high = _mm256_packs_epi32(e, f);
    const ek_i bytes = _mm256_packs_epi16(_mm256_adds_epi16(low, zeros), _mm256_adds_epi16(high, zeros));
    const ek_i q = _mm256_permutevar8x32_epi32(bytes, order);
    if (_mm256_movemask_epi8(_mm256_cmpeq_epi16(_mm256_min_epi16(low, high), _mm256_set1_epi16(INT16_MIN)))) {
        return 0;
    }
    if (n >= 32) {
        _mm256_storeu_si256((__m256i *)(void *)y, q);
    } else {
        memcpy(y, &q, (size_t)n);
    }
    return 1;
}

#include "ek_quantize_rows.h"
