/* The integer layer normalization over EK_NAME and EK_Y, eight elements in lanes of 64 bits. */
#include "ek_lanes.h"
#include "ek_row_sums.h"

/* What the elements of a row have in common. */
typedef struct {
    __m512i count, sum, mantissa, nearest, halves, zero, low, high;
    __m128i down, up, shift;
} ek_normal;

/* y of the eight elements from x on that are in. */
static inline void ek_normal_eight(const ek_normal *o, const int16_t *x, const int32_t *gain, const int32_t *bias,
                                   __mmask8 in, EK_Y *y)
{
    const __m512i v = _mm512_cvtepi16_epi64(_mm_maskz_loadu_epi16(in, x));
    const __m512i g = _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(in, gain));
    const __m512i b = _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(in, bias));
    const __m512i d = _mm512_sub_epi64(_mm512_mul_epi32(v, o->count), o->sum);
    const __m512i z = _mm512_sra_epi64(_mm512_add_epi64(_mm512_mul_epi32(d, o->mantissa), o->nearest), o->down);
    const __m512i more = _mm512_add_epi64(_mm512_sll_epi64(b, o->up), o->halves);
    const __m512i scaled = _mm512_sra_epi64(_mm512_add_epi64(_mm512_mul_epi32(z, g), more), o->shift);
    const __m512i q = _mm512_min_epi64(_mm512_max_epi64(_mm512_add_epi64(scaled, o->zero), o->low), o->high);
    if (sizeof(EK_Y) == 1) {
        _mm512_mask_cvtepi64_storeu_epi8(y, in, q);
    } else {
        _mm512_mask_cvtepi64_storeu_epi16(y, in, q);
    }
}

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t rows, int32_t n)
{
    ek_normal o;
    o.count = _mm512_set1_epi64(n);
    o.halves = _mm512_set1_epi64((int64_t)1 << (shift - 1));
    o.zero = _mm512_set1_epi64(y_zero);
    o.low = _mm512_set1_epi64(y_min);
    o.high = _mm512_set1_epi64(y_max);
    o.up = _mm_cvtsi32_si128(bias_up);
    o.shift = _mm_cvtsi32_si128(shift);
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        int64_t squares;
        const int64_t sum = ek_row_sums(x, n, &squares);
        const ek_inverse_root inverse = ek_inverse_root64((uint64_t)(n * squares - sum * sum + epsilon));
        const int32_t much = inverse.mantissa >> 31 != 0; /* 2^31, which int32 does not hold */
        const int32_t down = 42 - inverse.up - much;      /* to 20 bits of fraction */
        int32_t i = 0;
        o.sum = _mm512_set1_epi64(sum);
        o.mantissa = _mm512_set1_epi64(inverse.mantissa >> much);
        o.nearest = _mm512_set1_epi64((int64_t)1 << (down - 1));
        o.down = _mm_cvtsi32_si128(down);
        const ek_normal own = o; /* which stores cannot change */
        for (; i + 8 <= n; i += 8) {
            ek_normal_eight(&own, x + i, gain + i, bias + i, 0xff, y + i);
        }
        if (i < n) {
            ek_normal_eight(&own, x + i, gain + i, bias + i, (__mmask8)((1u << (n - i)) - 1u), y + i);
        }
    }
}
