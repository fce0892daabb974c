/* Float convolution over ek_vector.h. The taps that a tile of an output row reads lie side by side in a piece, from
 * which all output channels of the group take them; a 1x1 convolution reads x itself. */
#include "ek_depthwise_f32.h"
#include "ek_tap_lanes.h"

#define EK_TILE (2 * EK_LANES)
#define EK_TAPS 64

/* n output columns first.., and what the columns of taps read for their two vectors; `kept` where those fit. */
typedef struct {
    ek_tap_lanes lanes[EK_MOST_COLUMNS][2];
    int32_t first, n, kept;
} ek_tile_columns;

static inline void ek_lanes_of_tap(const ek_conv_shape *s, int32_t kx, int32_t first, int32_t n, ek_tap_lanes *to)
{
    to[0] = ek_tap_lanes_of(s, kx, first, n);
    to[1] = ek_tap_lanes_of(s, kx, first + EK_LANES, n - EK_LANES);
}

static inline void ek_columns_of(const ek_conv_shape *s, int32_t first, int32_t n, ek_tile_columns *c)
{
    c->first = first;
    c->n = n;
    c->kept = s->k_w <= EK_MOST_COLUMNS;
    for (int32_t kx = 0; kx < s->k_w && c->kept; kx++) {
        ek_lanes_of_tap(s, kx, first, n, c->lanes[kx]);
    }
}

/* piece [count][EK_TILE] = taps number.. of output row oy. */
EK_INLINE void ek_gather_taps(const float *x, const ek_conv_shape *s, int32_t oy, const ek_tile_columns *c,
                              int32_t stride, int32_t number, int32_t count, float *piece)
{
    int32_t kx = number % s->k_w, ky = number / s->k_w % s->k_h;
    ek_tap_lanes own[2];
    x += (ptrdiff_t)(number / (s->k_w * s->k_h)) * s->in_h * s->in_w;
    for (int32_t t = 0; t < count; t++, piece += EK_TILE) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
        const int inside = iy >= 0 && iy < s->in_h;
        const float *const row = x + (ptrdiff_t)(inside ? iy : 0) * s->in_w;
        const ek_tap_lanes *const lanes = c->kept ? c->lanes[kx] : own;
        if (!c->kept) {
            ek_lanes_of_tap(s, kx, c->first, c->n, own);
        }
        for (int32_t v = 0; v < 2; v++) {
            ek_v_store(piece + v * EK_LANES, inside ? ek_load_tap(row, lanes + v, stride) : ek_v_zero());
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

static void ek_gather_piece(const float *x, const ek_conv_shape *s, int32_t oy, const ek_tile_columns *c,
                            int32_t number, int32_t count, float *piece)
{
    if (s->stride_w == 1) {
        ek_gather_taps(x, s, oy, c, 1, number, count, piece);
    } else if (s->stride_w == 2) {
        ek_gather_taps(x, s, oy, c, 2, number, count, piece);
    } else {
        ek_gather_taps(x, s, oy, c, s->stride_w, number, count, piece);
    }
}

/* y [rows][n], rows `plane` apart, = start or y itself, + w [rows][count] . x [count][n], rows of w `taps` apart; n fits
 * into so many vectors. */
EK_INLINE void ek_rows_tile(const float *x, ptrdiff_t x_step, const float *w, int32_t taps, int32_t count,
                            const float *start, int32_t relu, float *y, ptrdiff_t plane, int32_t rows, int32_t vectors,
                            int32_t n)
{
    const int32_t some[2] = {ek_min(n, EK_LANES), n - EK_LANES};
    ek_v acc[EK_TILE_ROWS][2];
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t v = 0; v < vectors; v++) {
            acc[r][v] = start ? ek_v_all(start[r]) : ek_v_load_some(y + r * plane + v * EK_LANES, some[v]);
        }
    }
    for (int32_t t = 0; t < count; t++, x += x_step) {
        ek_v xt[2];
        for (int32_t v = 0; v < vectors; v++) {
            xt[v] = ek_v_load_some(x + v * EK_LANES, some[v]);
        }
        for (int32_t r = 0; r < rows; r++) {
            const ek_v wt = ek_v_all(w[(ptrdiff_t)r * taps + t]);
            for (int32_t v = 0; v < vectors; v++) {
                acc[r][v] = ek_v_fma(wt, xt[v], acc[r][v]);
            }
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t v = 0; v < vectors; v++) {
            ek_v_store_some(y + r * plane + v * EK_LANES, relu ? ek_v_relu(acc[r][v]) : acc[r][v], some[v]);
        }
    }
}

#define EK_ROWS_TILE(rows, vectors) ek_rows_tile(x, x_step, wr, taps, count, start, relu, to, plane, rows, vectors, n)

