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

/* A row of fours: byte i of four j is x [from[i] + j * by], of columns column[i] + j * by; fill where that is not one. */
typedef struct {
    const int8_t *x;
    ptrdiff_t from[4];
    int32_t column[4], by, width, lo, hi; /* all columns of fours lo..hi-1 are inside */
    int8_t fill;
} ek_row_of_fours;

/* to [16][4] of fours from j on. */
static inline void ek_lay_sixteen(const ek_row_of_fours *r, int32_t j, int8_t *to)
{
    const int8_t *const x = r->x + j;
    const int8x16x4_t v = {{vld1q_s8(x + r->from[0]), vld1q_s8(x + r->from[1]), vld1q_s8(x + r->from[2]),
                            vld1q_s8(x + r->from[3])}};
    vst4q_s8(to + 4 * j, v);
}

/* Eight bytes, `by` apart, 1 or 2: of two the byte behind or before the last is read, too. */
static inline int8x8_t ek_eight_apart(const int8_t *x, int32_t by, int is_first)
{
    return by == 1 ? vld1_s8(x) : is_first ? vld2_s8(x).val[0] : vld2_s8(x - 1).val[1];
}

/* to [8][4] of fours from j on. */
static inline void ek_lay_eight(const ek_row_of_fours *r, int32_t j, int8_t *to)
{
    const int8_t *const x = r->x + j * r->by;
    int8x8x4_t v;
    for (int32_t i = 0; i < 4; i++) {
        v.val[i] = ek_eight_apart(x + r->from[i], r->by, r->column[i] + j * r->by == 0);
    }
    vst4_s8(to + 4 * j, v);
}

/* to [4][4] of fours from j on, neighbours. */
static inline void ek_lay_four(const ek_row_of_fours *r, int32_t j, int8_t *to)
{
    static const int8_t turned[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    int32_t rows[4];
    for (int32_t i = 0; i < 4; i++) {
        memcpy(rows + i, r->x + r->from[i] + j, 4);
    }
    vst1q_s8(to + 4 * j, vqtbl1q_s8(vreinterpretq_s8_s32(vld1q_s32(rows)), vreinterpretq_u8_s8(vld1q_s8(turned))));
}

/* to [n][4] of fours j..n-1, one by one. */
static inline void ek_lay_each(const ek_row_of_fours *r, int32_t j, int32_t n, int8_t *to)
{
    for (; j < n; j++) {
        for (int32_t i = 0; i < 4; i++) {
            const int32_t ix = r->column[i] + j * r->by;
            to[4 * j + i] = ix >= 0 && ix < r->width ? r->x[r->from[i] + j * r->by] : r->fill;
        }
    }
}

/* to [n][4] = a row of fours. */
static inline void ek_lay_row(const ek_row_of_fours *r, int32_t n, int8_t *to)
{
    const int32_t hi = r->hi, inside = hi - r->lo;
    int32_t j = r->lo;
    ek_lay_each(r, 0, j, to);
    if (r->by == 1 && inside >= 16) {
        for (; j + 16 <= hi; j += 16) {
            ek_lay_sixteen(r, j, to);
        }
        if (j < hi) {
            ek_lay_sixteen(r, hi - 16, to);
        }
        j = hi;
    } else if ((r->by == 1 || (r->by == 2 && r->width >= 16)) && inside >= 8) {
        for (; j + 8 <= hi; j += 8) {
            ek_lay_eight(r, j, to);
        }
        if (j < hi) {
            ek_lay_eight(r, hi - 8, to);
        }
        j = hi;
    } else if (r->by == 1 && inside >= 4) {
        for (; j + 4 <= hi; j += 4) {
            ek_lay_four(r, j, to);
        }
        if (j < hi) {
            ek_lay_four(r, hi - 4, to);
        }
        j = hi;
    }
    ek_lay_each(r, j, n, to);
}

/* to = all rows of the fours of a band whose first output is (oy, ox), n across; x is the group's. */
static __attribute__((noinline)) void ek_lay_band(const int8_t *x, int32_t fill, const ek_conv_shape *s, const ek_piece *p,
                                                  const ek_band *b, int32_t oy, int32_t ox, int32_t n, int8_t *to)
{
    const int32_t channels = ek_min(p->channels, s->in_c / s->groups - p->c), columns = ek_min(p->columns, s->k_w - p->kx);
    const int32_t by_channels = ek_are_channels(p), c_step = by_channels ? 4 : 1, k_step = by_channels ? 1 : 4;
    const int32_t top = oy * s->stride_h - s->pad_top + p->ky * s->dil_h;
    const int32_t left = ox * s->stride_w - s->pad_left + p->kx * s->dil_w, plane = s->in_h * s->in_w;
    ek_row_of_fours r = {x, {0}, {0}, s->stride_w, s->in_w, 0, 0, (int8_t)fill};
    for (int32_t of = 0; of < b->planes; of++) {
        const int32_t first = top + of * (b->is_shared ? 1 : s->dil_h);
        for (int32_t c = 0; c < channels; c += c_step) {
            for (int32_t k = 0; k < columns; k += k_step) {
                r.lo = 0, r.hi = n;
                for (int32_t i = 0; i < 4; i++) { /* what is behind the last one has weights of 0 */
                    const int32_t channel = by_channels ? ek_min(c + i, channels - 1) : c;
                    r.column[i] = left + (by_channels ? k : ek_min(k + i, columns - 1)) * s->dil_w;
                    r.from[i] = (ptrdiff_t)(p->c + channel) * plane + (ptrdiff_t)first * s->in_w + r.column[i];
                    r.lo = ek_max(r.lo, ek_min(ek_first(-r.column[i], s->stride_w), n));
                    r.hi = ek_min(r.hi, ek_first(s->in_w - r.column[i], s->stride_w));
                }
                r.hi = ek_max(r.hi, r.lo);
                for (int32_t h = 0, iy = first; h < b->high; h++, iy += s->stride_h, to += 4 * b->across) {
                    if (iy < 0 || iy >= s->in_h) {
                        memset(to, fill, 4 * (size_t)n);
                    } else {
                        ek_lay_row(&r, n, to);
                    }
                    for (int32_t i = 0; i < 4; i++) {
                        r.from[i] += (ptrdiff_t)s->stride_h * s->in_w;
                    }
                }
            }
        }
    }
}

#endif
