/* Depthwise convolution of int8 inputs over EK_Y: a band of a channel's rows is laid out with its padding, so that all
 * outputs of the band are one long row. Up to four taps side by side of four neighbouring outputs lie within 16 bytes, out of
 * which one shuffle puts them into place for vpdpbusd, for 64 outputs at once. */
#include "ek_bytes_of.h"
#include "ek_conv_picks.h"
#include "ek_conv_stem.h"

#define EK_BAND 8192 /* bytes that hold a band, and outputs of it */
#define EK_SLACK 256 /* whole vectors read and written so far behind the last output */
#define EK_BAND_GROUPS 64

/* Groups of taps: where in the band each begins for output 0, and its weights' first; and the band's geometry. */
typedef struct {
    int32_t offset[EK_BAND_GROUPS], number[EK_BAND_GROUPS], length[EK_BAND_GROUPS], groups;
    int32_t rows, columns; /* of outputs of a band */
    int32_t width, height; /* elements of a padded row; rows of one remainder */
    __m512i window, next;  /* bytes of four outputs' taps, and of those of the next four */
} ek_taps;

/* Each 16 bytes: of four outputs from number `first` on the bytes that their taps read. */
static inline __m512i ek_band_window(int32_t first, int32_t stride, int32_t apart)
{
    char bytes[16];
    for (int32_t i = 0; i < 16; i++) {
        bytes[i] = (char)((first + i / 4) * stride + i % 4 * apart);
    }
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

/* Groups of `together` taps side by side, at most, in bands of so many elements; 0 where there is no room for them. */
static inline int ek_taps_of(const ek_conv_shape *s, int32_t together, int32_t elements, ek_taps *t)
{
    const int32_t reach_h = (s->k_h - 1) * s->dil_h / s->stride_h, room = (elements - EK_SLACK) / s->stride_h;
    const int32_t reach_w = (s->k_w - 1) * s->dil_w / s->stride_w;
    t->columns = ek_min(s->out_w, room / (reach_h + 1) / s->stride_w - reach_w);
    t->width = (t->columns + reach_w) * s->stride_w;
    t->groups = 0;
    if (t->columns < 1 || s->stride_w > 2 || s->k_h * ((s->k_w + together - 1) / together) > EK_BAND_GROUPS) {
        return 0;
    }
    t->rows = ek_min(room / t->width - reach_h, s->out_h);
    t->height = t->rows + reach_h;
    for (int32_t ky = 0; ky < s->k_h; ky++) {
        const int32_t down = ky * s->dil_h, row = down % s->stride_h * t->height + down / s->stride_h;
        for (int32_t kx = 0; kx < s->k_w; kx += together, t->groups++) {
            t->offset[t->groups] = row * t->width + kx * s->dil_w;
            t->number[t->groups] = ky * s->k_w + kx;
            t->length[t->groups] = ek_min(together, s->k_w - kx);
        }
    }
    return 1;
}

/* The first n of 64 bytes. */
static inline __mmask64 ek_before(int32_t n)
{
    return n >= 64 ? ~0ull : n <= 0 ? 0 : (1ull << n) - 1;
}

/* Those bytes of x that are `inside` and become unsigned, else `outside`; 16, 32 or 64 are written, the fewer the faster. */
static inline __attribute__((always_inline)) void ek_band_bytes(const int8_t *x, __mmask64 inside, __m512i outside,
                                                                int32_t vector, uint8_t *to)
{
    const __m512i top = _mm512_set1_epi8(-128);
    if (vector == 64) {
        _mm512_storeu_si512(to, _mm512_xor_si512(_mm512_mask_loadu_epi8(outside, inside, x), top));
    } else if (vector == 32) {
        const __m256i v = _mm256_mask_loadu_epi8(_mm512_castsi512_si256(outside), (__mmask32)inside, x);
        _mm256_storeu_si256((__m256i *)(void *)to, _mm256_xor_si256(v, _mm512_castsi512_si256(top)));
    } else {
        const __m128i v = _mm_mask_loadu_epi8(_mm512_castsi512_si128(outside), (__mmask16)inside, x);
        _mm_storeu_si128((__m128i *)(void *)to, _mm_xor_si128(v, _mm512_castsi512_si128(top)));
    }
}

/* Lay out the band of outputs (oy, ox).. of one channel. */
static inline __attribute__((always_inline)) void ek_band_rows(const int8_t *x, int8_t fill, const ek_conv_shape *s,
                                                               const ek_taps *t, int32_t oy, int32_t ox, int32_t vector,
                                                               uint8_t *band)
{
    const int32_t left = ox * s->stride_w - s->pad_left, width = t->width, height = t->height;
    const int32_t lo = ek_min(ek_max(-left, 0), width), hi = ek_max(ek_min(s->in_w - left, width), lo);
    const __mmask64 begin = ek_before(hi) & ~ek_before(lo);
    const __m512i outside = _mm512_set1_epi8(fill);
    for (int32_t py = 0; py < s->stride_h; py++) {
        int32_t iy = oy * s->stride_h + py - s->pad_top;
        for (int32_t h = 0; h < height; h++, iy += s->stride_h, band += width) {
            const int inside = iy >= 0 && iy < s->in_h;
            const int8_t *const row = x + (ptrdiff_t)(inside ? iy : 0) * s->in_w + left;
            ek_band_bytes(row, inside ? begin : 0, outside, vector, band);
            for (int32_t j = 64; j < width; j += 64) {
                const __mmask64 lanes = inside ? ek_before(hi - j) & ~ek_before(lo - j) : 0;
                ek_band_bytes(row + j, lanes, outside, 64, band + j);
            }
        }
    }
}

static inline void ek_band_fill_s8(const int8_t *x, int8_t fill, const ek_conv_shape *s, const ek_taps *t, int32_t oy,
                                   int32_t ox, uint8_t *band)
{
    if (t->width <= 16) {
        ek_band_rows(x, fill, s, t, oy, ox, 16, band);
    } else if (t->width <= 32) {
        ek_band_rows(x, fill, s, t, oy, ox, 32, band);
    } else {
        ek_band_rows(x, fill, s, t, oy, ox, 64, band);
    }
}

/* Copy n outputs. */
static inline void ek_copy_outputs(EK_Y *restrict to, const EK_Y *restrict from, int32_t n)
{
    const int32_t bytes = n * (int32_t)sizeof(EK_Y);
    for (int32_t j = 0; j < bytes; j += 64) {
        const __mmask64 lanes = ek_before(bytes - j);
        _mm512_mask_storeu_epi8((char *)(void *)to + j, lanes,
                                _mm512_maskz_loadu_epi8(lanes, (const char *)(const void *)from + j));
    }
}

/* y [rows][columns] = rows of a band's outputs, `pitch` apart, each in one vector of some bytes; behind them follow `behind`
 * outputs of y. A vector writes into the next row, whose outputs come later. */
static inline __attribute__((always_inline)) void ek_copy_by(EK_Y *y, const EK_Y *row, int32_t rows, int32_t columns,
                                                             int32_t pitch, ptrdiff_t behind, int32_t vector)
{
    const int32_t lanes = vector / (int32_t)sizeof(EK_Y);
    int32_t whole = rows;
    for (; whole > 0 && lanes > behind + (ptrdiff_t)(rows - whole + 1) * columns; whole--) {
    }
    for (int32_t r = 0; r < whole; r++) {
        const void *const from = row + r * pitch;
        void *const to = y + r * columns;
        if (vector == 64) {
            _mm512_storeu_si512(to, _mm512_loadu_si512(from));
        } else if (vector == 32) {
            _mm256_storeu_si256((__m256i *)to, _mm256_loadu_si256((const __m256i *)from));
        } else {
            _mm_storeu_si128((__m128i *)to, _mm_loadu_si128((const __m128i *)from));
        }
    }
    for (int32_t r = whole; r < rows; r++) {
        ek_copy_outputs(y + r * columns, row + r * pitch, columns);
    }
}

static inline void ek_copy_rows(EK_Y *y, const EK_Y *row, int32_t rows, int32_t columns, int32_t pitch, ptrdiff_t behind)
{
    const int32_t bytes = columns * (int32_t)sizeof(EK_Y);
    if (bytes <= 16) {
        ek_copy_by(y, row, rows, columns, pitch, behind, 16);
    } else if (bytes <= 32) {
        ek_copy_by(y, row, rows, columns, pitch, behind, 32);
    } else if (bytes <= 64) {
        ek_copy_by(y, row, rows, columns, pitch, behind, 64);
    } else {
        for (int32_t r = 0; r < rows; r++) {
            ek_copy_outputs(y + (ptrdiff_t)r * columns, row + r * pitch, columns);
        }
    }
}

/* y of a channel gets the outputs (oy, ox).. of a band; `end` is that of all channels. */
static inline void ek_band_copy(EK_Y *y, const EK_Y *row, const ek_conv_shape *s, int32_t oy, int32_t ox, int32_t rows,
                                int32_t columns, int32_t pitch, const EK_Y *end)
{
    y += (ptrdiff_t)oy * s->out_w + ox;
    if (columns == s->out_w) {
        ek_copy_rows(y, row, rows, columns, pitch, end - y - (ptrdiff_t)rows * columns);
        return;
    }
    for (int32_t r = 0; r < rows; r++) {
        ek_copy_outputs(y + (ptrdiff_t)r * s->out_w, row + r * pitch, columns);
    }
}

/* What four vectors of sums read at x, as in ek_bytes_of.h by a stride of 1; by one of 2 two vectors have 32 outputs. */
static inline __attribute__((always_inline)) void ek_windows(const uint8_t *x, const ek_taps *t, int32_t stride, __m512i *to)
{
    const __m512i a = _mm512_loadu_si512(x), b = _mm512_loadu_si512(x + 8);
    to[0] = _mm512_shuffle_epi8(a, t->window);
    if (stride == 1) {
        to[1] = _mm512_shuffle_epi8(a, t->next);
        to[2] = _mm512_shuffle_epi8(b, t->window);
        to[3] = _mm512_shuffle_epi8(b, t->next);
    } else {
        to[1] = _mm512_shuffle_epi8(b, t->window);
        to[2] = _mm512_shuffle_epi8(_mm512_loadu_si512(x + 64), t->window);
        to[3] = _mm512_shuffle_epi8(_mm512_loadu_si512(x + 72), t->window);
    }
}

/* y [64] = the outputs of four vectors of sums. */
static inline __attribute__((always_inline)) void ek_band_store(const __m512i *sums, const ek_scaling *f, int32_t stride, EK_Y *y)
{
    if (sizeof(EK_Y) == 1) {
        const __m512i halves = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes = ek_bytes_of_four(sums, f, f->shift >= 33);
        _mm512_storeu_si512(y, stride == 1 ? bytes : _mm512_permutexvar_epi64(halves, bytes));
        return;
    }
    __m512i words[2];
    ek_words_of_four(sums, f, f->shift >= 33, words);
    if (stride == 2) {
        const __m512i first = _mm512_permutex2var_epi64(words[0], _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13), words[1]);
        words[1] = _mm512_permutex2var_epi64(words[0], _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15), words[1]);
        words[0] = first;
    }
    _mm512_storeu_si512(y, words[0]);
    _mm512_storeu_si512(y + 32, words[1]);
}

