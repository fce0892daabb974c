/* Convolution of int8 inputs over EK_NAME and EK_Y. Inputs gain 128, because vpdpbusd takes them unsigned; the bias
 * contains -(128 + x_zero) * sum(w of the output), and what is outside x counts as x_zero. */
#include "ek_conv_depthwise_s8.h"

#define EK_TILE 32
#define EK_TAPS 1536 /* of a tile that is gathered once for all outputs */

static inline __mmask64 ek_range(int32_t from, int32_t to)
{
    return (to >= 64 ? ~0ull : (1ull << to) - 1) & ~(from >= 64 ? ~0ull : (1ull << from) - 1);
}

/* Columns base, base + stride, ... of row x [in_w], n of them; fill where they are outside. */
static inline __m256i ek_columns(const int8_t *x, int32_t in_w, int32_t base, int32_t stride, int32_t n, int8_t fill)
{
    const int32_t lo = ek_min(ek_first(-base, stride), n), hi = ek_max(ek_min(ek_first(in_w - base, stride), n), lo);
    int8_t few[EK_TILE];
    if (stride == 1) {
        return _mm256_mask_loadu_epi8(_mm256_set1_epi8(fill), (__mmask32)ek_range(lo, hi), x + base);
    }
    if (stride == 2) {
        const __mmask64 even = ek_range(2 * lo, 2 * hi) & 0x5555555555555555ull;
        return _mm512_cvtepi16_epi8(_mm512_mask_loadu_epi8(_mm512_set1_epi8(fill), even, x + base));
    }
    memset(few, fill, sizeof(few));
    for (int32_t j = lo; j < hi; j++) {
        few[j] = x[j * stride + base];
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)few);
}

/* to [EK_TILE][4] = four taps of every column, 128 more. */
static inline void ek_interleave(const __m256i *taps, uint8_t *to)
{
    const __m256i top = _mm256_set1_epi8(-128);
    const __m256i a = _mm256_unpacklo_epi8(taps[0], taps[1]), b = _mm256_unpackhi_epi8(taps[0], taps[1]);
    const __m256i c = _mm256_unpacklo_epi8(taps[2], taps[3]), d = _mm256_unpackhi_epi8(taps[2], taps[3]);
    const __m256i parts[4] = {_mm256_unpacklo_epi16(a, c), _mm256_unpackhi_epi16(a, c), _mm256_unpacklo_epi16(b, d),
                              _mm256_unpackhi_epi16(b, d)};
    for (int32_t i = 0; i < 4; i++) {
        const __m256i part = _mm256_xor_si256(parts[i], top);
        _mm_storeu_si128((__m128i *)(void *)(to + 16 * i), _mm256_castsi256_si128(part));
        _mm_storeu_si128((__m128i *)(void *)(to + 64 + 16 * i), _mm256_extracti128_si256(part, 1));
    }
}

/* tile [count / 4][EK_TILE][4] = taps number.. of output row oy, columns first.. */
static void ek_gather_s8(const int8_t *x, int8_t fill, const ek_conv_shape *s, int32_t oy, int32_t first, int32_t n,
                         int32_t number, int32_t count, uint8_t *tile)
{
    int32_t kx = number % s->k_w, ky = number / s->k_w % s->k_h;
    __m256i taps[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    x += (ptrdiff_t)(number / (s->k_w * s->k_h)) * s->in_h * s->in_w;
    for (int32_t t = 0; t < count; t++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
        const int32_t base = first * s->stride_w - s->pad_left + kx * s->dil_w;
        const int inside = iy >= 0 && iy < s->in_h;
        taps[t & 3] = inside ? ek_columns(x + (ptrdiff_t)iy * s->in_w, s->in_w, base, s->stride_w, n, fill)
                             : _mm256_set1_epi8(fill);
        if ((t & 3) == 3 || t + 1 == count) {
            ek_interleave(taps, tile);
            tile += 4 * EK_TILE;
        }
        if (++kx == s->k_w) {
            kx = 0;
            if (++ky == s->k_h) {
                ky = 0;
                x += (ptrdiff_t)s->in_h * s->in_w;
            }
        }
    }
}

/* acc [rows][2] += w [rows][count], rows `step` apart, times the tile. */
static inline __attribute__((always_inline)) void ek_tile_s8(const uint8_t *tile, const int8_t *w, ptrdiff_t step,
                                                             int32_t count, int32_t rows, __m512i acc[4][2])
{
    for (int32_t t = 0; t < count; t += 4, tile += 4 * EK_TILE) {
        const __m512i x0 = _mm512_loadu_si512(tile), x1 = _mm512_loadu_si512(tile + 64);
        for (int32_t r = 0; r < rows; r++) {
            int32_t taps = 0;
            if (t + 4 <= count) {
                memcpy(&taps, w + r * step + t, 4);
            } else {
                memcpy(&taps, w + r * step + t, (size_t)(count - t));
            }
            acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], x0, _mm512_set1_epi32(taps));
            acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], x1, _mm512_set1_epi32(taps));
        }
    }
}

