/* Convolution of few int8 inputs over EK_Y, for many positions: of 64 positions that lie in a row of a band, as those of
 * ek_conv_fours.h do, four taps side by side are laid out at once, from which all outputs are taken. A band holds bytes,
 * which gain 128. */
#include "ek_bytes_of.h"
#include "ek_conv_bands.h"

#define EK_STEM_BAND 16384
#define EK_STEM_SLACK 64 /* bytes that are read and written behind the last position */
#define EK_STEM_TAPS 256
#define EK_STEM_OUTPUTS 4 /* whose sums stay in registers */
#define EK_STEM_POSITIONS 48 /* from which on a tile of 64 pays */
#define EK_STEM_PRODUCTS 64 /* of a byte of x, for which laying it out by itself pays */

/* What a call has in common, for one group of channels; `last` are the weights of the last output, and room behind them. */
typedef struct {
    const uint8_t *band;
    const int32_t *offset;
    const int8_t *w, *last;
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t taps, outputs, is_down, y_zero, y_min, y_max;
    ptrdiff_t plane;
} ek_stem;

/* to [rows][width] = rows of a channel by the strides, the first at (iy, ix). Up to 63 bytes behind are written. */
static inline void ek_stem_rows(const int8_t *x, int8_t fill, const ek_conv_shape *s, int32_t iy, int32_t ix,
                                int32_t rows, int32_t width, uint8_t *to)
{
    const int32_t stride = s->stride_w, step = stride == 2 ? 2 : 1, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    const __m512i top = _mm512_set1_epi8(-128), all = _mm512_set1_epi8(fill);
    for (int32_t h = 0; h < rows; h++, iy += s->stride_h, to += width) {
        const int inside = iy >= 0 && iy < s->in_h;
        const int8_t *const row = x + (inside ? (ptrdiff_t)iy * s->in_w : 0) + ix;
        for (int32_t j = 0; j < width; j += 64 / step) {
            const int32_t from = step * ek_max(lo - j, 0), end = step * (hi - j - 1) + 1;
            const __mmask64 in = inside && stride <= 2 ? ek_span(from, ek_max(end, from)) : 0;
            const __m512i v = _mm512_xor_si512(_mm512_mask_loadu_epi8(all, in, row + j * step), top);
            if (step == 1) {
                _mm512_storeu_si512(to + j, v);
            } else {
                _mm256_storeu_si256((__m256i *)(void *)(to + j), _mm512_cvtepi16_epi8(v));
            }
        }
        for (int32_t j = lo; j < hi && inside && stride > 2; j++) {
            to[j] = (uint8_t)row[j * stride] ^ 128;
        }
    }
}

/* Lay out the band of `rows` rows of outputs with (oy, ox) first; x is the group's. */
static inline void ek_stem_fill(const int8_t *x, int8_t fill, const ek_conv_shape *s, const ek_bands *b, int32_t oy,
                                int32_t ox, int32_t rows, uint8_t *band)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int32_t inputs = s->in_c / s->groups, height = b->height - b->rows + rows;
    for (int32_t c = 0; c < inputs; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t i = 0; i < s->stride_h; i++) {
            for (int32_t j = 0; j < s->stride_w; j++) {
                if (b->down[i] >= 0 && b->right[j] >= 0) {
                    ek_stem_rows(x, fill, s, top + i, left + j, height, b->pitch, band);
                    band += b->height * b->pitch;
                }
            }
        }
    }
    _mm512_storeu_si512(band, _mm512_setzero_si512());
}

