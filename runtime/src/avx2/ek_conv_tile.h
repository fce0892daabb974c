/* Columns of EK_X as int16, and products of pairs of them with weights. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_TILE 16
#define EK_GROUP 2 /* taps in a lane */
#define EK_OPERAND_ZERO(x_zero) (sizeof(EK_X) == 1 ? (x_zero) : 0) /* what the gather takes away */

typedef __m256i ek_columns;

static inline ek_columns ek_columns_all(EK_X v)
{
    return _mm256_set1_epi16(v);
}

/* v with lanes lo..hi-1 from x [lane * stride] - zero. */
static inline ek_columns ek_columns_put(ek_columns v, const EK_X *x, int32_t lo, int32_t hi, int32_t stride,
                                        int32_t zero)
{
    int16_t few[16];
    if (stride == 1 && lo == 0 && hi == 16) {
        const __m256i whole = sizeof(EK_X) == 1 ? _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x))
                                                : _mm256_loadu_si256((const __m256i *)(const void *)x);
        return _mm256_sub_epi16(whole, _mm256_set1_epi16((int16_t)zero));
    }
    _mm256_storeu_si256((__m256i *)(void *)few, v);
    for (int32_t j = lo; j < hi; j++) {
        few[j] = (int16_t)(x[j * stride] - zero);
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)few);
}

/* to [2] = a pair of taps in every lane. */
static inline void ek_columns_pack(const ek_columns *taps, ek_i *to)
{
    const __m256i low = _mm256_unpacklo_epi16(taps[0], taps[1]), high = _mm256_unpackhi_epi16(taps[0], taps[1]);
    to[0] = _mm256_permute2x128_si256(low, high, 0x20);
    to[1] = _mm256_permute2x128_si256(low, high, 0x31);
}

static inline ek_i ek_i_dot_pairs(ek_i acc, ek_i x, ek_i w)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w));
}

/* Bytes are pairs here. */
static inline void ek_tile_bytes(const ek_i *tile, const int8_t *w, ptrdiff_t step, int32_t count, int32_t rows,
                                 ek_i acc[4][2])
{
    (void)tile, (void)w, (void)step, (void)count, (void)rows, (void)acc;
}
