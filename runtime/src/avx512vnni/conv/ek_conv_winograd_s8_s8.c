/* Winograd's convolution in integers. Lanes are channels: a strip of inputs is laid out with channels last and transformed
 * by 32 of them, products take pairs of them with vectors of output channels, and 16 of those are transformed back at a
 * time, requantized and turned into rows. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_APART static __attribute__((noinline)) /* whose loop gets all registers */
#define EK_PLACES 36
#define EK_ALONG 16   /* most tiles side by side in a strip */
#define EK_SIDE 6     /* of the inputs of a tile */
#define EK_VECTORS 4  /* most vectors of output channels at once */
#define EK_ROOM 196608 /* bytes of what a strip needs, which stays near */
#define EK_NINTH 954437177 /* times 9 is 1 modulo 2^32 */

/* A strip of tiles: its first output's row and column; its inputs, and their places and those of sums, the places
 * `apart` elements from each other. */
typedef struct {
    int32_t top, left, rows, columns, tiles, channels; /* tiles: made up of fours and fives; channels: of vectors */
    int32_t wide;                                      /* columns of inputs */
    ptrdiff_t apart, sums_apart;
    int8_t *inputs;
    int16_t *places;
    int32_t *sums;
} ek_strip;

/* What outputs of a vector of channels become. */
typedef struct {
    __m512i bias, even, odd, behind; /* bias: times 64 */
    int32_t y_zero, y_min, y_max;
} ek_scaling;

/* What a call has in common, for all channels. */
typedef struct {
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t y_zero, y_min, y_max;
    int8_t *y;
} ek_strip_layer;

/* 16 positions of 32 channels, channels last. */
EK_INLINE void ek_turn_bytes(const __m256i row[16], __m256i column[16])
{
    __m256i a[16], b[16];
    for (int32_t i = 0; i < 8; i++) {
        a[2 * i] = _mm256_unpacklo_epi8(row[i], row[i + 8]);
        a[2 * i + 1] = _mm256_unpackhi_epi8(row[i], row[i + 8]);
    }
    for (int32_t i = 0; i < 8; i++) {
        b[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + 8]);
        b[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + 8]);
    }
    for (int32_t i = 0; i < 8; i++) {
        a[2 * i] = _mm256_unpacklo_epi8(b[i], b[i + 8]);
        a[2 * i + 1] = _mm256_unpackhi_epi8(b[i], b[i + 8]);
    }
    for (int32_t i = 0; i < 8; i++) {
        column[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + 8]);
        column[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + 8]);
    }
}

/* inputs [rows][wide][channels] of a strip, x_zero outside of x. */
EK_APART void ek_strip_inputs(const int8_t *x, int32_t x_zero, const ek_conv_shape *s, const ek_strip *t)
{
    const int32_t high = 4 * t->rows + 2, left = t->left - s->pad_left;
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const __m128i fill = _mm_set1_epi8((char)x_zero);
    for (int32_t i = 0; i < high; i++) {
        const int32_t iy = t->top - s->pad_top + i;
        int8_t *const to = t->inputs + (ptrdiff_t)i * t->wide * t->channels;
        if (iy < 0 || iy >= s->in_h) {
            memset(to, x_zero, (size_t)(t->wide * t->channels));
            continue;
        }
        for (int32_t c = 0; c < t->channels; c += 32) {
            for (int32_t j = 0; j < t->wide; j += 16) {
                const int32_t from = ek_min(ek_max(-left - j, 0), 16), end = ek_min(s->in_w - left - j, t->wide - j);
                const __mmask16 in = (__mmask16)ek_span(from, ek_max(ek_min(end, 16), from));
                const int8_t *const row = x + (ptrdiff_t)iy * s->in_w + left + j;
                __m256i rows[16], columns[16];
                for (int32_t k = 0; k < 16; k++) { /* weights of missing channels are 0 */
                    const int32_t low = ek_min(c + k, s->in_c - 1), up = ek_min(c + k + 16, s->in_c - 1);
                    rows[k] = _mm256_castsi128_si256(_mm_mask_loadu_epi8(fill, in, row + low * plane));
                    rows[k] = _mm256_inserti128_si256(rows[k], _mm_mask_loadu_epi8(fill, in, row + up * plane), 1);
                }
                ek_turn_bytes(rows, columns);
                for (int32_t k = 0; k < ek_min(16, t->wide - j); k++) {
                    _mm256_storeu_si256((__m256i *)(void *)(to + (ptrdiff_t)(j + k) * t->channels + c), columns[k]);
                }
            }
        }
    }
}

