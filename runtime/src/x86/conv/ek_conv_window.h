/* Convolution over ek_conv_tile.h, EK_X, EK_ACC and EK_Y. Output positions of a window are lanes; the taps that a tile of
 * them reads are gathered in pieces, from which all output channels of a group take them. */
#include "ek_conv_tile.h"

#define EK_GROUPS 128 /* groups of taps in a piece; as many products of two int16 and int8 fit an int32 sum */
#define EK_PIECE_TAPS (EK_GROUPS * (int32_t)EK_GROUP)
#define EK_OUTS 16 /* output channels whose sums are kept from piece to piece */
#define EK_INLINE static inline __attribute__((always_inline))

/* Output position (r, c) reads tap (i, j) at row r * stride_h + row + i * row_step, and columns alike; it lies at
 * (r * y_row + c * y_column) behind the window's first. */
typedef struct {
    int32_t out_h, out_w, k_h, k_w, stride_h, stride_w, row, row_step, column, column_step;
    int32_t y_row, y_column;
} ek_window;

/* Of a call, for one group of channels: x and y are the group's first, and so are the arrays. */
typedef struct {
    const EK_X *x;
    const int8_t *w;
    const EK_ACC *bias;
    const int32_t *mult;
    const uint8_t *shift;
    EK_Y *y;
    int32_t x_zero, y_zero, y_min, y_max, inputs, outputs, in_h, in_w;
    ptrdiff_t plane;
} ek_layer;

/* Lanes from..to-1 of a tile lie in one row of positions: lane j at column + j. */
typedef struct {
    int32_t from, to, row, column;
} ek_run;

/* The runs of positions first.., n of them; returns how many. */
EK_INLINE int32_t ek_runs_of(const ek_window *o, int32_t first, int32_t n, ek_run *runs)
{
    int32_t count = 0, row = first / o->out_w, column = first % o->out_w;
    for (int32_t at = 0; at < n; count++) {
        const ek_run run = {at, ek_min(n, at + o->out_w - column), row, column - at};
        runs[count] = run;
        at = run.to;
        column = 0;
        row++;
    }
    return count;
}

/* One tap of every lane, from one channel. */
EK_INLINE ek_columns ek_tap_columns(const EK_X *x, const ek_layer *c, const ek_window *o, int32_t ky, int32_t kx,
                                    const ek_run *runs, int32_t count)
{
    const int32_t zero = EK_OPERAND_ZERO(c->x_zero), right = o->column + kx * o->column_step;
    ek_columns v = ek_columns_all((EK_X)(c->x_zero - zero));
    for (int32_t i = 0; i < count; i++) {
        const int32_t iy = runs[i].row * o->stride_h + o->row + ky * o->row_step;
        const int32_t base = runs[i].column * o->stride_w + right;
        const int32_t lo = ek_max(runs[i].from, ek_first(-base, o->stride_w));
        const int32_t hi = ek_min(runs[i].to, ek_first(c->in_w - base, o->stride_w));
        if (iy >= 0 && iy < c->in_h && lo < hi) {
            v = ek_columns_put(v, x + (ptrdiff_t)iy * c->in_w + base, lo, hi, o->stride_w, zero);
        }
    }
    return v;
}

/* tile [count / EK_GROUP][2] = taps number.. of every lane. */
static void ek_gather(const ek_layer *c, const ek_window *o, const ek_run *runs, int32_t run_count, int32_t number,
                      int32_t count, ek_i *tile)
{
    int32_t kx = number % o->k_w, ky = number / o->k_w % o->k_h, in_group = 0;
    const EK_X *x = c->x + (ptrdiff_t)(number / (o->k_w * o->k_h)) * c->in_h * c->in_w;
    ek_columns taps[4];
    for (int32_t t = 0; t < count; t++) {
        taps[in_group++] = ek_tap_columns(x, c, o, ky, kx, runs, run_count);
        for (; t + 1 == count && in_group < (int32_t)EK_GROUP; in_group++) {
            taps[in_group] = taps[in_group - 1]; /* their weights are 0 */
        }
        if (in_group == (int32_t)EK_GROUP) {
            ek_columns_pack(taps, tile);
            tile += 2;
            in_group = 0;
        }
        if (++kx == o->k_w) {
            kx = 0;
            if (++ky == o->k_h) {
                ky = 0;
                x += (ptrdiff_t)c->in_h * c->in_w;
            }
        }
    }
}

/* acc [rows][2] += pairs of weights, rows EK_PIECE_TAPS apart, times the tile. */
EK_INLINE void ek_tile_pairs(const ek_i *tile, const int16_t *w, int32_t pairs, int32_t rows, ek_i acc[4][2])
{
    for (int32_t t = 0; t < pairs; t++, tile += 2) {
        for (int32_t r = 0; r < rows; r++) {
            int32_t both;
            memcpy(&both, w + r * 2 * EK_GROUPS + 2 * t, 4);
            acc[r][0] = ek_i_dot_pairs(acc[r][0], tile[0], ek_i_all(both));
            acc[r][1] = ek_i_dot_pairs(acc[r][1], tile[1], ek_i_all(both));
        }
    }
}

