/* Depthwise convolution of int16 inputs over EK_Y, within ek_conv_depthwise.h, with dilations or strides that
 * ek_depthwise_pairs.h does not take: a band of a channel's rows is laid out with its padding, in planes of one remainder by
 * the strides, so that all outputs of the band are one long row; two taps of 32 outputs are pairs. */
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

/* Words from..to-1 of 32. */
static inline __mmask32 ek_word_span(int32_t from, int32_t to)
{
    from = ek_max(from, 0);
    return (__mmask32)ek_span(from, ek_max(ek_min(to, 32), from));
}

/* band [rows][width] = rows of x, `step` words apart: their columns lo..hi-1, `fill` in others and where rows are outside,
 * rows first..end-1 being inside. Up to 31 words behind are written. */
static inline void ek_word_rows(const int16_t *x, ptrdiff_t step, int32_t lo, int32_t hi, int32_t width, int32_t rows,
                                int32_t first, int32_t end, __m512i fill, int16_t *band)
{
    const __mmask32 begin = ek_word_span(lo, hi);
    for (int32_t h = 0; h < rows; h++, band += width) {
        const int inside = h >= first && h < end;
        const int16_t *const row = x + (inside ? h : first) * step;
        _mm512_storeu_si512(band, _mm512_mask_loadu_epi16(fill, inside ? begin : 0, row));
        for (int32_t j = 32; j < width; j += 32) { /* the last vector writes into the next row */
            const __mmask32 in = inside ? ek_word_span(lo - j, hi - j) : 0;
            _mm512_storeu_si512(band + j, _mm512_mask_loadu_epi16(fill, in, row + j));
        }
    }
}

/* Lay out the band of output rows oy.. of one channel. */
static inline void ek_word_band_fill(const int16_t *x, int16_t fill, const ek_conv_shape *s, const ek_word_band *b,
                                     int32_t oy, int16_t *band)
{
    const __m512i outside = _mm512_set1_epi16(fill);
    const int32_t stride = s->stride_w, width = b->pitch;
    const ptrdiff_t step = (ptrdiff_t)s->stride_h * s->in_w;
    for (int32_t plane = 0; plane < s->stride_h * stride; plane++, band += b->height * width) {
        const int32_t ix = plane % stride - s->pad_left, iy = oy * s->stride_h - s->pad_top + plane / stride;
        const int32_t lo = ek_first(-ix, stride), hi = ek_min(ek_first(s->in_w - ix, stride), width);
        const int32_t first = ek_min(ek_first(-iy, s->stride_h), b->height);
        const int32_t end = ek_max(ek_min(ek_first(s->in_h - iy, s->stride_h), b->height), first);
        const int16_t *const from = x + (ptrdiff_t)iy * s->in_w + ix;
        if (stride == 1) {
            ek_word_rows(from, step, lo, hi, width, b->height, first, end, outside, band);
        }
        for (int32_t i = 0; i < b->height * width && stride > 1; i++) {
            const int32_t h = i / width, j = i % width;
            band[i] = h >= first && h < end && j >= lo && j < hi ? from[h * step + j * stride] : fill;
        }
    }
}

/* y [rows][columns] = the first of rows `pitch` apart, of columns that are one vector at most. */
static inline void ek_copy_narrow(EK_Y *restrict to, const EK_Y *restrict from, int32_t rows, int32_t columns, int32_t pitch)
{
    const __mmask64 lanes = ek_span(0, columns * (int32_t)sizeof(EK_Y));
    for (int32_t r = 0; r < rows; r++) {
        const __m512i v = _mm512_maskz_loadu_epi8(lanes, (const char *)(const void *)(from + r * pitch));
        _mm512_mask_storeu_epi8((char *)(void *)(to + r * columns), lanes, v);
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
    const __m128i ones = _mm_set1_epi8(1);
    __m128i sums = _mm_setzero_si128(), sizes = sums;
    for (int32_t t = 0; t < taps; t += 16) {
        const __m128i v = _mm_maskz_loadu_epi8(ek_lanes(taps - t), w + t);
        sums = _mm_dpbusd_epi32(sums, ones, v);
        sizes = _mm_dpbusd_epi32(sizes, _mm_abs_epi8(v), ones);
    }
    const __m128i pairs = _mm_hadd_epi32(sums, sizes), both = _mm_hadd_epi32(pairs, pairs);
    const int32_t sum = _mm_cvtsi128_si32(both), reach = _mm_extract_epi32(both, 1);
    const int64_t most = (int64_t)reach * (32768 + (x_zero < 0 ? -x_zero : x_zero));
    *start = (int32_t)(uint32_t)(uint64_t)(bias - (int64_t)x_zero * sum);
    return bias <= INT32_MAX - most && bias >= INT32_MIN + most;
}

/* pairs = a channel's weights, as many as are whole vectors. */
static inline void ek_word_pairs(const int8_t *w, int32_t taps, int32_t *pairs)
{
    for (int32_t t = 0; t < taps; t += 32) {
        const __m256i v = _mm256_maskz_loadu_epi8((__mmask32)ek_span(0, taps - t), w + t);
        _mm512_storeu_si512(pairs + t / 2, _mm512_cvtepi8_epi16(v));
    }
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
        ek_word_pairs(w, taps, pairs);
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            const int32_t rows = ek_min(b.rows, s->out_h - oy);
            EK_Y *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w;
            if (o % per_group == 0) {
                ek_word_band_fill(x + (ptrdiff_t)(o / per_group) * s->in_h * s->in_w, (int16_t)x_zero, s, &b, oy, band);
            }
            ek_word_outputs(band, &b, pairs, &f, (rows - 1) * b.pitch + s->out_w, row);
            if (s->out_w * (int32_t)sizeof(EK_Y) <= 64) {
                ek_copy_narrow(to, row, rows, s->out_w, b.pitch);
                continue;
            }
            for (int32_t r = 0; r < rows; r++) {
                ek_copy_outputs(to + (ptrdiff_t)r * s->out_w, row + r * b.pitch, s->out_w);
            }
        }
    }
    return 1;
}

#endif
