/* Quotients of floats as integers, 16 at a time. */
#include "ek_lanes.h"

#define EK_LIMIT 131072.0f /* saturates with any zero, and is exact to round */

/* The divisor of a row, and its inverse. */
typedef struct {
    __m512 scale, inverse;
} ek_divisor;

static inline ek_divisor ek_divisor_of(float scale)
{
    const ek_divisor d = {_mm512_set1_ps(scale), _mm512_set1_ps(1.0f / scale)};
    return d;
}

static inline __m512 ek_some_floats(const float *x, int32_t n)
{
    return n >= 16 ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(ek_lanes(n > 0 ? n : 0), x);
}

static inline ek_i ek_rounded(__m512 x)
{
    return _mm512_cvt_roundps_epi32(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* x by a divisor, rounded half to even; NaN gives 0. */
static inline ek_i ek_quotients(__m512 x, float scale)
{
    const __mmask16 numbers = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
    const __m512 limit = _mm512_set1_ps(EK_LIMIT), least = _mm512_set1_ps(-EK_LIMIT);
    const __m512 quotient = _mm512_maskz_div_ps(numbers, x, _mm512_set1_ps(scale));
    return ek_rounded(_mm512_min_ps(_mm512_max_ps(quotient, least), limit));
}

/* The same by one product and two fused ones (Markstein, IBM J. Res. Dev. 34, 1990), if the inverse does not overflow or
 * vanish. It is rounded as that of a division for every x and scale: where a quotient lies nearest to the middle of two
 * floats, all were tried. INT32_MIN where x is NaN, or too large. */
static inline ek_i ek_by_products(__m512 x, const ek_divisor *d)
{
    const __m512 near = _mm512_mul_ps(x, d->inverse);
    return ek_rounded(_mm512_fmadd_ps(_mm512_fnmadd_ps(near, d->scale, x), d->inverse, near));
}

/* Whether products do. */
static inline int ek_products_do(float scale)
{
    return scale > 1e-18f && scale < 1e18f;
}
