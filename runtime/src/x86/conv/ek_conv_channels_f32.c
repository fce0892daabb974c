/* Float convolution over ek_vector.h whose vectors are of output channels: weights are read as vectors, and a tap of each
 * position of a tile is multiplied with them. So no lane is idle between rows or behind the last position, and strides cost
 * nothing. Positions lie in a row, or in a column where that is longer; those of small pictures are put side by side. */
#include "ek_channel_tiles.h"
#include "ek_conv_strips.h"

#define EK_ROOM 24576    /* floats of inputs with their padding */
#define EK_NEAR 65536    /* floats of inputs of a block in place, which stay near from one panel of weights to the next */
#define EK_SMALL 4       /* rows and columns of pictures whose positions are put side by side */
#define EK_SPREAD_CHANNELS 8 /* from which on narrow planes are laid out by vectors of several rows */
#define EK_KEPT (EK_TILE_POSITIONS * (EK_TILE_POSITIONS / 2)) /* positions whose sums are kept until they become outputs */

/* Outputs of a block, rows * columns of them, of inputs [height][pitch] with their padding. */
typedef struct {
    int32_t rows, columns, height, pitch;
} ek_cut;

/* The same of `columns` tiles of n rows, whose outputs lie row by row. */
EK_APART void ek_lot_turn_columns(const ek_lot *lot, const float *sums, int32_t n, int32_t columns, float *y,
                                  int32_t count)
{
    float rows[EK_KEPT * EK_LANES];
    for (int32_t column = 0; column < columns; column++) {
        for (int32_t row = 0; row < n; row++, sums += EK_LANES) {
            ek_v_store(rows + (row * columns + column) * EK_LANES, ek_v_load(sums));
        }
    }
    for (int32_t at = 0; at < n * columns; at += EK_LANES) {
        ek_lot_turn(lot, rows + at * EK_LANES, ek_min(EK_LANES, n * columns - at), y + at, count);
    }
}

/* Some channels of a block of outputs. */
typedef struct {
    const float *x, *w, *bias;
    float *y;
    int32_t count, panels;
} ek_some;

/* The tiles of n positions, the first one's at x, of some columns that are x_next apart; y is the first output. */
static void ek_lot_tiles(const ek_lot *lot, const ek_some *c, const float *x, int32_t n, int32_t columns, ptrdiff_t x_next,
                         float *y)
{
    ek_tile *const tile = ek_tiles[n - 1][ek_min(c->panels, 3) - 1];
    float *const sums = lot->sums;
    for (int32_t column = 0; column < columns; column++) {
        tile(lot, x + column * x_next, c->w, c->bias, sums + column * n * EK_LANES, c->count);
    }
    for (int32_t o = 0; o < c->count; o += EK_LANES) {
        const int32_t count = ek_min(EK_LANES, c->count - o);
        if (columns == 1) {
            ek_lot_turn(lot, sums + o * EK_KEPT, n, y + o * lot->plane, count);
        } else {
            ek_lot_turn_columns(lot, sums + o * EK_KEPT, n, columns, y + o * lot->plane, count);
        }
    }
}

/* All channels of a block of outputs, whose rows are `down` floats of x apart. The weights of some are read for all positions,
 * while they are near. Tiles have equal parts of a row, or of a column where blocks are `tall`. */
static void ek_lot_block(ek_lot *lot, const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s,
                         int32_t rows, int32_t columns, ptrdiff_t down, int tall)
{
    const int32_t long_side = tall ? rows : columns, parts = (long_side + EK_TILE_POSITIONS - 1) / EK_TILE_POSITIONS;
    const int32_t few = long_side / parts, more = long_side % parts, wide = few + (more > 0) <= 2 ? EK_MOST_PANELS : 2;
    lot->x_step = tall ? down : s->stride_w;
    for (int32_t o = 0; o < s->out_c;) {
        const int32_t left = (s->out_c - o + EK_LANES - 1) / EK_LANES, panels = left >= wide ? wide : ek_min(left, 2);
        const ek_some c = {x, w + o / EK_LANES * lot->w_panel, bias ? bias + o : NULL, y + o * lot->plane,
                           ek_min(s->out_c - o, panels * EK_LANES), panels};
        for (int32_t row = 0; row < (tall ? 1 : rows); row++) {
            for (int32_t part = 0, at = 0, n; part < parts; part++, at += n) {
                n = few + (part < more);
                ek_lot_tiles(lot, &c, x + row * down + at * lot->x_step, n, tall ? columns : 1, s->stride_w,
                             c.y + (tall ? at : row) * s->out_w + (tall ? 0 : at));
            }
        }
        o += panels * EK_LANES;
    }
}

