/* AVX2: 8 rows side by side, pairs of taps in a lane; up to 4 such panels take turns. Operands and weights are 16 bits
 * wide, because vpmaddubsw saturates its sums. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_outputs.h"

#define EK_ROWS 32
#define EK_PANEL 8
#define EK_BYTES_S8(k) ((ptrdiff_t)(((k) + 1) & ~1))
#define EK_BYTES_S16(k) EK_BYTES_S8(k)
#define EK_PACKED(n) (((n) + EK_PANEL - 1) / EK_PANEL * EK_PANEL)
#define EK_PIECE 256 /* even; as many products of 2^22 fit an int32 sum */

/* sum [rows][panels] += a pair of taps of each row of x, EK_PIECE apart, times the rows of the panels. */
static inline __attribute__((always_inline)) void ek_pair(const int16_t *x, const int8_t *w, int32_t rows,
                                                          int32_t panels, __m256i *sum)
{
    __m256i wide[4];
    for (int32_t p = 0; p < panels; p++) {
        wide[p] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(w + 16 * p)));
    }
    for (int32_t r = 0; r < rows; r++) {
        int32_t taps;
        memcpy(&taps, x + r * EK_PIECE, 4);
        for (int32_t p = 0; p < panels; p++) {
            const __m256i both = _mm256_madd_epi16(_mm256_set1_epi32(taps), wide[p]);
            sum[r * panels + p] = _mm256_add_epi32(sum[r * panels + p], both);
        }
    }
}

/* The same of k taps, filled up to pairs, whose weights are `step` bytes apart. */
static inline __attribute__((always_inline)) void ek_pairs(const int16_t *x, const int8_t *w, int32_t k, int32_t step,
                                                           int32_t rows, int32_t panels, __m256i *sum)
{
    int32_t i = 0;
    for (; i + 8 <= k; i += 8, w += 4 * step) {
        for (int32_t j = 0; j < 4; j++) {
            ek_pair(x + i + 2 * j, w + j * step, rows, panels, sum);
        }
    }
    for (; i < k; i += 2, w += step) {
        ek_pair(x + i, w, rows, panels, sum);
    }
}

/* wide [n] = x [n], and zeros up to a multiple of 8. */
#define EK_WIDEN(x, n, wide)                          \
    for (int32_t i = 0; i < (n); i++) {               \
        (wide)[i] = (x)[i];                           \
    }                                                 \
    for (int32_t i = (n); i < (((n) + 7) & ~7); i++) { \
        (wide)[i] = 0;                                \
    }

/* sums [panels * 8] = products of piece x [k] with the rows of w. */
static inline void ek_piece(const int16_t *x, const int8_t *w, int32_t k, int32_t panels, int32_t *sums)
{
    __m256i sum[4];
    for (int32_t p = 0; p < 4; p++) {
        sum[p] = _mm256_setzero_si256();
    }
    switch (panels) {
    case 4: ek_pairs(x, w, k, 64, 1, 4, sum); break;
    case 3: ek_pairs(x, w, k, 48, 1, 3, sum); break;
    case 2: ek_pairs(x, w, k, 32, 1, 2, sum); break;
    default: ek_pairs(x, w, k, 16, 1, 1, sum); break;
    }
    for (int32_t p = 0; p < panels; p++) {
        _mm256_storeu_si256((__m256i *)(void *)(sums + p * EK_PANEL), sum[p]);
    }
}

/* acc [rows] += x [k] . w, packed rows. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    const int32_t packed = EK_PACKED(rows);
    int16_t wide[EK_PIECE];
    int32_t sums[EK_ROWS];
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        EK_WIDEN(x + at, n, wide)
        ek_piece(wide, w + at * packed, n, packed / EK_PANEL, sums);
        for (int32_t j = 0; j < rows; j++) {
            acc[j] += sums[j];
        }
    }
}

#define EK_TOGETHER 4 /* rows of x */

/* wide [EK_TOGETHER][EK_PIECE] = n taps of each row of x, `step` apart, filled up with zeros to a multiple of 8. */
static inline void ek_widen_together(const int8_t *x, ptrdiff_t step, int32_t n, int16_t *wide)
{
    for (int32_t r = 0; r < EK_TOGETHER; r++, x += step, wide += EK_PIECE) {
        EK_WIDEN(x, n, wide)
    }
}

static inline void ek_add_together(const __m256i *sum, int32_t panels, int32_t *acc)
{
    for (int32_t i = 0; i < EK_TOGETHER * panels; i++) {
        __m256i *const to = (__m256i *)(void *)(acc + i / panels * EK_ROWS + i % panels * EK_PANEL);
        _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), sum[i]));
    }
}

