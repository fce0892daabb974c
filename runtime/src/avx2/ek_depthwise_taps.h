/* Convolution of channels by themselves over EK_X, EK_ACC and EK_Y: a channel is laid out as int16 without its zero point,
 * by the strides, so that a tap of all outputs of a band is one long row; vpmaddwd takes two taps of neighbouring outputs
 * at once. What lies outside stays 0 from channel to channel. */
#ifndef EK_DEPTHWISE_TAPS_GUARD
#define EK_DEPTHWISE_TAPS_GUARD

#include "ek_conv_shape.h"
#include "ek_outputs.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_PLANES_ROOM 16384 /* int16 of a band */
#define EK_PLANES_SLACK 64
#define EK_TAPS_MOST 256 /* whose sum of int16 products has 31 bits */
#define EK_TAPS_BYTES 30 /* of int8, above which pairs beside each other need fewer instructions */

/* A band of outputs: planes of one phase each, stride_h x stride_w of them. */
typedef struct {
    int32_t rows, columns, pitch, plane;
} ek_tap_band;

/* What a call has in common. */
typedef struct {
    const int32_t *mult;
    const uint8_t *shift;
    int32_t lift, y_zero, y_min, y_max;
} ek_tap_layer;

/* Rows and columns of a band; says whether there is one. */
static inline int ek_tap_band_of(const ek_conv_shape *s, ek_tap_band *b)
{
    const int32_t phases = s->stride_h * s->stride_w;
    const int32_t down = (s->k_h - 1) * s->dil_h / s->stride_h, right = (s->k_w - 1) * s->dil_w / s->stride_w;
    if (s->stride_w > 2 || s->stride_h > 4 || down >= EK_PLANES_ROOM / 64) {
        return 0;
    }
    b->columns = ek_min(s->out_w, EK_PLANES_ROOM / (phases * (down + 1)) - right);
    b->pitch = b->columns + right;
    b->rows = b->columns < s->out_w ? 1 : ek_min(s->out_h, EK_PLANES_ROOM / (phases * b->pitch) - down);
    b->plane = (b->rows + down) * b->pitch;
    return b->columns >= ek_min(s->out_w, 32);
}

/* Eight elements. */
EK_INLINE __m128i ek_tap_words(const EK_X *x)
{
    const __m128i *const at = (const __m128i *)(const void *)x;
    return sizeof(EK_X) == 2 ? _mm_loadu_si128(at) : _mm_cvtepi8_epi16(_mm_loadl_epi64(at));
}

EK_INLINE void ek_tap_put(int16_t *to, __m128i words)
{
    _mm_storeu_si128((__m128i *)(void *)to, words);
}

/* Four elements. */
EK_INLINE __m128i ek_four_words(const EK_X *x)
{
    int32_t four = 0;
    if (sizeof(EK_X) == 2) {
        return _mm_loadl_epi64((const __m128i *)(const void *)x);
    }
    memcpy(&four, x, 4);
    return _mm_cvtepi8_epi16(_mm_cvtsi32_si128(four));
}

/* to [n] = a row less zero; the last eight or four overlap those before. */
EK_INLINE void ek_tap_row(const EK_X *x, int32_t zero, int32_t n, int16_t *to)
{
    const __m128i less = _mm_set1_epi16((int16_t)zero);
    for (int32_t i = 0; i < 2 && n >= 4 && n < 8; i++) {
        const int32_t at = i * (n - 4);
        _mm_storel_epi64((__m128i *)(void *)(to + at), _mm_sub_epi16(ek_four_words(x + at), less));
    }
    for (int32_t j = 0; n >= 8 && j < n; j += 8) {
        const int32_t at = ek_min(j, n - 8);
        ek_tap_put(to + at, _mm_sub_epi16(ek_tap_words(x + at), less));
    }
    for (int32_t j = 0; n < 4 && j < n; j++) {
        to[j] = (int16_t)(x[j] - zero);
    }
}

/* to [n] bytes, short ones mostly, for which a call takes longer; the last of a size overlap those before. */
EK_INLINE void ek_copy_bytes(void *to, const void *from, int32_t n)
{
    const int32_t size = n >= 16 ? 16 : n >= 8 ? 8 : n >= 4 ? 4 : 1;
    for (int32_t j = 0; j < n; j += size) {
        const int32_t at = ek_min(j, n - size);
        switch (size) {
        case 16: memcpy((char *)to + at, (const char *)from + at, 16); break;
        case 8: memcpy((char *)to + at, (const char *)from + at, 8); break;
        case 4: memcpy((char *)to + at, (const char *)from + at, 4); break;
        default: ((char *)to)[at] = ((const char *)from)[at]; break;
        }
    }
}

