/* Float convolution over ek_vector.h: a product of the weights with the rows of ek_conv_bands.h, of which some outputs
 * and some vectors of positions at a time have their sums in registers. */
#include "ek_conv_bands.h"
#include "ek_conv_one.h"
#include "ek_conv_sides.h"
#include "ek_epilogue_lanes.h"

#ifndef EK_V_FMA_ALL
#define EK_V_FMA_ALL(a, b, c) ek_v_fma(ek_v_all(a), b, c)
#endif
#include "ek_depthwise_f32.h"

#define EK_INLINE static inline __attribute__((always_inline))
#ifndef EK_TILE_SUMS
#define EK_TILE_SUMS (EK_TILE_ROWS * EK_TILE_VECTORS) /* of a tile of several vectors */
#endif
#define EK_FEW_PER_INPUT 4 /* outputs of a single input that are taken as a depthwise convolution's */
#define EK_LATTICE_TAPS 96 /* fewer at once leave sums waiting for each other */
#define EK_APART static __attribute__((noinline)) /* whose loop gets all registers */

/* A block of taps of some positions: x [count] rows at their offsets, w rows `step` apart. The first block's sums begin
 * with the bias, which may be NULL, those of others with y; behind the last one the sums are whole: in registers they
 * become what `act` says, a comparison or EK_HARD_SWISH, and what more there is comes from `then`, else NULL. */
typedef struct {
    const float *x, *w, *bias;
    const int32_t *offset;
    float *y;
    ptrdiff_t step, plane;
    int32_t count, outputs, first, act;
    const ek_epilogue *epilogue, *then;
} ek_block;

/* Sums of `rows` outputs from number o on, in y, become outputs. */
EK_APART void ek_block_finish(const ek_block *block, const ek_places *p, int32_t o, int32_t rows, int32_t vectors)
{
    const ek_epilogue *const e = block->then;
    const ek_v a = ek_v_all(e->a), b = ek_v_all(e->b);
    for (int32_t r = 0; r < rows; r++) {
        float *const y = block->y + (o + r) * block->plane;
        for (int32_t v = 0; v < vectors; v++) {
            float *const to = y + p->at[v];
            ek_v sums = ek_v_load_spread(to, p->in[v]);
            sums = e->add ? ek_v_add(sums, ek_v_load_spread(e->add + (to - e->y), p->in[v])) : sums;
            ek_v_store_packed(to, e->act == EK_NO_ACT ? sums : ek_v_act(sums, e->act, a, b), p->in[v]);
        }
    }
}

/* Sums stay in registers only where compilers unroll every loop over them. */
#define EK_EACH(body)                               \
    _Pragma("GCC unroll 8")                         \
    for (int32_t r = 0; r < rows; r++) {            \
        _Pragma("GCC unroll 8")                     \
        for (int32_t v = 0; v < vectors; v++) {     \
            body;                                   \
        }                                           \
    }
#define EK_EACH_SUM(value) EK_EACH(acc[r * vectors + v] = value)
/* The same with `to`, the outputs of row r. */
#define EK_EACH_OUTPUT(body)                                            \
    row = y;                                                            \
    _Pragma("GCC unroll 8")                                             \
    for (int32_t r = 0; r < rows; r++) {                                \
        float *const to = row;                                          \
        row += b->plane;                                                \
        _Pragma("GCC unroll 8")                                         \
        for (int32_t v = 0; v < vectors; v++) {                         \
            body;                                                       \
        }                                                               \
    }
#ifdef EK_FMA_LANE
/* Tap t + lane, of which the weights of a row lie in a lane. */
#define EK_EACH_OF_LANE(lane)                                                                     \
    {                                                                                             \
        const int32_t offset = b->offset[t + lane];                                               \
        ek_v taken[EK_MOST_VECTORS];                                                              \
        ek_take(x, offset, vectors, some, taken);                                                 \
        EK_EACH_SUM(EK_FMA_LANE(taken[v], own[r], lane, acc[r * vectors + v]))                    \
    }
