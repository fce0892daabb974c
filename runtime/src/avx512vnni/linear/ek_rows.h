/* AVX-512 with VNNI: 16 rows side by side, 4 int8 or 2 int16 taps in a lane; up to 4 such panels take turns, so that a
 * block of rows is read from front to back. vpdpbusd takes its first operand
 * unsigned, so int8 operands gain 128, and the bias contains -128 * sum(w row). */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_outputs.h"

#define EK_ROWS 64
#define EK_PANEL 16
#define EK_BYTES_S8(k) ((ptrdiff_t)(((k) + 3) & ~3))
#define EK_BYTES_S16(k) ((ptrdiff_t)(((k) + 1) & ~1))
#define EK_PACKED(n) (((n) + EK_PANEL - 1) / EK_PANEL * EK_PANEL)

/* acc += one group of 4 taps times the rows of `panels` panels. */
static inline __attribute__((always_inline)) void ek_group_s8(uint32_t taps, const __m512i *w, int32_t panels,
                                                              __m512i *acc)
{
    const __m512i x = _mm512_xor_si512(_mm512_set1_epi32((int32_t)taps), _mm512_set1_epi8(-128));
    for (int32_t p = 0; p < panels; p++) {
        acc[p] = _mm512_dpbusd_epi32(acc[p], x, _mm512_loadu_si512(w + p));
    }
}

static inline __attribute__((always_inline)) void ek_panels_s8(const int8_t *x, const int8_t *w, int32_t k,
                                                               int32_t panels, int32_t rows, int32_t *acc)
{
    const __m512i *at = (const __m512i *)(const void *)w;
    const __mmask16 last = ek_lanes(rows - (panels - 1) * EK_PANEL);
    __m512i sum[4];
    uint32_t taps;
    for (int32_t p = 0; p < panels; p++) {
        sum[p] = _mm512_maskz_loadu_epi32(p + 1 < panels ? 0xffff : last, acc + p * EK_PANEL);
    }
    for (int32_t i = 0; i + 4 <= k; i += 4, at += panels) {
        memcpy(&taps, x + i, 4);
        ek_group_s8(taps, at, panels, sum);
    }
    if (k & 3) {
        taps = 0;
        memcpy(&taps, x + (k & ~3), (size_t)(k & 3));
        ek_group_s8(taps, at, panels, sum);
    }
    for (int32_t p = 0; p < panels; p++) {
        _mm512_mask_storeu_epi32(acc + p * EK_PANEL, p + 1 < panels ? 0xffff : last, sum[p]);
    }
}

/* acc [rows] += x [k] . w, packed rows. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_panels_s8(x, w, k, 4, rows, acc); break;
    case 3: ek_panels_s8(x, w, k, 3, rows, acc); break;
    case 2: ek_panels_s8(x, w, k, 2, rows, acc); break;
    default: ek_panels_s8(x, w, k, 1, rows, acc); break;
    }
}

#define EK_TOGETHER 4         /* rows of x */
#define EK_TOGETHER_TAPS 1024 /* a multiple of 64 */

/* acc [4][EK_ROWS] += rows of x, `step` apart, times the same weights: each is read once for all of them. */
static inline __attribute__((always_inline)) void ek_panels_together(const int8_t *x, ptrdiff_t step, const int8_t *w,
                                                                     int32_t k, int32_t panels, int32_t *acc)
{
    const __m512i *at = (const __m512i *)(const void *)w;
    uint8_t flipped[EK_TOGETHER][EK_TOGETHER_TAPS];
    __m512i sum[4 * EK_TOGETHER];
    for (int32_t i = 0; i < panels * EK_TOGETHER; i++) {
        sum[i] = _mm512_loadu_si512(acc + i / panels * EK_ROWS + i % panels * EK_PANEL);
    }
    for (int32_t from = 0; from < k; from += EK_TOGETHER_TAPS) {
        const int32_t count = k - from < EK_TOGETHER_TAPS ? k - from : EK_TOGETHER_TAPS;
        for (int32_t r = 0; r < EK_TOGETHER; r++) {
            for (int32_t i = 0; i < count; i += 64) {
                const __mmask64 lanes = count - i >= 64 ? ~0ull : (1ull << (count - i)) - 1;
                const __m512i taps = _mm512_maskz_loadu_epi8(lanes, x + r * step + from + i);
                _mm512_storeu_si512(flipped[r] + i, _mm512_xor_si512(taps, _mm512_set1_epi8(-128)));
            }
        }
        for (int32_t i = 0; i < count; i += 4, at += panels) {
            __m512i own[4];
            for (int32_t p = 0; p < panels; p++) {
                own[p] = _mm512_loadu_si512(at + p);
            }
            for (int32_t r = 0; r < EK_TOGETHER; r++) {
                int32_t taps;
                memcpy(&taps, flipped[r] + i, 4);
                for (int32_t p = 0; p < panels; p++) {
                    sum[r * panels + p] = _mm512_dpbusd_epi32(sum[r * panels + p], _mm512_set1_epi32(taps), own[p]);
                }
            }
        }
    }
    for (int32_t i = 0; i < panels * EK_TOGETHER; i++) {
        _mm512_storeu_si512(acc + i / panels * EK_ROWS + i % panels * EK_PANEL, sum[i]);
    }
}