/* What one call has in common. */
typedef struct {
    const int8_t *w;
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t y_zero, y_min, y_max;
} ek_conv_numbers;

/* `rows` outputs from number o on, of n columns in output row oy; with `tile` NULL the taps are gathered here. */
static inline __attribute__((always_inline)) void ek_rows_of_tile(const int8_t *x, int8_t fill,
                                                                  const ek_conv_numbers *c, const ek_conv_shape *s,
                                                                  int32_t oy, int32_t first, int32_t n, int32_t o,
                                                                  int32_t rows, uint8_t *tile, int gathered, EK_Y *y)
{
    const int32_t taps = s->in_c / s->groups * s->k_h * s->k_w;
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    __m512i acc[4][2];
    for (int32_t r = 0; r < rows; r++) {
        acc[r][0] = acc[r][1] = _mm512_set1_epi32(c->bias[o + r]);
    }
    for (int32_t t = 0; t < taps; t += EK_TAPS) {
        const int32_t count = ek_min(EK_TAPS, taps - t);
        if (!gathered) {
            ek_gather_s8(x, fill, s, oy, first, n, t, count, tile);
        }
        ek_tile_s8(tile, c->w + (ptrdiff_t)o * taps + t, taps, count, rows, acc);
    }
    for (int32_t r = 0; r < rows; r++) {
        const ek_factor f = ek_factor_of(c->mult[o + r], c->shift[o + r], c->y_zero, c->y_min, c->y_max);
        ek_store_outputs(ek_scale(acc[r][0], &f), y + r * plane, n);
        if (n > 16) {
            ek_store_outputs(ek_scale(acc[r][1], &f), y + r * plane + 16, n - 16);
        }
    }
}

void EK_NAME(const int8_t *restrict x, int32_t x_zero, const int8_t *restrict w, const int32_t *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const ek_conv_numbers c = {w, bias, mult, shift, y_zero, y_min, y_max};
    const int32_t per_group = s.out_c / s.groups, inputs = s.in_c / s.groups, taps = inputs * s.k_h * s.k_w;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, x_plane = (ptrdiff_t)s.in_h * s.in_w;
    const int8_t fill = (int8_t)x_zero;
    uint8_t tile[EK_TAPS * EK_TILE];
    if (inputs == 1 && ek_depthwise_s8(x, fill, w, bias, mult, shift, y_zero, y_min, y_max, y, &s)) {
        return;
    }
    for (int32_t g = 0; g < s.groups; g++) {
        const int8_t *const xg = x + g * inputs * x_plane;
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += EK_TILE) {
                const int32_t n = ek_min(EK_TILE, s.out_w - ox);
                const int gathered = taps <= EK_TAPS;
                if (gathered) {
                    ek_gather_s8(xg, fill, &s, oy, ox, n, 0, taps, tile);
                }
                for (int32_t o = g * per_group; o < (g + 1) * per_group; o += 4) {
                    EK_Y *const to = y + o * plane + (ptrdiff_t)oy * s.out_w + ox;
                    switch ((g + 1) * per_group - o) {
                    case 1: ek_rows_of_tile(xg, fill, &c, &s, oy, ox, n, o, 1, tile, gathered, to); break;
                    case 2: ek_rows_of_tile(xg, fill, &c, &s, oy, ox, n, o, 2, tile, gathered, to); break;
                    case 3: ek_rows_of_tile(xg, fill, &c, &s, oy, ox, n, o, 3, tile, gathered, to); break;
                    default: ek_rows_of_tile(xg, fill, &c, &s, oy, ox, n, o, 4, tile, gathered, to); break;
                    }
                }
            }
        }
    }
}
