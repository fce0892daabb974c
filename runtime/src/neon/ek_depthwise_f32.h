/* Depthwise float convolution over ek_vector.h: a band of a channel's rows is laid out with its padding, so that all
 * outputs of the band are one long row, and each tap is that row at another offset. With strides, rows and
 * columns of equal remainder lie together. */
#include "ek_epilogue_lanes.h"
#include "ek_plane_rows.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_BAND 4096 /* floats that hold a band */
#define EK_BAND_SLACK (4 * EK_LANES)
#define EK_BAND_TAPS 64
#define EK_BAND_ROWS 4 /* at once */
#define EK_EACH_ROW(body) _Pragma("GCC unroll 4") for (int32_t r = 0; r < EK_BAND_ROWS; r++) { body; }

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

/* Lay out the band of output rows oy.. of one channel. */
static inline void ek_band_fill(const float *x, const ek_conv_shape *s, const ek_band *b, int32_t oy, float *band)
{
    for (int32_t py = 0; py < s->stride_h; py++) {
        for (int32_t px = 0; px < s->stride_w; px++, band += b->phase) {
            ek_rows_of_plane(x, s, oy * s->stride_h + py - s->pad_top, px - s->pad_left, b->height, b->width, band);
        }
    }
    ek_v_store(band, ek_v_zero()); /* where the last vector of short rows reads */
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

/* What the outputs of a band have in common. */
typedef struct {
    const int32_t *offset;
    const float *w;
    const ek_bounds *bounds;
    float bias;
    int32_t taps, width, out_w, rows;
} ek_channel;

/* A vector of outputs of row `row`, whose columns from `at` on it has. Where a row has fewer, the next row comes after. */
EK_INLINE void ek_store_outputs(const ek_channel *c, ek_v v, int32_t row, int32_t at, float *y)
{
    float *const to = y + row * c->out_w + at;
    if (c->out_w >= EK_LANES || row + 1 < c->rows) {
        ek_v_store(to, v);
    } else {
        ek_v_store_some(to, v, c->out_w);
    }
}

/* The same of EK_BAND_ROWS rows from `row` on. */
EK_INLINE void ek_store_rows(const ek_channel *c, ek_v *sums, int32_t row, int32_t at, float *y)
{
    if (c->bounds->act == EK_RELU) {
        EK_EACH_ROW(sums[r] = ek_v_relu(sums[r]))
    } else if (c->bounds->act != EK_NO_ACT) {
        EK_EACH_ROW(sums[r] = ek_bounded(sums[r], c->bounds))
    }
    EK_EACH_ROW(ek_store_outputs(c, sums[r], row + r, at, y))
}

/* A vector of outputs of EK_BAND_ROWS rows from `row` on. */
EK_INLINE void ek_rows_of_taps(const ek_channel *c, const float *band, int32_t row, int32_t at, float *y)
{
    const float *const x = band + row * c->width + at;
    const ek_v bias = ek_v_all(c->bias);
    ek_v acc[EK_BAND_ROWS];
    EK_EACH_ROW(acc[r] = bias)
    for (int32_t t = 0; t < c->taps; t++) {
        const float *const from = x + c->offset[t];
        const ek_v tap = ek_v_all(c->w[t]);
        EK_EACH_ROW(acc[r] = ek_v_fma(tap, ek_v_load(from + r * c->width), acc[r]))
    }
    ek_store_rows(c, acc, row, at, y);
}

/* The same of nine taps w. */
EK_INLINE void ek_rows_of_nine(const ek_channel *c, const ek_v *w, const float *band, int32_t row, int32_t at, float *y)
{
    const float *const x = band + row * c->width + at;
    const ek_v bias = ek_v_all(c->bias);
    ek_v acc[EK_BAND_ROWS];
    EK_EACH_ROW(acc[r] = bias)
    _Pragma("GCC unroll 9") for (int32_t t = 0; t < 9; t++)
    {
        const float *const from = x + c->offset[t];
        EK_EACH_ROW(acc[r] = ek_v_fma(w[t], ek_v_load(from + r * c->width), acc[r]))
    }
    ek_store_rows(c, acc, row, at, y);
}

/* The same where three taps lie in each of three rows that are neighbours: rows of outputs share them. */
EK_INLINE void ek_rows_of_near(const ek_channel *c, const ek_v *w, const float *band, int32_t row, int32_t at, float *y)
{
    const float *x = band + row * c->width + at;
    const int32_t right = c->offset[1], last = c->offset[2];
    const ek_v bias = ek_v_all(c->bias);
    ek_v acc[EK_BAND_ROWS];
    EK_EACH_ROW(acc[r] = bias)
    _Pragma("GCC unroll 8") for (int32_t h = 0; h < EK_BAND_ROWS + 2; h++, x += c->width)
    {
        const ek_v x0 = ek_v_load(x), x1 = ek_v_load(x + right), x2 = ek_v_load(x + last);
        _Pragma("GCC unroll 3") for (int32_t k = 0; k < 3; k++)
        {
            const int32_t r = h - k;
            if (r >= 0 && r < EK_BAND_ROWS) {
                acc[r] = ek_v_fma(w[3 * k + 2], x2, ek_v_fma(w[3 * k + 1], x1, ek_v_fma(w[3 * k], x0, acc[r])));
            }
        }
    }
    ek_store_rows(c, acc, row, at, y);
}

/* A vector of outputs of one row. */
EK_INLINE void ek_row_of_taps(const ek_channel *c, const float *band, int32_t row, int32_t at, float *y)
{
    const float *const x = band + row * c->width + at;
    ek_v acc = ek_v_all(c->bias);
    for (int32_t t = 0; t < c->taps; t++) {
        acc = ek_v_fma(ek_v_all(c->w[t]), ek_v_load(x + c->offset[t]), acc);
    }
    ek_store_outputs(c, ek_bounded(acc, c->bounds), row, at, y);
}

/* y [rows][out_w] = bias + all taps, compared as the bounds say. The last vector of a row and the last rows begin inside the ones
 * before them. */
#define EK_BAND_OUTPUTS(name, weights, four_rows)                                                                   \
    static __attribute__((noinline)) void name(const ek_channel *given, const float *band, float *y)                \
    {                                                                                                               \
        const ek_channel own = *given, *const c = &own;                                                             \
        const int32_t behind = ek_max(c->out_w - EK_LANES, 0);                                                      \
        weights;                                                                                                    \
        for (int32_t at = 0; at < c->out_w; at += EK_LANES) {                                                       \
            const int32_t column = ek_min(at, behind);                                                              \
            if (c->rows < EK_BAND_ROWS) {                                                                           \
                for (int32_t row = 0; row < c->rows; row++) {                                                       \
                    ek_row_of_taps(c, band, row, column, y);                                                        \
                }                                                                                                   \
                continue;                                                                                           \
            }                                                                                                       \
            for (int32_t row = 0; row < c->rows; row += EK_BAND_ROWS) {                                             \
                const int32_t from = ek_min(row, c->rows - EK_BAND_ROWS);                                           \
                four_rows;                                                                                          \
            }                                                                                                       \
        }                                                                                                           \
    }
#define EK_NINE                                         \
    ek_v w[9];                                          \
    _Pragma("GCC unroll 9") for (int32_t t = 0; t < 9; t++) \
    {                                                   \
        w[t] = ek_v_all(c->w[t]);                       \
    }
EK_BAND_OUTPUTS(ek_band_taps, , ek_rows_of_taps(c, band, from, column, y))
EK_BAND_OUTPUTS(ek_band_nine, EK_NINE, ek_rows_of_nine(c, w, band, from, column, y))
EK_BAND_OUTPUTS(ek_band_near, EK_NINE, ek_rows_of_near(c, w, band, from, column, y))

/* Returns 0 where no band fits, and does nothing then. */
static int ek_depthwise_f32(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                            const ek_conv_shape *s)
{
    const ek_band b = ek_band_of(s);
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t per_group = s->out_c / s->groups, taps = s->k_h * s->k_w;
    const int nine = s->k_h == 3 && s->k_w == 3, near = nine && s->stride_h == 1 && s->dil_h == 1 && s->stride_w == 1;
    int32_t offset[EK_BAND_TAPS];
    float band[EK_BAND];
    if (b.rows == 0) {
        return 0;
    }
    ek_band_offsets(s, &b, offset);
    for (int32_t g = 0; g < s->groups; g++) {
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            ek_channel c = {offset, NULL, bounds, 0.0f, taps, b.width, s->out_w, ek_min(b.rows, s->out_h - oy)};
            ek_band_fill(x + g * plane, s, &b, oy, band);
            for (int32_t o = g * per_group; o < (g + 1) * per_group; o++) {
                float *const to = y + ((ptrdiff_t)o * s->out_h + oy) * s->out_w;
                c.w = w + (ptrdiff_t)o * taps;
                c.bias = bias ? bias[o] : 0.0f;
                if (near) {
                    ek_band_near(&c, band, to);
                } else if (nine) {
                    ek_band_nine(&c, band, to);
                } else {
                    ek_band_taps(&c, band, to);
                }
            }
        }
    }
    return 1;
}
