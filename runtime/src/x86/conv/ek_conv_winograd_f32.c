/* Winograd's float convolution over ek_vector.h. Inputs of a strip of tiles are transformed by vectors of tiles side by side;
 * of each of the 16 places of a tile, a matrix product by vectors of output channels; what it gives is transformed back by
 * the same vectors, while it is near. */
#include "ek_channel_tiles.h"

#define EK_ALONG 8 /* vectors of tiles side by side in a strip */
#define EK_PLACES 16
#define EK_LINE 16 /* floats; places are an odd number of lines apart, so that they do not share one set of the cache */

/* A strip of tiles: its first output's row and column, and how far the places of inputs and of sums lie apart. */
typedef struct {
    int32_t top, left, rows, columns;
    ptrdiff_t inputs_step, sums_step;
} ek_winograd;

/* Of a vector of tiles: which of the floats that it needs are inside of a row, or that all are. */
typedef struct {
    ek_range in[4];
    int whole;
} ek_reach;

/* h = a row of EK_LANES tiles from x on, transformed along the row. */
EK_INLINE void ek_winograd_along(const float *x, const ek_reach *reach, int whole, ek_v h[4])
{
    const float *const at[4] = {x, x + EK_LANES, x + 2, x + EK_LANES + 2};
    ek_v taken[4];
    for (int32_t i = 0; i < 4; i++) {
        taken[i] = whole ? ek_v_load(at[i]) : ek_v_load_in(at[i], reach->in[i]);
    }
    const ek_v first = ek_v_even(taken[0], taken[1]), second = ek_v_odd(taken[0], taken[1]);
    const ek_v third = ek_v_even(taken[2], taken[3]), fourth = ek_v_odd(taken[2], taken[3]);
    h[0] = ek_v_sub(first, third);
    h[1] = ek_v_add(second, third);
    h[2] = ek_v_sub(third, second);
    h[3] = ek_v_sub(second, fourth);
}

/* The same of row iy of a plane x from column ix on; 0 outside. */
EK_INLINE void ek_winograd_row(const float *x, const ek_conv_shape *s, int32_t iy, int32_t ix, const ek_reach *reach, ek_v h[4])
{
    if (iy < 0 || iy >= s->in_h) {
        for (int32_t i = 0; i < 4; i++) {
            h[i] = ek_v_zero();
        }
    } else if (reach->whole) {
        ek_winograd_along(x + (ptrdiff_t)iy * s->in_w + ix, reach, 1, h);
    } else {
        ek_winograd_along(x + (ptrdiff_t)iy * s->in_w + ix, reach, 0, h);
    }
}

/* Four rows of a vector of tiles become its 16 places, of n tiles. */
EK_INLINE void ek_winograd_down(const ek_v above[8], const ek_v below[8], ptrdiff_t step, int32_t n, float *to)
{
    for (int32_t i = 0; i < 4; i++) {
        const ek_v first = above[i], second = above[4 + i], third = below[i], fourth = below[4 + i];
        const ek_v places[4] = {ek_v_sub(first, third), ek_v_add(second, third), ek_v_sub(third, second),
                                ek_v_sub(second, fourth)};
        for (int32_t j = 0; j < 4; j++) {
            if (n >= EK_LANES) {
                ek_v_store(to + (4 * j + i) * step, places[j]);
            } else {
                ek_v_store_some(to + (4 * j + i) * step, places[j], n);
            }
        }
    }
}

/* inputs [EK_PLACES][in_c][rows][columns] of a strip. Vectors that are wider than what is left of a row of tiles are written
 * whole where the next rows overwrite what is too much. */