#endif

/* What a tap reads: `vectors` vectors, of the last one `some` lanes. */
EK_INLINE void ek_take(const float *const *x, int32_t offset, int32_t vectors, int32_t some, ek_v *taken)
{
    for (int32_t v = 0; v < vectors; v++) {
        const int whole = some == EK_LANES || v + 1 < vectors;
        taken[v] = whole ? ek_v_load(x[v] + offset) : ek_v_load_some(x[v] + offset, some);
    }
}

/* Outputs from number o on, `rows` of them, of `vectors` vectors of positions; of the last one, `some` lanes may be read,
 * EK_LANES if whole. */
EK_INLINE void ek_block_tile(const ek_block *b, const ek_places *p, int32_t o, int32_t rows, int32_t vectors, int32_t some)
{
    const float *const w = b->w + o * b->step;
    float *const y = b->y + o * b->plane, *row = y;
    int32_t t = 0;
    const float *x[EK_MOST_VECTORS];
    ek_v acc[EK_TILE_ROWS * EK_TILE_VECTORS], kept[EK_TILE_ROWS * EK_TILE_VECTORS]; /* kept: in memory, between loops */
    for (int32_t v = 0; v < vectors; v++) {
        x[v] = b->x + p->from[v];
    }
    if (b->first) {
        EK_EACH_SUM(b->bias ? ek_v_all(b->bias[o + r]) : ek_v_zero())
    } else if (p->whole) {
        EK_EACH_OUTPUT(acc[r * vectors + v] = ek_v_load(to + p->at[v]))
    } else {
        for (int32_t i = 0; i < rows * vectors; i++) {
            kept[i] = ek_v_load_spread(y + i / vectors * b->plane + p->at[i % vectors], p->in[i % vectors]);
        }
        EK_EACH_SUM(kept[r * vectors + v])
    }
#ifdef EK_FMA_LANE
    for (; rows > 1 && t + EK_LANES <= b->count; t += EK_LANES) {
        ek_v own[EK_TILE_ROWS];
        _Pragma("GCC unroll 8") for (int32_t r = 0; r < rows; r++)
        {
            own[r] = ek_v_load(w + r * b->step + t);
        }
        EK_EACH_OF_LANE(0)
        EK_EACH_OF_LANE(1)
        EK_EACH_OF_LANE(2)
        EK_EACH_OF_LANE(3)
    }
#endif
    for (; t < b->count; t++) {
        ek_v taken[EK_MOST_VECTORS];
        ek_take(x, b->offset[t], vectors, some, taken);
        EK_EACH_SUM(EK_V_FMA_ALL(w[r * b->step + t], taken[v], acc[r * vectors + v]))
    }
    if (b->act == EK_RELU) {
        EK_EACH_SUM(ek_v_relu(acc[r * vectors + v]))
    } else if (b->act == EK_CLIP) {
        const ek_v low = ek_v_all(b->epilogue->a), high = ek_v_all(b->epilogue->b);
        EK_EACH_SUM(ek_v_clip(acc[r * vectors + v], low, high))
    } else if (b->act == EK_HARD_SWISH) {
        const ek_v slope = ek_v_all(b->epilogue->a), start = ek_v_all(b->epilogue->b);
        EK_EACH_SUM(ek_v_act(acc[r * vectors + v], EK_HARD_SWISH, slope, start))
    }
    if (p->whole) {
        EK_EACH_OUTPUT(ek_v_store(to + p->at[v], acc[r * vectors + v]))
    } else {
        EK_EACH(kept[r * vectors + v] = acc[r * vectors + v])
        for (int32_t i = 0; i < rows * vectors; i++) {
            ek_v_store_packed(y + i / vectors * b->plane + p->at[i % vectors], kept[i], p->in[i % vectors]);
        }
    }
    if (b->then) {
        ek_block_finish(b, p, o, rows, vectors);
    }
}

