/* Rows of four int8 channels as elements of four bytes, which gain 128, for ek_conv_fours.h. */
#ifndef EK_FOURS_FILL_GUARD
#define EK_FOURS_FILL_GUARD

#include "ek_conv_strips.h"
#include "ek_lanes.h"

#define EK_PICKED_STRIDE 16 /* up to which 64 bytes hold enough positions */

/* Of a plane: where row 0 of its channels begins, the columns of its positions that are inside of x, what the others are,
 * and that as elements. */
typedef struct {
    const int8_t *at[4];
    int32_t stride, lo, hi, width;
    __m512i fill, outside;
} ek_four_rows;

/* Elements of 64 positions, of which the first n are wanted: whole vectors are stored. */
static inline void ek_four_store(const __m512i *row, int32_t n, int32_t *to)
{
    const __m512i ab = _mm512_unpacklo_epi8(row[0], row[1]), ab_high = _mm512_unpackhi_epi8(row[0], row[1]);
    const __m512i cd = _mm512_unpacklo_epi8(row[2], row[3]), cd_high = _mm512_unpackhi_epi8(row[2], row[3]);
    const __m512i first = _mm512_unpacklo_epi16(ab, cd), second = _mm512_unpackhi_epi16(ab, cd);
    const __m512i third = _mm512_unpacklo_epi16(ab_high, cd_high), last = _mm512_unpackhi_epi16(ab_high, cd_high);
    const __m512i a = _mm512_shuffle_i32x4(first, second, 0x44), b = _mm512_shuffle_i32x4(third, last, 0x44);
    const __m512i c = _mm512_shuffle_i32x4(first, second, 0xee), d = _mm512_shuffle_i32x4(third, last, 0xee);
    const __m512i top = _mm512_set1_epi8(-128);
    _mm512_storeu_si512(to, _mm512_xor_si512(_mm512_shuffle_i32x4(a, b, 0x88), top));
    if (n > 16) {
        _mm512_storeu_si512(to + 16, _mm512_xor_si512(_mm512_shuffle_i32x4(a, b, 0xdd), top));
    }
    if (n > 32) {
        _mm512_storeu_si512(to + 32, _mm512_xor_si512(_mm512_shuffle_i32x4(c, d, 0x88), top));
    }
    if (n > 48) {
        _mm512_storeu_si512(to + 48, _mm512_xor_si512(_mm512_shuffle_i32x4(c, d, 0xdd), top));
    }
}

/* Four bytes of each of 16 positions. */
static inline __m512i ek_four_beside(const __m128i *row)
{
    const __m128i ab = _mm_unpacklo_epi8(row[0], row[1]), cd = _mm_unpacklo_epi8(row[2], row[3]);
    const __m128i ab_high = _mm_unpackhi_epi8(row[0], row[1]), cd_high = _mm_unpackhi_epi8(row[2], row[3]);
    __m512i all = _mm512_castsi128_si512(_mm_unpacklo_epi16(ab, cd));
    all = _mm512_inserti32x4(all, _mm_unpackhi_epi16(ab, cd), 1);
    all = _mm512_inserti32x4(all, _mm_unpacklo_epi16(ab_high, cd_high), 2);
    return _mm512_inserti32x4(all, _mm_unpackhi_epi16(ab_high, cd_high), 3);
}

/* A row `offset` behind the first, without stride. */
static inline void ek_four_dense(const ek_four_rows *p, ptrdiff_t offset, int32_t width, int32_t hi, int32_t *to)
{
    for (int32_t j = 0; j < width; j += 64) {
        const __mmask64 in = ek_span(ek_max(p->lo - j, 0), ek_max(hi - j, 0));
        if (width - j > 16) {
            __m512i row[4];
            for (int32_t i = 0; i < 4; i++) {
                row[i] = _mm512_mask_loadu_epi8(p->fill, in, p->at[i] + offset + j);
            }
            ek_four_store(row, width - j, to + j);
        } else {
            __m128i row[4];
            for (int32_t i = 0; i < 4; i++) {
                row[i] = _mm_mask_loadu_epi8(_mm512_castsi512_si128(p->fill), (__mmask16)in, p->at[i] + offset + j);
            }
            _mm512_storeu_si512(to + j, _mm512_xor_si512(ek_four_beside(row), _mm512_set1_epi8(-128)));
        }
    }
}

