/* Advanced SIMD: the inputs of a band of outputs, laid in fours: ek_conv_tiles.h. */
#ifndef EK_LAY_FOURS_GUARD
#define EK_LAY_FOURS_GUARD

#include "ek_pieces.h"

#define EK_LAID 16384 /* bytes */
#define EK_LAID_BEHIND 64 /* which a tile may read behind them */

/* Outputs of a band, so many down and across, of one piece: rows of the kernel begin at[row] bytes from the first, fours are
 * `step` bytes apart. There are `planes` of `high` rows of fours: of rows of input whose number has the same remainder by the
 * stride where is_shared, else one for each row of the kernel. */
typedef struct {
    int32_t down, across, fours, taps, planes, high, step, is_shared;
    uint16_t at[EK_TILE_TAPS];
} ek_band;

/* Of n, as equal parts as there are of `most` or fewer, in multiples of `unit` where that fits. */
static inline int32_t ek_equal_part(int32_t n, int32_t most, int32_t unit)
{
    const int32_t parts = (n + most - 1) / most, part = (n + parts - 1) / parts, whole = (part + unit - 1) / unit * unit;
    return ek_min(whole <= most ? whole : part, n);
}

/* Rows of input with the same remainder by the stride, which rows of the kernel share; behind those of the first output. */
static inline int32_t ek_phases(const ek_conv_shape *s, int32_t rows)
{
    return rows == 1 || s->dil_h % s->stride_h == 0 ? 1 : s->stride_h;
}

static inline int32_t ek_reach(const ek_conv_shape *s, int32_t rows)
{
    return (rows - 1) * s->dil_h / s->stride_h;
}

/* Lay out a band of a piece, whose outputs down and across are known. */
static inline void ek_lay_out(const ek_conv_shape *s, const ek_piece *p, ek_band *b)
{
    const int32_t rows = ek_min(p->rows, s->k_h - p->ky), shared = ek_phases(s, rows) * (b->down + ek_reach(s, rows));
    b->is_shared = shared < rows * b->down;
    b->planes = b->is_shared ? ek_phases(s, rows) : rows;
    b->high = b->down + (b->is_shared ? ek_reach(s, rows) : 0);
    b->fours = ek_piece_fours(s, p), b->taps = rows, b->step = 4 * b->high * b->across;
    for (int32_t r = 0; r < rows; r++) {
        const int32_t plane = b->is_shared ? r * s->dil_h % s->stride_h : r;
        const int32_t row = b->is_shared ? r * s->dil_h / s->stride_h : 0;
        b->at[r] = (uint16_t)(plane * b->fours * b->step + 4 * row * b->across);
    }
}

/* The largest band of a piece with `most` outputs or fewer, of which `unit` are taken at once. */
static inline void ek_band_of(const ek_conv_shape *s, const ek_piece *p, int32_t most, int32_t unit, ek_band *b)
{
    const int32_t rows = ek_min(p->rows, s->k_h - p->ky), phases = ek_phases(s, rows), reach = ek_reach(s, rows);
    const int32_t fit = EK_LAID / 4 / ek_piece_fours(s, p); /* positions with all fours */
    const int32_t down = ek_min(ek_max(fit / (phases * s->out_w) - reach, fit / (rows * s->out_w)), most / s->out_w);
    const int32_t across = ek_min(fit / ek_min(phases * (1 + reach), rows), most);
    b->down = ek_equal_part(s->out_h, ek_max(down, 1), 1);
    b->across = down > 0 ? s->out_w : ek_equal_part(s->out_w, across, unit);
    ek_lay_out(s, p, b);
}

/* Rows of fours: byte i of four j is x[i][j * by], of column[i] + j * by of a row; `fill` where that is not one. Rows are x_step
 * apart in x, to_step in what is laid. */
typedef struct {
    const int8_t *x[4];
    ptrdiff_t x_step, to_step;
    int32_t column[4], by, width, rows, n, lo, hi; /* all columns of fours lo..hi-1 are inside */
    int8_t fill;
} ek_rows_of_fours;

/* Where the bytes of vectors are read: neighbours; every second one, of which those before are read, too; or those behind. */
typedef enum { EK_NEIGHBOURS, EK_SECONDS, EK_FIRSTS } ek_order;

