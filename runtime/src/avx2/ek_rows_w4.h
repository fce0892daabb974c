/* AVX2: 8 rows of int4 weights side by side, 8 taps in a lane, even ones in the nibbles of its low half. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_rows.h"

#define EK_ROW_BYTES_W4(k) ((ptrdiff_t)(((k) + 7) / 8 * 4))
#define EK_PACKED_W4(n) EK_PACKED(n)
#include "ek_int4.h"

#define EK_PRODUCT_TOGETHER ek_rows_together_s8_w4

/* Pair j of the taps of 8 rows. */
static inline __attribute__((always_inline)) __m256i ek_pair_w4(__m256i v, int32_t j)
{
    const __m256i up = j == 0   ? _mm256_slli_epi16(v, 12)
                       : j == 1 ? _mm256_slli_epi16(v, 8)
                       : j == 2 ? _mm256_slli_epi16(v, 4)
                                : v;
    return _mm256_srai_epi16(up, 12);
}

/* acc [rows][EK_ROWS] += n taps of rows of x, EK_PIECE apart and filled up with zeros, times the rows of `panels`
 * panels, whose groups are `step` bytes apart. */
static inline __attribute__((always_inline)) void ek_piece_w4(const int16_t *x, const int8_t *w, int32_t n, int32_t step,
                                                              int32_t rows, int32_t panels, __m256i *sum)
{
    for (int32_t i = 0; i < rows * panels; i++) {
        sum[i] = _mm256_setzero_si256();
    }
    for (int32_t i = 0; i < n; i += 8, w += step) {
        __m256i v[4];
        for (int32_t p = 0; p < panels; p++) {
            v[p] = _mm256_loadu_si256((const __m256i *)(const void *)(w + 32 * p));
        }
        for (int32_t j = 0; j < 4; j++) {
            __m256i pairs[4];
            for (int32_t p = 0; p < panels; p++) {
                pairs[p] = ek_pair_w4(v[p], j);
            }
            for (int32_t r = 0; r < rows; r++) {
                int32_t taps;
                memcpy(&taps, x + r * EK_PIECE + i + 2 * j, 4);
                for (int32_t p = 0; p < panels; p++) {
                    const __m256i both = _mm256_madd_epi16(_mm256_set1_epi32(taps), pairs[p]);
                    sum[r * panels + p] = _mm256_add_epi32(sum[r * panels + p], both);
                }
            }
        }
    }
}

/* sums [packed] = products of a piece with the rows of w, two panels at a time. */
static inline void ek_row_piece_w4(const int16_t *x, const int8_t *w, int32_t n, int32_t packed, int32_t *sums)
{
    for (int32_t p = 0; p < packed; p += 2 * EK_PANEL) {
        __m256i sum[2];
        if (p + EK_PANEL < packed) {
            ek_piece_w4(x, w + 4 * p, n, 4 * packed, 1, 2, sum);
            _mm256_storeu_si256((__m256i *)(void *)(sums + p + EK_PANEL), sum[1]);
        } else {
            ek_piece_w4(x, w + 4 * p, n, 4 * packed, 1, 1, sum);
        }
        _mm256_storeu_si256((__m256i *)(void *)(sums + p), sum[0]);
    }
}

#define EK_ROWS_W4(name, x_type, acc_type)                                                               \
    static inline void name(const x_type *x, const int8_t *w, int32_t k, int32_t rows, acc_type *acc)    \
    {                                                                                                    \
        const int32_t packed = EK_PACKED(rows);                                                          \
        int16_t wide[EK_PIECE];                                                                          \
        int32_t sums[EK_ROWS];                                                                           \
        for (int32_t at = 0; at < k; at += EK_PIECE) {                                                   \
            const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;                                     \
            EK_WIDEN(x + at, n, wide)                                                                    \
            ek_row_piece_w4(wide, w + (ptrdiff_t)at / 2 * packed, n, packed, sums);                      \
            for (int32_t j = 0; j < rows; j++) {                                                         \
                acc[j] += sums[j];                                                                       \
            }                                                                                            \
        }                                                                                                \
    }
/* acc [rows] += x [k] . w, packed rows. */
EK_ROWS_W4(ek_rows_s8_w4, int8_t, int32_t)
EK_ROWS_W4(ek_rows_s16_w4, int16_t, int64_t)

/* The same for EK_TOGETHER rows of x, `step` apart; acc [EK_TOGETHER][EK_ROWS]. */
static inline void ek_rows_together_s8_w4(const int8_t *x, ptrdiff_t step, const int8_t *w, int32_t k, int32_t rows,
                                          int32_t *acc)
{
    const int32_t packed = EK_PACKED(rows);
    int16_t wide[EK_TOGETHER * EK_PIECE];
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        const int8_t *const from = w + (ptrdiff_t)at / 2 * packed;
        ek_widen_together(x + at, step, n, wide);
        for (int32_t p = 0; p < packed; p += 2 * EK_PANEL) {
            __m256i sum[2 * EK_TOGETHER];
            if (p + EK_PANEL < packed) {
                ek_piece_w4(wide, from + 4 * p, n, 4 * packed, EK_TOGETHER, 2, sum);
                ek_add_together(sum, 2, acc + p);
            } else {
                ek_piece_w4(wide, from + 4 * p, n, 4 * packed, EK_TOGETHER, 1, sum);
                ek_add_together(sum, 1, acc + p);
            }
        }
    }
}

#endif