/* With a stride of 2: of every two bytes the first. */
static inline void ek_four_halves(const ek_four_rows *p, ptrdiff_t offset, int32_t *to)
{
    const __m512i low = _mm512_set1_epi16(255), top = _mm512_set1_epi8(-128);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), last = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int32_t j = 0; j < p->width; j += 32) {
        const int32_t from = 2 * ek_max(p->lo - j, 0), end = ek_max(2 * (p->hi - j) - 1, 0);
        const __mmask64 in = ek_span(from, end);
        __m512i row[4];
        for (int32_t i = 0; i < 4; i++) {
            row[i] = _mm512_mask_loadu_epi8(p->fill, in, p->at[i] + offset + 2 * j);
        }
        const __m512i ab = _mm512_or_si512(_mm512_and_si512(row[0], low), _mm512_slli_epi16(row[1], 8));
        const __m512i cd = _mm512_or_si512(_mm512_and_si512(row[2], low), _mm512_slli_epi16(row[3], 8));
        const __m512i even = _mm512_xor_si512(_mm512_unpacklo_epi16(ab, cd), top);
        const __m512i odd = _mm512_xor_si512(_mm512_unpackhi_epi16(ab, cd), top);
        _mm512_storeu_si512(to + j, _mm512_permutex2var_epi64(even, first, odd));
        if (p->width - j > 16) {
            _mm512_storeu_si512(to + j + 16, _mm512_permutex2var_epi64(even, last, odd));
        }
    }
}

/* Where bytes `at` of two channels lie in the words of both, and how far up in a word. */
static inline void ek_four_words(__m512i at, __m512i *words, __m512i *behind)
{
    const __m512i pairs = _mm512_or_si512(at, _mm512_slli_epi32(at, 16));
    *words = _mm512_add_epi16(_mm512_srli_epi16(pairs, 1), _mm512_set1_epi32(32 << 16));
    *behind = _mm512_slli_epi16(_mm512_and_si512(pairs, _mm512_set1_epi16(1)), 3);
}

/* The bytes of four channels in these words. */
static inline __m512i ek_four_pick(const ek_four_rows *p, ptrdiff_t offset, __mmask64 read, __m512i words, __m512i behind)
{
    const __m512i low = _mm512_set1_epi16(255);
    __m512i row[4];
    for (int32_t i = 0; i < 4; i++) {
        row[i] = _mm512_maskz_loadu_epi8(read, p->at[i] + offset);
    }
    const __m512i ac = _mm512_srlv_epi16(_mm512_permutex2var_epi16(row[0], words, row[2]), behind);
    const __m512i bd = _mm512_srlv_epi16(_mm512_permutex2var_epi16(row[1], words, row[3]), behind);
    return _mm512_or_si512(_mm512_and_si512(ac, low), _mm512_slli_epi16(bd, 8));
}

/* One row with a stride of 3 or 4: 64 bytes hold 16 positions. */
static inline void ek_four_sixteens(const ek_four_rows *p, ptrdiff_t offset, int32_t *to)
{
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i top = _mm512_set1_epi8(-128);
    __m512i words, behind;
    ek_four_words(_mm512_mullo_epi32(lanes, _mm512_set1_epi32(p->stride)), &words, &behind);
    for (int32_t j = 0; j < p->width; j += 16) {
        const int32_t from = ek_min(ek_max(p->lo - j, 0), 16), end = ek_max(ek_min(p->hi - j, 16), from);
        const __mmask64 read = end > from ? ek_span(from * p->stride, (end - 1) * p->stride + 1) : 0;
        const __m512i four = ek_four_pick(p, offset + j * p->stride, read, words, behind);
        _mm512_storeu_si512(to + j, _mm512_mask_xor_epi32(p->outside, (__mmask16)ek_span(from, end), four, top));
    }
}

/* Whether two rows of positions, `down` bytes apart, lie within 64 bytes and fit into a vector. */
static inline int ek_four_fit(const ek_four_rows *p, int32_t down)
{
    return p->width <= 8 && (p->width - 1) * p->stride + down < 64;
}

