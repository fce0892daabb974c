/* Armv7E-M DSP: convolution of int8 inputs as products of tiles. The taps of four positions are widened and laid side by
 * side, [taps / 2][4][2], and multiplied with two outputs at a time. Taps beyond EK_TILE_TAPS are taken piece by piece. The
 * weights are packed so (edgekit.targets.c.packing.conv_paths): of each group, of each piece, [outputs / 2][taps][2], taps as
 * [channels][k_h][k_w], filled up with zeros. Columns hold x_zero for what is outside; the bias has what that adds. */
#ifndef EK_CONV_TILES_GUARD
#define EK_CONV_TILES_GUARD

#include "ek_pieces.h"

#if defined(EK_HAS_BLOCKS) && EK_BITS(EK_Y) == 8
#include "ek_few_taps.h"
#endif

/* The columns of a tile, and where taps lie: so many elements after the first of a window. */
typedef struct {
    const ek_conv_shape *s;
    int32_t pairs, points; /* pairs of taps of the largest piece; pairs of channels of positions by themselves, all in one piece; 0 of other kernels */
    int32_t top, bottom, left, right; /* of outputs of which four side by side have all taps inside: oy, and ox of the first */
    int8_t fill;
    int16x2_t columns[EK_TILE_TAPS / 2 * EK_TILE_POSITIONS];
    int32_t at[EK_TILE_TAPS + 1];
} ek_tiling;

/* The taps of a piece that a tile takes: so many channels from x on, rows and columns. */
typedef struct {
    const int8_t *x;
    int32_t channels, rows, columns, top, left;
} ek_window;

/* The taps of the largest piece: those of another one lie as the first of them. */
static inline void ek_plan_taps(const ek_conv_shape *s, const ek_piece *p, int32_t *at)
{
    for (int32_t c = 0; c < p->channels; c++) {
        for (int32_t ky = 0; ky < p->rows; ky++) {
            int32_t tap = (c * s->in_h + ky * s->dil_h) * s->in_w;
            for (int32_t kx = 0; kx < p->columns; kx++, tap += s->dil_w) {
                *at++ = tap;
            }
        }
    }
}

/* The taps of a window that is partly outside, channel by channel; where the others are laid, those outside alone. */
static __attribute__((noinline)) void ek_lay_edge(const ek_tiling *t, const ek_window *v, int are_laid, int16x2_t *columns)
{
    const ek_conv_shape *const s = t->s;
    const int32_t kernel = v->rows * v->columns, two = 2 * EK_TILE_POSITIONS * kernel;
    const int32_t step = are_laid ? 0 : s->in_h * s->in_w;
    const int16x2_t outside = ek_lower_halves(t->fill, t->fill);
    int16x2_t *put = columns;
    for (int32_t i = are_laid ? 0 : v->channels * kernel; i > 0; i -= 2, put += EK_TILE_POSITIONS) {
        *put = outside;
    }
    for (int32_t ky = 0, iy = v->top, tap = 0; ky < v->rows; ky++, iy += s->dil_h) {
        const uint32_t width = iy >= 0 && iy < s->in_h ? (uint32_t)s->in_w : 0;
        for (int32_t kx = 0, ix = v->left; kx < v->columns; kx++, ix += s->dil_w, tap++) {
            if (((uint32_t)ix < width) == are_laid) {
                continue;
            }
            const int8_t *x = are_laid ? &t->fill : v->x + (ptrdiff_t)iy * s->in_w + ix;
            int16_t *to = (int16_t *)(void *)(columns + (tap >> 1) * EK_TILE_POSITIONS) + (tap & 1);
            int16_t *to2 = (int16_t *)(void *)(columns + ((tap + kernel) >> 1) * EK_TILE_POSITIONS) + ((tap + kernel) & 1);
            int32_t left = v->channels;
            for (; left > 1; left -= 2, x += 2 * step, to += two, to2 += two) {
                *to = x[0], *to2 = x[step];
            }
            if (left > 0) {
                *to = *x;
            }
        }
    }
}

