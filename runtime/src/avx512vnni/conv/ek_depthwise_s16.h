/* Depthwise convolution of int16 inputs over EK_Y, within ek_conv_depthwise.h: a band of a channel's rows is laid out with
 * its padding, in planes of one remainder by the strides, so that all outputs of the band are one long row; two taps of
 * 32 outputs are pairs. */
#ifndef EK_DEPTHWISE_S16_GUARD
#define EK_DEPTHWISE_S16_GUARD

#include "ek_conv_shape.h"
#include "ek_outputs.h"

#define EK_WORDS 8192     /* that hold a band, and outputs of it */
#define EK_WORDS_SLACK 64 /* which are read and written behind the last output */
#define EK_WORDS_TAPS 256

/* Where taps of a channel lie behind output 0 of a band, and the band's geometry: rows of outputs, of a plane. */
typedef struct {
    int32_t offset[EK_WORDS_TAPS + 1], taps, rows, height, pitch;
} ek_word_band;

static inline int ek_word_band_of(const ek_conv_shape *s, ek_word_band *b)
{
    const int32_t planes = s->stride_h * s->stride_w, reach_h = (s->k_h - 1) * s->dil_h / s->stride_h;
    b->taps = s->k_h * s->k_w;
    b->pitch = s->out_w + (s->k_w - 1) * s->dil_w / s->stride_w;
    b->rows = ek_min((EK_WORDS - EK_WORDS_SLACK) / planes / b->pitch - reach_h, s->out_h);
    b->height = b->rows + reach_h;
    if (b->rows < 1 || b->taps > EK_WORDS_TAPS) {
        return 0;
    }
    for (int32_t t = 0; t < b->taps; t++) {
        const int32_t down = t / s->k_w * s->dil_h, right = t % s->k_w * s->dil_w;
        const int32_t plane = down % s->stride_h * s->stride_w + right % s->stride_w;
        b->offset[t] = (plane * b->height + down / s->stride_h) * b->pitch + right / s->stride_w;
    }
    b->offset[b->taps] = b->offset[b->taps - 1]; /* of a weight 0 */
    return 1;
}

/* to [n] = every element of x by a stride. */
static inline void ek_words_by(const int16_t *x, int32_t stride, int32_t n, int16_t *to)
{
    for (int32_t j = 0; stride == 1 && j < n; j += 32) {
        const __mmask32 in = n - j >= 32 ? 0xffffffffu : (1u << (n - j)) - 1u;
        _mm512_mask_storeu_epi16(to + j, in, _mm512_maskz_loadu_epi16(in, x + j));
    }
    for (int32_t j = 0; stride == 2 && j < n; j += 16) {
        const __mmask32 even = 0x55555555u & (n - j >= 16 ? 0xffffffffu : (1u << 2 * (n - j)) - 1u);
        const __m512i both = _mm512_maskz_loadu_epi16(even, x + 2 * j);
        _mm256_mask_storeu_epi16(to + j, ek_lanes(n - j), _mm512_cvtepi32_epi16(both));
    }
    for (int32_t j = 0; stride > 2 && j < n; j++) {
        to[j] = x[j * stride];
    }
}

/* Lay out the band of output rows oy.. of one channel. */
static inline void ek_word_band_fill(const int16_t *x, int16_t fill, const ek_conv_shape *s, const ek_word_band *b,
                                     int32_t oy, int16_t *band)
{
    for (int32_t plane = 0; plane < s->stride_h * s->stride_w; plane++) {
        const int32_t ix = plane % s->stride_w - s->pad_left, stride = s->stride_w;
        const int32_t lo = ek_min(ek_first(-ix, stride), b->pitch);
        const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), b->pitch), lo);
        int32_t iy = oy * s->stride_h - s->pad_top + plane / s->stride_w;
        for (int32_t h = 0; h < b->height; h++, iy += s->stride_h, band += b->pitch) {
            const int inside = iy >= 0 && iy < s->in_h;
            const int16_t *const row = x + (ptrdiff_t)(inside ? iy : 0) * s->in_w + ix;
            const int32_t first = inside ? lo : b->pitch, last = inside ? hi : b->pitch;
            for (int32_t j = 0; j < first; j++) {
                band[j] = fill;
            }
            ek_words_by(row + first * stride, stride, last - first, band + first);
            for (int32_t j = last; j < b->pitch; j++) {
                band[j] = fill;
            }
        }
    }
}

/* How sums of one channel become outputs. */
typedef struct {
    int32_t start, mult, shift, zero, low, high;
} ek_word_factor;

