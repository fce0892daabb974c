/* Transposed float convolution of pictures: outputs of one remainder by the strides, a phase, are a convolution without
 * stride over the rows of ek_conv_bands.h. Sums of some rows of weights and some vectors of positions stay in registers;
 * then they are put where the strides say. Rows of weights are those of outputs, or of neighbouring phases with the same
 * inputs. */
#ifndef EK_TRANSPOSE_PHASES_GUARD
#define EK_TRANSPOSE_PHASES_GUARD

#include "ek_conv_bands.h"

#define EK_PHASE_APART static __attribute__((noinline)) /* whose loop gets all registers */
#define EK_PHASE_INLINE static inline __attribute__((always_inline))
#define EK_PHASE_TAPS 256    /* in a kernel, by its rows, its columns and its phases */
#define EK_PHASE_COLUMNS 256 /* of a band */
#define EK_PHASE_VECTORS 8   /* of one row of weights; of more fewer */

/* The taps of one axis, phase after phase: those of phase p are numbers start [p].. to start [p + 1], each the number of a
 * tap and how far behind an output's own number its input is. All are at least `least` and less than `least` + `reach`. */
typedef struct {
    int32_t start[EK_PHASE_TAPS + 1], tap[EK_PHASE_TAPS], behind[EK_PHASE_TAPS];
    int32_t stride, least, reach;
} ek_axis;

static void ek_axis_of(int32_t k, int32_t dil, int32_t stride, int32_t pad, ek_axis *axis)
{
    int32_t count = 0, most;
    axis->stride = stride;
    axis->least = most = pad / stride;
    for (int32_t p = 0; p < stride; p++) {
        axis->start[p] = count;
        for (int32_t i = dil == 1 ? (p + pad) % stride : 0; i < k; i += dil == 1 ? stride : 1) {
            const int32_t away = p + pad - i * dil;
            if (away % stride == 0) {
                axis->tap[count] = i;
                axis->behind[count] = away / stride;
                axis->least = ek_min(axis->least, away / stride);
                most = ek_max(most, away / stride);
                count++;
            }
        }
    }
    axis->start[stride] = count;
    axis->reach = most - axis->least + 1;
}

/* What the phases of a band have in common: `channels` channels of `size` floats each, and rows of outputs `pitch` apart.
 * Outputs begin with the bias, which may be NULL, or are added to y. */
typedef struct {
    const float *band, *w, *bias;
    float *y;
    int32_t channels, size, pitch, rows, columns, count, is_first;
    ptrdiff_t w_step, row_w, row_b, row_y; /* row_..: from one row of weights to the next */
    int32_t from[EK_PHASE_TAPS], tap[EK_PHASE_TAPS]; /* of a phase: floats behind a position, and numbers in the kernel */
} ek_phase;

/* Where the outputs of a phase are in a plane: number (row, column) at start + row * down + column * across. */
typedef struct {
    ptrdiff_t start, down;
    int32_t across, rows, columns[4]; /* columns: by rows of weights, first the most */
} ek_spread_at;

/* sums [rows][EK_PHASE_VECTORS * EK_LANES] of rows of weights, of `vectors` vectors of positions from `first` on. */
EK_PHASE_INLINE void ek_phase_sums(const ek_phase *p, int32_t first, int32_t rows, int32_t vectors, float *sums)
{
    const float *x = p->band + first, *w = p->w;
    const ptrdiff_t row_w = p->row_w, w_step = p->w_step;
    ek_v acc[12];
    _Pragma("GCC unroll 4")
    for (int32_t r = 0; r < rows; r++) {
        _Pragma("GCC unroll 8")
        for (int32_t v = 0; v < vectors; v++) {
            acc[r * vectors + v] = p->bias && p->is_first ? ek_v_all(p->bias[r * p->row_b]) : ek_v_zero();
        }
    }
    for (int32_t c = 0; c < p->channels; c++, x += p->size, w += w_step) {
        for (int32_t t = 0; t < p->count; t++) {
            const float *const at = x + p->from[t], *const tap = w + p->tap[t];
            ek_v taken[EK_PHASE_VECTORS];
            _Pragma("GCC unroll 8")
            for (int32_t v = 0; v < vectors; v++) {
                taken[v] = ek_v_load(at + v * EK_LANES);
            }
            _Pragma("GCC unroll 4")
            for (int32_t r = 0; r < rows; r++) {
                _Pragma("GCC unroll 8")
                for (int32_t v = 0; v < vectors; v++) {
                    acc[r * vectors + v] = ek_v_fma(ek_v_all(tap[r * row_w]), taken[v], acc[r * vectors + v]);
                }
            }
        }
    }
    _Pragma("GCC unroll 4")
    for (int32_t r = 0; r < rows; r++) {
        _Pragma("GCC unroll 8")
        for (int32_t v = 0; v < vectors; v++) {
            ek_v_store(sums + (r * EK_PHASE_VECTORS + v) * EK_LANES, acc[r * vectors + v]);
        }
    }
}