/* B^T d for points 0, 1, -1, 2, -2 and infinity. */
EK_INLINE void ek_spread(const __m512i d[EK_SIDE], __m512i to[EK_SIDE])
{
    const __m512i a = _mm512_sub_epi16(d[4], _mm512_slli_epi16(d[2], 2));
    const __m512i b = _mm512_sub_epi16(d[3], _mm512_slli_epi16(d[1], 2));
    const __m512i c = _mm512_sub_epi16(d[4], d[2]), e = _mm512_sub_epi16(d[3], d[1]), twice = _mm512_add_epi16(e, e);
    to[0] = _mm512_add_epi16(c, _mm512_slli_epi16(_mm512_sub_epi16(d[0], d[2]), 2));
    to[1] = _mm512_add_epi16(a, b);
    to[2] = _mm512_sub_epi16(a, b);
    to[3] = _mm512_add_epi16(c, twice);
    to[4] = _mm512_sub_epi16(c, twice);
    to[5] = _mm512_sub_epi16(_mm512_sub_epi16(d[5], d[3]), _mm512_slli_epi16(e, 2));
}

/* places [EK_PLACES][tiles][channels] of a strip. */
EK_APART void ek_strip_places(const ek_strip *t)
{
    const ptrdiff_t row = (ptrdiff_t)t->wide * t->channels;
    __m512i down[4 * EK_ALONG + 2][EK_SIDE];
    for (int32_t r = 0; r < t->rows; r++) {
        for (int32_t c = 0; c < t->channels; c += 32) {
            const int8_t *const x = t->inputs + 4 * r * row + c;
            int16_t *const to = t->places + (ptrdiff_t)r * t->columns * t->channels + c;
            for (int32_t j = 0; j < t->wide; j++) {
                __m512i d[EK_SIDE];
                EK_UNROLLED
                for (int32_t i = 0; i < EK_SIDE; i++) {
                    const int8_t *const at = x + i * row + (ptrdiff_t)j * t->channels;
                    d[i] = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)at));
                }
                ek_spread(d, down[j]);
            }
            for (int32_t k = 0; k < t->columns; k++) {
                EK_UNROLLED
                for (int32_t i = 0; i < EK_SIDE; i++) {
                    __m512i d[EK_SIDE], v[EK_SIDE];
                    EK_UNROLLED
                    for (int32_t j = 0; j < EK_SIDE; j++) {
                        d[j] = down[4 * k + j][i];
                    }
                    ek_spread(d, v);
                    EK_UNROLLED
                    for (int32_t j = 0; j < EK_SIDE; j++) {
                        _mm512_storeu_si512(to + (EK_SIDE * i + j) * t->apart + (ptrdiff_t)k * t->channels, v[j]);
                    }
                }
            }
        }
    }
}

/* sums [tiles][vectors] of a place: inputs x [tiles][channels] times w [vectors][pairs][16][2]. */
EK_INLINE void ek_products(const int16_t *x, ptrdiff_t channels, const int16_t *w, int32_t pairs, int32_t tiles,
                           int32_t vectors, int32_t *sums)
{
    __m512i acc[5 * EK_VECTORS];
    EK_UNROLLED
    for (int32_t i = 0; i < tiles * vectors; i++) {
        acc[i] = _mm512_setzero_si512();
    }
    for (int32_t c = 0; c < pairs; c++, x += 2, w += 32) {
        __m512i taken[EK_VECTORS];
        EK_UNROLLED
        for (int32_t v = 0; v < vectors; v++) {
            taken[v] = _mm512_loadu_si512(w + (ptrdiff_t)v * pairs * 32);
        }
        EK_UNROLLED
        for (int32_t i = 0; i < tiles; i++) {
            int32_t pair;
            memcpy(&pair, x + i * channels, 4);
            EK_UNROLLED
            for (int32_t v = 0; v < vectors; v++) {
                acc[i * vectors + v] = _mm512_dpwssd_epi32(acc[i * vectors + v], taken[v], _mm512_set1_epi32(pair));
            }
        }
    }
    EK_UNROLLED
    for (int32_t i = 0; i < tiles * vectors; i++) {
        _mm512_storeu_si512(sums + 16 * i, acc[i]);
    }
}

