/* AVX2: rows of N:M sparse weights, stored as ek_windows.h says: vpshufb picks the inputs. vpmaddubsw takes their
 * magnitudes, and weights of their sign: two products of 128 * 127 at most fit its 16 bits. */
#ifndef EK_ROWS_SPARSE_GUARD
#define EK_ROWS_SPARSE_GUARD

#include "ek_windows.h"

typedef __m256i ek_panel_sum;

static inline ek_panel_sum ek_panel_start(void)
{
    return _mm256_setzero_si256();
}

static inline void ek_panel_add(int32_t *acc, ek_panel_sum sum, int32_t rows)
{
    int32_t sums[8];
    _mm256_storeu_si256((__m256i *)(void *)sums, sum);
    for (int32_t j = 0; j < (rows < 8 ? rows : 8); j++) {
        acc[j] += sums[j];
    }
}

static inline __attribute__((always_inline)) void ek_window(const int8_t *x, const int8_t *at, int32_t panels,
                                                            int32_t vectors, int32_t halves, ek_panel_sum *sum)
{
    const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x));
    const __m256i high =
        halves ? _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(x + 16))) : low;
    const __m256i *v = (const __m256i *)(const void *)at;
    for (int32_t i = 0; i < panels * vectors; i++, v += 2) {
        const __m256i w = _mm256_loadu_si256(v), index = _mm256_loadu_si256(v + 1);
        __m256i taps = _mm256_shuffle_epi8(low, index);
        if (halves) {
            taps = _mm256_blend_epi16(taps, _mm256_shuffle_epi8(high, index), 0xaa);
        }
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(taps), _mm256_sign_epi8(w, taps));
        const __m256i both = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
        sum[i / vectors] = _mm256_add_epi32(sum[i / vectors], both);
    }
}

EK_WINDOWS_ROWS

#endif
