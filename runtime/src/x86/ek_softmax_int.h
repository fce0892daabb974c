/* The integer softmax over EK_NAME and EK_Y, four elements in lanes of 64 bits. */
#include "ek_down64.h"

/* Of a row: how a distance to its greatest becomes an exponent. */
typedef struct {
    const int32_t *exp2;
    __m256i m, half;
    __m128i s;
} ek_powers;

static inline int32_t ek_row_top(const int16_t *x, int32_t n)
{
    int32_t top = x[0];
    for (int32_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

/* The first n of four int16, others 0. */
static inline __m256i ek_four_s16(const int16_t *x, int32_t n)
{
    int16_t few[4] = {0};
    memcpy(few, x, (size_t)(n < 4 ? n : 4) * sizeof(int16_t));
    return _mm256_cvtepi16_epi64(_mm_loadl_epi64((const __m128i *)(const void *)few));
}

/* ek_exp2_q30 of the distances of four elements. */
static inline __m256i ek_four_powers(const ek_powers *p, int32_t top, __m256i x)
{
    const __m256i one = _mm256_set1_epi64x(1), distance = _mm256_sub_epi64(_mm256_set1_epi64x(top), x);
    const __m256i u = _mm256_srl_epi64(_mm256_add_epi64(_mm256_mul_epi32(distance, p->m), p->half), p->s);
    const __m256i i = _mm256_and_si256(_mm256_srli_epi64(u, 12), _mm256_set1_epi64x(255));
    const __m256i low = _mm256_and_si256(u, _mm256_set1_epi64x(4095));
    const __m256i both = _mm256_i64gather_epi64((const void *)p->exp2, i, 4); /* an entry and the next */
    const __m256i entry = _mm256_and_si256(both, _mm256_set1_epi64x(0xffffffff));
    const __m256i fall = _mm256_mul_epi32(_mm256_sub_epi64(entry, _mm256_srli_epi64(both, 32)), low);
    const __m256i v = _mm256_sub_epi64(entry, _mm256_srli_epi64(_mm256_add_epi64(fall, _mm256_set1_epi64x(2048)), 12));
    const __m256i far = _mm256_cmpgt_epi64(_mm256_srli_epi64(u, 20), _mm256_set1_epi64x(30));
    const __m256i down = _mm256_blendv_epi8(_mm256_srli_epi64(u, 20), _mm256_set1_epi64x(63), far); /* leaves 0 */
    const __m256i half = _mm256_srli_epi64(_mm256_sllv_epi64(one, down), 1);
    return _mm256_srlv_epi64(_mm256_add_epi64(v, half), down);
}

void EK_NAME(const int16_t *restrict x, int32_t m, int32_t s, const int32_t *restrict exp2, int32_t mult, int32_t shift,
             int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t rows, int32_t n)
{
    const ek_powers p = {exp2, _mm256_set1_epi64x(m), _mm256_set1_epi64x((int64_t)1 << (s - 1)), _mm_cvtsi32_si128(s)};
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << (shift - 1)), factor = _mm256_set1_epi64x(mult);
    const __m256i zero = _mm256_set1_epi64x(y_zero), least = _mm256_set1_epi64x(y_min), most = _mm256_set1_epi64x(y_max);
    const __m256i sign = _mm256_set1_epi64x(mult < 0 ? -1 : 0);
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        const int32_t top = ek_row_top(x, n);
        __m256i sums = _mm256_setzero_si256();
        int64_t lanes[4], sum = 0;
        int32_t i = 0;
        for (; i + 4 <= n; i += 4) {
            sums = _mm256_add_epi64(sums, ek_four_powers(&p, top, ek_four_s16(x + i, 4)));
        }
        _mm256_storeu_si256((__m256i *)(void *)lanes, sums);
        sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
        for (; i < n; i++) {
            sum += ek_exp2_q30(exp2, ek_requantize64(top - x[i], m, s));
        }
        const int64_t inverse = ((int64_t)1 << 62) / sum; /* at most 2^32, which 32 bits do not hold */
        const __m256i low = _mm256_set1_epi64x(inverse & 0xffffffff), high = _mm256_set1_epi64x(-(inverse >> 32));
        for (i = 0; i < n; i += 4) {
            const __m256i e = ek_four_powers(&p, top, ek_four_s16(x + i, n - i));
            const __m256i more = _mm256_and_si256(_mm256_slli_epi64(e, 32), high);
            const __m256i part = _mm256_srli_epi64(_mm256_add_epi64(_mm256_mul_epu32(e, low), more), 31);
            const __m256i below = _mm256_and_si256(_mm256_slli_epi64(part, 32), sign); /* of a factor taken unsigned */
            const __m256i scaled = _mm256_sub_epi64(_mm256_mul_epu32(part, factor), below);
            __m256i q = _mm256_add_epi64(ek_down64(_mm256_add_epi64(scaled, half), shift), zero);
            q = _mm256_blendv_epi8(q, least, _mm256_cmpgt_epi64(least, q));
            q = _mm256_blendv_epi8(q, most, _mm256_cmpgt_epi64(q, most));
            _mm256_storeu_si256((__m256i *)(void *)lanes, q);
            for (int32_t j = 0; j < 4 && i + j < n; j++) {
                y[i + j] = (EK_Y)lanes[j];
            }
        }
    }
}
