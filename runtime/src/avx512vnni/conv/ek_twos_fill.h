/* Rows of two int16 channels as elements of two words, for ek_conv_fours.h. */
#ifndef EK_TWOS_FILL_GUARD
#define EK_TWOS_FILL_GUARD

#include "ek_conv_strips.h"
#include "ek_lanes.h"

#define EK_WORDS_STRIDE 4 /* up to which 16 positions are picked out of 64 words */

/* Of a plane: where row 0 of its channels begins, the columns of its positions that are inside of x, what the others are. */
typedef struct {
    const int16_t *at[2];
    int32_t stride, lo, hi, width;
    __m512i fill;
} ek_two_rows;

/* Two words of each of 16 positions. */
static inline __m512i ek_two_beside(__m256i a, __m256i b)
{
    return _mm512_or_si512(_mm512_cvtepu16_epi32(a), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
}

/* A row `offset` behind the first, without stride. */
static inline void ek_two_dense(const ek_two_rows *p, ptrdiff_t offset, int32_t width, int32_t hi, int32_t *to)
{
    const int16_t *const x = p->at[0] + offset, *const next = p->at[1] + offset;
    const __m256i fill = _mm512_castsi512_si256(p->fill);
    for (int32_t j = 0; j < width; j += 16) {
        const __mmask16 in = (__mmask16)ek_span(ek_max(p->lo - j, 0), ek_max(hi - j, 0));
        const __m256i a = _mm256_mask_loadu_epi16(fill, in, x + j), b = _mm256_mask_loadu_epi16(fill, in, next + j);
        _mm512_storeu_si512(to + j, ek_two_beside(a, b));
    }
}

/* With a stride of 2: of every two words the first. */
static inline void ek_two_halves(const ek_two_rows *p, ptrdiff_t offset, int32_t *to)
{
    const int16_t *const x = p->at[0] + offset, *const next = p->at[1] + offset;
    for (int32_t j = 0; j < p->width; j += 16) {
        const int32_t from = 2 * ek_max(p->lo - j, 0), end = ek_max(2 * (p->hi - j) - 1, 0);
        const __mmask32 in = (__mmask32)ek_span(from, end);
        const __m512i a = _mm512_mask_loadu_epi16(p->fill, in, x + 2 * j);
        const __m512i b = _mm512_mask_loadu_epi16(p->fill, in, next + 2 * j);
        _mm512_storeu_si512(to + j, _mm512_mask_blend_epi16(0xaaaaaaaau, a, _mm512_slli_epi32(b, 16)));
    }
}

/* With a stride of 3 or 4: those that `picks` says of 64 words. */
static inline void ek_two_picked(const ek_two_rows *p, ptrdiff_t offset, __m512i picks, int32_t *to)
{
    for (int32_t j = 0; j < p->width; j += 16) {
        const int32_t from = ek_min(ek_max(p->lo - j, 0), 16), end = ek_max(ek_min(p->hi - j, 16), from);
        const __mmask64 read = end > from ? ek_span(from * p->stride, (end - 1) * p->stride + 1) : 0;
        __m512i two[2];
        for (int32_t i = 0; i < 2; i++) {
            const int16_t *const x = p->at[i] + offset + j * p->stride;
            const __m512i low = _mm512_maskz_loadu_epi16((__mmask32)read, x);
            const __m512i high = _mm512_maskz_loadu_epi16((__mmask32)(read >> 32), x + 32);
            two[i] = _mm512_permutex2var_epi16(low, picks, high);
        }
        const __m512i all = _mm512_mask_blend_epi16(0xaaaaaaaau, two[0], _mm512_slli_epi32(two[1], 16));
        _mm512_storeu_si512(to + j, _mm512_mask_blend_epi32((__mmask16)ek_span(from, end), p->fill, all));
    }
}

/* With any stride. */
static inline void ek_two_each(const ek_two_rows *p, ptrdiff_t offset, int32_t *to)
{
    const int32_t outside = _mm_cvtsi128_si32(_mm512_castsi512_si128(p->fill));
    const int16_t *const a = p->at[0] + offset, *const b = p->at[1] + offset;
    for (int32_t j = 0; j < p->lo; j++) {
        to[j] = outside;
    }
    for (int32_t j = p->lo, i = j * p->stride; j < p->hi; j++, i += p->stride) {
        to[j] = (int32_t)((uint32_t)(uint16_t)a[i] | (uint32_t)(uint16_t)b[i] << 16);
    }
    for (int32_t j = p->hi; j < p->width; j++) {
        to[j] = outside;
    }
}

/* to [rows][width] = two channels of rows by the strides, the first at (iy, ix); x is the first of `channels`. Up to 15
 * elements behind are written. */
static __attribute__((noinline)) void ek_rows_beside(const int16_t *x, int32_t channels, int16_t fill,
                                                     const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                                                     int32_t width, int32_t *to)
{
    const int32_t stride = s->stride_w, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    const int beside = stride == 1 && s->stride_h == 1 && ix == 0 && width == s->in_w; /* a row begins where one ends */
    const ptrdiff_t next = channels > 1 ? (ptrdiff_t)s->in_h * s->in_w : 0;            /* weights of a missing channel are 0 */
    const ek_two_rows p = {{x + ix, x + next + ix}, stride, lo, hi, width, _mm512_set1_epi16(fill)};
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i picks = _mm512_mullo_epi32(steps, _mm512_set1_epi32(stride));
    for (int32_t h = 0, run; h < rows; h += run, iy += run * s->stride_h, to += run * width) {
        const ptrdiff_t offset = (ptrdiff_t)iy * s->in_w;
        run = 1;
        if (iy < 0 || iy >= s->in_h) {
            for (int32_t j = 0; j < width; j += 16) {
                _mm512_storeu_si512(to + j, p.fill);
            }
        } else if (beside) {
            run = ek_min(rows - h, s->in_h - iy);
            ek_two_dense(&p, offset, run * width, run * width, to);
        } else if (stride == 1) {
            ek_two_dense(&p, offset, width, hi, to);
        } else if (stride == 2) {
            ek_two_halves(&p, offset, to);
        } else if (stride <= EK_WORDS_STRIDE) {
            ek_two_picked(&p, offset, picks, to);
        } else {
            ek_two_each(&p, offset, to);
        }
    }
}

/* A plane of two channels of narrow rows; x is the first of `channels`. */
static inline void ek_spread_beside(const ek_spread *p, const int16_t *x, int32_t channels, int16_t fill, ptrdiff_t plane,
                                    int32_t *to)
{
    const __m512i outside = _mm512_set1_epi16(fill);
    const int16_t *const next = x + (channels > 1 ? plane : 0); /* weights of a missing channel are 0 */
    for (int32_t i = 0; i < p->count; i++) {
        const __mmask16 in = p->in[i], lanes = ek_lanes(_mm_popcnt_u32(in));
        const __m256i a = _mm256_maskz_loadu_epi16(lanes, x + p->from[i]), b = _mm256_maskz_loadu_epi16(lanes, next + p->from[i]);
        _mm512_storeu_si512(to + 16 * i, _mm512_mask_expand_epi32(outside, in, ek_two_beside(a, b)));
    }
}

#endif