/* All `rows` outputs of a group, as many at a time as registers hold. */
EK_INLINE void ek_group_columns(const float *x, ptrdiff_t x_step, const float *w, int32_t taps, int32_t count,
                                const float *bias, int32_t first, int32_t relu, float *y, ptrdiff_t plane,
                                int32_t rows, int32_t vectors, int32_t n)
{
    const float none[EK_TILE_ROWS] = {0.0f};
    for (int32_t r = 0, now; r < rows; r += now) {
        const float *const start = first == 0 ? (bias ? bias + r : none) : NULL, *const wr = w + (ptrdiff_t)r * taps;
        float *const to = y + r * plane;
        if (rows - r >= EK_TILE_ROWS) {
            now = EK_TILE_ROWS;
            EK_ROWS_TILE(EK_TILE_ROWS, vectors);
        } else if (rows - r >= 4) {
            now = 4;
            EK_ROWS_TILE(4, vectors);
        } else if (rows - r >= 2) {
            now = 2;
            EK_ROWS_TILE(2, vectors);
        } else {
            now = 1;
            EK_ROWS_TILE(1, vectors);
        }
    }
}

static void ek_group_tile(const float *x, ptrdiff_t x_step, const float *w, int32_t taps, int32_t count,
                          const float *bias, int32_t first, int32_t relu, float *y, ptrdiff_t plane, int32_t rows,
                          int32_t n)
{
    if (n > EK_LANES) {
        ek_group_columns(x, x_step, w, taps, count, bias, first, relu, y, plane, rows, 2, n);
    } else {
        ek_group_columns(x, x_step, w, taps, count, bias, first, relu, y, plane, rows, 1, n);
    }
}

/* One output element of each channel of a depthwise convolution: its taps are few and far apart. */
static void ek_depthwise_column(const float *x, const float *w, const float *bias, int32_t relu, float *y,
                                const ek_conv_shape *s)
{
    for (int32_t o = 0; o < s->out_c; o++, w += s->k_h * s->k_w) {
        const float *const xo = x + (ptrdiff_t)(o / (s->out_c / s->groups)) * s->in_h * s->in_w;
        float acc = bias ? bias[o] : 0.0f;
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t iy = ky * s->dil_h - s->pad_top;
            for (int32_t kx = 0; kx < s->k_w && iy >= 0 && iy < s->in_h; kx++) {
                const int32_t ix = kx * s->dil_w - s->pad_left;
                acc += ix >= 0 && ix < s->in_w ? xo[iy * s->in_w + ix] * w[ky * s->k_w + kx] : 0.0f;
            }
        }
        y[o] = !relu || acc > 0.0f ? acc : 0.0f;
    }
}

void ek_conv_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t relu,
                 float *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t rows = s.out_c / s.groups, inputs = s.in_c / s.groups, taps = inputs * s.k_h * s.k_w;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, x_plane = (ptrdiff_t)s.in_h * s.in_w;
    const int direct = s.k_h == 1 && s.k_w == 1 && s.stride_w == 1 && s.stride_h == 1 && s.pad_top == 0
                       && s.pad_left == 0 && s.in_w == s.out_w;
    float piece[EK_TAPS * EK_TILE];
    ek_tile_columns columns;
    if (inputs == 1 && plane == 1) {
        ek_depthwise_column(x, w, bias, relu, y, &s);
        return;
    }
    if (inputs == 1 && ek_depthwise_f32(x, w, bias, relu, y, &s)) {
        return;
    }
    for (int32_t g = 0; g < s.groups; g++) {
        const float *const xg = x + g * inputs * x_plane, *const wg = w + (ptrdiff_t)g * rows * taps;
        const float *const bg = bias ? bias + g * rows : NULL;
        float *const yg = y + g * rows * plane;
        for (int32_t ox = 0; ox < s.out_w; ox += EK_TILE) {
            const int32_t n = ek_min(EK_TILE, s.out_w - ox);
            if (!direct) {
                ek_columns_of(&s, ox, n, &columns);
            }
            for (int32_t oy = 0; oy < s.out_h; oy++) {
                float *const yt = yg + (ptrdiff_t)oy * s.out_w + ox;
                if (direct) {
                    const float *const xt = xg + (ptrdiff_t)oy * s.in_w + ox;
                    ek_group_tile(xt, x_plane, wg, taps, taps, bg, 0, relu, yt, plane, rows, n);
                    continue;
                }
                for (int32_t t = 0; t < taps; t += EK_TAPS) {
                    const int32_t count = ek_min(EK_TAPS, taps - t);
                    const int32_t own = relu && t + count == taps; /* the sums are whole */
                    ek_gather_piece(xg, &s, oy, &columns, t, count, piece);
                    ek_group_tile(piece, EK_TILE, wg + t, taps, count, bg, t, own, yt, plane, rows, n);
                }
            }
        }
    }
}
