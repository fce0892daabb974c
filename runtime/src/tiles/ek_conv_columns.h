/* Convolution of int8 inputs as products of tiles: the taps of some positions are laid side by side, a column each, and
 * multiplied with two outputs at a time. Taps beyond EK_TILE_TAPS are taken piece by piece. The weights
 * are packed so (edgekit.targets.c.packing.conv_paths): of each group, of each piece, [outputs / 2][taps / EK_TILE_FILL][2]
 * [EK_TILE_FILL], filled up with zeros. The taps of a piece lie as in strips (ek_tile_strips.h) where windows are to, else as
 * [k_h][k_w][channels] where there are EK_TILE_CHANNELS channels or more, else as [channels][k_h][k_w]. Columns hold x_zero
 * for what is outside; the bias has what that adds. */
#ifndef EK_CONV_COLUMNS_GUARD
#define EK_CONV_COLUMNS_GUARD

#include "ek_pieces.h"

#ifdef EK_TILE_STRIPS
#include "ek_tile_strips.h"
#endif

/* What laying the columns of a piece has in common. */
typedef struct {
    const int8_t *x; /* of the first channel */
    int8_t fill;
    int32_t channels, rows, columns, taps;
} ek_laying;

/* to [n][taps] = [rows][columns][channels] of n positions of an output row from (oy, ox) on. */
static inline void ek_lay_channels(const ek_laying *l, const ek_conv_shape *s, const ek_piece *p, int32_t oy, int32_t ox,
                                   int32_t n, int8_t *to)
{
    const int32_t left = ox * s->stride_w - s->pad_left + p->kx * s->dil_w;
    for (int32_t ky = 0; ky < l->rows; ky++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + (p->ky + ky) * s->dil_h;
        const int8_t *const row = l->x + (ptrdiff_t)iy * s->in_w;
        for (int32_t kx = 0, ix = left; kx < l->columns; kx++, ix += s->dil_w, to += l->channels) {
            int32_t lo = n, hi = n;
            if (iy >= 0 && iy < s->in_h) {
                lo = ek_min(ek_first(-ix, s->stride_w), n);
                hi = ix + (n - 1) * s->stride_w < s->in_w ? n : ek_max(ek_first(s->in_w - ix, s->stride_w), lo);
            }
            for (int32_t j = 0; j < lo; j++) {
                ek_take_same(l->fill, l->channels, to + j * l->taps);
            }
            for (int32_t j = hi; j < n; j++) {
                ek_take_same(l->fill, l->channels, to + j * l->taps);
            }
            ek_take_channels(row + ix + lo * s->stride_w, s->in_h * s->in_w, l->channels, s->stride_w, hi - lo,
                             to + lo * l->taps, l->taps);
        }
    }
}

/* to [channels][rows][columns] = the taps of output (oy, ox). */
static inline void ek_lay_rows(const ek_laying *l, const ek_conv_shape *s, const ek_piece *p, int32_t oy, int32_t ox,
                               int8_t *to)
{
    const int32_t top = oy * s->stride_h - s->pad_top + p->ky * s->dil_h;
    const int32_t left = ox * s->stride_w - s->pad_left + p->kx * s->dil_w;
    const int32_t lo = top >= 0 ? 0 : ek_min(ek_first(-top, s->dil_h), l->rows);
    const int32_t end = top + (l->rows - 1) * s->dil_h < s->in_h ? l->rows : ek_first(s->in_h - top, s->dil_h);
    const ek_rows_in rows = {l->x + (ptrdiff_t)top * s->in_w, s->dil_h * s->in_w, s->in_h * s->in_w, l->channels,
                             l->rows, lo, ek_max(end, lo), left, s->dil_w, l->columns, s->in_w, l->fill};
    ek_take_rows(&rows, to);
}

