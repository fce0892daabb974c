#include "ek_lanes.h"

/* A table of 256 bytes as pairs of them, 32 to a vector. */
typedef struct {
    __m512i pairs[4];
} ek_byte_table;

/* The entries, in the lower bytes, of 32 numbers in 0..255. */
static inline __m512i ek_entries(const ek_byte_table *t, __m512i number)
{
    const __m512i pair = _mm512_srli_epi16(number, 1), odd = _mm512_and_si512(number, _mm512_set1_epi16(1));
    const __m512i low = _mm512_permutex2var_epi16(t->pairs[0], pair, t->pairs[1]);
    const __m512i high = _mm512_permutex2var_epi16(t->pairs[2], pair, t->pairs[3]);
    const __mmask32 is_high = _mm512_test_epi16_mask(pair, _mm512_set1_epi16(64));
    return _mm512_srlv_epi16(_mm512_mask_blend_epi16(is_high, low, high), _mm512_slli_epi16(odd, 3));
}

void ek_lut_s8(const int8_t *x, const int8_t *table, int8_t *y, int32_t n)
{
    const __m512i low = _mm512_set1_epi16(255);
    ek_byte_table t;
    for (int32_t i = 0; i < 4; i++) {
        t.pairs[i] = _mm512_loadu_si512(table + 64 * i);
    }
    for (int32_t j = 0; j < n; j += 64) {
        const __mmask64 lanes = ek_span(0, n - j);
        const __m512i number = _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, x + j), _mm512_set1_epi8(-128));
        const __m512i even = ek_entries(&t, _mm512_and_si512(number, low));
        const __m512i odd = ek_entries(&t, _mm512_srli_epi16(number, 8));
        const __m512i both = _mm512_or_si512(_mm512_and_si512(even, low), _mm512_slli_epi16(odd, 8));
        _mm512_mask_storeu_epi8(y + j, lanes, both);
    }
}