/* As ek_tap_row, every second one into `to`, the n / 2 others into `odd`. */
EK_INLINE void ek_tap_row_apart(const EK_X *x, int32_t zero, int32_t n, int16_t *to, int16_t *odd)
{
    const __m128i less = _mm_set1_epi16((int16_t)zero);
    int32_t j = 0;
    for (; n >= 16 && j < n / 2; j += 8) {
        const int32_t at = ek_min(j, n / 2 - 8);
        const __m128i a = ek_tap_words(x + 2 * at), b = ek_tap_words(x + 2 * at + 8);
        const __m128i low = _mm_srai_epi32(_mm_slli_epi32(a, 16), 16), high = _mm_srai_epi32(_mm_slli_epi32(b, 16), 16);
        ek_tap_put(to + at, _mm_sub_epi16(_mm_packs_epi32(low, high), less));
        ek_tap_put(odd + at, _mm_sub_epi16(_mm_packs_epi32(_mm_srai_epi32(a, 16), _mm_srai_epi32(b, 16)), less));
    }
    for (j = n >= 16 ? n / 2 : 0; 2 * j < n; j++) {
        to[j] = (int16_t)(x[2 * j] - zero);
        if (2 * j + 1 < n) {
            odd[j] = (int16_t)(x[2 * j + 1] - zero);
        }
    }
}

/* The planes of a channel for the band with output (oy, ox) first. */
static inline void ek_tap_fill(const EK_X *x, int32_t zero, const ek_conv_shape *s, const ek_tap_band *b, int32_t oy,
                               int32_t ox, int32_t rows, int32_t columns, int16_t *planes)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int32_t high = (rows - 1) * s->stride_h + (s->k_h - 1) * s->dil_h + 1;
    const int32_t wide = (columns - 1) * s->stride_w + (s->k_w - 1) * s->dil_w + 1;
    const int32_t lo = ek_min(ek_max(0, -left), wide), n = ek_min(s->in_w - left, wide) - lo;
    for (int32_t i = ek_max(0, -top); n > 0 && i < ek_min(high, s->in_h - top); i++) {
        const EK_X *const row = x + (ptrdiff_t)(top + i) * s->in_w + left + lo;
        int16_t *const to = planes + i % s->stride_h * s->stride_w * b->plane + i / s->stride_h * b->pitch;
        if (s->stride_w == 1) {
            ek_tap_row(row, zero, n, to + lo);
        } else if (lo % 2 == 0) {
            ek_tap_row_apart(row, zero, n, to + lo / 2, to + b->plane + lo / 2);
        } else {
            ek_tap_row_apart(row, zero, n, to + b->plane + lo / 2, to + lo / 2 + 1);
        }
    }
}

/* y [16] = outputs of sums, the lower and the upper four of both halves apart. */
EK_INLINE void ek_tap_store(const ek_tap_layer *f, int32_t o, ek_i low, ek_i high, EK_Y *y)
{
    const int32_t mult = f->mult[o] * (1 << f->lift), shift = f->shift[o] + f->lift;
    const ek_i a = ek_i_requantize_all(low, mult, shift), b = ek_i_requantize_all(high, mult, shift);
    ek_i q = _mm256_adds_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16((int16_t)f->y_zero));
    q = _mm256_max_epi16(q, _mm256_set1_epi16((int16_t)f->y_min));
    q = _mm256_min_epi16(q, _mm256_set1_epi16((int16_t)f->y_max));
    if (sizeof(EK_Y) == 2) {
        _mm256_storeu_si256((__m256i *)(void *)y, q);
    } else {
        const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storeu_si128((__m128i *)(void *)y, bytes);
    }
}

/* y [16 * vectors] = outputs of channel o; w [pairs] are two weights each, offset [pairs][2] where their taps are. */
EK_INLINE void ek_tap_outputs(const ek_tap_layer *f, int32_t o, int32_t bias, const int16_t *x, const int32_t *offset,
                              const int32_t *w, int32_t pairs, int32_t vectors, EK_Y *y)
{
    ek_i low[2], high[2];
    for (int32_t v = 0; v < vectors; v++) {
        low[v] = high[v] = ek_i_all(bias);
    }
    for (int32_t t = 0; t < pairs; t++) {
        const ek_i both = ek_i_all(w[t]);
        for (int32_t v = 0; v < vectors; v++) {
            const ek_i a = _mm256_loadu_si256((const __m256i *)(const void *)(x + offset[2 * t] + 16 * v));
            const ek_i b = _mm256_loadu_si256((const __m256i *)(const void *)(x + offset[2 * t + 1] + 16 * v));
            low[v] = ek_i_add(low[v], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), both));
            high[v] = ek_i_add(high[v], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), both));
        }
    }
    for (int32_t v = 0; v < vectors; v++) {
        ek_tap_store(f, o, low[v], high[v], y + 16 * v);
    }
}