/* to [in_c][height][pitch] = x from row iy and column ix on, 0 outside; EK_BANDS_SLACK floats behind it are written, too. */
static void ek_pad(const float *x, const ek_conv_shape *s, const ek_cut *c, int32_t iy, int32_t ix, float *to)
{
    const ek_bands plane = {.layout = EK_BY_PLANES, .pitch = c->pitch, .height = c->height};
    ek_conv_shape near = *s; /* whose planes have all rows and columns */
    ek_spread spread;
    near.stride_h = near.stride_w = 1;
    if (s->in_c >= EK_SPREAD_CHANNELS && ek_spread_of(&near, &plane, iy, ix, &spread)) {
        ek_spread_fill(&spread, x, s, s->in_c, c->height * c->pitch, to);
        return;
    }
    const int32_t first = ek_max(-ix, 0), end = ek_min(s->in_w - ix, c->pitch);
    for (int32_t channel = 0; channel < s->in_c; channel++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t down = iy; down < iy + c->height; down++, to += c->pitch) {
            const float *const from = x + (ptrdiff_t)down * s->in_w + ix;
            const int inside = down >= 0 && down < s->in_h;
            for (int32_t j = 0; j < c->pitch; j += EK_LANES) {
                const int32_t most = inside ? ek_max(ek_min(end - j, EK_LANES), 0) : 0;
                ek_v_store(to + j, ek_v_load_range(from + j, ek_max(first - j, 0), most));
            }
        }
    }
}

/* to [taps][n] = the taps of n positions from `first` on, 0 outside. Planes that are less than two vectors are held in them. */
static void ek_put_side_by_side(const float *x, const ek_conv_shape *s, int32_t first, int32_t n, float *to)
{
    const int32_t plane = s->in_h * s->in_w, kernel = s->k_h * s->k_w, fits = plane < 2 * EK_LANES;
    for (int32_t t = 0; t < kernel; t++) {
        int32_t at[EK_LANES];
        float *side = to + t * n;
        for (int32_t r = 0; r < EK_LANES; r++) {
            const int32_t iy = (first + r) / s->out_w * s->stride_h - s->pad_top + t / s->k_w * s->dil_h;
            const int32_t ix = (first + r) % s->out_w * s->stride_w - s->pad_left + t % s->k_w * s->dil_w;
            at[r] = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w ? iy * s->in_w + ix : plane;
        }
        for (int32_t c = 0; c < s->in_c && fits; c++, side += kernel * n) {
            const float *const from = x + (ptrdiff_t)c * plane;
            const ek_v low = ek_v_load_some(from, ek_min(plane, EK_LANES));
            const ek_v high = plane > EK_LANES ? ek_v_load_some(from + EK_LANES, plane - EK_LANES) : ek_v_zero();
            ek_v_store_some(side, ek_v_pick(low, high, ek_picks_load(at)), n);
        }
        for (int32_t c = 0; c < s->in_c && !fits; c++, side += kernel * n) {
            for (int32_t r = 0; r < n; r++) {
                side[r] = at[r] < plane ? x[(ptrdiff_t)c * plane + at[r]] : 0.0f;
            }
        }
    }
}

/* The size of equal parts of n, none above `most`. */
static int32_t ek_equal(int32_t n, int32_t most)
{
    const int32_t parts = (n + most - 1) / most;
    return (n + parts - 1) / parts;
}

/* Blocks of so many columns at most. */
static ek_cut ek_cut_into(const ek_conv_shape *s, int32_t reach_h, int32_t reach_w, int32_t most)
{
    ek_cut c;
    c.columns = ek_equal(s->out_w, most);
    c.pitch = (c.columns - 1) * s->stride_w + reach_w + 1;
    c.rows = ek_equal(s->out_h, ek_max(1, (EK_ROOM / (s->in_c * c.pitch) - reach_h - 1) / s->stride_h + 1));
    c.height = (c.rows - 1) * s->stride_h + reach_h + 1;
    return c;
}

/* Vectors that blocks copy, for all inputs of a channel. */
static int32_t ek_cut_copies(const ek_conv_shape *s, const ek_cut *c)
{
    const int32_t blocks = (s->out_h + c->rows - 1) / c->rows * ((s->out_w + c->columns - 1) / c->columns);
    return blocks * c->height * ((c->pitch + EK_LANES - 1) / EK_LANES);
}

/* How outputs are cut into blocks whose inputs have room: of those with halves, quarters .. of the columns, what copies least. */
static ek_cut ek_cut_of(const ek_conv_shape *s, int32_t reach_h, int32_t reach_w)
{
    const int32_t wide = EK_ROOM / (s->in_c * (reach_h + 1)) - reach_w - 1;
    int32_t most = ek_min(s->out_w, ek_max(1, wide / s->stride_w + 1));
    ek_cut best = ek_cut_into(s, reach_h, reach_w, most);
    while (best.rows < s->out_h && (most = (most + 1) / 2) >= EK_TILE_POSITIONS) {
        const ek_cut cut = ek_cut_into(s, reach_h, reach_w, most);
        best = ek_cut_copies(s, &cut) < ek_cut_copies(s, &best) ? cut : best;
    }
    return best;
}

