/* Convolution of int8 inputs by one tap per channel, without stride or padding, or by patches of four columns or more inside
 * of x (ek_patches.h), over ek_conv_window.h and EK_CONV_POINTS, the head of its definition. Of a tile of 64 positions four vectors hold a group of four channels; all outputs are taken from
 * it. In 128-bit lane l vector v has positions 16 * l + 4 * v .. + 3, as unpacking leaves them, so that packing the sums
 * restores their order. */

#include "ek_bytes_of.h"
#include "ek_patches.h"

#define EK_HAS_POINTS
#define EK_POINT_GROUPS 768 /* of four channels; of patches 4 times as many, by one vector of positions */

/* Weights of an output: zeros fill up the last group. */
static inline int32_t ek_point_row(const ek_conv_shape *s)
{
    return s->k_w > 1 ? ek_patch_row(s) : (s->in_c / s->groups + 3) & ~3;
}

/* tile [groups][4] of n positions, 64 at most, of channels `plane` bytes apart. */
static inline void ek_point_gather(const int8_t *x, ptrdiff_t plane, int32_t channels, int32_t n, __m512i *tile)
{
    const __mmask64 lanes = ek_span(0, n);
    const __m512i top = _mm512_set1_epi8(-128);
    __m512i row[4];
    for (int32_t c = 0; c < channels; c += 4, tile += 4) {
        for (int32_t i = 0; i < 4; i++) { /* weights of missing channels are 0 */
            const int8_t *const from = x + ek_min(c + i, channels - 1) * plane;
#ifdef __AMX_INT8__ /* products take less time than fetching their operands */
            _mm_prefetch((const char *)from + 64, _MM_HINT_T0);
#endif
            row[i] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, from), top);
        }
        const __m512i ab = _mm512_unpacklo_epi8(row[0], row[1]), ab_high = _mm512_unpackhi_epi8(row[0], row[1]);
        const __m512i cd = _mm512_unpacklo_epi8(row[2], row[3]), cd_high = _mm512_unpackhi_epi8(row[2], row[3]);
        tile[0] = _mm512_unpacklo_epi16(ab, cd);
        tile[1] = _mm512_unpackhi_epi16(ab, cd);
        tile[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
        tile[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
    }
}

/* The same as one vector of 16 positions. */
static inline void ek_point_gather_few(const int8_t *x, ptrdiff_t plane, int32_t channels, int32_t n, __m512i *tile)
{
    const __mmask16 lanes = ek_lanes(n);
    __m128i row[4];
    for (int32_t c = 0; c < channels; c += 4, tile++) {
        for (int32_t i = 0; i < 4; i++) {
            row[i] = _mm_maskz_loadu_epi8(lanes, x + ek_min(c + i, channels - 1) * plane);
        }
        const __m128i ab = _mm_unpacklo_epi8(row[0], row[1]), ab_high = _mm_unpackhi_epi8(row[0], row[1]);
        const __m128i cd = _mm_unpacklo_epi8(row[2], row[3]), cd_high = _mm_unpackhi_epi8(row[2], row[3]);
        __m512i all = _mm512_castsi128_si512(_mm_unpacklo_epi16(ab, cd));
        all = _mm512_inserti32x4(all, _mm_unpackhi_epi16(ab, cd), 1);
        all = _mm512_inserti32x4(all, _mm_unpacklo_epi16(ab_high, cd_high), 2);
        all = _mm512_inserti32x4(all, _mm_unpackhi_epi16(ab_high, cd_high), 3);
        *tile = _mm512_xor_si512(all, _mm512_set1_epi8(-128));
    }
}

