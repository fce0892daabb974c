/* Sums of a row of int16. */
#ifndef EK_ROW_SUMS_GUARD
#define EK_ROW_SUMS_GUARD

#include "ek_x86.h"

/* The sum of a row, and of its squares. */
static inline int64_t ek_row_sums(const int16_t *x, int32_t n, int64_t *squares)
{
    const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi64x(0xffffffff);
    __m256i sum = _mm256_setzero_si256(), square = sum;
    int32_t sums[8], i = 0;
    int64_t wide[4], all = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i)), both = _mm256_madd_epi16(v, v);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(v, ones));
        square = _mm256_add_epi64(square, _mm256_add_epi64(_mm256_and_si256(both, low), _mm256_srli_epi64(both, 32)));
    }
    _mm256_storeu_si256((__m256i *)(void *)sums, sum);
    _mm256_storeu_si256((__m256i *)(void *)wide, square);
    *squares = wide[0] + wide[1] + wide[2] + wide[3];
    for (int32_t j = 0; j < 8; j++) {
        all += sums[j];
    }
    for (; i < n; i++) {
        all += x[i];
        *squares += x[i] * x[i];
    }
    return all;
}

#endif