/* The same of n outputs and up to a vector behind. */
EK_INLINE void ek_tap_positions(const ek_tap_layer *f, int32_t o, int32_t bias, const int16_t *x, const int32_t *offset,
                                const int32_t *w, int32_t pairs, int32_t n, EK_Y *y)
{
    int32_t at = 0;
    for (; at + 16 < n; at += 32) {
        ek_tap_outputs(f, o, bias, x + at, offset, w, pairs, 2, y + at);
    }
    if (at < n) {
        ek_tap_outputs(f, o, bias, x + at, offset, w, pairs, 1, y + at);
    }
}

/* The same, of which small kernels unroll. */
static void ek_tap_channel(const ek_tap_layer *f, int32_t o, int32_t bias, const int16_t *x, const int32_t *offset,
                           const int32_t *w, int32_t pairs, int32_t n, EK_Y *y)
{
    if (pairs == 5) {
        ek_tap_positions(f, o, bias, x, offset, w, 5, n, y);
    } else if (pairs == 2) {
        ek_tap_positions(f, o, bias, x, offset, w, 2, n, y);
    } else {
        ek_tap_positions(f, o, bias, x, offset, w, pairs, n, y);
    }
}

/* Whether sums of int16 and their factors have 31 bits. */
static inline int ek_taps_fit(int32_t x_zero, const EK_ACC *bias, const int32_t *mult, const uint8_t *shift, int32_t n)
{
    int fits = x_zero == 0;
    for (int32_t o = 0; o < n; o++) {
        fits = fits && bias[o] <= 1 << 30 && bias[o] >= -(1 << 30) && mult[o] >= 0 && mult[o] < 1 << 15 && shift[o] <= 46;
    }
    return fits;
}

/* Whether the shape is one that this takes; then y is done. */
static int ek_depthwise_taps(const EK_X *x, int32_t x_zero, const int8_t *w, const EK_ACC *bias, const int32_t *mult,
                        const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, pairs = (taps + 1) / 2, outputs = s->out_c / s->groups;
    const ek_tap_layer f = {mult, shift, sizeof(EK_X) == 2 ? 16 : 0, y_zero, y_min, y_max};
    int16_t planes[EK_PLANES_ROOM + EK_PLANES_SLACK];
    EK_Y made[EK_PLANES_ROOM + EK_PLANES_SLACK];
    int32_t offset[EK_TAPS_MOST], weights[EK_TAPS_MOST / 2];
    ek_tap_band b;
    if (s->in_c != s->groups || taps > (sizeof(EK_X) == 1 ? EK_TAPS_BYTES : EK_TAPS_MOST) || !ek_tap_band_of(s, &b)
        || (sizeof(EK_X) == 2 && !ek_taps_fit(x_zero, bias, mult, shift, s->out_c))) {
        return 0;
    }
    for (int32_t t = 0; t < 2 * pairs; t++) {
        const int32_t tap = ek_min(t, taps - 1), down = tap / s->k_w * s->dil_h, right = tap % s->k_w * s->dil_w;
        offset[t] = (down % s->stride_h * s->stride_w + right % s->stride_w) * b.plane + down / s->stride_h * b.pitch
                    + right / s->stride_w;
    }
    for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
        for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
            const int32_t rows = ek_min(b.rows, s->out_h - oy), columns = ek_min(b.columns, s->out_w - ox);
            const int32_t n = (rows - 1) * b.pitch + columns;
            memset(planes, 0, sizeof(int16_t) * (size_t)(s->stride_h * s->stride_w * b.plane + EK_PLANES_SLACK));
            for (int32_t o = 0; o < s->out_c; o++) {
                if (o % outputs == 0) {
                    ek_tap_fill(x + (ptrdiff_t)(o / outputs) * s->in_h * s->in_w, x_zero, s, &b, oy, ox, rows, columns, planes);
                }
                for (int32_t t = 0; t < pairs; t++) {
                    const int8_t *const own = w + (ptrdiff_t)o * taps + 2 * t;
                    weights[t] = (uint16_t)own[0] | (2 * t + 1 < taps ? own[1] * 65536 : 0);
                }
                ek_tap_channel(&f, o, (int32_t)bias[o], planes, offset, weights, pairs, n, made);
                EK_Y *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w + ox;
                for (int32_t r = 0; r < rows; r++) {
                    ek_copy_bytes(to + (ptrdiff_t)r * s->out_w, made + r * b.pitch, columns * (int32_t)sizeof(EK_Y));
                }
            }
        }
    }
    return 1;
}

#endif
