/* The integer softmax over EK_NAME and EK_Y, eight elements at a time: products of 64 bits of the even and the odd ones
 * apart. */
#include "ek_x86.h"
#include "ek_softmax_rows.h"

#define EK_KEPT 1024 /* elements of a row whose powers are kept between its sum and its quotients */

static int32_t ek_row_top(const int16_t *x, int32_t n)
{
    int16_t top = x[0];
    for (int32_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

static inline __m256i ek_odd(__m256i v)
{
    return _mm256_srli_epi64(v, 32);
}

static inline __m256i ek_joined(__m256i even, __m256i odd)
{
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* (v * m + half) >> s of the even elements. */
static inline __m256i ek_scaled(__m256i v, __m256i m, __m256i half, __m128i s)
{
    return _mm256_srl_epi64(_mm256_add_epi64(_mm256_mul_epu32(v, m), half), s);
}

/* Values between two entries of the table, at the lower 20 bits of the even elements. */
static inline __m256i ek_between(const int32_t *exp2, __m256i u)
{
    const __m256i i = _mm256_and_si256(_mm256_srli_epi64(u, 12), _mm256_set1_epi64x(255));
    const __m256i both = _mm256_i64gather_epi64((const void *)exp2, i, 4); /* an entry and the next */
    const __m256i fall = _mm256_sub_epi32(both, ek_odd(both)), low = _mm256_and_si256(u, _mm256_set1_epi64x(4095));
    const __m256i part = _mm256_srli_epi64(_mm256_add_epi64(_mm256_mul_epu32(fall, low), _mm256_set1_epi64x(2048)), 12);
    return _mm256_sub_epi32(both, part);
}

/* ek_exp2_q30 of the distances of eight elements. */
static inline __m256i ek_powers(const ek_softmax *p, int32_t top, __m128i x)
{
    const __m256i one = _mm256_set1_epi32(1), m = _mm256_set1_epi64x(p->m);
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << (p->s - 1));
    const __m256i distance = _mm256_sub_epi32(_mm256_set1_epi32(top), _mm256_cvtepi16_epi32(x));
    const __m128i s = _mm_cvtsi32_si128(p->s);
    const __m256i even = ek_scaled(distance, m, half, s), odd = ek_scaled(ek_odd(distance), m, half, s);
    const __m256i v = ek_joined(ek_between(p->exp2, even), ek_between(p->exp2, odd));
    const __m256i down = _mm256_srli_epi32(ek_joined(even, odd), 20);
    const __m256i more = _mm256_srli_epi32(_mm256_sllv_epi32(one, down), 1);
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(down, _mm256_set1_epi32(30)),
                               _mm256_srlv_epi32(_mm256_add_epi32(v, more), down));
}

/* The same of the elements from i on of a row; zeros behind. */
static inline __m256i ek_powers_at(const ek_softmax *p, const int16_t *x, int32_t top, int32_t i, int32_t n)
{
    int16_t few[8] = {0};
    if (n - i >= 8) {
        return ek_powers(p, top, _mm_loadu_si128((const __m128i *)(const void *)(x + i)));
    }
    memcpy(few, x + i, (size_t)(n - i) * sizeof(int16_t));
    const __m256i first = _mm256_cmpgt_epi32(_mm256_set1_epi32(n - i), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_and_si256(ek_powers(p, top, _mm_loadu_si128((const __m128i *)(const void *)few)), first);
}

/* y [n] = the first n of 8 int32. */
static inline void ek_softmax_store(EK_Y *y, __m256i q, int32_t n)
{
    const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    const __m128i whole = sizeof(EK_Y) == 2 ? half : _mm_packs_epi16(half, half);
    if (n < 8) {
        memcpy(y, &whole, (size_t)n * sizeof(EK_Y));
    } else if (sizeof(EK_Y) == 2) {
        _mm_storeu_si128((__m128i *)(void *)y, whole);
    } else {
        _mm_storel_epi64((__m128i *)(void *)y, whole);
    }
}

static void ek_softmax_row(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t n)
{
    const int32_t top = ek_row_top(x, n);
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    int32_t kept[EK_KEPT];
    int64_t lanes[4];
    __m256i sums = _mm256_setzero_si256();
    for (int32_t i = 0; i < n; i += 8) {
        const __m256i e = ek_powers_at(p, x, top, i, n);
        sums = _mm256_add_epi64(sums, _mm256_add_epi64(_mm256_and_si256(e, low), ek_odd(e)));
        if (i < EK_KEPT) {
            _mm256_storeu_si256((__m256i *)(void *)(kept + i), e);
        }
    }
    _mm256_storeu_si256((__m256i *)(void *)lanes, sums);
    const int64_t inverse = ((int64_t)1 << 62) / (lanes[0] + lanes[1] + lanes[2] + lanes[3]); /* at most 2^32 */
    const int32_t less = (int32_t)(inverse >> 32);
    const __m256i factor = _mm256_set1_epi64x(inverse >> less), mult = _mm256_set1_epi64x(p->mult);
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << (p->shift - 1)), zero = _mm256_set1_epi32(p->y_zero);
    const __m256i least = _mm256_set1_epi32(p->y_min), most = _mm256_set1_epi32(p->y_max);
    const __m128i by = _mm_cvtsi32_si128(31 - less), shift = _mm_cvtsi32_si128(p->shift);
    for (int32_t i = 0; i < n; i += 8) {
        const __m256i e = i < EK_KEPT ? _mm256_loadu_si256((const __m256i *)(const void *)(kept + i))
                                      : ek_powers_at(p, x, top, i, n);
        const __m256i even = _mm256_srl_epi64(_mm256_mul_epu32(e, factor), by);
        const __m256i odd = _mm256_srl_epi64(_mm256_mul_epu32(ek_odd(e), factor), by);
        const __m256i q = ek_joined(ek_scaled(even, mult, half, shift), ek_scaled(odd, mult, half, shift));
        const __m256i clamped = _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(q, zero), least), most);
        ek_softmax_store(y + i, clamped, n - i);
    }
}

static void ek_softmax_fitting(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        ek_softmax_row(p, x, y, n);
    }
}