/* sums [rows][2] += weights w [rows][count], rows `step` apart, times the tile. */
EK_INLINE void ek_tile_weights(const ek_i *tile, const int8_t *w, ptrdiff_t step, int32_t count, int32_t rows,
                               ek_i sums[4][2])
{
    int16_t wide[4 * 2 * EK_GROUPS];
    if (EK_GROUP == 4) {
        ek_tile_bytes(tile, w, step, count, rows, sums);
        return;
    }
    for (int32_t r = 0; r < rows && count > 0; r++) {
        wide[r * 2 * EK_GROUPS + ((count + 1) & ~1) - 1] = 0;
        for (int32_t t = 0; t < count; t++) {
            wide[r * 2 * EK_GROUPS + t] = w[r * step + t];
        }
    }
    ek_tile_pairs(tile, wide, (count + 1) / 2, rows, sums);
}

/* acc [rows][EK_TILE] += the same. */
EK_INLINE void ek_tile_rows(const ek_i *tile, const int8_t *w, ptrdiff_t step, int32_t count, int32_t rows,
                            int32_t *acc)
{
    ek_i sums[4][2];
    for (int32_t r = 0; r < 2 * rows; r++) {
        sums[r / 2][r % 2] = ek_i_load_s32(acc + r * EK_WIDTH, EK_WIDTH);
    }
    ek_tile_weights(tile, w, step, count, rows, sums);
    for (int32_t r = 0; r < 2 * rows; r++) {
        ek_i_store_s32(acc + r * EK_WIDTH, sums[r / 2][r % 2]);
    }
}

/* The same for any number of rows. */
EK_INLINE void ek_tile_sums(const ek_i *tile, const int8_t *w, ptrdiff_t step, int32_t count, int32_t rows,
                            int32_t *acc)
{
    for (int32_t r = 0; r < rows; r += 4, w += 4 * step, acc += 4 * EK_TILE) {
        switch (rows - r) {
        case 1: ek_tile_rows(tile, w, step, count, 1, acc); break;
        case 2: ek_tile_rows(tile, w, step, count, 2, acc); break;
        case 3: ek_tile_rows(tile, w, step, count, 3, acc); break;
        default: ek_tile_rows(tile, w, step, count, 4, acc); break;
        }
    }
}

/* y [EK_WIDTH] = outputs of int32 sums of one channel. */
EK_INLINE void ek_vector_outputs(ek_i sum, const ek_layer *c, int32_t channel, EK_Y *y)
{
    const ek_i q = ek_i_requantize_all(sum, c->mult[channel], c->shift[channel]);
    const ek_i clamped = ek_i_clamp(ek_i_add(q, ek_i_all(c->y_zero)), ek_i_all(c->y_min), ek_i_all(c->y_max));
    if (sizeof(EK_Y) == 1) {
        ek_i_store_s8((int8_t *)(void *)y, clamped, EK_WIDTH);
    } else {
        ek_i_store_s16((int16_t *)(void *)y, clamped, EK_WIDTH);
    }
}

/* row [EK_TILE] = outputs of sums of one channel. */
EK_INLINE void ek_tile_outputs(const EK_ACC *acc, const ek_layer *c, int32_t channel, EK_Y *row)
{
    int32_t mults[EK_TILE];
    uint8_t shifts[EK_TILE];
    for (int32_t j = 0; sizeof(EK_ACC) == 4 && j < EK_TILE; j += EK_WIDTH) {
        const int32_t *const sums = (const int32_t *)(const void *)(acc + j);
        ek_vector_outputs(ek_i_load_s32(sums, EK_WIDTH), c, channel, row + j);
    }
    if (sizeof(EK_ACC) == 4) {
        return;
    }
    for (int32_t j = 0; j < EK_TILE; j++) {
        mults[j] = c->mult[channel];
        shifts[j] = c->shift[channel];
    }
    if (sizeof(EK_Y) == 1) {
        ek_outputs_s64_s8((const int64_t *)(const void *)acc, mults, shifts, c->y_zero, c->y_min, c->y_max,
                          (int8_t *)(void *)row, EK_TILE);
    } else {
        ek_outputs_s64_s16((const int64_t *)(const void *)acc, mults, shifts, c->y_zero, c->y_min, c->y_max,
                           (int16_t *)(void *)row, EK_TILE);
    }
}

/* Put n outputs of one channel where their runs say. */
EK_INLINE void ek_place(const EK_Y *row, const ek_window *o, const ek_run *runs, int32_t run_count, EK_Y *y)
{
    for (int32_t i = 0; i < run_count; i++) {
        EK_Y *const to = y + (ptrdiff_t)runs[i].row * o->y_row;
        for (int32_t j = runs[i].from; j < runs[i].to; j++) {
            to[(runs[i].column + j) * o->y_column] = row[j];
        }
    }
}