/* y = sums of one row of weights of n positions from number `first` on, or += them; what is between rows is dropped. */
static inline void ek_phase_put(const ek_phase *p, const ek_spread_at *at, int32_t columns, int32_t first, int32_t n,
                                const float *restrict sums, float *restrict y)
{
    int32_t row = first / p->pitch, column = first % p->pitch;
    for (int32_t i = 0, run; i < n && row < at->rows; i += run, column = 0, row++) {
        float *to = y + at->start + row * at->down + (ptrdiff_t)column * at->across;
        const int32_t inside = ek_min(n - i, columns - column);
        run = ek_min(p->pitch - column, n - i);
        if (!p->is_first) {
            for (int32_t j = 0; j < inside; j++) {
                to[(ptrdiff_t)j * at->across] += sums[i + j];
            }
        } else if (at->across == 1) {
            for (int32_t j = 0; j < inside; j += EK_LANES) {
                const int32_t some = ek_min(inside - j, EK_LANES);
                ek_v_store_some(to + j, ek_v_load_some(sums + i + j, some), some);
            }
        } else {
            for (int32_t j = 0; j < inside; j++, to += at->across) {
                *to = sums[i + j];
            }
        }
    }
}

/* Of `rows` rows of weights all positions, `most` vectors at once or the lesser `some` where those suffice. */
EK_PHASE_INLINE void ek_phase_outputs(const ek_phase *p, const ek_spread_at *at, int32_t rows, int32_t most, int32_t some)
{
    const int32_t n = (at->rows - 1) * p->pitch + at->columns[0];
    float sums[4 * EK_PHASE_VECTORS * EK_LANES];
    for (int32_t first = 0, step; first < n; first += step) {
        step = (n - first > some * EK_LANES ? most : some) * EK_LANES;
        if (step == most * EK_LANES) {
            ek_phase_sums(p, first, rows, most, sums);
        } else {
            ek_phase_sums(p, first, rows, some, sums);
        }
        for (int32_t r = 0; r < rows; r++) {
            ek_phase_put(p, at, at->columns[r], first, ek_min(step, n - first), sums + r * EK_PHASE_VECTORS * EK_LANES,
                         p->y + r * p->row_y);
        }
    }
}

EK_PHASE_APART void ek_phase_4(const ek_phase *p, const ek_spread_at *at)
{
    ek_phase_outputs(p, at, 4, 3, 1);
}

EK_PHASE_APART void ek_phase_3(const ek_phase *p, const ek_spread_at *at)
{
    ek_phase_outputs(p, at, 3, 3, 1);
}

EK_PHASE_APART void ek_phase_2(const ek_phase *p, const ek_spread_at *at)
{
    ek_phase_outputs(p, at, 2, 4, 2);
}

EK_PHASE_APART void ek_phase_1(const ek_phase *p, const ek_spread_at *at)
{
    ek_phase_outputs(p, at, 1, EK_PHASE_VECTORS, EK_PHASE_VECTORS / 2);
}

/* Take the taps of phase (py, px). */
static inline void ek_phase_taps(ek_phase *p, const ek_conv_shape *s, const ek_axis *down, const ek_axis *across, int32_t py,
                                 int32_t px)
{
    p->count = 0;
    for (int32_t i = down->start[py]; i < down->start[py + 1]; i++) {
        for (int32_t j = across->start[px]; j < across->start[px + 1]; j++) {
            p->from[p->count] = (down->behind[i] - down->least) * p->pitch + across->behind[j] - across->least;
            p->tap[p->count++] = down->tap[i] * s->k_w + across->tap[j];
        }
    }
}

/* How many phases of columns from px on, 4 at most, have the same inputs, by taps side by side. */
static inline int32_t ek_phases_alike(const ek_axis *axis, int32_t px)
{
    const int32_t count = axis->start[px + 1] - axis->start[px];
    int32_t n = 1;
    for (int32_t alike = 1; n < 4 && px + n < axis->stride; n += alike) {
        alike = axis->start[px + n + 1] - axis->start[px + n] == count;
        for (int32_t j = axis->start[px]; alike && j < axis->start[px] + count; j++) {
            alike = axis->tap[j + n * count] == axis->tap[j] + n && axis->behind[j + n * count] == axis->behind[j];
        }
        if (!alike) {
            break;
        }
    }
    return n;
}

/* All phases of a band whose first outputs are number (row, column) of theirs; `outputs` rows of weights at once, or as many
 * phases as are alike where those are more. */