/* row [n] = outputs of one channel. */
static inline __attribute__((always_inline)) void ek_band_outputs(const uint8_t *band, const ek_taps *own, const int32_t *w,
                                                                  int32_t bias, const ek_scaling *f, int32_t stride,
                                                                  int32_t groups, int32_t n, EK_Y *row)
{
    const ek_taps t = {.window = own->window, .next = own->next};
    const ek_scaling scaling = *f; /* which stores cannot change */
    for (int32_t at = 0; at < n; at += 64) {
        __m512i sums[4] = {ek_i_all(bias), ek_i_all(bias), ek_i_all(bias), ek_i_all(bias)}, x[4];
        for (int32_t i = 0; i < groups; i++) {
            const __m512i taps = ek_i_all(w[i]);
            ek_windows(band + own->offset[i] + at * stride, &t, stride, x);
            EK_UNROLLED
            for (int32_t v = 0; v < 4; v++) {
                sums[v] = _mm512_dpbusd_epi32(sums[v], x[v], taps);
            }
        }
        ek_band_store(sums, &scaling, stride, row + at);
    }
}

/* The same, of which a kernel of three rows unrolls. */
static inline void ek_band_row(const uint8_t *band, const ek_taps *t, const int32_t *w, int32_t bias, const ek_scaling *f,
                               int32_t stride, int32_t n, EK_Y *row)
{
    if (stride == 1 && t->groups == 3) {
        ek_band_outputs(band, t, w, bias, f, 1, 3, n, row);
    } else if (stride == 1) {
        ek_band_outputs(band, t, w, bias, f, 1, t->groups, n, row);
    } else if (t->groups == 3) {
        ek_band_outputs(band, t, w, bias, f, 2, 3, n, row);
    } else {
        ek_band_outputs(band, t, w, bias, f, 2, t->groups, n, row);
    }
}

