/* Tiles of float products whose vectors are of output channels: positions and panels of channels whose sums are in registers,
 * and what sums become. */
#ifndef EK_CHANNEL_TILES_GUARD
#define EK_CHANNEL_TILES_GUARD

#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_APART static __attribute__((noinline)) /* whose loop gets all registers */
#define EK_KERNEL 1024
#define EK_MOST_PANELS 4 /* vectors of channels of a tile */

/* What all tiles share: `kernel` offsets of taps of one input; how far inputs, positions and panels of weights lie apart, and
 * channels of outputs; room for sums of so many positions. */
typedef struct {
    int32_t offset[EK_KERNEL];
    int32_t kernel, inputs, kept;
    ptrdiff_t x_plane, x_step, w_panel, plane;
    const ek_epilogue *epilogue;
    float *sums; /* [EK_MOST_PANELS][kept][EK_LANES] */
} ek_lot;

/* sums [n][EK_LANES] of n <= EK_LANES positions become outputs of `count` channels. */
EK_APART void ek_lot_turn(const ek_lot *lot, const float *sums, int32_t n, float *y, int32_t count)
{
    const ek_epilogue *const e = lot->epilogue;
    const ek_v a = ek_v_all(e->a), b = ek_v_all(e->b);
    ek_v turned[EK_LANES];
    for (int32_t i = 0; i < EK_LANES; i++) {
        turned[i] = i < n ? ek_v_load(sums + i * EK_LANES) : ek_v_zero();
    }
    ek_v_turn(turned);
    for (int32_t i = 0; i < count; i++, y += lot->plane) {
        ek_v v = turned[i];
        v = e->add ? ek_v_add(v, ek_v_load_some(e->add + (y - e->y), n)) : v;
        v = e->act == EK_NO_ACT ? v : ek_v_act(v, e->act, a, b);
        ek_v_store_some(y, v, n);
    }
}

/* sums [panels][kept][EK_LANES] of `positions` outputs of `count` channels, whose weights are `panels` vectors of a tap. */
EK_INLINE void ek_lot_tile(const ek_lot *lot, const float *x, const float *w, const float *bias, float *sums, int32_t count,
                           int32_t positions, int32_t panels)
{
    const ptrdiff_t x_step = lot->x_step, w_panel = lot->w_panel, kept = lot->kept;
    const int32_t kernel = lot->kernel;
    ek_v acc[2 * EK_TILE_POSITIONS];
    for (int32_t p = 0; p < panels; p++) {
        const ek_v start = bias ? ek_v_load_some(bias + p * EK_LANES, count - p * EK_LANES) : ek_v_zero();
        for (int32_t r = 0; r < positions; r++) {
            acc[r * panels + p] = start;
        }
    }
    for (int32_t c = 0; c < lot->inputs; c++, x += lot->x_plane) {
        for (int32_t t = 0; t < kernel; t++, w += EK_LANES) {
            const float *const taken = x + lot->offset[t];
            ek_v own[EK_MOST_PANELS];
            for (int32_t p = 0; p < panels; p++) {
                own[p] = ek_v_load(w + p * w_panel);
            }
            for (int32_t r = 0; r < positions; r++) {
                const ek_v tap = ek_v_all(taken[r * x_step]);
                for (int32_t p = 0; p < panels; p++) {
                    acc[r * panels + p] = ek_v_fma(tap, own[p], acc[r * panels + p]);
                }
            }
        }
    }
    for (int32_t p = 0; p < panels; p++, sums += kept * EK_LANES) {
        for (int32_t r = 0; r < positions; r++) {
            ek_v_store(sums + r * EK_LANES, acc[r * panels + p]);
        }
    }
}

typedef void ek_tile(const ek_lot *lot, const float *x, const float *w, const float *bias, float *sums, int32_t count);
#define EK_TILE(N, PANELS) \
    EK_APART void ek_tile_##N##_##PANELS(const ek_lot *lot, const float *x, const float *w, const float *bias, float *sums, \
                                         int32_t count) \
    { \
        ek_lot_tile(lot, x, w, bias, sums, count, N, PANELS); \
    }
#define EK_TILES(N) EK_TILE(N, 1) EK_TILE(N, 2)
#define EK_NAMES(N, WIDE) {ek_tile_##N##_1, ek_tile_##N##_2, ek_tile_##N##_##WIDE}

EK_TILE(1, 4) EK_TILE(2, 4)
EK_TILES(1) EK_TILES(2) EK_TILES(3) EK_TILES(4) EK_TILES(5) EK_TILES(6)
#if EK_TILE_POSITIONS > 6
EK_TILES(7) EK_TILES(8) EK_TILES(9) EK_TILES(10) EK_TILES(11) EK_TILES(12) EK_TILES(13) EK_TILES(14)
#endif

/* By positions, and by panels: one, two, or as many as there are sums for. */
static ek_tile *const ek_tiles[EK_TILE_POSITIONS][3] = {
    EK_NAMES(1, 4), EK_NAMES(2, 4), EK_NAMES(3, 2), EK_NAMES(4, 2), EK_NAMES(5, 2), EK_NAMES(6, 2),
#if EK_TILE_POSITIONS > 6
    EK_NAMES(7, 2), EK_NAMES(8, 2), EK_NAMES(9, 2), EK_NAMES(10, 2), EK_NAMES(11, 2), EK_NAMES(12, 2),
    EK_NAMES(13, 2), EK_NAMES(14, 2),
#endif
};

#endif
