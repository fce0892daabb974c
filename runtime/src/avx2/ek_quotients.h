/* Quotients of floats as integers, eight at a time. */
#include "ek_lanes.h"

#define EK_LIMIT 131072.0f /* saturates with any zero, and is exact to round */

/* x by scale, rounded half to even; NaN gives 0. A quotient by a known divisor is one product and two fused ones
 * (Markstein, IBM J. Res. Dev. 34, 1990): `by_product`, if nothing overflows or vanishes. It is rounded as that of a
 * division for every x and scale: where a quotient lies nearest to the middle of two floats, all were tried. */
static inline __attribute__((always_inline)) ek_i ek_quotients(__m256 x, float scale, int by_product)
{
    const __m256 numbers = _mm256_cmp_ps(x, x, _CMP_ORD_Q), divisor = _mm256_set1_ps(scale);
    const __m256 limit = _mm256_set1_ps(by_product ? EK_LIMIT * scale : EK_LIMIT);
    const __m256 least = _mm256_sub_ps(_mm256_setzero_ps(), limit);
    __m256 quotient;
    if (by_product) {
        const __m256 inverse = _mm256_set1_ps(1.0f / scale), v = _mm256_min_ps(_mm256_max_ps(x, least), limit);
        const __m256 near = _mm256_mul_ps(v, inverse);
        quotient = _mm256_fmadd_ps(_mm256_fnmadd_ps(near, divisor, v), inverse, near);
    } else {
        quotient = _mm256_min_ps(_mm256_max_ps(_mm256_div_ps(x, divisor), least), limit);
    }
    return _mm256_cvtps_epi32(_mm256_and_ps(quotient, numbers));
}

/* Whether no product of ek_quotients overflows or vanishes. */
static inline int ek_by_product(float scale)
{
    return scale > 1e-18f && scale < 1e18f;
}

/* The first n of eight floats, others 0. */
static inline __m256 ek_few_floats(const float *x, int32_t n)
{
    const __m256i first = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_maskload_ps(x, first);
}