/* acc [EK_TOGETHER][EK_ROWS] += rows of x, `step` apart, times the same weights: each is read once for all of them. */
static inline void ek_rows_together_s8(const int8_t *x, ptrdiff_t step, const int8_t *w, int32_t k, int32_t rows,
                                       int32_t *acc)
{
    const int32_t packed = EK_PACKED(rows), panels = packed / EK_PANEL;
    int16_t wide[EK_TOGETHER * EK_PIECE];
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        ek_widen_together(x + at, step, n, wide);
        for (int32_t p = 0; p < panels; p += 2) {
            const int8_t *const from = w + (ptrdiff_t)at * packed + 16 * p;
            __m256i sum[2 * EK_TOGETHER];
            for (int32_t i = 0; i < 2 * EK_TOGETHER; i++) {
                sum[i] = _mm256_setzero_si256();
            }
            if (p + 2 <= panels) {
                ek_pairs(wide, from, n, 16 * panels, EK_TOGETHER, 2, sum);
                ek_add_together(sum, 2, acc + p * EK_PANEL);
            } else {
                ek_pairs(wide, from, n, 16 * panels, EK_TOGETHER, 1, sum);
                ek_add_together(sum, 1, acc + p * EK_PANEL);
            }
        }
    }
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    const int32_t packed = EK_PACKED(rows);
    int16_t filled[EK_PIECE];
    int32_t sums[EK_ROWS];
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        const int16_t *taps = x + at;
        if (n % 2 == 1) {
            EK_WIDEN(x + at, n, filled)
            taps = filled;
        }
        ek_piece(taps, w + at * packed, n, packed / EK_PANEL, sums);
        for (int32_t j = 0; j < rows; j++) {
            acc[j] += sums[j];
        }
    }
}

/* v >> s in 4 lanes of 64 bits, arithmetic: logical on v + 2^63, which is taken away again. */
static inline __m256i ek_shift64(__m256i v, __m256i s)
{
    const __m256i top = _mm256_set1_epi64x(INT64_MIN);
    return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(v, top), s), _mm256_srlv_epi64(top, s));
}

/* acc * m modulo 2^64, m within int32. */
static inline __m256i ek_times_s64(__m256i acc, __m256i m)
{
    const __m256i carry = _mm256_srli_epi64(_mm256_slli_epi64(acc, 32), 63);
    const __m256i high = _mm256_add_epi64(_mm256_srli_epi64(acc, 32), carry);
    return _mm256_add_epi64(_mm256_mul_epi32(acc, m), _mm256_slli_epi64(_mm256_mul_epi32(high, m), 32));
}

static inline __m256i ek_wide_s32(const int32_t *acc)
{
    return _mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)(const void *)acc));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_S64(name, y_type)                                                                             \
    static inline void name(const int64_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,      \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        const __m256i one = _mm256_set1_epi64x(1), low = _mm256_set1_epi64x(y_min - y_zero);                     \
        const __m256i high = _mm256_set1_epi64x(y_max - y_zero);                                                 \
        int32_t j = 0;                                                                                           \
        for (; j + 4 <= n; j += 4) {                                                                             \
            int32_t shifts;                                                                                      \
            int64_t results[4];                                                                                  \
            memcpy(&shifts, shift + j, 4);                                                                       \
            const __m256i s = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(shifts));                                   \
            const __m256i half = _mm256_sllv_epi64(one, _mm256_sub_epi64(s, one));                               \
            const __m256i sums = _mm256_loadu_si256((const __m256i *)(const void *)(acc + j));                   \
            const __m256i product = ek_times_s64(sums, ek_wide_s32(mult + j));                                    \
            __m256i q = ek_shift64(_mm256_add_epi64(product, half), s);                                          \
            q = _mm256_blendv_epi8(q, low, _mm256_cmpgt_epi64(low, q));                                          \
            q = _mm256_blendv_epi8(q, high, _mm256_cmpgt_epi64(q, high));                                        \
            _mm256_storeu_si256((__m256i *)(void *)results, q);                                                  \
            for (int32_t i = 0; i < 4; i++) {                                                                    \
                y[j + i] = (y_type)(results[i] + y_zero);                                                        \
            }                                                                                                    \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS_S64(ek_outputs_s64_s8, int8_t)
EK_OUTPUTS_S64(ek_outputs_s64_s16, int16_t)

#endif