static void ek_phases(ek_phase *p, const ek_conv_shape *s, const ek_axis *down, const ek_axis *across, int32_t row,
                      int32_t column)
{
    static void (*const by[4])(const ek_phase *, const ek_spread_at *) = {ek_phase_1, ek_phase_2, ek_phase_3, ek_phase_4};
    const int32_t outputs = s->out_c / s->groups, kernel = s->k_h * s->k_w;
    const float *const w = p->w, *const bias = p->bias;
    float *const y = p->y;
    for (int32_t px = 0, step; px < s->stride_w; px += step) {
        const int32_t alike = ek_phases_alike(across, px), by_phase = alike > ek_min(outputs, 4);
        step = by_phase ? alike : 1;
        p->row_w = by_phase ? 1 : kernel;
        p->row_b = by_phase ? 0 : 1;
        p->row_y = by_phase ? 1 : (ptrdiff_t)s->out_h * s->out_w;
        for (int32_t py = 0; py < s->stride_h; py++) {
            const int32_t oy = row * s->stride_h + py, ox = column * s->stride_w + px;
            ek_spread_at at = {(ptrdiff_t)oy * s->out_w + ox, (ptrdiff_t)s->stride_h * s->out_w, s->stride_w,
                               ek_min(p->rows, ek_first(s->out_h - oy, s->stride_h)), {0}};
            for (int32_t r = 0; r < 4; r++) {
                at.columns[r] = ek_min(p->columns, ek_first(s->out_w - ox - r * by_phase, s->stride_w));
            }
            ek_phase_taps(p, s, down, across, py, px);
            for (int32_t o = 0, n; o < outputs && at.rows > 0 && at.columns[0] > 0; o += n) {
                n = by_phase ? 1 : ek_min(outputs - o, 4);
                p->w = w + (ptrdiff_t)o * kernel;
                p->bias = bias ? bias + o : NULL;
                p->y = y + (ptrdiff_t)o * s->out_h * s->out_w;
                by[by_phase ? alike - 1 : n - 1](p, &at);
            }
        }
    }
    p->w = w;
    p->bias = bias;
    p->y = y;
}

/* Rows of a band, all its phases, of one group; `most` channels at once. */
static void ek_phases_of_group(ek_phase *p, const float *x, float *band, const ek_conv_shape *s, const ek_axis *down,
                               const ek_axis *across, int32_t row, int32_t column, int32_t most)
{
    const int32_t inputs = s->in_c / s->groups, height = p->rows - 1 + down->reach;
    const float *const w = p->w;
    ek_conv_shape dense = *s;
    dense.stride_h = dense.stride_w = 1;
    p->size = height * p->pitch;
    for (int32_t c = 0; c < inputs; c += most) {
        p->channels = ek_min(most, inputs - c);
        p->is_first = c == 0;
        p->w = w + c * p->w_step;
        for (int32_t i = 0; i < p->channels; i++, x += (ptrdiff_t)s->in_h * s->in_w) {
            ek_rows_of_plane(x, &dense, row + down->least, column + across->least, height, p->pitch, band + i * p->size);
        }
        for (int32_t i = 0; i < EK_PHASE_VECTORS; i++) {
            ek_v_store(band + p->channels * p->size + i * EK_LANES, ek_v_zero());
        }
        ek_phases(p, s, down, across, row, column);
    }
    p->w = w;
}

/* Takes a layer by phases; returns 0, and does nothing, where taps are too many, or wide rows with one row of weights take
 * less time by themselves. */
EK_PHASE_APART int ek_by_phases(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups, kernel = s->k_h * s->k_w;
    const int32_t high = ek_first(s->out_h, s->stride_h), wide = ek_first(s->out_w, s->stride_w);
    const int32_t parts = (wide + EK_PHASE_COLUMNS - 1) / EK_PHASE_COLUMNS, columns = (wide + parts - 1) / parts;
    float band[EK_BANDS + EK_PHASE_VECTORS * EK_LANES];
    ek_phase p = {.band = band, .w_step = (ptrdiff_t)outputs * kernel};
    ek_axis down, across;
    if (kernel > EK_PHASE_TAPS || s->stride_h > EK_PHASE_TAPS || s->stride_w > EK_PHASE_TAPS) {
        return 0;
    }
    ek_axis_of(s->k_h, s->dil_h, s->stride_h, s->pad_top, &down);
    ek_axis_of(s->k_w, s->dil_w, s->stride_w, s->pad_left, &across);
    p.pitch = columns + across.reach - 1;
    const int32_t least = (ek_min(high, (3 * EK_LANES - 1) / p.pitch + 1) - 1 + down.reach) * p.pitch; /* of a channel */
    if (least > EK_BANDS_ROOM || (outputs == 1 && s->in_w >= EK_LANES && ek_phases_alike(&across, 0) <= 2)) {
        return 0;
    }
    const int32_t most = ek_min(inputs, EK_BANDS_ROOM / least);
    const int32_t rows = ek_min(high, EK_BANDS_ROOM / (most * p.pitch) - down.reach + 1);
    for (int32_t g = 0; g < s->groups; g++, x += (ptrdiff_t)inputs * s->in_h * s->in_w) {
        p.w = w + g * inputs * p.w_step;
        p.bias = bias ? bias + g * outputs : NULL;
        p.y = y + (ptrdiff_t)g * outputs * s->out_h * s->out_w;
        for (int32_t row = 0; row < high; row += rows) {
            for (int32_t column = 0; column < wide; column += columns) {
                p.rows = ek_min(rows, high - row);
                p.columns = ek_min(columns, wide - column);
                ek_phases_of_group(&p, x, band, s, &down, &across, row, column, most);
            }
        }
    }
    return 1;
}

#endif
