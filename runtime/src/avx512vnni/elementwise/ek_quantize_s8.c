#include "ek_quotients.h"

#define EK_NAME ek_quantize_s8
#define EK_Y int8_t
#define EK_BLOCK 64

static inline __attribute__((always_inline)) int ek_quantize_block(const float *x, const ek_divisor *d,
                                                                   int32_t zero, int8_t *y, int32_t n)
{
    const ek_i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const ek_i zeros = _mm512_set1_epi16((int16_t)zero), none = _mm512_set1_epi16(INT16_MIN);
    const ek_i a = ek_by_products(ek_some_floats(x, n), d), b = ek_by_products(ek_some_floats(x + 16, n - 16), d);
    const ek_i e = ek_by_products(ek_some_floats(x + 32, n - 32), d), f = ek_by_products(ek_some_floats(x + 48, n - 48), d);
    const ek_i low = _mm512_packs_epi32(a, b), high = _mm512_packs_epi32(e, f);
    const ek_i q = _mm512_packs_epi16(_mm512_adds_epi16(low, zeros), _mm512_adds_epi16(high, zeros));
    if (_mm512_cmpeq_epi16_mask(_mm512_min_epi16(low, high), none)) {
        return 0;
    }
    if (n >= 64) {
        _mm512_storeu_si512(y, _mm512_permutexvar_epi32(order, q));
    } else {
        _mm512_mask_storeu_epi8(y, ek_span(0, n), _mm512_permutexvar_epi32(order, q));
    }
    return 1;
}

#include "ek_quantize_rows.h"