/* The same of all outputs: with fewer vectors more of them at a time, so that as many sums are under way. */
EK_INLINE void ek_block_column(const ek_block *block, const ek_places *p, int32_t vectors, int32_t some)
{
    const ek_block b = *block; /* which stores cannot change */
    const int32_t most = vectors == 1 ? EK_TILE_ROWS : EK_TILE_SUMS / vectors;
    int32_t o = 0;
#ifdef EK_MANY_TAPS
    for (; vectors > 1 && b.count >= EK_MANY_TAPS && o + EK_TILE_ROWS <= b.outputs; o += EK_TILE_ROWS) {
        ek_block_tile(&b, p, o, EK_TILE_ROWS, vectors, some);
    }
#endif
    for (; o + most <= b.outputs; o += most) {
        ek_block_tile(&b, p, o, most, vectors, some);
    }
    for (; most > 4 && o + 4 <= b.outputs; o += 4) {
        ek_block_tile(&b, p, o, 4, vectors, some);
    }
    if (o + 2 <= b.outputs) {
        ek_block_tile(&b, p, o, 2, vectors, some);
        o += 2;
    }
    if (o < b.outputs) {
        ek_block_tile(&b, p, o, 1, vectors, some);
    }
}

EK_APART void ek_column_some(const ek_block *b, const ek_places *p, int32_t some)
{
    ek_block_column(b, p, 1, some);
}

#if EK_SOME_VECTORS == 2
EK_APART void ek_column_2_some(const ek_block *b, const ek_places *p, int32_t some)
{
    ek_block_column(b, p, 2, some);
}
#endif

EK_APART void ek_column_1(const ek_block *b, const ek_places *p)
{
    ek_block_column(b, p, 1, EK_LANES);
}

#if EK_TILE_VECTORS >= 2
EK_APART void ek_column_2(const ek_block *b, const ek_places *p)
{
    ek_block_column(b, p, 2, EK_LANES);
}
#endif

#if EK_TILE_VECTORS >= 3
EK_APART void ek_column_3(const ek_block *b, const ek_places *p)
{
    ek_block_column(b, p, EK_TILE_VECTORS, EK_LANES);
}
#endif

EK_APART void ek_column_alone(const ek_block *b, const ek_places *p)
{
    ek_block_tile(b, p, 0, 1, EK_MOST_VECTORS, EK_LANES);
}

/* The outputs of so many vectors. */
static void ek_column(const ek_block *b, const ek_places *p, int32_t vectors)
{
    if (vectors == EK_MOST_VECTORS) {
        ek_column_alone(b, p);
#if EK_TILE_VECTORS >= 3
    } else if (vectors == 3) {
        ek_column_3(b, p);
#endif
#if EK_TILE_VECTORS >= 2
    } else if (vectors == 2) {
        ek_column_2(b, p);
#endif
    } else {
        ek_column_1(b, p);
    }
}

/* How many vectors are taken at once where so many are left. */
static int32_t ek_vectors_now(const ek_block *b, int32_t left)
{
    const int32_t some = left == EK_TILE_VECTORS + 1 ? (left + 1) / 2 : ek_max(1, ek_min(left, EK_TILE_VECTORS));
    return b->outputs == 1 && left >= EK_MOST_VECTORS ? EK_MOST_VECTORS : some;
}

#ifdef EK_LAST_INSIDE
/* Vector v, of which less than a whole one is left of n positions, becomes the last whole one: its first lanes are computed again
 * where that is the same, else they are no outputs. */
static void ek_last_inside(const ek_block *b, int32_t n, int32_t pitch, int32_t columns, int32_t v, ek_places *p)
{
    const uint32_t again = (1u << (EK_LANES - n % EK_LANES)) - 1u;
    ek_places one;
    ek_places_of(n - EK_LANES, n, pitch, columns, 1, &one);
    p->from[v] = n - EK_LANES;
    p->at[v] = one.at[0];
    p->in[v] = one.in[0];
    if (!one.whole || !b->first || b->then) {
        for (uint32_t lanes = one.in[0] & again; lanes; lanes &= lanes - 1u) {
            p->at[v]++;
        }
        p->in[v] = one.in[0] & ~again;
    }
    p->whole = 1;
    for (int32_t i = 0; i <= v; i++) {
        p->whole = p->whole && p->in[i] == EK_ALL_IN;
    }
}
#endif

