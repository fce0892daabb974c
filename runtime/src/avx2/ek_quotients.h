/* Quotients of floats as integers, eight at a time. */
#include "ek_lanes.h"

#define EK_LIMIT 131072.0f /* saturates with any zero, and is exact to round */

/* The divisor of a row, and its inverse. */
typedef struct {
    __m256 scale, inverse;
} ek_divisor;

static inline ek_divisor ek_divisor_of(float scale)
{
    const ek_divisor d = {_mm256_set1_ps(scale), _mm256_set1_ps(1.0f / scale)};
    return d;
}

/* The first n of eight floats, others 0. */
static inline __m256 ek_some_floats(const float *x, int32_t n)
{
    const __m256i first = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return n >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first);
}

/* x by a divisor, rounded half to even; NaN gives 0. */
static inline ek_i ek_quotients(__m256 x, float scale)
{
    const __m256 limit = _mm256_set1_ps(EK_LIMIT), least = _mm256_set1_ps(-EK_LIMIT);
    const __m256 quotient = _mm256_min_ps(_mm256_max_ps(_mm256_div_ps(x, _mm256_set1_ps(scale)), least), limit);
    return _mm256_cvtps_epi32(_mm256_and_ps(quotient, _mm256_cmp_ps(x, x, _CMP_ORD_Q)));
}

/* The same by one product and two fused ones (Markstein, IBM J. Res. Dev. 34, 1990), if the inverse does not overflow or
 * vanish. It is rounded as that of a division for every x and scale: where a quotient lies nearest to the middle of two
 * floats, all were tried. INT32_MIN where x is NaN, or too large. */
static inline ek_i ek_by_products(__m256 x, const ek_divisor *d)
{
    const __m256 near = _mm256_mul_ps(x, d->inverse);
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_fnmadd_ps(near, d->scale, x), d->inverse, near));
}

/* Whether products do. */
static inline int ek_products_do(float scale)
{
    return scale > 1e-18f && scale < 1e18f;
}
