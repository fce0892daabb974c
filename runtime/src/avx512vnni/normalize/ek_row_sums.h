/* Sums of a row of int16. */
#ifndef EK_ROW_SUMS_GUARD
#define EK_ROW_SUMS_GUARD

#include "ek_x86.h"

/* The sum of a row, and of its squares. */
static inline int64_t ek_row_sums(const int16_t *x, int32_t n, int64_t *squares)
{
    const __m512i ones = _mm512_set1_epi16(1), low = _mm512_set1_epi64(0xffffffff);
    __m512i sum = _mm512_setzero_si512(), square = sum;
    for (int32_t i = 0; i < n; i += 32) {
        const __mmask32 in = n - i >= 32 ? 0xffffffffu : (1u << (n - i)) - 1u;
        const __m512i v = _mm512_maskz_loadu_epi16(in, x + i), both = _mm512_madd_epi16(v, v);
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(v, ones));
        square = _mm512_add_epi64(square, _mm512_add_epi64(_mm512_and_si512(both, low), _mm512_srli_epi64(both, 32)));
    }
    *squares = _mm512_reduce_add_epi64(square);
    return _mm512_reduce_add_epi64(_mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)),
                                                    _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1))));
}

#endif
