/* The integer layer normalization over EK_NAME and EK_Y, four elements in lanes of 64 bits. */
#include "ek_down64.h"
#include "ek_row_sums.h"

static inline __m256i ek_four_s32(const int32_t *x)
{
    return _mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)(const void *)x));
}

/* The lower halves of four values, clamped to `low` and `high`. */
static inline __m128i ek_clamped(__m256i v, __m256i low, __m256i high)
{
    v = _mm256_blendv_epi8(v, low, _mm256_cmpgt_epi64(low, v));
    v = _mm256_blendv_epi8(v, high, _mm256_cmpgt_epi64(v, high));
    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
}

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t rows, int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1), step = (int64_t)1 << bias_up;
    const __m256i low = _mm256_set1_epi64x(y_min), high = _mm256_set1_epi64x(y_max), count = _mm256_set1_epi64x(n);
    const __m256i zero = _mm256_set1_epi64x(y_zero), halves = _mm256_set1_epi64x(half);
    const __m128i up = _mm_cvtsi32_si128(bias_up);
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        int64_t squares;
        const int64_t sum = ek_row_sums(x, n, &squares);
        const ek_inverse_root inverse = ek_inverse_root64((uint64_t)(n * squares - sum * sum + epsilon));
        const int32_t much = inverse.mantissa >> 31 != 0; /* 2^31, which int32 does not hold */
        const int32_t down = 42 - inverse.up - much;      /* to 20 bits of fraction */
        const int64_t mantissa = inverse.mantissa >> much, nearest = (int64_t)1 << (down - 1);
        const __m256i all = _mm256_set1_epi64x(sum), factor = _mm256_set1_epi64x(mantissa);
        int32_t i = 0;
        for (; i + 4 <= n; i += 4) {
            const __m256i v = _mm256_cvtepi16_epi64(_mm_loadl_epi64((const __m128i *)(const void *)(x + i)));
            const __m256i d = _mm256_sub_epi64(_mm256_mul_epi32(v, count), all);
            const __m256i z = ek_down64(_mm256_add_epi64(_mm256_mul_epi32(d, factor), _mm256_set1_epi64x(nearest)), down);
            const __m256i more = _mm256_add_epi64(_mm256_sll_epi64(ek_four_s32(bias + i), up), halves);
            const __m256i scaled = _mm256_add_epi64(_mm256_mul_epi32(z, ek_four_s32(gain + i)), more);
            const __m128i q = ek_clamped(_mm256_add_epi64(ek_down64(scaled, shift), zero), low, high);
            const __m128i narrow = _mm_packs_epi32(q, q), bytes = _mm_packs_epi16(narrow, narrow);
            memcpy(y + i, sizeof(EK_Y) == 1 ? &bytes : &narrow, 4 * sizeof(EK_Y));
        }
        for (; i < n; i++) {
            const int64_t z = (((int64_t)n * x[i] - sum) * mantissa + nearest) >> down;
            y[i] = (EK_Y)ek_clamp64(((z * gain[i] + bias[i] * step + half) >> shift) + y_zero, y_min, y_max);
        }
    }
}
