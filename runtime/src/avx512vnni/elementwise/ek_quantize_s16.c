#include "ek_quotients.h"

#define EK_NAME ek_quantize_s16
#define EK_Y int16_t
#define EK_BLOCK 32

static inline __attribute__((always_inline)) int ek_quantize_block(const float *x, const ek_divisor *d,
                                                                   int32_t zero, int16_t *y, int32_t n)
{
    if (zero != 0) {
        return 0;
    }
    const ek_i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), none = _mm512_set1_epi16(INT16_MIN);
    const ek_i a = ek_by_products(ek_some_floats(x, n), d), b = ek_by_products(ek_some_floats(x + 16, n - 16), d);
    const ek_i words = _mm512_packs_epi32(a, b), q = _mm512_permutexvar_epi64(order, words);
    if (_mm512_cmpeq_epi16_mask(words, none)) {
        return 0;
    }
    if (n >= 32) {
        _mm512_storeu_si512(y, q);
    } else {
        _mm512_mask_storeu_epi16(y, (__mmask32)ek_span(0, n), q);
    }
    return 1;
}

#include "ek_quantize_rows.h"