/* The columns of a piece at n positions from output (oy, ox) on; x is the group's. */
static inline void ek_lay_piece(ek_tiling *t, const ek_piece *p, const int8_t *x, int32_t oy, int32_t ox, int32_t n,
                                int16x2_t *columns)
{
    const ek_conv_shape *const s = t->s;
    const int32_t channels = ek_min(p->channels, s->in_c / s->groups - p->c);
    ek_window v = {x + (ptrdiff_t)p->c * s->in_h * s->in_w, channels, ek_min(p->rows, s->k_h - p->ky),
                   ek_min(p->columns, s->k_w - p->kx), oy * s->stride_h - s->pad_top + p->ky * s->dil_h,
                   ox * s->stride_w - s->pad_left + p->kx * s->dil_w};
    const int32_t high = s->in_h - (v.rows - 1) * s->dil_h, wide = s->in_w - (v.columns - 1) * s->dil_w;
    const int32_t taps = channels * v.rows * v.columns, pairs = (taps + 1) / 2, count = n > 2 ? EK_TILE_POSITIONS : n;
    const int32_t kernel = v.rows * v.columns, behind = t->at[taps];
    const int32_t from = v.top * s->in_w + v.left, across = (n - 1) * s->stride_w, last = from + across + t->at[kernel - 1];
    t->at[taps] = 0; /* of an odd number a tap whose weight is 0 */
    if (n == EK_TILE_POSITIONS && ox + n <= s->out_w && v.top >= 0 && v.top < high && from >= 0 && last < s->in_h * s->in_w) {
        const int are_inside = v.left >= 0 && v.left + across < wide;
        ek_lay_four(v.x + from, s->stride_w, t->at, pairs, columns);
        for (int32_t j = 0; j < n && !are_inside; j++, v.left += s->stride_w) {
            if (v.left < 0 || v.left >= wide) {
                ek_lay_edge(t, &v, 1, columns + j);
            }
        }
        t->at[taps] = behind;
        return;
    }
    for (int32_t j = 0; j < count; j++) {
        if (v.top >= 0 && v.top < high && v.left >= 0 && v.left < wide) {
            ek_lay_one(v.x + (ptrdiff_t)v.top * s->in_w + v.left, t->at, pairs, columns + j);
        } else {
            ek_lay_edge(t, &v, 0, columns + j);
        }
        if (j < n - 1) {
            v.left += s->stride_w;
            if (++ox == s->out_w) {
                ox = 0, v.left -= s->out_w * s->stride_w, v.top += s->stride_h;
            }
        }
    }
    t->at[taps] = behind;
}

/* Pairs of channels where each position is by itself, and a piece has them all; else 0. */
static inline int32_t ek_pairs_of_points(const ek_conv_shape *s, const ek_piece *p)
{
    const int is_one = s->k_h * s->k_w * s->stride_h * s->stride_w == 1 && s->in_h == s->out_h && s->in_w == s->out_w;
    return is_one && s->pad_top == 0 && s->pad_left == 0 && p->channels == s->in_c / s->groups ? (p->channels + 1) / 2 : 0;
}

/* Where windows are inside, all taps in one piece. */
static inline void ek_find_inside(const ek_conv_shape *s, ek_tiling *t)
{
    t->top = (s->pad_top + s->stride_h - 1) / s->stride_h, t->left = (s->pad_left + s->stride_w - 1) / s->stride_w;
    t->bottom = ek_first(s->in_h + s->pad_top - (s->k_h - 1) * s->dil_h, s->stride_h);
    t->right = ek_min(ek_first(s->in_w + s->pad_left - (s->k_w - 1) * s->dil_w, s->stride_w), s->out_w) - EK_TILE_POSITIONS + 1;
}

/* The columns of the only piece at n positions from number `at`, output (oy, ox), on. */
static inline void ek_lay_only(ek_tiling *t, const ek_piece *p, const int8_t *x, int32_t at, int32_t oy, int32_t ox, int32_t n,
                               int16x2_t *columns)
{
    if (t->points > 0 && n == EK_TILE_POSITIONS) {
        ek_lay_four(x + at, 1, t->at, t->points, columns);
    } else if (n == EK_TILE_POSITIONS && oy >= t->top && oy < t->bottom && ox >= t->left && ox < t->right) {
        const ek_conv_shape *const s = t->s;
        const int32_t from = (oy * s->stride_h - s->pad_top) * s->in_w + ox * s->stride_w - s->pad_left;
        ek_lay_four(x + from, s->stride_w, t->at, t->pairs, columns);
    } else {
        ek_lay_piece(t, p, x, oy, ox, n, columns);
    }
}

/* put [rows] = the sums of outputs from number o of a group on, of all pieces; w is the group's. */
static inline void ek_tile_pieces(ek_tiling *t, ek_piece p, const int8_t *x, const int8_t *w, int32_t o, int32_t rows,
                                  int32_t oy, int32_t ox, int32_t n, int32_t *acc)
{
    const int32_t panels = (t->s->out_c / t->s->groups + 1) / 2;
    do {
        const int32_t taps = ek_piece_taps(t->s, &p);
        ek_lay_piece(t, &p, x, oy, ox, n, t->columns);
        ek_tile_add(w + (ptrdiff_t)o * taps, t->columns, taps / 2, rows, acc);
        w += 2 * (ptrdiff_t)panels * taps;
    } while (ek_next_piece(t->s, &p));
}