/* columns [n][taps] = the taps of n positions from number `first` on, in the order of a piece; x is the group's. */
static inline void ek_lay_columns(const int8_t *x, int32_t fill, const ek_conv_shape *s, const ek_piece *p, int32_t taps,
                                  int32_t first, int32_t n, int8_t *columns)
{
    const int32_t inputs = s->in_c / s->groups;
    const ek_laying l = {x + (ptrdiff_t)p->c * s->in_h * s->in_w, (int8_t)fill, ek_min(p->channels, inputs - p->c),
                         ek_min(p->rows, s->k_h - p->ky), ek_min(p->columns, s->k_w - p->kx), taps};
    const int by_channels = inputs >= EK_TILE_CHANNELS;
    int32_t oy = first / s->out_w, ox = first - oy * s->out_w;
    while (n > 0) {
        const int32_t count = by_channels ? ek_min(n, s->out_w - ox) : 1;
        if (by_channels) {
            ek_lay_channels(&l, s, p, oy, ox, count, columns);
        } else {
            ek_lay_rows(&l, s, p, oy, ox, columns);
        }
        columns += count * taps, n -= count, ox += count;
        if (ox == s->out_w) {
            ox = 0, oy++;
        }
    }
}

#ifdef EK_TILE_STRIPS
/* Lay the strips of n positions from number `first` on where `is_new`, and add the products with `rows` outputs to acc. */
static inline void ek_tile_strips(const int8_t *x, int32_t fill, const int8_t *w, const ek_conv_shape *s, const ek_piece *p,
                                  int32_t taps, int32_t first, int32_t n, int32_t rows, int is_new, int8_t *strip,
                                  int32_t *acc)
{
    const int32_t channels = ek_min(p->channels, s->in_c / s->groups - p->c), high = ek_piece_high(s, p);
    int32_t oy = first / s->out_w, ox = first - oy * s->out_w;
    x += (ptrdiff_t)p->c * s->in_h * s->in_w;
    for (; n > 0; oy++, ox = 0) {
        const int32_t count = ek_min(n, s->out_w - ox);
        if (is_new) {
            ek_lay_strip_of(x, (int8_t)fill, s, p, channels, oy, ox, count, strip);
        }
        ek_tile(w, strip, s->stride_w * high, taps, count, rows, acc);
        strip += EK_TILE_WIDE * ((count - 1) * s->stride_w + ek_min(p->columns, s->k_w - p->kx)) * high;
        acc += count, n -= count;
    }
}
#endif

/* Sums of `rows` outputs from number o of the group on, at `n` positions from number `first` on, of all pieces, into
 * acc [rows][EK_TILE_POSITIONS]. The columns stay as they are from call to call where there is one piece. */
static inline void ek_tile_sums(const int8_t *x, int32_t fill, const int8_t *w, const ek_conv_shape *s, ek_piece piece,
                                int32_t first, int32_t n, int32_t o, int32_t rows, int8_t *columns, int32_t *acc)
{
    const int32_t panels = (s->out_c / s->groups + 1) / 2;
    int is_first = 1, more;
    do {
        const ek_piece now = piece;
        const int32_t taps = ek_piece_taps(s, &now);
        more = ek_next_piece(s, &piece);
        const int is_new = o == 0 || more || !is_first;
        const int8_t *const wo = w + (ptrdiff_t)o * taps;
        if (now.strips) {
#ifdef EK_TILE_STRIPS
            ek_tile_strips(x, fill, wo, s, &now, taps, first, n, rows, is_new, columns, acc);
#endif
        } else {
            if (is_new) {
                ek_lay_columns(x, fill, s, &now, taps, first, n, columns + EK_TILE_LAID(n, taps));
                ek_tile_ready(columns, taps, n);
            }
            ek_tile(wo, columns, taps, taps, n, rows, acc);
        }
        w += 2 * (ptrdiff_t)panels * taps;
        is_first = 0;
    } while (more);
}