/* The same of some tiles, a few of them five at a time. */
#define EK_PLACE(vectors, most)                                                                                   \
    EK_APART void ek_place_##vectors(const int16_t *x, const ek_strip *t, const int16_t *w, int32_t pairs,        \
                                     int32_t *sums)                                                               \
    {                                                                                                             \
        const int32_t tiles = t->tiles, channels = t->channels;                                                   \
        for (int32_t i = 0, n; i < tiles; i += n) {                                                               \
            const int16_t *const own = x + (ptrdiff_t)i * channels;                                               \
            int32_t *const to = sums + 16 * vectors * i;                                                          \
            n = (tiles - i) % 4 != 0 ? 5 : tiles - i >= most ? most : 4;                                          \
            if (n == 5) {                                                                                         \
                ek_products(own, channels, w, pairs, 5, vectors, to);                                             \
            } else if (n == most) {                                                                               \
                ek_products(own, channels, w, pairs, most, vectors, to);                                          \
            } else {                                                                                              \
                ek_products(own, channels, w, pairs, 4, vectors, to);                                             \
            }                                                                                                     \
        }                                                                                                         \
    }
EK_PLACE(1, 8)
EK_PLACE(2, 8)
EK_PLACE(4, 4)

/* sums [EK_PLACES][tiles][vectors] of a strip; w: the vectors' weights of the first place, `place` from the next one's. */
static void ek_strip_sums(const ek_strip *t, const int16_t *w, ptrdiff_t place, int32_t pairs, int32_t vectors)
{
    for (int32_t p = 0; p < EK_PLACES; p++, w += place) {
        const int16_t *const x = t->places + p * t->apart;
        int32_t *const sums = t->sums + p * t->sums_apart;
        (vectors == 4 ? ek_place_4 : vectors == 2 ? ek_place_2 : ek_place_1)(x, t, w, pairs, sums);
    }
}

/* A^T m, all times 24 of what the taps give. */
EK_INLINE void ek_gathered(const __m512i m[EK_SIDE], __m512i to[4])
{
    const __m512i a = _mm512_add_epi32(m[1], m[2]), b = _mm512_sub_epi32(m[1], m[2]);
    const __m512i c = _mm512_add_epi32(m[3], m[4]), d = _mm512_sub_epi32(m[3], m[4]), e = _mm512_add_epi32(d, d);
    const __m512i last = _mm512_add_epi32(m[5], _mm512_add_epi32(m[5], m[5]));
    to[0] = _mm512_add_epi32(m[0], _mm512_add_epi32(a, c));
    to[1] = _mm512_add_epi32(b, e);
    to[2] = _mm512_add_epi32(a, _mm512_slli_epi32(c, 2));
    to[3] = _mm512_add_epi32(_mm512_add_epi32(b, last), _mm512_slli_epi32(e, 2));
}

/* Twice the output of 64 times a sum, not yet rounded: high 32 bits of products, shifted. */
EK_INLINE __m512i ek_twice(__m512i sum, const ek_scaling *p)
{
    const __m512i v = _mm512_add_epi32(_mm512_mullo_epi32(sum, _mm512_set1_epi32(EK_NINTH)), p->bias);
    const __m512i even = _mm512_mul_epi32(v, p->even), odd = _mm512_mul_epi32(_mm512_srli_epi64(v, 32), p->odd);
    return _mm512_srav_epi32(_mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xf5), p->behind);
}

/* A row of four outputs, in each lane those of a channel. Saturating to int16 first is exact for int8. */
EK_INLINE __m512i ek_row_of_four(const __m512i sums[4], const ek_scaling *p)
{
    const __m512i zero = _mm512_set1_epi16((int16_t)(2 * p->y_zero + 1));
    const __m512i order = _mm512_set4_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400);
    const __m512i first = _mm512_packs_epi32(ek_twice(sums[0], p), ek_twice(sums[1], p));
    const __m512i last = _mm512_packs_epi32(ek_twice(sums[2], p), ek_twice(sums[3], p));
    const __m512i a = _mm512_srai_epi16(_mm512_adds_epi16(first, zero), 1);
    const __m512i b = _mm512_srai_epi16(_mm512_adds_epi16(last, zero), 1);
    const __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(a, b), _mm512_set1_epi8((char)p->y_min));
    return _mm512_shuffle_epi8(_mm512_min_epi8(bytes, _mm512_set1_epi8((char)p->y_max)), order);
}