/* y = n outputs of `rows` channels from output (oy, ox) on, where they go. */
static inline void ek_place_outputs(const EK_Y *made, int32_t rows, const ek_conv_shape *s, const ek_places *to, int32_t oy,
                                    int32_t ox, int32_t n, EK_Y *y)
{
    for (int32_t j = 0; j < n; j++) {
        EK_Y *put = y + (ptrdiff_t)oy * to->down + ox * to->right;
        for (int32_t r = 0; r < rows; r++, put += to->plane) {
            *put = made[r * EK_TILE_POSITIONS + j];
        }
        if (++ox == s->out_w) {
            ox = 0, oy++;
        }
    }
}

#ifdef EK_FEW_MOST
/* y = the outputs of a group of few taps at all positions, less those behind a multiple of four; w is the group's, c its first
 * channel. Returns their number. */
static __attribute__((noinline)) int32_t ek_few_positions(ek_tiling *t, const ek_piece *p, const int8_t *x, const int8_t *w,
                                                          const ek_scales *scales, int32_t c, EK_Y *y)
{
    const ek_conv_shape *const s = t->s;
    const int32_t plane = s->out_h * s->out_w, taps = ek_piece_taps(s, p), size = EK_TILE_POSITIONS * ek_few_pairs(taps / 2);
    const int32_t most = EK_TILE_TAPS / 2 * EK_TILE_POSITIONS / size, outputs = s->out_c / s->groups, all = plane / 4;
    for (int32_t done = 0, blocks, oy = 0, ox = 0; done < all; done += blocks, y += EK_TILE_POSITIONS * blocks) {
        blocks = ek_min(most, all - done);
        for (int32_t i = 0; i < blocks; i++) {
            ek_lay_only(t, p, x, EK_TILE_POSITIONS * (done + i), oy, ox, EK_TILE_POSITIONS, t->columns + i * size);
            for (ox += EK_TILE_POSITIONS; ox >= s->out_w; ox -= s->out_w) {
                oy++;
            }
        }
        for (int32_t o = 0; o < outputs; o++) {
            const int32_t by = ek_up_factor(scales, c + o);
            const int8_t *const pair = w + (o & ~1) * (ptrdiff_t)taps;
            EK_Y *const put = y + o * (ptrdiff_t)plane;
            if (by > 0) {
                ek_few_outputs(pair, o & 1, t->columns, taps / 2, blocks, scales, c + o, by, put);
            }
            for (int32_t i = 0; i < blocks && by == 0; i++) {
                const int32_t bias = scales->bias[c + o];
                int32_t acc[] = {bias, bias, bias, bias, bias, bias, bias, bias};
                ek_tile_add(pair, t->columns + i * size, taps / 2, 2, acc);
                EK_TILE_OUTPUTS_OF(acc + (o & 1) * EK_TILE_POSITIONS, 0, 1, 0, scales, c + o, put + i * EK_TILE_POSITIONS,
                                   EK_TILE_POSITIONS);
            }
        }
    }
    return EK_TILE_POSITIONS * all;
}

/* Whether that is done. */
static inline int ek_are_few(const ek_conv_shape *s, const ek_scales *scales, int32_t taps)
{
    return taps <= 2 * EK_FEW_MOST && s->out_h * s->out_w >= EK_FEW_POSITIONS && scales->y_min == -128 && scales->y_max == 127;
}
#endif

/* y = the outputs of a group at all positions, less those behind a multiple of four, straight from tiles: of an even number of
 * plain channels, from number c on, taps in one piece. Returns the number of positions. */
static __attribute__((noinline)) int32_t ek_straight_tiles(ek_tiling *t, const ek_piece *p, const int8_t *x, const int8_t *w,
                                                           const ek_scales *scales, int32_t c, EK_Y *y)
{
    const ek_conv_shape *const s = t->s;
    const int32_t plane = s->out_h * s->out_w, all = plane & -EK_TILE_POSITIONS, outputs = s->out_c / s->groups;
    for (int32_t done = 0, oy = 0, ox = 0; done < all; done += EK_TILE_POSITIONS, y += EK_TILE_POSITIONS) {
        ek_lay_only(t, p, x, done, oy, ox, EK_TILE_POSITIONS, t->columns);
        EK_OF_Y(ek_tile_four, scales, c, y, plane, w, t->columns, t->pairs, outputs);
        for (ox += EK_TILE_POSITIONS; ox >= s->out_w; ox -= s->out_w) {
            oy++;
        }
    }
    return all;
}