/* The same for up to EK_ROWS packed rows of weights. */
static inline void ek_rows_together_s8(const int8_t *x, ptrdiff_t step, const int8_t *w, int32_t k, int32_t rows,
                                       int32_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_panels_together(x, step, w, k, 4, acc); break;
    case 3: ek_panels_together(x, step, w, k, 3, acc); break;
    case 2: ek_panels_together(x, step, w, k, 2, acc); break;
    default: ek_panels_together(x, step, w, k, 1, acc); break;
    }
}

#define EK_PIECE_S16 256 /* products of 2^22 that fit an int32 sum */

/* acc += one pair of taps times the rows of `panels` panels. */
static inline __attribute__((always_inline)) void ek_group_s16(uint32_t taps, const __m256i *w, int32_t panels,
                                                               __m512i *acc)
{
    const __m512i x = _mm512_set1_epi32((int32_t)taps);
    for (int32_t p = 0; p < panels; p++) {
        const __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256(w + p));
        acc[p] = _mm512_dpwssd_epi32(acc[p], x, wide);
    }
}

static inline void ek_widen_add(int64_t *acc, __m512i sum, int32_t rows)
{
    const __mmask16 lanes = ek_lanes(rows);
    const __m256i half[2] = {_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1)};
    for (int32_t i = 0; i < 2; i++) {
        const __mmask8 mask = (__mmask8)(lanes >> (8 * i));
        const __m512i old = _mm512_maskz_loadu_epi64(mask, acc + 8 * i);
        _mm512_mask_storeu_epi64(acc + 8 * i, mask, _mm512_add_epi64(old, _mm512_cvtepi32_epi64(half[i])));
    }
}

static inline __attribute__((always_inline)) void ek_panels_s16(const int16_t *x, const int8_t *w, int32_t k,
                                                                int32_t panels, int32_t rows, int64_t *acc)
{
    const __m256i *at = (const __m256i *)(const void *)w;
    for (int32_t start = 0; start < k; start += EK_PIECE_S16) {
        const int32_t end = k - start < EK_PIECE_S16 ? k : start + EK_PIECE_S16;
        __m512i sum[4];
        uint32_t taps;
        for (int32_t p = 0; p < panels; p++) {
            sum[p] = _mm512_setzero_si512();
        }
        for (int32_t i = start; i + 2 <= end; i += 2, at += panels) {
            memcpy(&taps, x + i, 4);
            ek_group_s16(taps, at, panels, sum);
        }
        if (end & 1) {
            ek_group_s16((uint16_t)x[end - 1], at, panels, sum);
        }
        for (int32_t p = 0; p < panels; p++) {
            ek_widen_add(acc + p * EK_PANEL, sum[p], rows - p * EK_PANEL);
        }
    }
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_panels_s16(x, w, k, 4, rows, acc); break;
    case 3: ek_panels_s16(x, w, k, 3, rows, acc); break;
    case 2: ek_panels_s16(x, w, k, 2, rows, acc); break;
    default: ek_panels_s16(x, w, k, 1, rows, acc); break;
    }
}

/* y_zero + (product + half) >> s, clamped, in 8 lanes of 64 bits. */
static inline __m512i ek_scaled(__m512i product, __m512i s, int32_t y_zero, int32_t y_min, int32_t y_max)
{
    const __m512i one = _mm512_set1_epi64(1);
    const __m512i half = _mm512_sllv_epi64(one, _mm512_sub_epi64(s, one));
    const __m512i q = _mm512_srav_epi64(_mm512_add_epi64(product, half), s);
    const __m512i y = _mm512_add_epi64(q, _mm512_set1_epi64(y_zero));
    return _mm512_min_epi64(_mm512_max_epi64(y, _mm512_set1_epi64(y_min)), _mm512_set1_epi64(y_max));
}

/* y [n] = ek_output of acc [n], each with its own factor; products modulo 2^64 are exact. */
#define EK_OUTPUTS_S64(name, y_type, store)                                                                      \
    static inline void name(const int64_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        for (int32_t j = 0; j < n; j += 8) {                                                                     \
            const __mmask8 lanes = (__mmask8)ek_lanes(n - j);                                                    \
            const __m512i m = _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(lanes, mult + j));                  \
            const __m512i s = _mm512_cvtepu8_epi64(_mm_maskz_loadu_epi8(lanes, shift + j));                      \
            const __m512i product = _mm512_mullo_epi64(_mm512_maskz_loadu_epi64(lanes, acc + j), m);             \
            store(y + j, lanes, ek_scaled(product, s, y_zero, y_min, y_max));                                    \
        }                                                                                                        \
    }
EK_OUTPUTS_S64(ek_outputs_s64_s8, int8_t, _mm512_mask_cvtepi64_storeu_epi8)
EK_OUTPUTS_S64(ek_outputs_s64_s16, int16_t, _mm512_mask_cvtepi64_storeu_epi16)

#endif
