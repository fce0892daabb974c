/* Depthwise float convolution over ek_vector.h: a band of a channel's rows is laid out with its padding, so that all
 * outputs of the band are one long row, and each tap is that row at another offset. With strides, rows and
 * columns of equal remainder lie together. */
#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"
#include "ek_vector.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_BAND 4096 /* floats that hold a band */
#define EK_BAND_SLACK (4 * EK_LANES)
#define EK_BAND_TAPS 64

typedef struct {
    int32_t rows, width, height, phase; /* output rows of a band; of one remainder: row length, rows, floats */
} ek_band;

/* The largest band that fits; its rows are 0 where none does. */
static inline ek_band ek_band_of(const ek_conv_shape *s)
{
    const int32_t reach_w = (s->k_w - 1) * s->dil_w / s->stride_w, reach_h = (s->k_h - 1) * s->dil_h / s->stride_h;
    ek_band b;
    b.width = s->out_w + reach_w;
    b.rows = (EK_BAND - EK_BAND_SLACK) / (s->stride_h * s->stride_w) / b.width - reach_h;
    b.rows = s->k_h * s->k_w > EK_BAND_TAPS ? 0 : ek_max(ek_min(b.rows, s->out_h), 0);
    b.height = b.rows + reach_h;
    b.phase = b.height * b.width;
    return b;
}

/* to [width] = every stride'th column of row x, whose columns lo..hi-1 are inside; 0 elsewhere. */
static inline void ek_band_row(const float *restrict x, int32_t stride, int32_t lo, int32_t hi, int32_t width,
                               float *restrict to)
{
    int32_t j = 0;
    for (; j < lo; j++) {
        to[j] = 0.0f;
    }
    for (; stride == 1 && j + EK_LANES <= hi; j += EK_LANES) {
        ek_v_store(to + j, ek_v_load(x + j));
    }
    for (; stride == 2 && j + EK_LANES <= hi; j += EK_LANES) {
        ek_v_store(to + j, ek_v_load_even(x + 2 * j));
    }
    for (; j < hi; j++) {
        to[j] = x[j * stride];
    }
    for (; j < width; j++) {
        to[j] = 0.0f;
    }
}

/* Lay out the band of output rows oy.. of one channel. */
static inline void ek_band_fill(const float *x, const ek_conv_shape *s, const ek_band *b, int32_t oy, float *band)
{
    for (int32_t py = 0; py < s->stride_h; py++) {
        for (int32_t px = 0; px < s->stride_w; px++) {
            const int32_t base = px - s->pad_left, lo = ek_min(ek_first(-base, s->stride_w), b->width);
            const int32_t hi = ek_max(ek_min(ek_first(s->in_w - base, s->stride_w), b->width), lo);
            int32_t iy = oy * s->stride_h + py - s->pad_top;
            for (int32_t h = 0; h < b->height; h++, iy += s->stride_h, band += b->width) {
                const int inside = iy >= 0 && iy < s->in_h;
                ek_band_row(x + (ptrdiff_t)(inside ? iy : 0) * s->in_w + base, s->stride_w, lo, inside ? hi : lo,
                            b->width, band);
            }
        }
    }
}

/* Where in the band each tap of output 0 lies. */
static inline void ek_band_offsets(const ek_conv_shape *s, const ek_band *b, int32_t *offset)
{
    for (int32_t ky = 0; ky < s->k_h; ky++) {
        const int32_t down = ky * s->dil_h;
        for (int32_t kx = 0; kx < s->k_w; kx++) {
            const int32_t right = kx * s->dil_w;
            const int32_t phase = down % s->stride_h * s->stride_w + right % s->stride_w;
            *offset++ = phase * b->phase + down / s->stride_h * b->width + right / s->stride_w;
        }
    }
}

/* row [n] = bias + all taps, compared as `bounds` says; row has room for whole vectors, which read no further
 * than EK_BAND_SLACK. */
static inline void ek_band_taps(const float *band, const int32_t *offset, int32_t taps, const float *w, float bias,
                                const ek_bounds *bounds, int32_t n, float *row)
{
    for (int32_t at = 0; at < n; at += 4 * EK_LANES) {
        ek_v acc[4] = {ek_v_all(bias), ek_v_all(bias), ek_v_all(bias), ek_v_all(bias)};
        for (int32_t t = 0; t < taps; t++) {
            const float *const x = band + offset[t] + at;
            const ek_v tap = ek_v_all(w[t]);
            for (int32_t i = 0; i < 4; i++) {
                acc[i] = ek_v_fma(tap, ek_v_load(x + i * EK_LANES), acc[i]);
            }
        }
        for (int32_t i = 0; i < 4; i++) {
            ek_v_store(row + at + i * EK_LANES, ek_bounded(acc[i], bounds));
        }
    }
}

/* Returns 0 where no band fits, and does nothing then. */
static int ek_depthwise_f32(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                            const ek_conv_shape *s)
{
    const ek_band b = ek_band_of(s);
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t per_group = s->out_c / s->groups, taps = s->k_h * s->k_w;
    int32_t offset[EK_BAND_TAPS];
    float band[EK_BAND], row[EK_BAND];
    if (b.rows == 0) {
        return 0;
    }
    memset(band, 0, sizeof(band)); /* whole vectors read behind the band */
    ek_band_offsets(s, &b, offset);
    for (int32_t g = 0; g < s->groups; g++) {
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            const int32_t rows = ek_min(b.rows, s->out_h - oy);
            ek_band_fill(x + g * plane, s, &b, oy, band);
            for (int32_t o = g * per_group; o < (g + 1) * per_group; o++) {
                float *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w;
                const float *const wo = w + (ptrdiff_t)o * taps;
                ek_band_taps(band, offset, taps, wo, bias ? bias[o] : 0.0f, bounds, rows * b.width, row);
                for (int32_t r = 0; r < rows; r++) {
                    memcpy(to + r * s->out_w, row + r * b.width, (size_t)s->out_w * sizeof(float));
                }
            }
        }
    }
    return 1;
}