/* sums [rows][vectors] = bias [rows] + weights w [rows][channels], a multiple of 4, times the tile. */
EK_INLINE void ek_point_sums(const __m512i *tile, const int8_t *w, const EK_ACC *bias, int32_t channels, int32_t rows,
                             int32_t vectors, __m512i *sums)
{
    __m512i acc[16];
    EK_UNROLLED
    for (int32_t i = 0; i < rows * vectors; i++) {
        acc[i] = ek_i_all((int32_t)bias[i / vectors]);
    }
    for (int32_t c = 0; c < channels; c += 4, tile += vectors, w += 4) {
        EK_UNROLLED
        for (int32_t r = 0; r < rows; r++) {
            int32_t taps;
            memcpy(&taps, w + (ptrdiff_t)r * channels, 4);
            EK_UNROLLED
            for (int32_t v = 0; v < vectors; v++) {
                acc[r * vectors + v] = _mm512_dpbusd_epi32(acc[r * vectors + v], tile[v], _mm512_set1_epi32(taps));
            }
        }
    }
    EK_UNROLLED
    for (int32_t i = 0; i < rows * vectors; i++) {
        sums[i] = acc[i];
    }
}

/* Each by itself: inlined, gcc moves sums of the loop from register to register. */
#define EK_POINT_SUMS(rows, vectors)                                                                                \
    static __attribute__((noinline)) void ek_point_sums_##rows##_##vectors(                                         \
        const __m512i *tile, const int8_t *w, const EK_ACC *bias, int32_t channels, __m512i *sums)                  \
    {                                                                                                               \
        ek_point_sums(tile, w, bias, channels, rows, vectors, sums);                                                \
    }
EK_POINT_SUMS(4, 4)
EK_POINT_SUMS(1, 4)
EK_POINT_SUMS(8, 1)
EK_POINT_SUMS(1, 1)

/* The sums' requantized values; `is_down`: shift >= 33. */
EK_INLINE ek_i ek_point_scaled(ek_i sum, int32_t mult, int32_t shift, int is_down)
{
    return is_down ? ek_i_requantize_down(sum, mult, shift) : ek_i_requantize_all(sum, mult, shift);
}

/* y [n] = outputs of one channel with sums of a tile of 64 positions. */
EK_INLINE void ek_point_outputs(const __m512i *sums, const ek_layer *l, int32_t channel, int is_down, EK_Y *y,
                                int32_t n)
{
    const ek_scaling scaling = {l->mult[channel], l->shift[channel], l->y_zero, l->y_min, l->y_max};
    const uint64_t lanes = ek_span(0, n);
    if (sizeof(EK_Y) == 1) {
        const __m512i bytes = ek_bytes_of_four(sums, &scaling, is_down);
        if (n == 64) {
            _mm512_storeu_si512(y, bytes);
        } else {
            _mm512_mask_storeu_epi8(y, lanes, bytes);
        }
    } else {
        __m512i words[2];
        ek_words_of_four(sums, &scaling, is_down, words);
        _mm512_mask_storeu_epi16(y, (__mmask32)lanes, words[0]);
        _mm512_mask_storeu_epi16(y + 32, (__mmask32)(lanes >> 32), words[1]);
    }
}

/* y [n] = those with sums of a vector of 16 positions. */
EK_INLINE void ek_point_outputs_few(ek_i sum, const ek_layer *l, int32_t channel, int is_down, EK_Y *y, int32_t n)
{
    const ek_i q = ek_point_scaled(sum, l->mult[channel], l->shift[channel], is_down);
    const ek_i clamped = ek_i_clamp(ek_i_add(q, ek_i_all(l->y_zero)), ek_i_all(l->y_min), ek_i_all(l->y_max));
    if (sizeof(EK_Y) == 1) {
        ek_i_store_s8((int8_t *)(void *)y, clamped, n);
    } else {
        ek_i_store_s16((int16_t *)(void *)y, clamped, n);
    }
}

/* n outputs, behind the first `at`, of `rows` channels from `channel` on; rows of weights are a multiple of 4. */
EK_INLINE void ek_point_rows(const __m512i *tile, const ek_layer *l, int32_t channel, int32_t rows, int32_t vectors,
                             int is_down, int32_t at, int32_t n)
{
    const int32_t channels = (l->inputs + 3) & ~3;
    const int8_t *const w = l->w + (ptrdiff_t)channel * channels;
    __m512i sums[16];
    (rows == 4 ? ek_point_sums_4_4 : rows == 8 ? ek_point_sums_8_1 : vectors == 4 ? ek_point_sums_1_4 : ek_point_sums_1_1)(
        tile, w, l->bias + channel, channels, sums);
    for (int32_t r = 0; r < rows; r++) {
        EK_Y *const y = l->y + (channel + r) * l->plane + at;
        if (vectors == 4) {
            ek_point_outputs(sums + 4 * r, l, channel + r, is_down, y, n);
        } else {
            ek_point_outputs_few(sums[r], l, channel + r, is_down, y, n);
        }
    }
}

