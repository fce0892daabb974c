/* Quotients of floats as integers, 16 at a time. */
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

/* Whether no product of ek_quotients overflows or vanishes. */
static inline int ek_by_product(float scale)
{
    return scale > 1e-18f && scale < 1e18f;
}