/* Whether ek_four_picked takes least time: its set-up is for some rows. */
static inline int ek_four_picks(const ek_four_rows *p, const ek_conv_shape *s, int32_t rows)
{
    const int far = p->stride > 2 && p->stride <= EK_PICKED_STRIDE;
    return rows > 1 && ((rows > 2 && (far || (p->stride == 2 && p->width <= 16))) || ek_four_fit(p, s->stride_h * s->in_w));
}

/* Rows with any stride, `down` bytes apart, the first `above` bytes behind row 0; as many at once as fit. */
static inline void ek_four_picked(const ek_four_rows *p, ptrdiff_t above, int32_t rows, int32_t down, int32_t *to)
{
    int32_t together = 1;
    if (rows > 1 && ek_four_fit(p, down)) {
        together = ek_min(rows, ek_min(16 / p->width, (63 - (p->width - 1) * p->stride) / down + 1));
    }
    const int32_t columns = ek_min(p->width, p->stride <= 4 ? 16 : 63 / p->stride + 1);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i column = lanes, at = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(p->stride));
    if (together > 1) {
        const __m512i a_row = _mm512_set1_epi32((255 + p->width) / p->width), width = _mm512_set1_epi32(p->width);
        const __m512i row = _mm512_srli_epi32(_mm512_mullo_epi32(lanes, a_row), 8);
        column = _mm512_sub_epi32(lanes, _mm512_mullo_epi32(row, width));
        at = _mm512_add_epi32(at, _mm512_mullo_epi32(row, _mm512_set1_epi32(down - p->width * p->stride)));
    }
    const __m512i top = _mm512_set1_epi8(-128);
    __m512i words, behind;
    ek_four_words(at, &words, &behind);
    for (int32_t j = 0; j < p->width; j += columns) {
        const int32_t n = ek_min(p->width - j, columns), from = ek_min(ek_max(p->lo - j, 0), n);
        const int32_t inside = ek_max(ek_min(p->hi - j, n) - from, 0), last = (from + inside - 1) * p->stride;
        const __m512i first = _mm512_sub_epi32(column, _mm512_set1_epi32(from));
        const __mmask16 in = _mm512_cmplt_epu32_mask(first, _mm512_set1_epi32(inside)), all = ek_lanes(n);
        __mmask64 read = inside ? ek_span(from * p->stride, (together - 1) * down + last + 1) : 0;
        ptrdiff_t offset = above + (ptrdiff_t)j * p->stride;
        for (int32_t h = 0; h < rows; h += together, offset += (ptrdiff_t)together * down) {
            if (rows - h < together) {
                read &= ek_span(0, (rows - h - 1) * down + ek_max(last, 0) + 1);
            }
            const __m512i four = ek_four_pick(p, offset, read, words, behind);
            const __m512i made = _mm512_mask_xor_epi32(p->outside, in, four, top);
            if (columns == p->width) {
                _mm512_storeu_si512(to + h * p->width, made);
            } else {
                _mm512_mask_storeu_epi32(to + h * p->width + j, all, made);
            }
        }
    }
}

/* A row of any stride, position by position: fastest where 64 bytes hold few of them. */
static inline void ek_four_each(const ek_four_rows *p, ptrdiff_t offset, int32_t *to)
{
    const int32_t outside = _mm_cvtsi128_si32(_mm512_castsi512_si128(p->outside));
    const int8_t *const a = p->at[0] + offset, *const b = p->at[1] + offset;
    const int8_t *const c = p->at[2] + offset, *const d = p->at[3] + offset;
    for (int32_t j = 0; j < p->lo; j++) {
        to[j] = outside;
    }
    for (int32_t j = p->lo; j < p->hi; j++) {
        const int32_t i = j * p->stride;
        const uint32_t low = (uint32_t)(uint8_t)a[i] | (uint32_t)(uint8_t)b[i] << 8;
        to[j] = (int32_t)((low | (uint32_t)(uint8_t)c[i] << 16 | (uint32_t)(uint8_t)d[i] << 24) ^ 0x80808080u);
    }
    for (int32_t j = p->hi; j < p->width; j++) {
        to[j] = outside;
    }
}

