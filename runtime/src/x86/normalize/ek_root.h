/* Integer square roots by the double-precision unit. */
#include "ek_x86.h"

/* Largest r with r * r <= v, v < 2^63: the rounded root of the rounded v is at most 1 away. */
static inline uint32_t ek_root64(uint64_t v)
{
    const __m128d x = _mm_cvtsi64_sd(_mm_setzero_pd(), (int64_t)v);
    const int64_t r = _mm_cvttsd_si64(_mm_sqrt_sd(x, x)), square = r * r;
    return (uint32_t)(r - (square > (int64_t)v) + (square + 2 * r < (int64_t)v));
}