/* All groups; outputs lie side by side where `to` is NULL. There are no strips. */
static __attribute__((noinline)) void ek_conv_tiles(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                    const ek_conv_shape *s, const ek_places *to, int32_t strips)
{
    const int32_t outputs = s->out_c / s->groups, plane = s->out_h * s->out_w;
    const ek_piece first = ek_first_piece(s, strips);
    const int32_t taps = ek_piece_taps(s, &first);
    const ek_places side = {plane, s->out_w, 1};
    const ptrdiff_t group = ek_group_bytes(s, first);
    const int is_one = group == (outputs + 1) / 2 * 2 * (ptrdiff_t)taps; /* piece */
    const int is_plain = is_one && ek_are_plain(scales, s->out_c, EK_BITS(EK_Y));
    ek_tiling tiling;
    int32_t acc[EK_TILE_OUTPUTS * EK_TILE_POSITIONS];
    EK_Y made[EK_TILE_OUTPUTS * EK_TILE_POSITIONS];
    tiling.s = s, tiling.fill = (int8_t)scales->x_zero;
    ek_plan_taps(s, &first, tiling.at);
    tiling.points = ek_pairs_of_points(s, &first);
    tiling.pairs = taps / 2;
    if (is_one) {
        tiling.at[first.channels * first.rows * first.columns] = 0; /* of an odd number a tap whose weight is 0 */
        ek_find_inside(s, &tiling);
    }
    for (int32_t g = 0; g < s->groups; g++) {
        int32_t done = 0;
#ifdef EK_FEW_MOST
        if (!to && ek_are_few(s, scales, taps)) {
            done = ek_few_positions(&tiling, &first, x, w, scales, g * outputs, y + g * outputs * (ptrdiff_t)plane);
        }
#endif
        if (done == 0 && is_plain && !to && outputs % 2 == 0) {
            done = ek_straight_tiles(&tiling, &first, x, w, scales, g * outputs, y + g * outputs * (ptrdiff_t)plane);
        }
        for (int32_t oy = done / s->out_w, ox = done % s->out_w; done < plane;) {
            const int32_t n = ek_min(EK_TILE_POSITIONS, plane - done);
            const int is_direct = !to && n == EK_TILE_POSITIONS;
            for (int32_t o = 0; o < outputs; o += EK_TILE_OUTPUTS) {
                const int32_t rows = ek_min(EK_TILE_OUTPUTS, outputs - o), c = g * outputs + o;
                const int32_t at_once = is_plain ? rows & ~1 : 0;
                EK_Y *const put = is_direct ? y + (ptrdiff_t)c * plane + done : made;
                const int32_t apart = is_direct ? plane : EK_TILE_POSITIONS;
                const int8_t *const wo = w + (ptrdiff_t)o * taps;
                if (is_plain && o == 0) {
                    ek_lay_only(&tiling, &first, x, done, oy, ox, n, tiling.columns);
                }
                if (at_once > 0 && n > 2) {
                    EK_OF_Y(ek_tile_four, scales, c, put, apart, wo, tiling.columns, taps / 2, at_once);
                } else if (at_once > 0 && n > 1) {
                    EK_OF_Y(ek_tile_two, scales, c, put, apart, wo, tiling.columns, taps / 2, at_once);
                } else if (at_once > 0) {
                    EK_OF_Y(ek_tile_one, scales, c, put, apart, wo, tiling.columns, taps / 2, at_once);
                }
                if (at_once < rows) {
                    ek_tile_start(acc, scales->bias + c + at_once, rows - at_once);
                    if (is_plain) {
                        ek_tile_add(wo + (ptrdiff_t)at_once * taps, tiling.columns, taps / 2, 1, acc);
                    } else {
                        ek_tile_pieces(&tiling, first, x, w, o, rows, oy, ox, n, acc);
                    }
                    EK_TILE_OUTPUTS_OF(acc, EK_TILE_POSITIONS, rows - at_once, apart, scales, c + at_once,
                                       put + at_once * (ptrdiff_t)apart, n);
                }
                if (!is_direct) {
                    ek_place_outputs(made, rows, s, to ? to : &side, oy, ox, n, y + c * (to ? to->plane : plane));
                }
            }
            done += n;
            for (ox += n; ox >= s->out_w; ox -= s->out_w) {
                oy++;
            }
        }
        x += (ptrdiff_t)(s->in_c / s->groups) * s->in_h * s->in_w;
        w += group;
    }
}

#endif