EK_APART void ek_winograd_inputs(const float *x, const ek_conv_shape *s, const ek_winograd *w, float *inputs)
{
    const int32_t iy = w->top - s->pad_top, ix = w->left - s->pad_left, vectors = (w->columns + EK_LANES - 1) / EK_LANES;
    const float *const end = inputs + (ptrdiff_t)s->in_c * w->rows * w->columns;
    ek_reach reach[EK_ALONG];
    ek_v kept[2][EK_ALONG][8]; /* two rows of each vector of tiles, and the two before */
    for (int32_t v = 0; v < vectors; v++) {
        const int32_t left = ix + 2 * EK_LANES * v;
        for (int32_t i = 0; i < 4; i++) {
            const int32_t at = left + i % 2 * EK_LANES + i / 2 * 2;
            const int32_t from = ek_max(ek_min(-at, EK_LANES), 0), to = ek_max(ek_min(s->in_w - at, EK_LANES), 0);
            reach[v].in[i] = ek_range_of(from, to);
        }
        reach[v].whole = left >= 0 && left + 2 * EK_LANES + 2 <= s->in_w;
    }
    for (int32_t c = 0; c < s->in_c; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t v = 0; v < vectors; v++) {
            for (int32_t i = 0; i < 2; i++) {
                ek_winograd_row(x, s, iy + i, ix + 2 * EK_LANES * v, &reach[v], kept[1][v] + 4 * i);
            }
        }
        for (int32_t r = 0; r < w->rows; r++, inputs += w->columns) {
            for (int32_t v = 0; v < vectors; v++) {
                ek_v *const below = kept[r % 2][v];
                float *const to = inputs + v * EK_LANES;
                for (int32_t i = 0; i < 2; i++) {
                    ek_winograd_row(x, s, iy + 2 * r + 2 + i, ix + 2 * EK_LANES * v, &reach[v], below + 4 * i);
                }
                ek_winograd_down(kept[1 - r % 2][v], below, w->inputs_step,
                                 end - to >= EK_LANES ? EK_LANES : w->columns - v * EK_LANES, to);
            }
        }
    }
}

/* The two rows of two outputs of a tile from its sums: to [2][2 * EK_LANES], rows `next` apart. */
EK_INLINE void ek_winograd_tile(const float *sums, ptrdiff_t step, ptrdiff_t next, float *to)
{
    ek_v upper[4], lower[4];
    for (int32_t i = 0; i < 4; i++) {
        const ek_v first = ek_v_load(sums + i * step), second = ek_v_load(sums + (4 + i) * step);
        const ek_v third = ek_v_load(sums + (8 + i) * step), fourth = ek_v_load(sums + (12 + i) * step);
        upper[i] = ek_v_add(ek_v_add(first, second), third);
        lower[i] = ek_v_sub(ek_v_sub(second, third), fourth);
    }
    ek_v_store(to, ek_v_add(ek_v_add(upper[0], upper[1]), upper[2]));
    ek_v_store(to + EK_LANES, ek_v_sub(ek_v_sub(upper[1], upper[2]), upper[3]));
    ek_v_store(to + next, ek_v_add(ek_v_add(lower[0], lower[1]), lower[2]));
    ek_v_store(to + next + EK_LANES, ek_v_sub(ek_v_sub(lower[1], lower[2]), lower[3]));
}

/* sums [EK_PLACES][rows][columns][EK_LANES] of a strip become outputs of `count` channels, y the first channel's plane. */
EK_APART void ek_winograd_outputs(const ek_lot *lot, const float *sums, const ek_conv_shape *s, const ek_winograd *w, float *y,
                                  int32_t count)
{
    ek_v turned[2][EK_LANES]; /* of outputs in a row */
    for (int32_t r = 0; r < w->rows; r++) {
        for (int32_t at = 0; at < w->columns; at += EK_LANES / 2) {
            const int32_t n = ek_min(EK_LANES / 2, w->columns - at), oy = w->top + 2 * r, ox = w->left + 2 * at;
            const int32_t wide = ek_min(2 * n, s->out_w - ox);
            float *const to = y + (ptrdiff_t)oy * s->out_w + ox;
            for (int32_t i = 0; i < n; i++, sums += EK_LANES) {
                ek_winograd_tile(sums, w->sums_step, EK_LANES * EK_LANES, (float *)(turned[0] + 2 * i));
            }
            ek_lot_turn(lot, (const float *)turned[0], wide, to, count);
            if (oy + 1 < s->out_h) {
                ek_lot_turn(lot, (const float *)turned[1], wide, to + s->out_w, count);
            }
        }
    }
}

