/* Depthwise convolution of int16 inputs over EK_Y, within ek_conv_depthwise.h: two taps side by side are a pair, which
 * vpdpwssd takes as it lies in the band. By a stride of 1 those of even outputs begin at even places, those of odd ones a
 * place behind; by a stride of 2 all do at even ones. */
#ifndef EK_DEPTHWISE_PAIRS_GUARD
#define EK_DEPTHWISE_PAIRS_GUARD

#include "ek_depthwise_s16.h"

#define EK_PAIR_BAND 4096 /* words that hold a band, and outputs of it */

/* A whole number of pages apart, so that what is stored never seems to be what is loaded next. */
typedef struct {
    __m512i band[EK_PAIR_BAND / 32];
    EK_Y row[EK_PAIR_BAND];
} ek_pair_room;

/* y [32] = requantized sums of the even and of the odd outputs, or of the first 16 and the others. */
static inline __attribute__((always_inline)) void ek_pair_store(ek_i a, ek_i b, const ek_word_factor *f, int32_t stride,
                                                                EK_Y *y)
{
    const ek_i zero = ek_i_all(f->zero), low = ek_i_all(f->low), high = ek_i_all(f->high);
    const ek_i first = ek_i_add(ek_i_requantize_all(a, f->mult, f->shift), zero);
    const ek_i second = ek_i_add(ek_i_requantize_all(b, f->mult, f->shift), zero);
    const ek_i c = ek_i_clamp(first, low, high), d = ek_i_clamp(second, low, high);
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i words = stride == 1 ? _mm512_mask_blend_epi16(0xaaaaaaaa, c, _mm512_slli_epi32(d, 16))
                                      : _mm512_permutexvar_epi64(order, _mm512_packs_epi32(c, d));
    if (sizeof(EK_Y) == 2) {
        _mm512_storeu_si512(y, words);
    } else {
        _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtepi16_epi8(words));
    }
}

/* row [n] = outputs of one channel. */
static inline __attribute__((always_inline)) void ek_pair_outputs(const int16_t *band, const ek_taps *t, const int32_t *w,
                                                                  const ek_word_factor *own, int32_t stride,
                                                                  int32_t groups, int32_t n, EK_Y *row)
{
    const ek_word_factor f = *own; /* which stores cannot change */
    for (int32_t at = 0; at < n; at += 64) {
        ek_i sums[4] = {ek_i_all(f.start), ek_i_all(f.start), ek_i_all(f.start), ek_i_all(f.start)};
        for (int32_t i = 0; i < groups; i++) {
            const int16_t *const x = band + t->offset[i] + at * stride;
            const ek_i taps = ek_i_all(w[i]);
            EK_UNROLLED
            for (int32_t v = 0; v < 4; v++) {
                const int32_t behind = stride == 1 ? v / 2 * 32 + v % 2 : 32 * v;
                sums[v] = _mm512_dpwssd_epi32(sums[v], taps, _mm512_loadu_si512(x + behind));
            }
        }
        ek_pair_store(sums[0], sums[1], &f, stride, row + at);
        ek_pair_store(sums[2], sums[3], &f, stride, row + at + 32);
    }
}

/* The same, of which a kernel of 3x3 unrolls. */
static inline void ek_pair_row(const int16_t *band, const ek_taps *t, const int32_t *w, const ek_word_factor *f,
                               int32_t stride, int32_t n, EK_Y *row)
{
    if (stride == 1 && t->groups == 6) {
        ek_pair_outputs(band, t, w, f, 1, 6, n, row);
    } else if (stride == 1) {
        ek_pair_outputs(band, t, w, f, 1, t->groups, n, row);
    } else if (t->groups == 6) {
        ek_pair_outputs(band, t, w, f, 2, 6, n, row);
    } else {
        ek_pair_outputs(band, t, w, f, 2, t->groups, n, row);
    }
}

/* Lay out the band of outputs (oy, ox).. of one channel. */
static inline void ek_pair_fill(const int16_t *x, int16_t fill, const ek_conv_shape *s, const ek_taps *t, int32_t oy,
                                int32_t ox, int16_t *band)
{
    const __m512i outside = _mm512_set1_epi16(fill);
    const int32_t left = ox * s->stride_w - s->pad_left;
    const ptrdiff_t step = (ptrdiff_t)s->stride_h * s->in_w;
    for (int32_t py = 0; py < s->stride_h; py++, band += t->height * t->width) {
        const int32_t iy = oy * s->stride_h + py - s->pad_top, first = ek_min(ek_first(-iy, s->stride_h), t->height);
        const int32_t end = ek_max(ek_min(ek_first(s->in_h - iy, s->stride_h), t->height), first);
        ek_word_rows(x + (ptrdiff_t)iy * s->in_w + left, step, -left, ek_min(s->in_w - left, t->width), t->width, t->height,
                     first, end, outside, band);
    }
}

/* taps [groups] = a channel's weights, two side by side. */
static inline void ek_pair_weights(const int8_t *w, const ek_taps *t, int32_t *taps)
{
    for (int32_t i = 0; i < t->groups; i++) {
        const int32_t next = t->length[i] == 2 ? w[t->number[i] + 1] : 0;
        taps[i] = (int32_t)((uint32_t)(uint16_t)w[t->number[i]] | (uint32_t)next << 16);
    }
}

/* Whether the shape is one that this takes; then y is done. */
static int ek_depthwise_pairs(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                              const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                              const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, per_group = s->out_c / s->groups;
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    const EK_Y *const end = y + s->out_c * plane;
    ek_pair_room room;
    int16_t *const band = (int16_t *)(void *)room.band;
    int32_t start;
    ek_taps t;
    if (s->in_c != s->groups || plane < 16 || s->dil_w > 1 || !ek_taps_of(s, 2, EK_PAIR_BAND, &t)) {
        return 0;
    }
    for (int32_t o = 0; o < s->out_c; o++) {
        if (!ek_word_start(w + (ptrdiff_t)o * taps, taps, x_zero, bias[o], &start)) {
            return 0;
        }
    }
    memset(room.band, 0, sizeof(room.band)); /* whole vectors are read behind the band */
    for (int32_t o = 0; o < s->out_c; o++, w += taps, y += plane) {
        const int16_t *const from = x + (ptrdiff_t)(o / per_group) * s->in_h * s->in_w;
        const int32_t spare = __builtin_clz((uint32_t)(mult[o] ^ (mult[o] >> 31)) | 1u) - 1; /* factors of int64 sums are small */
        const int32_t up = ek_min(ek_max(33 - shift[o], 0), spare), pitch = t.width / s->stride_w;
        ek_word_factor f = {0, (int32_t)((uint32_t)mult[o] << up), shift[o] + up, y_zero, y_min, y_max};
        int32_t pairs[EK_BAND_GROUPS];
        (void)ek_word_start(w, taps, x_zero, bias[o], &f.start);
        ek_pair_weights(w, &t, pairs);
        for (int32_t oy = 0; oy < s->out_h; oy += t.rows) {
            const int32_t rows = ek_min(t.rows, s->out_h - oy);
            for (int32_t ox = 0; ox < s->out_w; ox += t.columns) {
                const int32_t columns = ek_min(t.columns, s->out_w - ox);
                ek_pair_fill(from, (int16_t)x_zero, s, &t, oy, ox, band);
                ek_pair_row(band, &t, pairs, &f, s->stride_w, (rows - 1) * pitch + columns, room.row);
                ek_band_copy(y, room.row, s, oy, ox, rows, columns, pitch, end);
            }
        }
    }
    return 1;
}

#endif