/* One output element of each channel: its taps are few and far apart. */
static inline void ek_depthwise_column_s8(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias,
                                          const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                          int32_t y_max, EK_Y *y, const ek_conv_shape *s, const ek_taps *t)
{
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t per_group = s->out_c / s->groups, taps = s->k_h * s->k_w;
    int32_t acc[16], from[EK_BAND_GROUPS * 4];
    for (int32_t i = 0; i < taps; i++) {
        const int32_t iy = i / s->k_w * s->dil_h - s->pad_top, ix = i % s->k_w * s->dil_w - s->pad_left;
        from[i] = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w ? iy * s->in_w + ix : -1;
    }
    (void)t;
    for (int32_t o = 0; o < s->out_c; o += 16) {
        const int32_t n = ek_min(16, s->out_c - o);
        for (int32_t j = 0; j < n; j++) {
            const int8_t *const xo = x + (per_group == 1 ? o + j : (o + j) / per_group) * plane;
            const int8_t *const wo = w + (ptrdiff_t)(o + j) * taps;
            acc[j] = bias[o + j];
            for (int32_t i = 0; i < taps; i++) {
                acc[j] += ((from[i] < 0 ? fill : xo[from[i]]) + 128) * wo[i];
            }
        }
        if (sizeof(EK_Y) == 1) {
            ek_outputs_s32_s8(acc, mult + o, shift + o, y_zero, y_min, y_max, (int8_t *)(void *)(y + o), n);
        } else {
            ek_outputs_s32_s16(acc, mult + o, shift + o, y_zero, y_min, y_max, (int16_t *)(void *)(y + o), n);
        }
    }
}

