/* Columns of EK_X, and products of a tile of them with weights: int8 as four taps by vpdpbusd, which takes them unsigned,
 * so they gain 128; int16 as pairs. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_TILE 32
#define EK_GROUP (sizeof(EK_X) == 1 ? 4 : 2) /* taps in a lane */
#define EK_OPERAND_ZERO(x_zero) 0            /* what the gather takes away: the bias contains it */

typedef __m512i ek_columns; /* int8 in the lower half */

static inline ek_columns ek_columns_all(EK_X v)
{
    return sizeof(EK_X) == 1 ? _mm512_set1_epi8((char)v) : _mm512_set1_epi16(v);
}

/* Every second of 32 int16, of which `read` are read. */
static inline __m256i ek_even_s16(const EK_X *x, uint64_t read)
{
    return _mm512_cvtepi32_epi16(_mm512_maskz_loadu_epi16((__mmask32)read, x));
}

/* v with lanes lo..hi-1 from x [lane * stride]. */
static inline ek_columns ek_columns_put(ek_columns v, const EK_X *x, int32_t lo, int32_t hi, int32_t stride,
                                        int32_t zero)
{
    const __mmask32 lanes = (__mmask32)ek_span(lo, hi);
    const uint64_t even = ek_span(2 * lo, 2 * hi) & 0x5555555555555555ull;
    EK_X few[64];
    (void)zero;
    if (stride == 1 && sizeof(EK_X) == 1) {
        return _mm512_castsi256_si512(_mm256_mask_loadu_epi8(_mm512_castsi512_si256(v), lanes, x));
    }
    if (stride == 1) {
        return _mm512_mask_loadu_epi16(v, lanes, x);
    }
    if (stride == 2 && sizeof(EK_X) == 1) {
        const __m512i both = _mm512_maskz_loadu_epi8(even, x);
        return _mm512_castsi256_si512(_mm512_mask_cvtepi16_epi8(_mm512_castsi512_si256(v), lanes, both));
    }
    if (stride == 2) {
        const __m256i low = ek_even_s16(x, even);
        const __m256i high = ek_even_s16(x + 32, even >> 32);
        return _mm512_mask_mov_epi16(v, lanes, _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
    }
    _mm512_storeu_si512(few, v);
    for (int32_t j = lo; j < hi; j++) {
        few[j] = x[j * stride];
    }
    return sizeof(EK_X) == 1 ? _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)few))
                             : _mm512_loadu_si512(few);
}

/* to [2] = a group of taps in every lane. */
static inline void ek_columns_pack(const ek_columns *taps, ek_i *to)
{
    if (sizeof(EK_X) == 1) {
        const __m512i top = _mm512_set1_epi8(-128);
        const __m512i a = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(taps[0]));
        const __m512i b = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(taps[1]));
        const __m512i c = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(taps[2]));
        const __m512i d = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(taps[3]));
        const __m512i ab = _mm512_or_si512(a, _mm512_slli_epi16(b, 8)), cd = _mm512_or_si512(c, _mm512_slli_epi16(d, 8));
        const __m512i low = _mm512_unpacklo_epi16(ab, cd), high = _mm512_unpackhi_epi16(ab, cd);
        const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        const __m512i last = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        to[0] = _mm512_xor_si512(_mm512_permutex2var_epi64(low, first, high), top);
        to[1] = _mm512_xor_si512(_mm512_permutex2var_epi64(low, last, high), top);
    } else {
        const __m512i low = _mm512_unpacklo_epi16(taps[0], taps[1]), high = _mm512_unpackhi_epi16(taps[0], taps[1]);
        to[0] = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high);
        to[1] = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high);
    }
}

static inline ek_i ek_i_dot_pairs(ek_i acc, ek_i x, ek_i w)
{
    return _mm512_dpwssd_epi32(acc, x, w);
}

/* acc [rows][2] += w [rows][count], rows `step` apart, times int8 columns. */
static inline __attribute__((always_inline)) void ek_tile_bytes(const ek_i *tile, const int8_t *w, ptrdiff_t step,
                                                                int32_t count, int32_t rows, ek_i acc[4][2])
{
    int32_t t = 0, taps = 0;
    for (; t + 4 <= count; t += 4, tile += 2) {
        for (int32_t r = 0; r < rows; r++) {
            memcpy(&taps, w + r * step + t, 4);
            acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], tile[0], _mm512_set1_epi32(taps));
            acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], tile[1], _mm512_set1_epi32(taps));
        }
    }
    for (int32_t r = 0; r < rows && t < count; r++) {
        taps = 0;
        memcpy(&taps, w + r * step + t, (size_t)(count - t));
        acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], tile[0], _mm512_set1_epi32(taps));
        acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], tile[1], _mm512_set1_epi32(taps));
    }
}
