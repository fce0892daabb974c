/* Rows of pairs of EK_X as pairs of int16, for ek_conv_pairs.h. */
#ifndef EK_PAIRS_FILL_GUARD
#define EK_PAIRS_FILL_GUARD

#include "ek_bits.h"
#include "ek_conv_shape.h"
#include "ek_x86.h"

#define EK_INLINE static inline __attribute__((always_inline))

/* Where the pairs of a band are from: from x and `next` behind it, which is `right` columns more to the right. int8 is less
 * `zero`, and 0 outside; int16 keeps it, and is `zero` outside. */
typedef struct {
    const EK_X *x;
    ptrdiff_t next;
    int32_t zero, right;
} ek_pair_source;

/* Every second of 16 words. */
EK_INLINE __m128i ek_even_words(__m128i first, __m128i second)
{
    const __m128i low = _mm_srai_epi32(_mm_slli_epi32(first, 16), 16), high = _mm_srai_epi32(_mm_slli_epi32(second, 16), 16);
    return _mm_packs_epi32(low, high);
}

#if EK_BITS(EK_X) == 8
/* The first eight of n bytes, or all and `outside` behind them. */
EK_INLINE uint64_t ek_eight_bytes(const int8_t *x, int32_t n, uint64_t outside)
{
    uint64_t v = 0;
    uint32_t first, last;
    if (n >= 8) {
        memcpy(&v, x, 8);
        return v;
    }
    if (n >= 4) {
        memcpy(&first, x, 4);
        memcpy(&last, x + n - 4, 4);
        return first | (uint64_t)last << 8 * (n - 4) | outside << 8 * n;
    }
    for (int32_t i = n - 1; i >= 0; i--) {
        v = v << 8 | (uint8_t)x[i];
    }
    return v | outside << 8 * n;
}

/* Elements column.. of a row of in_w, `zero` outside. */
EK_INLINE __m128i ek_words_beside(const int8_t *row, int32_t column, int32_t in_w, int32_t zero)
{
    const uint64_t outside = 0x0101010101010101u * (uint8_t)zero;
    const int32_t before = ek_max(-column, 0), behind = in_w >= 8 ? ek_max(column + 8 - in_w, 0) : ek_max(column, 0);
    uint64_t v = outside;
    if (before < 8 && column < in_w) {
        v = ek_eight_bytes(row + (in_w >= 8 ? column + before - behind : 0), in_w, outside);
        v = before > 0 ? v << 8 * before | outside >> (64 - 8 * before) : v;
        v = behind > 0 ? v >> 8 * behind | outside << (64 - 8 * behind) : v;
    }
    return _mm_cvtepi8_epi16(_mm_cvtsi64_si128((long long)v));
}

/* The first eight of those that lie in a row. */
EK_INLINE __m128i ek_words_of(const int8_t *row)
{
    return _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)row));
}

/* Every second of 16. */
EK_INLINE __m128i ek_even_words_of(const int8_t *row)
{
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)row);
    return _mm_srai_epi16(_mm_slli_epi16(v, 8), 8);
}
#else
EK_INLINE __m128i ek_words_of(const int16_t *row)
{
    return _mm_loadu_si128((const __m128i *)(const void *)row);
}

EK_INLINE __m128i ek_words_beside(const int16_t *row, int32_t column, int32_t in_w, int32_t zero)
{
    int16_t few[8];
    if (column >= 0 && column + 8 <= in_w) {
        return ek_words_of(row + column);
    }
    for (int32_t i = 0; i < 8; i++) {
        few[i] = column + i >= 0 && column + i < in_w ? row[column + i] : (int16_t)zero;
    }
    return _mm_loadu_si128((const __m128i *)(const void *)few);
}

EK_INLINE __m128i ek_even_words_of(const int16_t *row)
{
    return ek_even_words(ek_words_of(row), ek_words_of(row + 8));
}
#endif

/* Elements column, column + stride, .. of a row of in_w, `zero` outside. */
EK_INLINE __m128i ek_eight_words(const EK_X *row, int32_t column, int32_t in_w, int32_t stride, int32_t zero)
{
    EK_X few[8];
    if (stride == 1) {
        return ek_words_beside(row, column, in_w, zero);
    }
    if (stride == 2 && column >= 0 && column + 16 <= in_w) {
        return ek_even_words_of(row + column);
    }
    if (stride == 2) {
        return ek_even_words(ek_words_beside(row, column, in_w, zero), ek_words_beside(row, column + 8, in_w, zero));
    }
    for (int32_t i = 0; i < 8; i++, column += stride) {
        few[i] = column >= 0 && column < in_w ? row[column] : (EK_X)zero;
    }
    return ek_words_of(few);
}

/* to [width] = pairs of a row and what is `next` and `right` behind it, from column `column` on. */
EK_INLINE void ek_row_of_pairs(const EK_X *row, ptrdiff_t next, int32_t right, int32_t column, int32_t in_w, int32_t stride,
                               int32_t zero, int32_t width, int32_t *to)
{
    const __m128i less = _mm_set1_epi16((int16_t)(EK_BITS(EK_X) == 8 ? zero : 0));
    for (int32_t j = 0; j < width; j += 8, column += 8 * stride) {
        __m128i a, b;
        if (stride == 1 && column >= 0 && column + right + 8 <= in_w) {
            a = ek_words_of(row + column);
            b = ek_words_of(row + next + column + right);
        } else {
            a = ek_eight_words(row, column, in_w, stride, zero);
            b = ek_eight_words(row + next, column + right, in_w, stride, zero);
        }
        a = _mm_sub_epi16(a, less);
        b = _mm_sub_epi16(b, less);
        _mm_storeu_si128((__m128i *)(void *)(to + j), _mm_unpacklo_epi16(a, b));
        _mm_storeu_si128((__m128i *)(void *)(to + j + 4), _mm_unpackhi_epi16(a, b));
    }
}

/* to [rows][width] = pairs of rows by the strides, the first at (iy, ix). */
static void ek_rows_of_pairs(const ek_pair_source *from, const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                             int32_t width, int32_t *to)
{
    const int32_t in_h = s->in_h, in_w = s->in_w, step = s->stride_h, stride = s->stride_w, zero = from->zero;
    const int32_t right = from->right;
    const ptrdiff_t next = from->next;
    const __m256i outside = _mm256_set1_epi16((int16_t)(EK_BITS(EK_X) == 8 ? 0 : zero));
    const EK_X *const x = from->x;
    for (int32_t h = 0; h < rows; h++, iy += step, to += width) {
        const EK_X *const row = x + (ptrdiff_t)iy * in_w;
        if (iy < 0 || iy >= in_h) {
            for (int32_t j = 0; j < width; j += 8) {
                _mm256_storeu_si256((__m256i *)(void *)(to + j), outside);
            }
        } else if (stride == 1) {
            ek_row_of_pairs(row, next, right, ix, in_w, 1, zero, width, to);
        } else if (stride == 2) {
            ek_row_of_pairs(row, next, right, ix, in_w, 2, zero, width, to);
        } else {
            ek_row_of_pairs(row, next, right, ix, in_w, stride, zero, width, to);
        }
    }
}

#endif