/* taps [groups] = a channel's weights, up to four side by side. */
static inline void ek_band_weights(const int8_t *w, const ek_taps *t, int32_t *taps)
{
    for (int32_t i = 0; i < t->groups; i++) {
        taps[i] = _mm_cvtsi128_si32(_mm_maskz_loadu_epi8(ek_lanes(t->length[i]), w + t->number[i]));
    }
}

/* What a call has in common. */
typedef struct {
    const int8_t *w;
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t y_zero, y_min, y_max;
    const EK_Y *end; /* of y */
} ek_band_layer;

/* A whole number of pages apart, so that what is stored never seems to be what is loaded next. */
typedef struct {
    __m512i band[EK_BAND / 64];
    EK_Y row[EK_BAND];
} ek_band_room;

/* Outputs (oy, ox).. of channels o.., as many of them as bands lie side by side: what is loaded was stored a while ago. */
static inline void ek_depthwise_bands(const ek_band_layer *c, const ek_conv_shape *s, const ek_taps *t, int32_t o, int32_t channels,
                               int32_t oy, int32_t ox, ek_band_room *room, const int8_t *x, EK_Y *y, int8_t fill)
{
    const int32_t per_group = s->out_c / s->groups, plane = s->out_h * s->out_w, size = t->height * s->stride_h * t->width;
    const int32_t rows = ek_min(t->rows, s->out_h - oy), columns = ek_min(t->columns, s->out_w - ox);
    const int32_t pitch = t->width / s->stride_w;
    uint8_t *const band = (uint8_t *)(void *)room->band;
    EK_Y *const row = room->row;
    int32_t taps[EK_BAND_GROUPS];
    for (int32_t i = 0; i < channels; i++) {
        ek_band_fill_s8(x + (ptrdiff_t)((o + i) / per_group) * s->in_h * s->in_w, fill, s, t, oy, ox, band + i * size);
    }
    for (int32_t i = 0; i < channels; i++) {
        const ek_scaling f = {c->mult[o + i], c->shift[o + i], c->y_zero, c->y_min, c->y_max};
        ek_band_weights(c->w + (ptrdiff_t)(o + i) * s->k_h * s->k_w, t, taps);
        ek_band_row(band + i * size, t, taps, c->bias[o + i], &f, s->stride_w, (rows - 1) * pitch + columns,
                    row + i * rows * pitch);
    }
    for (int32_t i = 0; i < channels; i++) {
        EK_Y *const to = y + (ptrdiff_t)(o + i) * plane;
        ek_band_copy(to, row + i * rows * pitch, s, oy, ox, rows, columns, pitch, c->end);
    }
}

