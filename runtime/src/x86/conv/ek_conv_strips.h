/* Narrow pictures in convolutions over ek_conv_bands.h, of elements of 4 bytes. Rows with their padding are filled some at
 * a time, and the positions that are outputs are put side by side, tap by tap: else many lanes would have none. */
#ifndef EK_CONV_STRIPS_GUARD
#define EK_CONV_STRIPS_GUARD

#include "ek_conv_bands.h"

#define EK_STRIP_VECTORS 3
#define EK_STRIP_TAPS (2048 / EK_LANES)      /* of a strip of floats */
#define EK_STRIP_COST (EK_LANES < 16 ? 7 : 5) /* of a vector of a tap, in vectors of products */
#define EK_STRIP_NARROW 24 /* pitch below which rows are filled some at a time */
#define EK_SPREADS 1024

/* Of vectors of a plane: lanes that are inside of x, side by side there, and the first one's place in a channel. */
typedef struct {
    int32_t count, from[EK_SPREADS];
    uint16_t in[EK_SPREADS];
} ek_spread;

/* Whether the plane of a band with its first row at `top` and column at `left` holds whole rows of x; then they are p. */
static inline int ek_spread_of(const ek_conv_shape *s, const ek_bands *b, int32_t top, int32_t left, ek_spread *p)
{
    const int32_t size = b->height * b->pitch, end = s->in_w - left;
    int32_t row = 0, column = 0;
    p->count = (size + EK_LANES - 1) / EK_LANES;
    if (b->layout != EK_BY_PLANES || s->stride_h != 1 || s->stride_w != 1 || b->pitch >= EK_STRIP_NARROW || left > 0
        || end > b->pitch || p->count > EK_SPREADS) {
        return 0;
    }
    for (int32_t i = 0; i < p->count; i++) {
        p->from[i] = 0;
        p->in[i] = 0;
        for (int32_t j = 0; j < EK_LANES; j++) {
            const int32_t iy = top + row, inside = iy >= 0 && iy < s->in_h && column >= -left && column < end;
            if (inside && row < b->height) {
                p->from[i] = p->in[i] ? p->from[i] : iy * s->in_w + left + column;
                p->in[i] |= (uint16_t)(1u << j);
            }
            column = column + 1 == b->pitch ? 0 : column + 1;
            row += column == 0;
        }
    }
    return 1;
}

/* band = planes of `size` of `channels` channels of x, and the slack behind them. */
static inline void ek_spread_fill(const ek_spread *p, const float *x, const ek_conv_shape *s, int32_t channels,
                                  int32_t size, float *band)
{
    for (int32_t c = 0; c < channels; c++, x += (ptrdiff_t)s->in_h * s->in_w, band += size) {
        for (int32_t i = 0; i < p->count; i++) {
            ek_v_store(band + i * EK_LANES, ek_v_load_spread(x + p->from[i], p->in[i]));
        }
    }
    for (int32_t i = 0; i < EK_BANDS_SLACK; i += EK_LANES) {
        ek_v_store(band + i, ek_v_zero());
    }
}

/* The outputs of some vectors within a band: lanes of two vectors that begin at `base`. */
typedef struct {
    ek_picks lane[EK_STRIP_VECTORS];
    int32_t base[EK_STRIP_VECTORS];
} ek_strip;

/* Whether strips are possible, a vector of outputs lying within two of the band, and take less time than the positions
 * between rows do. */
static inline int ek_strip_pays(const ek_conv_shape *s, const ek_bands *b)
{
    const int32_t outputs = s->out_c / s->groups, dense = (b->rows * b->columns + EK_LANES - 1) / EK_LANES;
    const int32_t spread = ((b->rows - 1) * b->pitch + b->columns + EK_LANES - 1) / EK_LANES;
    const int32_t ends = (b->columns + EK_LANES - 2) / b->columns; /* of rows, within a vector of outputs */
    return b->layout == EK_BY_PLANES && b->columns == s->out_w && s->k_h * s->k_w <= EK_STRIP_TAPS
           && EK_LANES - 1 + ends * (b->pitch - b->columns) < 2 * EK_LANES && EK_STRIP_COST * dense < (spread - dense) * outputs;
}

/* Outputs first.. of a band. */
static inline void ek_strip_of(const ek_bands *b, int32_t first, int32_t vectors, ek_strip *p)
{
    for (int32_t v = 0; v < vectors; v++) {
        int32_t row = (first + v * EK_LANES) / b->columns, column = (first + v * EK_LANES) % b->columns;
        int32_t lanes[EK_LANES];
        p->base[v] = row * b->pitch + column;
        for (int32_t j = 0; j < EK_LANES; j++) {
            lanes[j] = row * b->pitch + column - p->base[v];
            column = column + 1 == b->columns ? 0 : column + 1;
            row += column == 0;
        }
        p->lane[v] = ek_picks_load(lanes);
    }
}

/* strip [taps][vectors] = a tap of each output, from a band at the taps' offsets. */
static inline void ek_strip_fill(const ek_strip *p, const void *band, const int32_t *offset, int32_t taps,
                                 int32_t vectors, void *strip)
{
    const float *const from = (const float *)band;
    float *to = (float *)strip;
    for (int32_t t = 0; t < taps; t++) {
        for (int32_t v = 0; v < vectors; v++, to += EK_LANES) {
            const float *const x = from + offset[t] + p->base[v];
            ek_v_store(to, ek_v_pick(ek_v_load(x), ek_v_load(x + EK_LANES), p->lane[v]));
        }
    }
}

#endif