/* rows [4] of a tile's outputs; sums of its places are `apart` from each other. */
EK_INLINE void ek_tile_outputs(const int32_t *sums, ptrdiff_t apart, const ek_scaling *p, __m512i *rows)
{
    __m512i down[EK_SIDE][4];
    EK_UNROLLED
    for (int32_t j = 0; j < EK_SIDE; j++) {
        __m512i m[EK_SIDE];
        EK_UNROLLED
        for (int32_t i = 0; i < EK_SIDE; i++) {
            m[i] = _mm512_loadu_si512(sums + (EK_SIDE * i + j) * apart);
        }
        ek_gathered(m, down[j]);
    }
    EK_UNROLLED
    for (int32_t i = 0; i < 4; i++) {
        __m512i m[EK_SIDE], out[4];
        EK_UNROLLED
        for (int32_t j = 0; j < EK_SIDE; j++) {
            m[j] = down[j][i];
        }
        ek_gathered(m, out);
        rows[4 * i] = ek_row_of_four(out, p);
    }
}

/* y [channels][n] = a row of up to four tiles' outputs, channels `plane` apart. */
EK_INLINE void ek_store_row(const __m512i tile[4], int32_t channels, int32_t n, ptrdiff_t plane, int8_t *y)
{
    const __m512i ab = _mm512_unpacklo_epi32(tile[0], tile[1]), ab_high = _mm512_unpackhi_epi32(tile[0], tile[1]);
    const __m512i cd = _mm512_unpacklo_epi32(tile[2], tile[3]), cd_high = _mm512_unpackhi_epi32(tile[2], tile[3]);
    const __m512i four[4] = {_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd),
                             _mm512_unpacklo_epi64(ab_high, cd_high), _mm512_unpackhi_epi64(ab_high, cd_high)};
    __m128i row[16];
    EK_UNROLLED
    for (int32_t i = 0; i < 4; i++) {
        row[i] = _mm512_castsi512_si128(four[i]);
        row[i + 4] = _mm512_extracti32x4_epi32(four[i], 1);
        row[i + 8] = _mm512_extracti32x4_epi32(four[i], 2);
        row[i + 12] = _mm512_extracti32x4_epi32(four[i], 3);
    }
    if (channels >= 16 && n >= 16) {
        EK_UNROLLED
        for (int32_t i = 0; i < 16; i++) {
            _mm_storeu_si128((__m128i *)(void *)(y + i * plane), row[i]);
        }
    } else {
        for (int32_t i = 0; i < ek_min(channels, 16); i++) {
            _mm_mask_storeu_epi8(y + i * plane, ek_lanes(n), row[i]);
        }
    }
}

/* Outputs of a strip of the channels of a vector, from sums of `step` channels; y is that of the first channel. */
EK_APART void ek_strip_outputs(const ek_strip *t, const int32_t *sums, int32_t step, const ek_scaling *scaling,
                               const ek_conv_shape *s, int32_t channels, int8_t *y)
{
    const ek_scaling p = *scaling; /* which stores cannot change */
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    for (int32_t r = 0; r < t->rows; r++) {
        for (int32_t k = 0; k < t->columns; k += 4) {
            const int32_t oy = t->top + 4 * r, ox = t->left + 4 * k, count = ek_min(4, t->columns - k);
            __m512i rows[16] = {_mm512_setzero_si512()};
            for (int32_t j = 0; j < count; j++, sums += step) {
                ek_tile_outputs(sums, t->sums_apart, &p, rows + j);
            }
            for (int32_t i = 0; i < 4 && oy + i < s->out_h; i++) {
                int8_t *const to = y + (ptrdiff_t)(oy + i) * s->out_w + ox;
                ek_store_row(rows + 4 * i, channels, ek_min(4 * count, s->out_w - ox), plane, to);
            }
        }
    }
}

/* Tiles that products take: made up of fours and fives. */
static inline int32_t ek_filled(int32_t tiles)
{
    return tiles % 4 <= tiles / 4 ? tiles : (tiles + 3) & ~3;
}

