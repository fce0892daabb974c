/* AVX-512 with VNNI: rows of N:M sparse weights, stored as ek_windows.h says: vpshufb picks the inputs. Like whole rows
 * these take inputs with 128 added, and the bias contains what that adds. */
#ifndef EK_ROWS_SPARSE_GUARD
#define EK_ROWS_SPARSE_GUARD

#include "ek_windows.h"

typedef __m512i ek_panel_sum;

static inline ek_panel_sum ek_panel_start(void)
{
    return _mm512_setzero_si512();
}

static inline void ek_panel_add(int32_t *acc, ek_panel_sum sum, int32_t rows)
{
    const __mmask16 lanes = ek_lanes(rows);
    _mm512_mask_storeu_epi32(acc, lanes, _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(lanes, acc)));
}

static inline __m512i ek_sixteen(const int8_t *x)
{
    const __m512i all = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)x));
    return _mm512_xor_si512(all, _mm512_set1_epi8(-128));
}

static inline __attribute__((always_inline)) void ek_window(const int8_t *x, const int8_t *at, int32_t panels,
                                                            int32_t vectors, int32_t halves, ek_panel_sum *sum)
{
    const __m512i low = ek_sixteen(x), high = halves ? ek_sixteen(x + 16) : low;
    const __m512i *v = (const __m512i *)(const void *)at;
    for (int32_t i = 0; i < panels * vectors; i++, v += 2) {
        const __m512i w = _mm512_loadu_si512(v), index = _mm512_loadu_si512(v + 1);
        __m512i taps = _mm512_shuffle_epi8(low, index);
        if (halves) {
            taps = _mm512_mask_shuffle_epi8(taps, 0xccccccccccccccccull, high, index);
        }
        sum[i / vectors] = _mm512_dpbusd_epi32(sum[i / vectors], taps, w);
    }
}

EK_WINDOWS_ROWS

#endif
