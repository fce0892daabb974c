#include "ek_lanes.h"

#define EK_LIMIT 131072.0f /* saturates with any zero, and is exact to round */

static inline __m512 ek_within(__m512 x, __m512 limit)
{
    return _mm512_min_ps(_mm512_max_ps(x, _mm512_sub_ps(_mm512_setzero_ps(), limit)), limit);
}

/* 16 quotients by scale, rounded half to even; NaN gives 0. A quotient by a known divisor is one product and two fused
 * ones (Markstein, IBM J. Res. Dev. 34, 1990): `by_product`, if nothing overflows or vanishes. It is rounded as that of
 * a division for every x and scale: where a quotient lies nearest to the middle of two floats, all were tried. */
static inline ek_i ek_quotients(__m512 x, float scale, int by_product)
{
    const __mmask16 numbers = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
    const __m512 divisor = _mm512_set1_ps(scale), inverse = _mm512_set1_ps(1.0f / scale);
    __m512 quotient;
    if (by_product) {
        const __m512 v = ek_within(x, _mm512_set1_ps(EK_LIMIT * scale)), near = _mm512_mul_ps(v, inverse);
        quotient = _mm512_fmadd_ps(_mm512_fnmadd_ps(near, divisor, v), inverse, near);
    } else {
        quotient = ek_within(_mm512_div_ps(x, divisor), _mm512_set1_ps(EK_LIMIT));
    }
    return _mm512_maskz_cvt_roundps_epi32(numbers, quotient, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

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
    if (scale > 1e-18f && scale < 1e18f) {
        ek_quantize_row(x, scale, 1, zero, y, n);
    } else {
        ek_quantize_row(x, scale, 0, zero, y, n);
    }
}