/* The same for inputs in place. */
static ek_cut ek_cut_in_place(const ek_conv_shape *s, int32_t reach_h, int32_t reach_w)
{
    const int32_t plane = ek_max(EK_NEAR / s->in_c, 1);
    ek_cut c = {s->out_h, s->out_w, s->in_h, s->in_w};
    c.columns = ek_equal(s->out_w, ek_max(EK_TILE_POSITIONS, (plane / (reach_h + 1) - reach_w - 1) / s->stride_w + 1));
    c.rows = ek_equal(s->out_h, ek_max(1, (plane / (c.columns * s->stride_w + reach_w) - reach_h - 1) / s->stride_h + 1));
    return c;
}

/* Small pictures, whose positions are put side by side. */
static void ek_channels_side_by_side(ek_lot *lot, const float *x, const float *w, const float *bias, float *y,
                                     const ek_conv_shape *s)
{
    const int32_t plane = s->out_h * s->out_w, taps = s->in_c * lot->kernel;
    const int32_t most = ek_equal(plane, ek_min(EK_TILE_POSITIONS, EK_ROOM / taps));
    ek_conv_shape row = *s; /* of n outputs */
    float side[EK_ROOM];
    row.stride_w = 1;
    for (int32_t at = 0, n; at < plane; at += n) {
        n = ek_min(most, plane - at);
        ek_put_side_by_side(x, s, at, n, side);
        for (int32_t t = 0; t < lot->kernel; t++) {
            lot->offset[t] = t * n;
        }
        lot->x_plane = lot->kernel * n;
        ek_lot_block(lot, side, w, bias, y + at, &row, 1, n, 0, 0);
    }
}

/* Others; inputs with padding are cut into blocks. Columns of `tall` ones take turns instead of rows. */
static void ek_channels_in_rows(ek_lot *lot, const float *x, const float *w, const float *bias, float *y,
                                const ek_conv_shape *s, const ek_cut *c, int inside)
{
    const int tall = s->out_w < EK_TILE_POSITIONS / 2 && s->out_h > s->out_w;
    const ptrdiff_t down = (ptrdiff_t)s->stride_h * c->pitch;
    float band[EK_ROOM + EK_BANDS_SLACK];
    for (int32_t t = 0; t < lot->kernel; t++) {
        lot->offset[t] = t / s->k_w * s->dil_h * c->pitch + t % s->k_w * s->dil_w;
    }
    lot->x_plane = (ptrdiff_t)c->height * c->pitch;
    for (int32_t oy = 0; oy < s->out_h; oy += c->rows) {
        for (int32_t ox = 0; ox < s->out_w; ox += c->columns) {
            const int32_t rows = ek_min(c->rows, s->out_h - oy), columns = ek_min(c->columns, s->out_w - ox);
            float *const to = y + (ptrdiff_t)oy * s->out_w + ox;
            if (!inside) {
                ek_pad(x, s, c, oy * s->stride_h - s->pad_top, ox * s->stride_w - s->pad_left, band);
            }
            const float *const from = x + (ptrdiff_t)oy * s->stride_h * c->pitch + ox * s->stride_w;
            ek_lot_block(lot, inside ? from : band, w, bias, to, s, rows, columns, down, tall);
        }
    }
}

void ek_conv_channels_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act,
                          float a, float b, const float *restrict add, float *restrict y, const ek_conv_shape *shape)
{
    const ek_epilogue then = {act, a, b, add, y};
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t reach_h = (s.k_h - 1) * s.dil_h, reach_w = (s.k_w - 1) * s.dil_w;
    const int inside = s.pad_top == 0 && s.pad_left == 0 && (s.out_h - 1) * s.stride_h + reach_h < s.in_h
                       && (s.out_w - 1) * s.stride_w + reach_w < s.in_w;
    const ek_cut cut = inside ? ek_cut_in_place(&s, reach_h, reach_w) : ek_cut_of(&s, reach_h, reach_w);
    ek_v sums[EK_MOST_PANELS * EK_KEPT];
    ek_lot lot;
    lot.sums = (float *)sums;
    lot.kernel = s.k_h * s.k_w;
    lot.inputs = s.in_c;
    lot.kept = EK_KEPT;
    lot.epilogue = &then;
    lot.w_panel = (ptrdiff_t)s.in_c * lot.kernel * EK_LANES;
    lot.plane = (ptrdiff_t)s.out_h * s.out_w;
    if (s.out_h > 1 && s.out_h <= EK_SMALL && s.out_w <= EK_SMALL) {
        ek_channels_side_by_side(&lot, x, w, bias, y, &s);
    } else {
        ek_channels_in_rows(&lot, x, w, bias, y, &s, &cut, inside);
    }
}