/* All positions of a block in a band of n positions; in place nothing behind them may be read. */
static void ek_block_positions(const ek_block *b, const ek_bands *bands, int32_t columns, int32_t n)
{
    const int32_t rest = bands->layout == EK_IN_PLACE ? n % EK_LANES : 0;
#ifdef EK_LAST_INSIDE
    const int inside = rest && n > EK_LANES;
#else
    const int inside = 0;
#endif
    const int32_t last = rest && !inside ? EK_SOME_VECTORS : 0;
    ek_places places;
    for (int32_t at = 0, now; at < n; at += now * EK_LANES) {
        const int32_t left = (n - at + EK_LANES - 1) / EK_LANES;
        now = left <= last ? left : ek_vectors_now(b, left - last);
        ek_places_of(at, n, bands->pitch, columns, now, &places);
#ifdef EK_LAST_INSIDE
        if (inside && now == left) {
            ek_last_inside(b, n, bands->pitch, columns, now - 1, &places);
        }
#endif
        if (left > last) {
            ek_column(b, &places, now);
#if EK_SOME_VECTORS == 2
        } else if (now == 2) {
            ek_column_2_some(b, &places, rest);
#endif
        } else {
            ek_column_some(b, &places, rest);
        }
    }
}

/* The same where vectors fill rows. */
static void ek_block_rows(const ek_block *b, const ek_bands *bands, int32_t columns, int32_t rows)
{
    const int32_t vectors = rows * columns / EK_LANES;
    ek_places places;
    for (int32_t at = 0, now; at < vectors; at += now) {
        now = ek_vectors_now(b, vectors - at);
        ek_places_in_rows(at, bands->pitch, columns, now, &places);
        ek_column(b, &places, now);
    }
}

#ifdef EK_SIDE_COST
/* The same of outputs side by side. */
static void ek_block_sides(const ek_block *own, const ek_bands *bands, int32_t columns, int32_t n)
{
    const int narrow = bands->layout == EK_BY_PLANES && columns < EK_SIDE_NARROW, run = n == columns;
    float side[EK_SIDE_FLOATS + EK_LANES];
    int32_t offset[EK_SIDE_TAPS];
    ek_block b = *own;
    ek_copies copies;
    ek_strip strip;
    ek_places places;
    b.x = side;
    b.offset = offset;
    for (int32_t at = 0, now; at < n; at += now * EK_LANES) {
        now = ek_min(ek_vectors_now(&b, (n - at + EK_LANES - 1) / EK_LANES), EK_TILE_VECTORS);
        if (narrow) {
            ek_strip_of(bands, at, now, &strip);
            ek_strip_fill(&strip, own->x, own->offset, own->count, now, side);
        } else if (run && now == EK_TILE_VECTORS && at + now * EK_LANES <= n) {
            ek_sides_run(own->x + at, own->offset, own->count, side);
        } else {
            ek_copies_of(bands, columns, at, n, now, &copies);
            ek_copies_do(&copies, own->x, own->offset, own->count, now, side);
        }
        for (int32_t t = 0; t < own->count; t++) {
            offset[t] = t * now * EK_LANES;
        }
        ek_places_of(0, n - at, n, n, now, &places);
        for (int32_t v = 0; v < now; v++) {
            places.at[v] += at;
        }
        ek_column(&b, &places, now);
    }
}
#endif

/* One output element of each channel of a depthwise convolution: its taps are few and far apart. */
static void ek_depthwise_column(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s)
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
        y[o] = acc;
    }
}