#include "ek_point_products.h"
#ifndef EK_POINT_PRODUCTS
#define EK_POINT_PRODUCTS(...) 0
#define EK_POINT_FOUR(left) ((left) > 48) /* of positions of which so many are left are 64 taken at once, else 16 */
#define EK_POINT_BEGIN(groups, outputs, positions) ((void)0)
#define EK_POINT_END(groups, outputs, positions) ((void)0)
#define EK_POINT_GROUP(outputs, row, positions) ((ptrdiff_t)(outputs) * (row)) /* bytes of weights of a group of the convolution */
#endif

/* All channels of a tile, `together` at once. */
EK_INLINE void ek_point_tile(__m512i *tile, const ek_layer *l, int32_t together, int32_t vectors, int is_down,
                             int32_t at, int32_t n)
{
    int32_t channel = 0;
    if (EK_POINT_PRODUCTS(tile, l, vectors, is_down, at, n)) {
        return;
    }
    for (; channel + together <= l->outputs; channel += together) {
        ek_point_rows(tile, l, channel, together, vectors, is_down, at, n);
    }
    for (; channel < l->outputs; channel++) {
        ek_point_rows(tile, l, channel, 1, vectors, is_down, at, n);
    }
}

/* All outputs of a group of channels, of which the positions lie in one row; s: of patches. */
EK_INLINE void ek_pointwise_s8(const ek_layer *l, const ek_conv_shape *s, int is_down)
{
    const int32_t positions = (int32_t)l->plane, is_long = l->inputs > 4 * EK_POINT_GROUPS;
    __m512i tile[4 * EK_POINT_GROUPS];
    for (int32_t at = 0; at < positions;) {
        const int32_t left = positions - at, four = EK_POINT_FOUR(left) && !is_long, n = ek_min(left, four ? 64 : 16);
        const int8_t *const x = (const int8_t *)(const void *)l->x;
        if (s) {
            ek_patch_gather(x, s, at, n, four ? 4 : 1, tile);
        } else if (four) {
            ek_point_gather(x + at, l->plane, l->inputs, n, tile);
        } else {
            ek_point_gather_few(x + at, l->plane, l->inputs, n, tile);
        }
        if (four) {
            ek_point_tile(tile, l, 4, 4, is_down, at, n);
        } else {
            ek_point_tile(tile, l, 8, 1, is_down, at, n);
        }
        at += n;
    }
}

static void ek_pointwise_down(const ek_layer *l, const ek_conv_shape *s)
{
    ek_pointwise_s8(l, s, 1);
}

static void ek_pointwise_any(const ek_layer *l, const ek_conv_shape *s)
{
    ek_pointwise_s8(l, s, 0);
}

EK_CONV_POINTS(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
               const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min, int32_t y_max,
               EK_Y *restrict y, const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups, row = ek_point_row(s);
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w, x_group = (ptrdiff_t)inputs * s->in_h * s->in_w;
    const ek_conv_shape *const patches = s->k_w > 1 ? s : NULL;
    EK_POINT_BEGIN(row / 4, outputs, plane);
    for (int32_t o = 0; o < s->out_c; o += outputs, x += x_group, w += EK_POINT_GROUP(outputs, row, plane)) {
        const ek_layer layer = {x, w, bias + o, mult + o, shift + o, y + o * plane, x_zero, y_zero,
                                y_min, y_max, patches ? row : inputs, outputs, s->in_h, s->in_w, plane};
        int32_t least = 33;
        for (int32_t i = 0; i < outputs; i++) {
            least = ek_min(least, layer.shift[i]);
        }
        if (least < 33) {
            ek_pointwise_any(&layer, patches);
        } else {
            ek_pointwise_down(&layer, patches);
        }
    }
    EK_POINT_END(row / 4, outputs, plane);
}
