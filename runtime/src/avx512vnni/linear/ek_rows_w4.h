/* AVX-512 with VNNI: 16 rows of int4 weights side by side, 8 taps in a lane: the low nibbles of its bytes are taps 0 to 3
 * for int8 operands and even ones for int16 operands, of which each half of the lane has its own. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_rows.h"

#define EK_ROW_BYTES_W4(k) ((ptrdiff_t)(((k) + 7) / 8 * 4))
#define EK_PACKED_W4(n) EK_PACKED(n)
#include "ek_int4.h"

#define EK_PRODUCT_TOGETHER ek_rows_together_s8_w4
#define EK_NIBBLES_8 (int32_t)0xfbfaf9f8 /* the values of nibbles 8 to 11 and 12 to 15, as bytes */
#define EK_NIBBLES_12 (int32_t)0xfffefdfc
#define EK_PIECE_S16_W4 4096 /* products of 2^18 that fit an int32 sum */

/* acc [rows][panels] += one row of taps each, `step` apart, times the rows of the panels. */
static inline __attribute__((always_inline)) void ek_panels_s8_w4(const int8_t *x, ptrdiff_t step, const int8_t *w,
                                                                  int32_t k, int32_t rows, int32_t panels, __m512i *acc)
{
    const __m512i flip = _mm512_set1_epi8(-128), nibble = _mm512_set1_epi8(15);
    const __m512i signs = _mm512_set4_epi32(EK_NIBBLES_12, EK_NIBBLES_8, 0x07060504, 0x03020100);
    const __m512i *at = (const __m512i *)(const void *)w;
    for (int32_t i = 0; i < k; i += 8, at += panels) {
        const size_t count = k - i < 8 ? (size_t)(k - i) : 8;
        __m512i low[4], high[4];
        for (int32_t p = 0; p < panels; p++) {
            const __m512i pairs = _mm512_loadu_si512(at + p);
            low[p] = _mm512_shuffle_epi8(signs, _mm512_and_si512(pairs, nibble));
            high[p] = _mm512_shuffle_epi8(signs, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), nibble));
        }
        for (int32_t r = 0; r < rows; r++) {
            int32_t taps[2] = {0, 0};
            if (count == 8) {
                memcpy(taps, x + r * step + i, 8);
            } else {
                memcpy(taps, x + r * step + i, count);
            }
            const __m512i first = _mm512_xor_si512(_mm512_set1_epi32(taps[0]), flip);
            const __m512i second = _mm512_xor_si512(_mm512_set1_epi32(taps[1]), flip);
            for (int32_t p = 0; p < panels; p++) {
                acc[r * panels + p] = _mm512_dpbusd_epi32(acc[r * panels + p], first, low[p]);
                acc[r * panels + p] = _mm512_dpbusd_epi32(acc[r * panels + p], second, high[p]);
            }
        }
    }
}

static inline __attribute__((always_inline)) void ek_some_panels_s8_w4(const int8_t *x, ptrdiff_t step, const int8_t *w,
                                                                       int32_t k, int32_t rows, int32_t panels,
                                                                       int32_t count, int32_t *acc)
{
    const __mmask16 last = ek_lanes(count - (panels - 1) * EK_PANEL);
    __m512i sum[4 * EK_TOGETHER];
    for (int32_t i = 0; i < rows * panels; i++) {
        const __mmask16 in = i % panels + 1 < panels ? 0xffff : last;
        sum[i] = _mm512_maskz_loadu_epi32(in, acc + i / panels * EK_ROWS + i % panels * EK_PANEL);
    }
    ek_panels_s8_w4(x, step, w, k, rows, panels, sum);
    for (int32_t i = 0; i < rows * panels; i++) {
        const __mmask16 in = i % panels + 1 < panels ? 0xffff : last;
        _mm512_mask_storeu_epi32(acc + i / panels * EK_ROWS + i % panels * EK_PANEL, in, sum[i]);
    }
}

/* acc [rows] += x [k] . w, packed rows. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_some_panels_s8_w4(x, 0, w, k, 1, 4, rows, acc); break;
    case 3: ek_some_panels_s8_w4(x, 0, w, k, 1, 3, rows, acc); break;
    case 2: ek_some_panels_s8_w4(x, 0, w, k, 1, 2, rows, acc); break;
    default: ek_some_panels_s8_w4(x, 0, w, k, 1, 1, rows, acc); break;
    }
}

/* The same for EK_TOGETHER rows of x, `step` apart; acc [EK_TOGETHER][EK_ROWS]. */
static inline void ek_rows_together_s8_w4(const int8_t *x, ptrdiff_t step, const int8_t *w, int32_t k, int32_t rows,
                                          int32_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_some_panels_s8_w4(x, step, w, k, EK_TOGETHER, 4, rows, acc); break;
    case 3: ek_some_panels_s8_w4(x, step, w, k, EK_TOGETHER, 3, rows, acc); break;
    case 2: ek_some_panels_s8_w4(x, step, w, k, EK_TOGETHER, 2, rows, acc); break;
    default: ek_some_panels_s8_w4(x, step, w, k, EK_TOGETHER, 1, rows, acc); break;
    }
}

static inline __attribute__((always_inline)) void ek_panels_s16_w4(const int16_t *x, const int8_t *w, int32_t k,
                                                                   int32_t panels, int32_t rows, int64_t *acc)
{
    const __m512i *at = (const __m512i *)(const void *)w;
    for (int32_t start = 0; start < k; start += EK_PIECE_S16_W4) {
        const int32_t end = k - start < EK_PIECE_S16_W4 ? k : start + EK_PIECE_S16_W4;
        __m512i sum[4];
        for (int32_t p = 0; p < panels; p++) {
            sum[p] = _mm512_setzero_si512();
        }
        for (int32_t i = start; i < end; i += 8, at += panels) {
            int32_t taps[4] = {0, 0, 0, 0};
            if (end - i >= 8) {
                memcpy(taps, x + i, 8 * sizeof(*x));
            } else {
                memcpy(taps, x + i, (size_t)(end - i) * sizeof(*x));
            }
            for (int32_t p = 0; p < panels; p++) {
                const __m512i v = _mm512_loadu_si512(at + p);
                const __m512i wide[4] = {_mm512_slli_epi16(v, 12), _mm512_slli_epi16(v, 8), _mm512_slli_epi16(v, 4), v};
                for (int32_t j = 0; j < 4; j++) {
                    sum[p] = _mm512_dpwssd_epi32(sum[p], _mm512_set1_epi32(taps[j]), _mm512_srai_epi16(wide[j], 12));
                }
            }
        }
        for (int32_t p = 0; p < panels; p++) {
            ek_widen_add(acc + p * EK_PANEL, sum[p], rows - p * EK_PANEL);
        }
    }
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    switch (EK_PACKED(rows) / EK_PANEL) {
    case 4: ek_panels_s16_w4(x, w, k, 4, rows, acc); break;
    case 3: ek_panels_s16_w4(x, w, k, 3, rows, acc); break;
    case 2: ek_panels_s16_w4(x, w, k, 2, rows, acc); break;
    default: ek_panels_s16_w4(x, w, k, 1, rows, acc); break;
    }
}

#endif