/* tile [taps / 4][4] of 64 positions behind x. */
static inline void ek_stem_gather(const ek_stem *f, const uint8_t *x, __m512i *tile)
{
    for (int32_t t = 0; t < f->taps; t += 4, tile += 4) {
        __m512i row[4];
        for (int32_t i = 0; i < 4; i++) { /* a tap behind the last has any weight, so it is 0 */
            row[i] = t + i < f->taps ? _mm512_loadu_si512(x + f->offset[t + i]) : _mm512_setzero_si512();
        }
        const __m512i ab = _mm512_unpacklo_epi8(row[0], row[1]), ab_high = _mm512_unpackhi_epi8(row[0], row[1]);
        const __m512i cd = _mm512_unpacklo_epi8(row[2], row[3]), cd_high = _mm512_unpackhi_epi8(row[2], row[3]);
        tile[0] = _mm512_unpacklo_epi16(ab, cd);
        tile[1] = _mm512_unpackhi_epi16(ab, cd);
        tile[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
        tile[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
    }
}

/* Outputs o.., `rows` of them, of a tile. */
static inline __attribute__((always_inline)) void ek_stem_outputs(const ek_stem *f, const __m512i *tile,
                                                                  const ek_byte_runs *p, int32_t o, int32_t rows,
                                                                  EK_Y *y)
{
    const int8_t *w[EK_STEM_OUTPUTS];
    __m512i sums[4 * EK_STEM_OUTPUTS];
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        w[r] = o + r + 1 == f->outputs ? f->last : f->w + (ptrdiff_t)(o + r) * f->taps;
        EK_UNROLLED
        for (int32_t v = 0; v < 4; v++) {
            sums[4 * r + v] = ek_i_all(f->bias[o + r]);
        }
    }
    for (int32_t t = 0; t < f->taps; t += 4, tile += 4) {
        EK_UNROLLED
        for (int32_t r = 0; r < rows; r++) {
            int32_t taps;
            memcpy(&taps, w[r] + t, 4);
            EK_UNROLLED
            for (int32_t v = 0; v < 4; v++) {
                sums[4 * r + v] = _mm512_dpbusd_epi32(sums[4 * r + v], tile[v], ek_i_all(taps));
            }
        }
    }
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        const ek_scaling scaling = {f->mult[o + r], f->shift[o + r], f->y_zero, f->y_min, f->y_max};
        ek_store_runs(sums + 4 * r, &scaling, f->is_down, p, y + (o + r) * f->plane);
    }
}

/* All outputs of n positions in rows, of which `columns` of each are outputs. */
static void ek_stem_positions(const ek_stem *own, int32_t pitch, int32_t columns, int32_t n, EK_Y *y)
{
    const ek_stem f = *own; /* which stores cannot change */
    __m512i tile[EK_STEM_TAPS];
    ek_byte_runs places;
    for (int32_t at = 0; at < n; at += 64) {
        int32_t o = 0;
        ek_byte_runs_of(at, n, pitch, columns, columns, 64, &places);
        ek_stem_gather(&f, f.band + at, tile);
        for (; o + EK_STEM_OUTPUTS <= f.outputs; o += EK_STEM_OUTPUTS) {
            ek_stem_outputs(&f, tile, &places, o, EK_STEM_OUTPUTS, y);
        }
        for (; o < f.outputs; o++) {
            ek_stem_outputs(&f, tile, &places, o, 1, y);
        }
    }
}

/* Whether tiles take less time than picks. */
static inline int ek_stem_pays(const ek_conv_shape *s)
{
    const int32_t outputs = s->out_c / s->groups, kernel = s->k_h * s->k_w;
    return kernel > 1 && kernel * (s->in_c / s->groups) <= EK_STEM_TAPS && outputs >= EK_STEM_OUTPUTS
           && s->out_h * s->out_w >= EK_STEM_POSITIONS
           && (s->stride_w <= 2 || outputs * kernel >= EK_STEM_PRODUCTS * s->stride_h * s->stride_w);
}

/* Whether the shape is one that this takes; then y is done. */
static inline int ek_conv_stem(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias, const int32_t *mult,
                               const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                               const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups, taps = inputs * s->k_h * s->k_w;
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    uint8_t band[EK_STEM_BAND];
    int32_t offset[EK_STEM_TAPS];
    int8_t last[EK_STEM_TAPS + 4] = {0};
    ek_stem f = {band, offset, w, last, bias, mult, shift, taps, outputs, 1, y_zero, y_min, y_max, plane};
    ek_bands b;
    if (!ek_stem_pays(s) || !ek_by_planes(s, EK_STEM_BAND - EK_STEM_SLACK, inputs, inputs, 64, &b)) {
        return 0;
    }
    ek_tap_offsets(s, &b, 0, taps, offset);
    for (int32_t o = 0; o < s->out_c; o++) {
        f.is_down &= shift[o] >= 33;
    }
    for (int32_t g = 0; g < s->groups; g++, f.bias += outputs, f.mult += outputs, f.shift += outputs) {
        memcpy(last, f.w + (ptrdiff_t)(outputs - 1) * taps, (size_t)taps);
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
                const int32_t rows = ek_min(b.rows, s->out_h - oy), columns = ek_min(b.columns, s->out_w - ox);
                ek_stem_fill(x, fill, s, &b, oy, ox, rows, band);
                ek_stem_positions(&f, b.pitch, columns, (rows - 1) * b.pitch + columns, y + (ptrdiff_t)oy * s->out_w + ox);
            }
        }
        x += (ptrdiff_t)inputs * s->in_h * s->in_w;
        y += outputs * plane;
        f.w += (ptrdiff_t)outputs * taps;
    }
    return 1;
}
