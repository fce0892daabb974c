#include "ek_quotients.h"

#define EK_NAME ek_quantize_s16
#define EK_Y int16_t
#define EK_BLOCK 16

static inline __attribute__((always_inline)) int ek_quantize_block(const float *x, const ek_divisor *d,
                                                                   int32_t zero, int16_t *y, int32_t n)
{
    if (zero != 0) {
        return 0;
    }
    const ek_i a = ek_by_products(ek_some_floats(x, n), d), b = ek_by_products(ek_some_floats(x + 8, n - 8), d);
    const ek_i words = _mm256_packs_epi32(a, b), q = _mm256_permute4x64_epi64(words, 0xd8);
    if (_mm256_movemask_epi8(_mm256_cmpeq_epi16(words, _mm256_set1_epi16(INT16_MIN)))) {
        return 0;
    }
    if (n >= 16) {
        _mm256_storeu_si256((__m256i *)(void *)y, q);
    } else {
        memcpy(y, &q, (size_t)n * sizeof(int16_t));
    }
    return 1;
}

#include "ek_quantize_rows.h"
