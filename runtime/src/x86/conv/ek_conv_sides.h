/* Outputs of float convolutions side by side: of every tap of a block their rows are copied, one behind the other. Then no
 * lane is of what lies between rows, and what products read lies together. */
#ifndef EK_CONV_SIDES_GUARD
#define EK_CONV_SIDES_GUARD

#include "ek_conv_strips.h"

#define EK_SIDE_COST 6 /* of a copy, in vectors of products */
#define EK_SIDE_FLOATS (2048 * EK_TILE_VECTORS)
#define EK_SIDE_TAPS (2048 / EK_LANES)
#define EK_SIDE_NARROW 4    /* columns below which each vector is picked from two, ek_conv_strips.h */
#define EK_SIDE_REST (EK_SOME_VECTORS == 1 ? 2 : 0) /* vectors' time that one that is not whole takes more in place */
#define EK_SIDE_PAGE 1024   /* floats: of channels that lie so far apart few fit into the nearest cache */
#define EK_SIDE_OUTPUTS 48  /* from which on copies of such channels pay */

/* Copies of a tap's row for some vectors: n [count] floats at `from` go to `to`, whole vectors where `whole`. */
typedef struct {
    int32_t count, whole;
    int32_t from[EK_TILE_VECTORS * EK_LANES], to[EK_TILE_VECTORS * EK_LANES], n[EK_TILE_VECTORS * EK_LANES];
} ek_copies;

/* Whether copies take less time than the positions between rows do, or the last ones by themselves, or channels that push
 * each other out of the cache. */
static inline int ek_sides_pay(const ek_conv_shape *s, const ek_bands *b)
{
    const int32_t outputs = s->out_c / s->groups, n = b->rows * b->columns, dense = (n + EK_LANES - 1) / EK_LANES;
    const int32_t copies = b->rows * ((b->columns + EK_LANES - 1) / EK_LANES), in_place = b->layout == EK_IN_PLACE;
    int32_t spread = ((b->rows - 1) * b->pitch + b->columns + (in_place ? 0 : EK_LANES - 1)) / EK_LANES;
    spread = b->columns % EK_LANES == 0 ? dense : ek_max(spread + (in_place ? EK_SIDE_REST : 0), dense);
    if (b->layout == EK_BY_TAPS || s->k_h * s->k_w > EK_SIDE_TAPS) {
        return 0;
    }
    if (!in_place && b->columns < EK_SIDE_NARROW) {
        return ek_strip_pays(s, b);
    }
    if (in_place && s->in_h * s->in_w >= EK_SIDE_PAGE && outputs >= EK_SIDE_OUTPUTS) {
        return 1;
    }
    return EK_SIDE_COST * copies < (spread - dense) * outputs;
}

/* Taps of a block whose sides have room: of equal parts of all inputs. */
static inline int32_t ek_side_block(int32_t block, int32_t inputs, int32_t kernel)
{
    const int32_t most = ek_min(block, EK_SIDE_TAPS) / kernel, parts = (inputs + most - 1) / most;
    return (inputs + parts - 1) / parts * kernel;
}

/* Of outputs at.. of n in rows of `columns`, so many vectors. In place nothing behind a row may be read, elsewhere it may. */
static inline void ek_copies_of(const ek_bands *b, int32_t columns, int32_t at, int32_t n, int32_t vectors, ek_copies *p)
{
    const int32_t end = ek_min(vectors * EK_LANES, n - at), exact = b->layout == EK_IN_PLACE;
    p->count = 0;
    p->whole = 1;
    for (int32_t to = 0, left = 0, from = 0; to < vectors * EK_LANES; p->count++) {
        int32_t step = EK_LANES;
        if (left <= 0 && to < end) { /* a row begins */
            const int32_t column = (at + to) % columns;
            from = (at + to) / columns * b->pitch + column;
            left = ek_min(columns - column, end - to);
        }
        p->from[p->count] = from;
        p->to[p->count] = to;
        p->n[p->count] = exact ? ek_max(ek_min(left, EK_LANES), 0) : EK_LANES;
        p->whole = p->whole && p->n[p->count] == EK_LANES;
        step = left > 0 ? ek_min(left, EK_LANES) : EK_LANES;
        left -= step;
        from += left > 0 ? step : 0;
        to += step;
    }
}

/* side [taps][EK_TILE_VECTORS] = as many floats of each tap from `band` on, where they lie side by side; those of the next tile
 * are asked for. */
static inline void ek_sides_run(const float *band, const int32_t *offset, int32_t taps, float *side)
{
    for (int32_t t = 0; t < taps; t++, side += EK_TILE_VECTORS * EK_LANES) {
        const float *const x = band + offset[t];
        for (int32_t v = 0; v < EK_TILE_VECTORS; v++) {
            EK_SOON(x + (EK_TILE_VECTORS + v) * EK_LANES);
            ek_v_store(side + v * EK_LANES, ek_v_load(x + v * EK_LANES));
        }
    }
}

/* side [taps][vectors] = a tap of each output, from a band at the taps' offsets; a vector behind it is written, too. */
static inline void ek_copies_do(const ek_copies *p, const float *band, const int32_t *offset, int32_t taps, int32_t vectors,
                                float *side)
{
    for (int32_t t = 0; t < taps; t++, side += vectors * EK_LANES) {
        const float *const x = band + offset[t];
        for (int32_t i = 0; i < p->count && p->whole; i++) {
            ek_v_store(side + p->to[i], ek_v_load(x + p->from[i]));
        }
        for (int32_t i = 0; i < p->count && !p->whole; i++) {
            ek_v_store(side + p->to[i], ek_v_load_some(x + p->from[i], p->n[i]));
        }
    }
}

#endif