static inline __attribute__((always_inline)) int8x8_t ek_eight_in(const int8_t *x, ek_order order)
{
    return order == EK_NEIGHBOURS ? vld1_s8(x) : order == EK_FIRSTS ? vld2_s8(x).val[0] : vld2_s8(x - 1).val[1];
}

/* to [wide][4] of fours from j on of a row at x: 4, 8 or 16, but 8 unless they are neighbours. */
static inline __attribute__((always_inline)) void ek_lay_some(const int8_t *const *x, int32_t j, int32_t wide,
                                                              ek_order order, int8_t *to)
{
    static const uint8_t turned[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    const int32_t at = order == EK_NEIGHBOURS ? j : 2 * j;
    to += 4 * j;
    if (wide == 16) {
        const int8x16x4_t v = {{vld1q_s8(x[0] + at), vld1q_s8(x[1] + at), vld1q_s8(x[2] + at), vld1q_s8(x[3] + at)}};
        vst4q_s8(to, v);
    } else if (wide == 8) {
        const int8x8x4_t v = {{ek_eight_in(x[0] + at, order), ek_eight_in(x[1] + at, order), ek_eight_in(x[2] + at, order),
                               ek_eight_in(x[3] + at, order)}};
        vst4_s8(to, v);
    } else {
        int32x4_t rows = vdupq_n_s32(0);
        rows = vld1q_lane_s32((const int32_t *)(const void *)(x[0] + at), rows, 0);
        rows = vld1q_lane_s32((const int32_t *)(const void *)(x[1] + at), rows, 1);
        rows = vld1q_lane_s32((const int32_t *)(const void *)(x[2] + at), rows, 2);
        rows = vld1q_lane_s32((const int32_t *)(const void *)(x[3] + at), rows, 3);
        vst1q_s8(to, vqtbl1q_s8(vreinterpretq_s8_s32(rows), vld1q_u8(turned)));
    }
}

/* to [rows][lo..hi-1][4], `wide` at a time, the first ones in another order; the last ones begin inside those before. */
static inline __attribute__((always_inline)) void ek_lay_inside(const ek_rows_of_fours *r, int32_t wide, ek_order first,
                                                                ek_order order, int8_t *to)
{
    const int8_t *x[4] = {r->x[0], r->x[1], r->x[2], r->x[3]};
    const int32_t last = r->hi - wide;
    for (int32_t h = r->rows; h > 0; h--, to += r->to_step) {
        ek_lay_some(x, r->lo, wide, first, to);
        for (int32_t j = r->lo + wide; j < last; j += wide) {
            ek_lay_some(x, j, wide, order, to);
        }
        if (last > r->lo) {
            ek_lay_some(x, last, wide, order, to);
        }
        EK_UNROLL for (int32_t i = 0; i < 4; i++)
        {
            x[i] += r->x_step;
        }
    }
}

/* to [rows][from..end-1][4], one by one. */
static inline void ek_lay_each(const ek_rows_of_fours *r, int32_t from, int32_t end, int8_t *to)
{
    for (int32_t j = from; j < end; j++) {
        for (int32_t i = 0; i < 4; i++) {
            const int32_t ix = r->column[i] + j * r->by, is_inside = ix >= 0 && ix < r->width;
            const int8_t *x = r->x[i] + (is_inside ? j * r->by : 0);
            int8_t *at = to + 4 * j + i;
            for (int32_t h = r->rows; h > 0; h--, at += r->to_step, x += r->x_step) {
                *at = is_inside ? *x : r->fill;
            }
        }
    }
}

/* The same where all four bytes are outside. */
static inline void ek_lay_outside(const ek_rows_of_fours *r, int32_t from, int32_t end, int8_t *to)
{
    const int32x2_t fill = vreinterpret_s32_s8(vdup_n_s8(r->fill));
    for (int32_t j = from; j < end; j++) {
        int8_t *at = to + 4 * j;
        for (int32_t h = r->rows; h > 0; h--, at += r->to_step) {
            vst1_lane_s32((int32_t *)(void *)at, fill, 0);
        }
    }
}

/* to [n][4] = fill. */
static inline void ek_fill_fours(int8_t fill, int32_t n, int8_t *to)
{
    const int32x2_t all = vreinterpret_s32_s8(vdup_n_s8(fill));
    for (const int8_t *const end = to + 4 * n; to < end; to += 4) {
        vst1_lane_s32((int32_t *)(void *)to, all, 0);
    }
}

/* to [rows][n][4]. */
static inline void ek_lay_rows_of_fours(const ek_rows_of_fours *r, int32_t by_channels, int8_t *to)
{
    const int32_t inside = r->hi - r->lo;
    if (r->rows == 0) {
        return;
    }
    if (by_channels) {
        ek_lay_outside(r, 0, r->lo, to);
        ek_lay_outside(r, r->hi, r->n, to);
    } else {
        ek_lay_each(r, 0, r->lo, to);
        ek_lay_each(r, r->hi, r->n, to);
    }
    if (r->by == 1 && inside >= 16) {
        ek_lay_inside(r, 16, EK_NEIGHBOURS, EK_NEIGHBOURS, to);
    } else if (r->by == 1 && inside >= 8) {
        ek_lay_inside(r, 8, EK_NEIGHBOURS, EK_NEIGHBOURS, to);
    } else if (r->by == 1 && inside >= 4) {
        ek_lay_inside(r, 4, EK_NEIGHBOURS, EK_NEIGHBOURS, to);
    } else if (r->by == 2 && r->width >= 16 && inside >= 8 && by_channels) {
        if (r->column[0] + 2 * r->lo == 0) {
            ek_lay_inside(r, 8, EK_FIRSTS, EK_SECONDS, to);
        } else {
            ek_lay_inside(r, 8, EK_SECONDS, EK_SECONDS, to);
        }
    } else {
        ek_lay_each(r, r->lo, r->hi, to);
    }
}

/* to = all rows of the fours of a band whose first output is (oy, ox), n across; x is the group's. */
static __attribute__((noinline)) void ek_lay_band(const int8_t *x, int32_t fill, const ek_conv_shape *s, const ek_piece *p,
                                                  const ek_band *b, int32_t oy, int32_t ox, int32_t n, int8_t *to)
{
    const int32_t channels = ek_min(p->channels, s->in_c / s->groups - p->c), columns = ek_min(p->columns, s->k_w - p->kx);
    const int32_t by_channels = ek_are_channels(p), c_step = by_channels ? 4 : 1, k_step = by_channels ? 1 : 4;
    const int32_t left = ox * s->stride_w - s->pad_left + p->kx * s->dil_w, plane = s->in_h * s->in_w;
    const int32_t step = s->stride_h * s->in_w, slots = (columns + k_step - 1) / k_step;
    ek_rows_of_fours r = {{x, x, x, x}, step, 4 * b->across, {0}, s->stride_w, s->in_w, 0, n, 0, 0, (int8_t)fill};
    for (int32_t of = 0; of < b->planes; of++) {
        const int32_t top = oy * s->stride_h - s->pad_top + (p->ky + (b->is_shared ? 0 : of)) * s->dil_h + (b->is_shared ? of : 0);
        const int32_t above = ek_min(ek_first(-top, s->stride_h), b->high);
        const int32_t behind = ek_max(ek_min(ek_first(s->in_h - top, s->stride_h), b->high), above);
        const int8_t *const row = x + (ptrdiff_t)p->c * plane + (ptrdiff_t)(top + above * s->stride_h) * s->in_w;
        r.rows = behind - above;
        for (int32_t k = 0; k < columns; k += k_step) {
            const int32_t last = left + (by_channels ? k : ek_min(k + 3, columns - 1)) * s->dil_w;
            int8_t *at = to + k / k_step * b->step;
            for (int32_t i = 0; i < 4; i++) {
                r.column[i] = left + (by_channels ? k : ek_min(k + i, columns - 1)) * s->dil_w;
            }
            r.lo = ek_min(ek_first(-r.column[0], s->stride_w), n);
            r.hi = ek_max(ek_min(ek_first(s->in_w - last, s->stride_w), n), r.lo);
            for (int32_t c = 0; c < channels; c += c_step, at += slots * b->step) {
                for (int32_t i = 0; i < 4; i++) { /* what is behind the last one has weights of 0 */
                    r.x[i] = row + (ptrdiff_t)(by_channels ? ek_min(c + i, channels - 1) : c) * plane + r.column[i];
                }
                ek_fill_fours(r.fill, above * b->across, at);
                ek_lay_rows_of_fours(&r, by_channels, at + above * 4 * b->across);
                ek_fill_fours(r.fill, (b->high - behind) * b->across, at + behind * 4 * b->across);
            }
        }
        to += b->fours * b->step;
    }
}

#endif