/* Whether the shape is one that this takes; then y is done. */
static inline int ek_depthwise_s8(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias,
                                  const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const ek_band_layer c = {w, bias, mult, shift, y_zero, y_min, y_max, y + (ptrdiff_t)s->out_c * s->out_h * s->out_w};
    ek_band_room room;
    int32_t most = 1;
    ek_taps t;
    if (!ek_taps_of(s, ek_min(4, 8 / s->dil_w + 1), EK_BAND, &t)) {
        return 0;
    }
    if (s->out_h == 1 && s->out_w == 1) {
        ek_depthwise_column_s8(x, fill, w, bias, mult, shift, y_zero, y_min, y_max, y, s, &t);
        return 1;
    }
    if (t.rows == s->out_h && t.columns == s->out_w) {
        most = (EK_BAND - EK_SLACK) / (t.height * s->stride_h * t.width);
    }
    t.window = ek_band_window(0, s->stride_w, s->dil_w);
    t.next = ek_band_window(4, s->stride_w, s->dil_w);
    memset(room.band, 0, sizeof(room.band)); /* whole vectors read behind the band */
    for (int32_t o = 0; o < s->out_c; o += most) {
        for (int32_t oy = 0; oy < s->out_h; oy += t.rows) {
            for (int32_t ox = 0; ox < s->out_w; ox += t.columns) {
                ek_depthwise_bands(&c, s, &t, o, ek_min(most, s->out_c - o), oy, ox, &room, x, y, fill);
            }
        }
    }
    return 1;
}

/* Whether bands take less time than picks. */
static inline int ek_depthwise_bands_pay(const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, outputs = s->out_h * s->out_w, is_row = s->k_h == 1 || s->k_w == 1;
    const int many = taps > 9 || (is_row && taps >= 5);
    return s->in_c == s->groups && s->out_c == s->groups && (many ? outputs >= 40 : outputs >= 160 && s->out_w >= 8);
}

#include "ek_depthwise_s16.h"
#include "ek_depthwise_pairs.h"

#define EK_DEPTHWISE_BY(kernel, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                      \
    kernel((const int8_t *)(const void *)(x), (int8_t)(x_zero), w, (const int32_t *)(const void *)(bias), mult, shift, \
           y_zero, y_min, y_max, y, s)
#define EK_DEPTHWISE_WORDS(kernel, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                     \
    kernel((const int16_t *)(const void *)(x), x_zero, w, (const int64_t *)(const void *)(bias), mult, shift, y_zero, \
           y_min, y_max, y, s)
#define EK_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                \
    (sizeof(EK_X) == 2                                                                                           \
         ? EK_DEPTHWISE_WORDS(ek_depthwise_pairs, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)    \
               || EK_DEPTHWISE_WORDS(ek_depthwise_s16, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s) \
         : (ek_depthwise_bands_pay(s)                                                                            \
            && EK_DEPTHWISE_BY(ek_depthwise_s8, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s))    \
               || EK_DEPTHWISE_BY(ek_conv_stem, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)     \
               || EK_DEPTHWISE_BY(ek_conv_picks, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)    \
               || ((s)->in_c == (s)->groups                                                                      \
                   && EK_DEPTHWISE_BY(ek_depthwise_s8, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)))