/* n elements outside of x, and up to 15 behind. */
static inline void ek_four_outside(const ek_four_rows *p, int32_t n, int32_t *to)
{
    for (int32_t j = 0; j < n; j += 16) {
        _mm512_storeu_si512(to + j, p->outside);
    }
}

/* As ek_rows_beside, by ek_four_picked. By itself: inlined, it costs the others time. */
static __attribute__((noinline)) void ek_rows_picked(const ek_four_rows *p, const ek_conv_shape *s, int32_t iy,
                                                     int32_t rows, int32_t *to)
{
    const int32_t down = s->stride_h * s->in_w;
    const int32_t above = ek_min(ek_first(-iy, s->stride_h), rows);
    const int32_t inside = ek_max(ek_min(ek_first(s->in_h - iy, s->stride_h), rows) - above, 0);
    ek_four_outside(p, above * p->width, to);
    ek_four_picked(p, (ptrdiff_t)(iy + above * s->stride_h) * s->in_w, inside, down, to + above * p->width);
    ek_four_outside(p, (rows - above - inside) * p->width, to + (above + inside) * p->width);
}

/* to [rows][width] = four channels of rows by the strides, the first at (iy, ix); x is the first of `channels`. Up to 15
 * elements behind are written. */
static __attribute__((noinline)) void ek_rows_beside(const int8_t *x, int32_t channels, int8_t fill,
                                                     const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                                                     int32_t width, int32_t *to)
{
    const int32_t stride = s->stride_w, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    const int beside = stride == 1 && s->stride_h == 1 && ix == 0 && width == s->in_w; /* a row begins where one ends */
    const __m512i all = _mm512_set1_epi8(fill);
    ek_four_rows p = {{NULL, NULL, NULL, NULL}, stride, lo, hi, width, all, _mm512_xor_si512(all, _mm512_set1_epi8(-128))};
    for (int32_t i = 0; i < 4; i++) { /* weights of missing channels are 0 */
        p.at[i] = x + ek_min(i, channels - 1) * (ptrdiff_t)s->in_h * s->in_w + ix;
    }
    if (!beside && ek_four_picks(&p, s, rows)) {
        ek_rows_picked(&p, s, iy, rows, to);
        return;
    }
    for (int32_t h = 0, run; h < rows; h += run, iy += run * s->stride_h, to += run * width) {
        const ptrdiff_t offset = (ptrdiff_t)iy * s->in_w;
        run = 1;
        if (iy < 0 || iy >= s->in_h) {
            ek_four_outside(&p, width, to);
        } else if (beside) {
            run = ek_min(rows - h, s->in_h - iy);
            ek_four_dense(&p, offset, run * width, run * width, to);
        } else if (stride == 1) {
            ek_four_dense(&p, offset, width, hi, to);
        } else if (stride == 2) {
            ek_four_halves(&p, offset, to);
        } else if (stride <= 4) {
            ek_four_sixteens(&p, offset, to);
        } else {
            ek_four_each(&p, offset, to);
        }
    }
}

/* A plane of four channels of narrow rows; x is the first of `channels`. */
static inline void ek_spread_beside(const ek_spread *p, const int8_t *x, int32_t channels, int8_t fill, ptrdiff_t plane,
                                    int32_t *to)
{
    const __m512i outside = _mm512_set1_epi8(fill), top = _mm512_set1_epi8(-128);
    const int8_t *const b = x + ek_min(1, channels - 1) * plane, *const c = x + ek_min(2, channels - 1) * plane;
    const int8_t *const d = x + (channels - 1) * plane; /* weights of missing channels are 0 */
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t from = p->from[i];
        const __mmask16 in = p->in[i], lanes = ek_lanes(_mm_popcnt_u32(in));
        const __m128i row[4] = {_mm_maskz_loadu_epi8(lanes, x + from), _mm_maskz_loadu_epi8(lanes, b + from),
                                _mm_maskz_loadu_epi8(lanes, c + from), _mm_maskz_loadu_epi8(lanes, d + from)};
        const __m512i all = _mm512_mask_expand_epi32(outside, in, ek_four_beside(row));
        _mm512_storeu_si512(to + 16 * i, _mm512_xor_si512(all, top));
    }
}

#endif
