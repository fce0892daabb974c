/* Depthwise convolution of int8 inputs over EK_Y: a band of a channel's rows is laid out with its padding, so that all
 * outputs of the band are one long row; up to four neighbouring taps are one group of vpdpbusd. */
#include "ek_conv_picks.h"
#include "ek_conv_stem.h"

#define EK_BAND 4096  /* bytes that hold a band, and outputs of it */
#define EK_SLACK 256  /* whole vectors read and written so far behind the last output */
#define EK_BAND_GROUPS 64

/* How sums of one output channel become outputs. */
typedef struct {
    int32_t mult, shift, zero, low, high;
} ek_factor;

/* The outputs of 16 sums. */
static inline void ek_band_store(ek_i acc, const ek_factor *f, EK_Y *y)
{
    const ek_i q = ek_i_add(ek_i_requantize_all(acc, f->mult, f->shift), ek_i_all(f->zero));
    const ek_i clamped = ek_i_clamp(q, ek_i_all(f->low), ek_i_all(f->high));
    if (sizeof(EK_Y) == 1) {
        ek_i_store_s8((int8_t *)(void *)y, clamped, 16);
    } else {
        ek_i_store_s16((int16_t *)(void *)y, clamped, 16);
    }
}

/* Groups of taps: where in the band each begins for output 0, and its weights' first; and the band's geometry. */
typedef struct {
    int32_t offset[EK_BAND_GROUPS], number[EK_BAND_GROUPS], length[EK_BAND_GROUPS], groups;
    int32_t rows, width, height; /* output rows of a band; bytes of a padded row; rows of one remainder */
} ek_taps;