/* All outputs of a strip; w [EK_PLACES][out_c / EK_LANES][in_c][EK_LANES], two vectors of channels at a time. */
static void ek_winograd_strip(ek_lot *lot, const float *inputs, const float *w, const float *bias, float *sums, float *y,
                              const ek_conv_shape *s, ek_winograd *strip)
{
    const int32_t n = strip->rows * strip->columns, parts = (n + EK_TILE_POSITIONS - 1) / EK_TILE_POSITIONS;
    const ptrdiff_t w_step = (s->out_c + EK_LANES - 1) / EK_LANES * lot->w_panel;
    lot->kept = n;
    for (int32_t o = 0; o < s->out_c; o += 2 * EK_LANES, w += 2 * lot->w_panel) {
        const int32_t count = s->out_c - o, panels = count > EK_LANES ? 2 : 1;
        for (int32_t place = 0; place < EK_PLACES; place++) {
            const float *const start = bias && place == 5 ? bias + o : NULL; /* which all outputs have once */
            for (int32_t part = 0, at = 0, now; part < parts; part++, at += now) {
                now = n / parts + (part < n % parts);
                ek_tiles[now - 1][panels - 1](lot, inputs + place * strip->inputs_step + at, w + place * w_step, start,
                                              sums + place * strip->sums_step + at * EK_LANES, count);
            }
        }
        for (int32_t p = 0; p < panels; p++) {
            ek_winograd_outputs(lot, sums + p * n * EK_LANES, s, strip, y + (o + p * EK_LANES) * lot->plane,
                                ek_min(EK_LANES, count - p * EK_LANES));
        }
    }
}

void ek_conv_winograd_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act,
                          float a, float b, const float *restrict add, float *restrict y, float *restrict work, int32_t rows,
                          int32_t columns, const ek_conv_shape *shape)
{
    const ek_epilogue then = {act, a, b, add, y};
    const ek_conv_shape s = *shape;
    const int32_t size = rows * columns;
    float *const inputs = work + (0 - (uintptr_t)work / sizeof *work) % EK_LINE;
    ek_winograd strip;
    ek_lot lot; /* whose taps are the inputs */
    strip.inputs_step = (ptrdiff_t)(s.in_c * size + EK_LINE - 1) / EK_LINE * EK_LINE | EK_LINE;
    strip.sums_step = (ptrdiff_t)2 * EK_LANES * size | EK_LINE;
    lot.inputs = 1;
    lot.kernel = s.in_c;
    lot.x_plane = 0;
    lot.x_step = 1;
    lot.w_panel = (ptrdiff_t)s.in_c * EK_LANES;
    lot.plane = (ptrdiff_t)s.out_h * s.out_w;
    lot.epilogue = &then;
    for (strip.top = 0; strip.top < s.out_h; strip.top += 2 * rows) {
        for (strip.left = 0; strip.left < s.out_w; strip.left += 2 * columns) {
            strip.rows = ek_min(rows, (s.out_h - strip.top + 1) / 2);
            strip.columns = ek_min(columns, (s.out_w - strip.left + 1) / 2);
            for (int32_t c = 0; c < s.in_c; c++) {
                lot.offset[c] = c * strip.rows * strip.columns;
            }
            ek_winograd_inputs(x, &s, &strip, inputs);
            ek_winograd_strip(&lot, inputs, w, bias, inputs + EK_PLACES * strip.inputs_step, y, &s, &strip);
        }
    }
}