/* y [32] = outputs of sums of which each 128-bit lane has four, and four more. */
static inline void ek_word_store(ek_i low, ek_i high, const ek_word_factor *f, EK_Y *y)
{
    const ek_i zero = ek_i_all(f->zero);
    const ek_i a = ek_i_add(ek_i_requantize_all(low, f->mult, f->shift), zero);
    const ek_i b = ek_i_add(ek_i_requantize_all(high, f->mult, f->shift), zero);
    const ek_i above = _mm512_max_epi16(_mm512_packs_epi32(a, b), _mm512_set1_epi16((int16_t)f->low));
    const ek_i within = _mm512_min_epi16(above, _mm512_set1_epi16((int16_t)f->high));
    if (sizeof(EK_Y) == 2) {
        _mm512_storeu_si512(y, within);
    } else {
        _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtepi16_epi8(within));
    }
}

/* row [n] = outputs of one channel, whose weights are pairs. */
static __attribute__((noinline)) void ek_word_outputs(const int16_t *band, const ek_word_band *b, const int32_t *pairs,
                                                      const ek_word_factor *f, int32_t n, EK_Y *row)
{
    const int32_t taps = b->taps;
    for (int32_t at = 0; at < n; at += 64) {
        ek_i low = ek_i_all(f->start), high = low, low_behind = low, high_behind = low;
        for (int32_t t = 0; t < taps; t += 2) {
            const int16_t *const p = band + at + b->offset[t], *const q = band + at + b->offset[t + 1];
            const ek_i w = ek_i_all(pairs[t / 2]), x = _mm512_loadu_si512(p), next = _mm512_loadu_si512(q);
            const ek_i behind = _mm512_loadu_si512(p + 32), next_behind = _mm512_loadu_si512(q + 32);
            low = _mm512_dpwssd_epi32(low, _mm512_unpacklo_epi16(x, next), w);
            high = _mm512_dpwssd_epi32(high, _mm512_unpackhi_epi16(x, next), w);
            low_behind = _mm512_dpwssd_epi32(low_behind, _mm512_unpacklo_epi16(behind, next_behind), w);
            high_behind = _mm512_dpwssd_epi32(high_behind, _mm512_unpackhi_epi16(behind, next_behind), w);
        }
        ek_word_store(low, high, f, row + at);
        ek_word_store(low_behind, high_behind, f, row + at + 32);
    }
}

/* Whether no sum of a channel leaves int32; then `start` is what it begins with. */
static inline int ek_word_start(const int8_t *w, int32_t taps, int32_t x_zero, int64_t bias, int32_t *start)
{
    int32_t sum = 0, reach = 0;
    for (int32_t t = 0; t < taps; t++) {
        sum += w[t];
        reach += w[t] < 0 ? -w[t] : w[t];
    }
    const int64_t most = (int64_t)reach * (32768 + (x_zero < 0 ? -x_zero : x_zero));
    *start = (int32_t)(uint32_t)(uint64_t)(bias - (int64_t)x_zero * sum);
    return bias <= INT32_MAX - most && bias >= INT32_MIN + most;
}

/* Whether the shape is one that this takes; then y is done. */
static int ek_depthwise_s16(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                            const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                            const ek_conv_shape *s)
{
    const int32_t per_group = s->out_c / s->groups, taps = s->k_h * s->k_w;
    int16_t band[EK_WORDS];
    EK_Y row[EK_WORDS];
    ek_word_band b;
    int32_t start;
    if (s->in_c != s->groups || s->out_h * s->out_w < 16 || !ek_word_band_of(s, &b)
        || (per_group > 1 && b.rows < s->out_h)) { /* a band that outputs share holds them all */
        return 0;
    }
    for (int32_t o = 0; o < s->out_c; o++) {
        if (!ek_word_start(w + (ptrdiff_t)o * taps, taps, x_zero, bias[o], &start)) {
            return 0;
        }
    }
    memset(band, 0, sizeof(band)); /* whole vectors are read behind the band */
    for (int32_t o = 0; o < s->out_c; o++, w += taps) {
        ek_word_factor f = {0, mult[o], shift[o], y_zero, y_min, y_max};
        int32_t pairs[EK_WORDS_TAPS / 2];
        (void)ek_word_start(w, taps, x_zero, bias[o], &f.start);
        for (; f.shift < 33 && f.mult < 1 << 30 && f.mult >= -(1 << 30); f.shift++) { /* factors of int64 sums are small */
            f.mult *= 2;
        }
        for (int32_t t = 0; t < taps; t += 2) {
            const int32_t next = t + 1 < taps ? w[t + 1] : 0;
            pairs[t / 2] = (int32_t)((uint32_t)(uint16_t)w[t] | (uint32_t)next << 16);
        }
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            const int32_t rows = ek_min(b.rows, s->out_h - oy);
            EK_Y *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w;
            if (o % per_group == 0) {
                ek_word_band_fill(x + (ptrdiff_t)(o / per_group) * s->in_h * s->in_w, (int16_t)x_zero, s, &b, oy, band);
            }
            ek_word_outputs(band, &b, pairs, &f, (rows - 1) * b.pitch + s->out_w, row);
            for (int32_t r = 0; r < rows; r++) {
                ek_copy_outputs(to + (ptrdiff_t)r * s->out_w, row + r * b.pitch, s->out_w);
            }
        }
    }
    return 1;
}

#endif