/* Bytes of a strip's inputs, places and sums, of so many vectors of output channels. */
static inline int32_t ek_strip_bytes(int32_t rows, int32_t columns, int32_t channels, int32_t vectors)
{
    const int32_t tiles = ek_filled(rows * columns), inputs = (4 * rows + 2) * (4 * columns + 2) * channels;
    return inputs + EK_PLACES * (tiles * (2 * channels + 64 * vectors) + 128);
}

/* The strips of a shape: equal parts of its tiles, whole rows of them where there is room. */
static void ek_strip_of(const ek_conv_shape *s, int32_t channels, int32_t vectors, ek_strip *t)
{
    const int32_t high = (s->out_h + 3) / 4, wide = (s->out_w + 3) / 4;
    int32_t rows = 1, columns = ek_min(wide, EK_ALONG);
    while (columns > 1 && ek_strip_bytes(1, columns, channels, vectors) > EK_ROOM) {
        columns--;
    }
    columns = (wide + (wide + columns - 1) / columns - 1) / ((wide + columns - 1) / columns);
    while (rows < high && ek_strip_bytes(rows + 1, columns, channels, vectors) <= EK_ROOM) {
        rows++;
    }
    t->rows = (high + (high + rows - 1) / rows - 1) / ((high + rows - 1) / rows);
    t->columns = columns;
}

/* Outputs of a strip of `vectors` vectors of channels from number `first` on. */
static void ek_strip_channels(const ek_strip *t, const ek_conv_shape *s, const ek_strip_layer *l, int32_t first,
                              int32_t vectors)
{
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    for (int32_t v = 0; v < vectors; v++, first += 16) {
        const int32_t count = ek_min(16, s->out_c - first);
        const __mmask16 in = ek_lanes(count);
        const __m512i m = _mm512_maskz_loadu_epi32(in, l->mult + first);
        const __m512i shift = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(in, l->shift + first));
        const ek_scaling p = {_mm512_maskz_loadu_epi32(in, l->bias + first), m, _mm512_srli_epi64(m, 32),
                              _mm512_sub_epi32(shift, _mm512_set1_epi32(27)), l->y_zero, l->y_min, l->y_max};
        ek_strip_outputs(t, t->sums + 16 * v, 16 * vectors, &p, s, count, l->y + first * plane);
    }
}

void ek_conv_winograd_s8_s8(const int8_t *restrict x, int32_t x_zero, const int16_t *restrict w,
                            const int32_t *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift,
                            int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ek_strip_layer layer = {bias, mult, shift, y_zero, y_min, y_max, y};
    const int32_t pairs = (s.in_c + 1) / 2, panels = (s.out_c + 15) / 16, channels = (s.in_c + 31) & ~31;
    const int32_t most = panels >= 4 ? 4 : panels >= 2 ? 2 : 1;
    const ptrdiff_t panel = (ptrdiff_t)pairs * 32;
    int8_t work[EK_ROOM + 64];
    ek_strip t;
    ek_strip_of(&s, channels, most, &t);
    const int32_t rows = t.rows, columns = t.columns;
    t.channels = channels;
    t.inputs = work + (-(intptr_t)work & 63);
    for (t.top = 0; t.top < s.out_h; t.top += 4 * rows) {
        for (t.left = 0; t.left < s.out_w; t.left += 4 * columns) {
            t.rows = ek_min(rows, (s.out_h - t.top + 3) / 4);
            t.columns = ek_min(columns, (s.out_w - t.left + 3) / 4);
            t.tiles = ek_filled(t.rows * t.columns);
            t.wide = 4 * t.columns + 2;
            t.apart = (ptrdiff_t)t.tiles * channels + 32;
            t.places = (int16_t *)(void *)(t.inputs + (ptrdiff_t)(4 * t.rows + 2) * t.wide * channels);
            t.sums = (int32_t *)(void *)(t.places + EK_PLACES * t.apart);
            ek_strip_inputs(x, x_zero, &s, &t);
            ek_strip_places(&t);
            for (int32_t o = 0, vectors; o < panels; o += vectors) {
                const int32_t left = panels - o;
                vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
                t.sums_apart = 16 * vectors * t.tiles + 16;
                ek_strip_sums(&t, w + o * panel, panels * panel, pairs, vectors);
                ek_strip_channels(&t, &s, &layer, 16 * o, vectors);
            }
        }
    }
}