/* Says whether ek_depthwise_f32.h takes the shape. What is added comes behind some channels, while they are near. */
static int ek_conv_depthwise(const float *x, const float *w, const float *bias, const ek_epilogue *e, float *y,
                             const ek_conv_shape *shape)
{
    const ek_bounds bounds = ek_bounds_of(e);
    const int32_t x_plane = shape->in_h * shape->in_w, kernel = shape->k_h * shape->k_w;
    const int32_t each = shape->out_c / shape->groups, plane = each * shape->out_h * shape->out_w;
    ek_conv_shape s = *shape;
    for (int32_t g = 0; g < shape->groups; g += s.groups) {
        s.groups = ek_min(shape->groups - g, e->add ? ek_max(EK_EPILOGUE_BLOCK / plane, 1) : shape->groups);
        s.in_c = s.groups;
        s.out_c = s.groups * each;
        if (!ek_depthwise_f32(x + (ptrdiff_t)g * x_plane, w + (ptrdiff_t)g * each * kernel, bias ? bias + g * each : NULL,
                              &bounds, y + (ptrdiff_t)g * plane, &s)) {
            return 0;
        }
        if (e->add) {
            ek_epilogue_row(e, y + (ptrdiff_t)g * plane, (ptrdiff_t)s.groups * plane);
        }
    }
    return 1;
}

/* A block of taps of all positions of a band, whose rows of outputs are y_row apart. */
static void ek_block_band(ek_block *block, const ek_bands *b, int32_t rows, int32_t columns, ptrdiff_t y_row)
{
    if (rows > 1 && y_row != columns) {
        ek_block one = *block;
        for (int32_t row = 0; row < rows; row++, one.x += b->pitch, one.y += y_row) {
            ek_block_positions(&one, b, columns, columns);
        }
    } else if (columns % EK_LANES == 0) {
        ek_block_rows(block, b, columns, rows);
    } else {
        ek_block_positions(block, b, columns, (rows - 1) * b->pitch + columns);
    }
}

/* All bands of a group; x, w, bias and y are the group's, whose rows of outputs are y_row apart. */
static void ek_conv_group(const float *x, const float *w, const float *bias, const ek_epilogue *e, float *y,
                          const ek_conv_shape *s, const ek_bands *b, ptrdiff_t y_row, ptrdiff_t plane, float *band,
                          int32_t *offset)
{
    const int32_t kernel = s->k_h * s->k_w, inputs = s->in_c / s->groups, taps = inputs * kernel;
    const ptrdiff_t x_plane = (ptrdiff_t)s->in_h * s->in_w;
    ek_block block = {band, w, bias, offset, y, taps, plane, 0, s->out_c / s->groups, 0, EK_NO_ACT, e, NULL};
    const int apart = ek_epilogue_is_apart(e) && (e->add || e->act != EK_HARD_SWISH);
#ifdef EK_SIDE_COST
    const int sides = y_row == s->out_w && ek_sides_pay(s, b);
    const int32_t at_once = sides ? ek_side_block(b->block, inputs, kernel) : b->block;
#else
    const int32_t at_once = b->block;
#endif
    for (int32_t oy = 0; oy < s->out_h; oy += b->rows) {
        for (int32_t ox = 0; ox < s->out_w; ox += b->columns) {
            const int32_t rows = ek_min(b->rows, s->out_h - oy), columns = ek_min(b->columns, s->out_w - ox);
#ifdef EK_SIDE_COST
            ek_spread spread;
            const int spreads = sides && ek_spread_of(s, b, oy - s->pad_top, ox - s->pad_left, &spread);
#endif
            block.y = y + oy * y_row + ox;
            for (int32_t from = 0; from < taps; from += at_once) {
                block.count = ek_min(at_once, taps - from);
                block.w = w + from;
                block.first = from == 0;
                block.act = !apart && from + block.count == taps ? e->act : EK_NO_ACT;
                block.then = apart && from + block.count == taps ? e : NULL;
                if (b->layout == EK_IN_PLACE) {
                    block.x = x + from / kernel * x_plane + (ptrdiff_t)oy * s->in_w + ox;
                    ek_tap_offsets(s, b, from, block.count, offset);
#ifdef EK_SIDE_COST
                } else if (spreads) {
                    ek_spread_fill(&spread, x + from / kernel * x_plane, s, block.count / kernel, b->height * b->pitch,
                                   band);
#endif
                } else {
                    ek_bands_fill(x, s, b, oy, ox, from, block.count, band);
                }
#ifdef EK_SIDE_COST
                if (sides) {
                    ek_block_sides(&block, b, columns, rows * columns);
                    continue;
                }
#endif
                ek_block_band(&block, b, rows, columns, y_row);
            }
        }
    }
}