/* Positions whose columns fit: of strips, whole rows or a part of one. */
static inline int32_t ek_positions_at_once(const ek_conv_shape *s, const ek_piece *p)
{
    if (!p->strips) {
        return ek_min(EK_TILE_POSITIONS, EK_TILE_BYTES / ek_piece_taps(s, p)) & -EK_TILE_STEP;
    }
    const int32_t high = ek_piece_high(s, p), row = ((s->out_w - 1) * s->stride_w + p->columns) * high;
    const int32_t behind = ek_piece_taps(s, p) <= EK_TILE_FEW ? s->out_w % 2 : 0; /* what few taps write over */
    const int32_t rows = ek_min(EK_TILE_BYTES / row, (EK_TILE_POSITIONS - behind) / s->out_w);
    if (rows > 0) {
        return rows * s->out_w;
    }
    const int32_t fit = ek_min((EK_TILE_BYTES / high - p->columns) / s->stride_w + 1, EK_TILE_POSITIONS);
    const int32_t most = ek_max(fit / EK_TILE_TOGETHER * EK_TILE_TOGETHER, 1), parts = (s->out_w + most - 1) / most;
    return ek_min(((s->out_w + parts - 1) / parts + EK_TILE_TOGETHER - 1) / EK_TILE_TOGETHER * EK_TILE_TOGETHER, most);
}

/* y = n outputs from position number `first` on, of each of `rows` channels from number c on, where they go. */
static inline void ek_place_outputs(const int32_t *acc, int32_t rows, const ek_scales *scales, int32_t c,
                                    const ek_conv_shape *s, const ek_places *to, int32_t first, int32_t n, EK_Y *y)
{
    EK_Y made[EK_TILE_POSITIONS];
    const int32_t top = first / s->out_w, left = first - top * s->out_w;
    y += c * to->plane + (ptrdiff_t)top * to->down + left * to->right;
    for (int32_t r = 0; r < rows; r++, acc += EK_TILE_POSITIONS, y += to->plane) {
        EK_Y *row = y - left * to->right;
        EK_TILE_OUTPUTS_OF(acc, 0, 1, 0, scales, c + r, made, n);
        for (int32_t j = 0, ox = left; j < n; row += to->down, ox = 0) {
            const int32_t count = ek_min(s->out_w - ox, n - j);
            EK_PUT_APART(made + j, count, row + ox * to->right, to->right);
            j += count;
        }
    }
}

/* All groups; outputs lie side by side where `to` is NULL, windows in strips where they are to. */
static __attribute__((noinline)) void ek_conv_tiles(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                    const ek_conv_shape *s, const ek_places *to, int32_t strips)
{
    const int32_t outputs = s->out_c / s->groups, plane = s->out_h * s->out_w;
    const ek_piece piece = ek_first_piece(s, strips);
    const int32_t at_once = ek_positions_at_once(s, &piece), few = ek_piece_taps(s, &piece) <= EK_TILE_FEW;
    const ptrdiff_t group = ek_group_bytes(s, piece);
    EK_TILE_ALIGNED int8_t columns[EK_TILE_ROOM];
    int32_t acc[EK_TILE_OUTPUTS * EK_TILE_POSITIONS];
    ek_scales rest = *scales; /* the bias only where sums lack it */
    rest.bias = few ? scales->bias : NULL;
    for (int32_t g = 0; g < s->groups; g++) {
        for (int32_t first = 0, n = 0; first < plane; first += n) {
            n = ek_min(at_once, plane - first);
            if (strips && at_once < s->out_w) {
                n = ek_min(n, s->out_w - first % s->out_w);
            }
            for (int32_t o = 0; o < outputs; o += EK_TILE_OUTPUTS) {
                const int32_t rows = ek_min(EK_TILE_OUTPUTS, outputs - o), c = g * outputs + o;
                if (!few) {
                    ek_tile_start(acc, scales->bias + c, rows, n);
                }
                ek_tile_sums(x, scales->x_zero, w, s, piece, first, n, o, rows, columns, acc);
                if (to) {
                    ek_place_outputs(acc, rows, &rest, c, s, to, first, n, y);
                } else {
                    EK_TILE_OUTPUTS_OF(acc, EK_TILE_POSITIONS, rows, plane, &rest, c, y + (ptrdiff_t)c * plane + first, n);
                }
            }
        }
        x += (ptrdiff_t)(s->in_c / s->groups) * s->in_h * s->in_w;
        w += group;
    }
}

#endif