static inline int ek_taps_of(const ek_conv_shape *s, ek_taps *t)
{
    const int32_t together = s->dil_w == 1 ? 4 : 1, reach_h = (s->k_h - 1) * s->dil_h / s->stride_h;
    t->width = (s->out_w + (s->k_w - 1) * s->dil_w / s->stride_w) * s->stride_w;
    t->rows = (EK_BAND - EK_SLACK) / s->stride_h / t->width - reach_h;
    t->rows = ek_min(t->rows, s->out_h);
    t->height = t->rows + reach_h;
    t->groups = 0;
    if (t->rows < 1 || s->stride_w > 2 || s->k_h * ((s->k_w + together - 1) / together) > EK_BAND_GROUPS) {
        return 0;
    }
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

/* Lay out the band of output rows oy.. of one channel. */
static inline void ek_band_fill_s8(const int8_t *x, int8_t fill, const ek_conv_shape *s, const ek_taps *t, int32_t oy,
                                   uint8_t *band)
{
    const int32_t lo = ek_min(s->pad_left, t->width), hi = ek_max(ek_min(s->pad_left + s->in_w, t->width), lo);
    const __m512i outside = _mm512_set1_epi8(fill), top = _mm512_set1_epi8(-128);
    for (int32_t py = 0; py < s->stride_h; py++) {
        int32_t iy = oy * s->stride_h + py - s->pad_top;
        for (int32_t h = 0; h < t->height; h++, iy += s->stride_h, band += t->width) {
            const int inside = iy >= 0 && iy < s->in_h;
            const int8_t *const row = x + (ptrdiff_t)(inside ? iy : 0) * s->in_w - s->pad_left;
            for (int32_t j = 0; j < t->width; j += 64) {
                const __mmask64 lanes = inside ? ek_before(hi - j) & ~ek_before(lo - j) : 0;
                const __m512i v = _mm512_mask_loadu_epi8(outside, lanes, row + j);
                _mm512_storeu_si512(band + j, _mm512_xor_si512(v, top));
            }
        }
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

/* Four bytes for each of 16 outputs, of which each begins 1 or 2 bytes behind the last. */
static inline __m512i ek_windows(const uint8_t *x, int32_t stride)
{
    const __m512i one = _mm512_setr_epi32(0, 1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3, 4, 0, 0);
    const __m512i two = _mm512_setr_epi32(0, 1, 2, 0, 2, 3, 4, 0, 4, 5, 6, 0, 6, 7, 8, 0);
    const __m512i each = _mm512_set_epi32(0x06050403, 0x05040302, 0x04030201, 0x03020100, 0x06050403, 0x05040302,
                                          0x04030201, 0x03020100, 0x06050403, 0x05040302, 0x04030201, 0x03020100,
                                          0x06050403, 0x05040302, 0x04030201, 0x03020100);
    const __m512i other = _mm512_set_epi32(0x09080706, 0x07060504, 0x05040302, 0x03020100, 0x09080706, 0x07060504,
                                           0x05040302, 0x03020100, 0x09080706, 0x07060504, 0x05040302, 0x03020100,
                                           0x09080706, 0x07060504, 0x05040302, 0x03020100);
    const __m512i bytes = _mm512_loadu_si512(x);
    return stride == 1 ? _mm512_shuffle_epi8(_mm512_permutexvar_epi32(one, bytes), each)
                       : _mm512_shuffle_epi8(_mm512_permutexvar_epi32(two, bytes), other);
}

/* row [n] = outputs of one channel. */
static inline __attribute__((always_inline)) void ek_band_outputs(const uint8_t *band, const ek_taps *t,
                                                                  const int32_t *w, int32_t bias, const ek_factor *f,
                                                                  int32_t stride, int32_t n, EK_Y *row)
{
    for (int32_t at = 0; at < n; at += 32) {
        __m512i a = _mm512_set1_epi32(bias), b = a;
        for (int32_t i = 0; i < t->groups; i++) {
            const uint8_t *const x = band + t->offset[i] + at * stride;
            const __m512i taps = _mm512_set1_epi32(w[i]);
            a = _mm512_dpbusd_epi32(a, ek_windows(x, stride), taps);
            b = _mm512_dpbusd_epi32(b, ek_windows(x + 16 * stride, stride), taps);
        }
        ek_band_store(a, f, row + at);
        ek_band_store(b, f, row + at + 16);
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

/* Whether the shape is one that this takes; then y is done. */
static inline int ek_depthwise_s8(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias,
                                  const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t per_group = s->out_c / s->groups;
    uint8_t band[EK_BAND];
    EK_Y row[EK_BAND];
    ek_taps t;
    if (!ek_taps_of(s, &t)) {
        return 0;
    }
    if (s->out_h == 1 && s->out_w == 1) {
        ek_depthwise_column_s8(x, fill, w, bias, mult, shift, y_zero, y_min, y_max, y, s, &t);
        return 1;
    }
    memset(band, 0, sizeof(band)); /* whole vectors read behind the band */
    for (int32_t o = 0; o < s->out_c; o++) {
        const ek_factor f = {mult[o], shift[o], y_zero, y_min, y_max};
        int32_t taps[EK_BAND_GROUPS];
        for (int32_t i = 0; i < t.groups; i++) {
            taps[i] = 0;
            const int8_t *const from = w + (ptrdiff_t)o * s->k_h * s->k_w + t.number[i];
            if (t.length[i] == 4) {
                memcpy(taps + i, from, 4);
                continue;
            }
            for (int32_t j = 0; j < t.length[i]; j++) {
                taps[i] |= (int32_t)((uint32_t)(uint8_t)from[j] << 8 * j);
            }
        }
        for (int32_t oy = 0; oy < s->out_h; oy += t.rows) {
            const int32_t rows = ek_min(t.rows, s->out_h - oy), pitch = t.width / s->stride_w;
            EK_Y *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w;
            ek_band_fill_s8(x + (ptrdiff_t)(o / per_group) * s->in_h * s->in_w, fill, s, &t, oy, band);
            if (s->stride_w == 1) {
                ek_band_outputs(band, &t, taps, bias[o], &f, 1, rows * pitch, row);
            } else {
                ek_band_outputs(band, &t, taps, bias[o], &f, 2, rows * pitch, row);
            }
            for (int32_t r = 0; r < rows; r++) {
                ek_copy_outputs(to + (ptrdiff_t)r * s->out_w, row + r * pitch, s->out_w);
            }
        }
    }
    return 1;
}

/* Whether bands take less time than picks: more taps than 3x3, side by side, or 5 in a row, of many outputs. */
static inline int ek_depthwise_bands_pay(const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, is_row = s->k_h == 1 || s->k_w == 1;
    const int many = taps > 9 || (is_row && taps >= 5);
    return s->in_c == s->groups && s->out_c == s->groups && s->dil_w == 1 && many && s->out_h * s->out_w >= 100;
}

#include "ek_depthwise_s16.h"

#define EK_DEPTHWISE_BY(kernel, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                      \
    kernel((const int8_t *)(const void *)(x), (int8_t)(x_zero), w, (const int32_t *)(const void *)(bias), mult, shift, \
           y_zero, y_min, y_max, y, s)
#define EK_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                \
    (sizeof(EK_X) == 2                                                                                           \
         ? ek_depthwise_s16((const int16_t *)(const void *)(x), x_zero, w, (const int64_t *)(const void *)(bias), \
                            mult, shift, y_zero, y_min, y_max, y, s)                                             \
         : (ek_depthwise_bands_pay(s)                                                                            \
            && EK_DEPTHWISE_BY(ek_depthwise_s8, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s))    \
               || EK_DEPTHWISE_BY(ek_conv_stem, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)     \
               || EK_DEPTHWISE_BY(ek_conv_picks, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)    \
               || ((s)->in_c == (s)->groups                                                                      \
                   && EK_DEPTHWISE_BY(ek_depthwise_s8, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)))