/* Rows of outputs that are dil_h apart share rows of inputs: the shape of those from row q on, of which the band has more taps. */
static ek_conv_shape ek_lattice_of(const ek_conv_shape *s, int32_t q)
{
    ek_conv_shape lattice = *s;
    lattice.stride_h = s->dil_h;
    lattice.out_h = (s->out_h - q + s->dil_h - 1) / s->dil_h;
    lattice.pad_top = s->pad_top - q;
    return lattice;
}

/* Whether that pays: where a band of neighbours has few taps, or few rows beside those that it shares with the next. */
static int ek_lattice_pays(const ek_conv_shape *s, const ek_bands *b)
{
    const int32_t taps = s->in_c / s->groups * s->k_h * s->k_w, reach = (s->k_h - 1) * s->dil_h;
    const int few = b->block < ek_min(taps, EK_LATTICE_TAPS) || b->rows < ek_min(s->out_h, reach);
    return s->dil_h > 1 && s->k_h > 1 && s->stride_h == 1 && s->dil_h <= ek_min(s->out_h, EK_MOST_STRIDE) && few
           && s->out_w >= 2 * EK_LANES;
}

void ek_conv_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act, float a,
                 float b, const float *restrict add, float *restrict y, const ek_conv_shape *shape)
{
    const ek_epilogue then = {act, a, b, add, y};
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t rows = s.out_c / s.groups, inputs = s.in_c / s.groups, taps = inputs * s.k_h * s.k_w;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, x_group = (ptrdiff_t)inputs * s.in_h * s.in_w;
    const int apart = inputs == 1 && (rows <= EK_FEW_PER_INPUT || (s.groups > 1 && s.out_h > 1));
    float band[EK_BANDS];
    int32_t offset[2 * EK_BLOCK_TAPS];
    ek_bands bands;
    int32_t parts = 1;
    if (inputs == 1 && plane == 1) {
        ek_depthwise_column(x, w, bias, y, &s);
        ek_epilogue_row(&then, y, s.out_c);
        return;
    }
    if (ek_conv_one(x, w, bias, y, &s, band)) {
        ek_epilogue_row(&then, y, s.out_c);
        return;
    }
    if (apart && ek_conv_depthwise(x, w, bias, &then, y, &s)) {
        return;
    }
    ek_bands_of(&s, &bands);
    if (bands.layout != EK_IN_PLACE && ek_lattice_pays(&s, &bands)) {
        parts = s.dil_h;
    }
    for (int32_t q = 0; q < parts; q++) {
        const ek_conv_shape part = parts > 1 ? ek_lattice_of(&s, q) : s;
        if (parts > 1) {
            ek_bands_of(&part, &bands);
        }
        if (bands.layout != EK_IN_PLACE) {
            ek_tap_offsets(&part, &bands, 0, ek_min(bands.block, taps), offset);
        }
        for (int32_t g = 0; g < s.groups; g++) {
            ek_conv_group(x + g * x_group, w + (ptrdiff_t)g * rows * taps, bias ? bias + g * rows : NULL, &then,
                          y + g * rows * plane + (ptrdiff_t)q * s.out_w, &part, &bands, (ptrdiff_t)parts * s.out_w, plane,
                          band, offset);
        }
    }
}