/* acc [EK_TILE] of one channel = its bias; int16 operands keep their zero point, which the sums contain. */
EK_INLINE void ek_start(const ek_layer *c, int32_t channel, int32_t taps, EK_ACC *acc)
{
    EK_ACC start = c->bias[channel];
    for (int32_t t = 0; sizeof(EK_X) == 2 && c->x_zero != 0 && t < taps; t++) {
        start -= (EK_ACC)c->x_zero * c->w[(ptrdiff_t)channel * taps + t];
    }
    for (int32_t j = 0; j < EK_TILE; j++) {
        acc[j] = start;
    }
}

/* Outputs from number `out` on, `rows` of them, of int32 sums of a tile that holds all taps. */
EK_INLINE void ek_tile_whole(const ek_layer *c, const ek_window *o, const ek_i *tile, int32_t taps, int32_t out,
                             int32_t rows, const ek_run *runs, int32_t run_count, EK_Y *direct)
{
    ek_i sums[4][2];
    EK_Y row[EK_TILE];
    for (int32_t r = 0; r < rows; r++) {
        sums[r][0] = sums[r][1] = ek_i_all((int32_t)c->bias[out + r]);
    }
    ek_tile_weights(tile, c->w + (ptrdiff_t)out * taps, taps, taps, rows, sums);
    for (int32_t r = 0; r < rows; r++) {
        EK_Y *const to = direct ? direct + (out + r) * c->plane : row;
        ek_vector_outputs(sums[r][0], c, out + r, to);
        ek_vector_outputs(sums[r][1], c, out + r, to + EK_WIDTH);
        if (!direct) {
            ek_place(row, o, runs, run_count, c->y + (out + r) * c->plane);
        }
    }
}

/* All outputs of a tile from one gathering; `direct` is where those of the first channel lie side by side, or NULL. */
EK_INLINE void ek_tile_at_once(const ek_layer *c, const ek_window *o, const ek_i *tile, int32_t taps,
                               const ek_run *runs, int32_t run_count, EK_Y *direct)
{
    for (int32_t out = 0; out < c->outputs; out += 4) {
        switch (c->outputs - out) {
        case 1: ek_tile_whole(c, o, tile, taps, out, 1, runs, run_count, direct); break;
        case 2: ek_tile_whole(c, o, tile, taps, out, 2, runs, run_count, direct); break;
        case 3: ek_tile_whole(c, o, tile, taps, out, 3, runs, run_count, direct); break;
        default: ek_tile_whole(c, o, tile, taps, out, 4, runs, run_count, direct); break;
        }
    }
}

/* All outputs of a tile, of which the taps are gathered in pieces. */
EK_INLINE void ek_tile_in_pieces(const ek_layer *c, const ek_window *o, ek_i *tile, int32_t taps, const ek_run *runs,
                                 int32_t run_count)
{
    EK_ACC acc[EK_OUTS * EK_TILE];
    int32_t part[EK_OUTS * EK_TILE];
    EK_Y row[EK_TILE];
    int32_t gathered = -1;
    for (int32_t out = 0; out < c->outputs; out += EK_OUTS) {
        const int32_t rows = ek_min(EK_OUTS, c->outputs - out);
        for (int32_t r = 0; r < rows; r++) {
            ek_start(c, out + r, taps, acc + r * EK_TILE);
        }
        for (int32_t t = 0; t < taps; t += EK_PIECE_TAPS) {
            const int32_t count = ek_min(EK_PIECE_TAPS, taps - t);
            if (gathered != t) {
                ek_gather(c, o, runs, run_count, t, count, tile);
                gathered = t;
            }
            memset(part, 0, sizeof(part));
            ek_tile_sums(tile, c->w + (ptrdiff_t)out * taps + t, taps, count, rows, part);
            for (int32_t j = 0; j < rows * EK_TILE; j++) {
                acc[j] += part[j];
            }
        }
        for (int32_t r = 0; r < rows; r++) {
            ek_tile_outputs(acc + r * EK_TILE, c, out + r, row);
            ek_place(row, o, runs, run_count, c->y + (out + r) * c->plane);
        }
    }
}

/* All outputs of a window. */
static void ek_conv_window(const ek_layer *c, const ek_window *o)
{
    const int32_t taps = c->inputs * o->k_h * o->k_w, positions = o->out_h * o->out_w;
    const int side_by_side = o->y_column == 1 && o->y_row == o->out_w;
    ek_i tile[2 * EK_GROUPS];
    ek_run runs[EK_TILE];
    for (int32_t first = 0; first < positions; first += EK_TILE) {
        const int32_t n = ek_min(EK_TILE, positions - first), run_count = ek_runs_of(o, first, n, runs);
        if (sizeof(EK_ACC) == 4 && taps <= EK_PIECE_TAPS) {
            if (taps > 0) {
                ek_gather(c, o, runs, run_count, 0, taps, tile);
            }
            ek_tile_at_once(c, o, tile, taps, runs, run_count, side_by_side && n == EK_TILE ? c->y + first : NULL);
        } else {
            ek_tile_in_pieces(c, o, tile, taps, runs, run_count);
        }
    }
}
