/* Advanced SIMD: convolution of int8 inputs. Four taps lie together, of channels or of columns of the kernel, whichever makes
 * fewer fours. A band of outputs has its inputs laid so that the fours of four positions are a vector (ek_lay_fours.h). The
 * weights are packed so (edgekit.targets.c.packing.conv_weights): of each group, of each piece, [outputs / 4][rows][fours]
 * [4 outputs][4], filled up with zeros; the bias has what x_zero adds. */
#ifndef EK_CONV_TILES_GUARD
#define EK_CONV_TILES_GUARD

#include "ek_fours_of_one.h"
#include "ek_lay_fours.h"

#define EK_AT_ONCE (4 * EK_TILE_PANELS) /* outputs */
#define EK_WIDE (4 * EK_TILE_VECTORS) /* positions of a tile */
#define EK_SUMS_OUTPUTS 32 /* these two: of which sums are kept from piece to piece */
#define EK_SUMS_POSITIONS 64
#define EK_MANY_POSITIONS 16 /* from which on it pays to look at all weights before */

/* What the tiles of a band have in common. */
typedef struct {
    const int8_t *laid, *w;
    const ek_band *band;
    ptrdiff_t panel; /* bytes from four outputs to the next four */
    int32_t is_narrow;
} ek_tiling;

/* sums [EK_AT_ONCE][vectors] += the products at 4 * vectors positions from `at` on. */
static inline __attribute__((always_inline)) void ek_tile_sums(const ek_tiling *t, int32_t at, int32_t vectors,
                                                               int32x4_t *sums)
{
    const ek_band *const b = t->band;
    const int8_t *const x = t->laid + 4 * at;
    if (EK_FOURS_FIT || t->is_narrow) {
        ek_add_fours(x, b->at, b->step, t->w, t->panel, b->taps, b->fours, EK_TILE_PANELS, vectors, 1, sums);
    } else {
        ek_add_fours(x, b->at, b->step, t->w, t->panel, b->taps, b->fours, EK_TILE_PANELS, vectors, 0, sums);
    }
}

/* y [EK_AT_ONCE][plane] = the outputs of n tiles side by side. */
#define EK_TILES_OF(vectors)                                                                               \
    static __attribute__((noinline)) void ek_tiles_of_##vectors(const ek_tiling *t, int32_t at, int32_t n, \
                                                                const ek_eight *e, EK_Y *y, int32_t plane) \
    {                                                                                                      \
        const ek_limits limits = ek_limits_of(e);                                                          \
        const int32_t is_high = e->is_high;                                                                \
        for (; n > 0; n--, at += 4 * (vectors), y += 4 * (vectors)) {                                      \
            int32x4_t sums[EK_AT_ONCE * (vectors)];                                                        \
            EK_UNROLL for (int32_t i = 0; i < EK_AT_ONCE; i++)                                             \
            {                                                                                              \
                EK_UNROLL for (int32_t v = 0; v < (vectors); v++)                                          \
                {                                                                                          \
                    sums[i * (vectors) + v] = vld1q_dup_s32(e->bias + i);                                  \
                }                                                                                          \
            }                                                                                              \
            ek_tile_sums(t, at, vectors, sums);                                                            \
            if (is_high) {                                                                                 \
                EK_UNROLL for (int32_t i = 0; i < EK_AT_ONCE; i++)                                         \
                {                                                                                          \
                    EK_Y *const to = y + (ptrdiff_t)i * plane;                                             \
                    ek_vector_outputs(sums + i * (vectors), vectors, ek_factor_of(e, i), &limits, 1, to);  \
                }                                                                                          \
            } else {                                                                                       \
                EK_UNROLL for (int32_t i = 0; i < EK_AT_ONCE; i++)                                         \
                {                                                                                          \
                    EK_Y *const to = y + (ptrdiff_t)i * plane;                                             \
                    ek_vector_outputs(sums + i * (vectors), vectors, ek_factor_of(e, i), &limits, 0, to);  \
                }                                                                                          \
            }                                                                                              \
        }                                                                                                  \
    }
EK_TILES_OF(1)
EK_TILES_OF(2)
#if EK_TILE_VECTORS > 2
EK_TILES_OF(3)
#endif

/* y [EK_AT_ONCE][plane] = the outputs of n tiles of `wide` positions, 4 or a larger multiple. */
static inline void ek_tiles(const ek_tiling *t, int32_t at, int32_t wide, int32_t n, const ek_eight *e, EK_Y *y, int32_t plane)
{
    if (wide == 4) {
        ek_tiles_of_1(t, at, n, e, y, plane);
    } else if (wide == 8) {
        ek_tiles_of_2(t, at, n, e, y, plane);
    } else {
#if EK_TILE_VECTORS > 2
        ek_tiles_of_3(t, at, n, e, y, plane);
#endif
    }
}

/* y [rows][plane] = n outputs, 4 or more; the last tile begins inside the one before it. */
static inline void ek_band_outputs(const ek_tiling *t, int32_t n, const ek_eight *e, int32_t rows, EK_Y *y, int32_t plane)
{
    int32_t j = 0;
    if (rows == EK_AT_ONCE && n >= EK_WIDE) {
        ek_tiles(t, 0, EK_WIDE, n / EK_WIDE, e, y, plane);
        j = n / EK_WIDE * EK_WIDE;
    }
    while (j < n) {
        const int32_t wide = ek_min(ek_min((n - j + 3) & -4, EK_WIDE), n & -4), at = ek_min(j, n - wide);
        if (rows == EK_AT_ONCE) {
            ek_tiles(t, at, wide, 1, e, y + at, plane);
        } else {
            EK_Y made[EK_AT_ONCE * EK_WIDE];
            ek_tiles(t, at, wide, 1, e, made, EK_WIDE);
            for (int32_t r = 0; r < rows; r++) {
                memcpy(y + (ptrdiff_t)r * plane + at, made + r * EK_WIDE, (size_t)wide * sizeof(EK_Y));
            }
        }
        j = at + wide;
    }
}

/* sums [EK_AT_ONCE][EK_SUMS_POSITIONS] += the products of n positions, and of those behind up to a multiple of four. */
static __attribute__((noinline)) void ek_add_tiles(const ek_tiling *t, int32_t n, int32_t *sums)
{
    for (int32_t j = 0; j < n; j += 4) {
        int32x4_t four[EK_AT_ONCE];
        for (int32_t i = 0; i < EK_AT_ONCE; i++) {
            four[i] = vld1q_s32(sums + i * EK_SUMS_POSITIONS + j);
        }
        ek_tile_sums(t, j, 1, four);
        for (int32_t i = 0; i < EK_AT_ONCE; i++) {
            vst1q_s32(sums + i * EK_SUMS_POSITIONS + j, four[i]);
        }
    }
}

/* A group of a convolution: x and w are its own, c is the number of its first output. */
typedef struct {
    const int8_t *x, *w;
    const ek_scales *scales;
    const ek_conv_shape *s;
    const ek_places *to;
    EK_Y *y;
    int32_t c, is_narrow;
} ek_group;

static inline ptrdiff_t ek_panel_bytes(const ek_band *b)
{
    return (ptrdiff_t)16 * b->taps * b->fours;
}

/* n outputs from position number `first` on of a band that has all taps. */
static inline void ek_whole_outputs(const ek_group *g, const ek_band *b, const int8_t *laid, int32_t first, int32_t n)
{
    const int32_t outputs = g->s->out_c / g->s->groups, plane = g->s->out_h * g->s->out_w;
    for (int32_t o = 0; o < outputs; o += EK_AT_ONCE) {
        const int32_t rows = ek_min(EK_AT_ONCE, outputs - o);
        ek_eight e;
        ek_set_eight(g->scales, g->c + o, rows, &e);
        const ek_tiling t = {laid, g->w + o / 4 * ek_panel_bytes(b), b, rows > 4 ? ek_panel_bytes(b) : 0, g->is_narrow};
        ek_band_outputs(&t, n, &e, rows, g->y + (ptrdiff_t)(g->c + o) * plane + first, plane);
    }
}

/* y = n outputs of sums of `rows` channels from number c on, from position number `first` on, where they go. */
static inline void ek_place_outputs(const ek_group *g, const int32_t *sums, int32_t c, int32_t rows, int32_t first, int32_t n)
{
    const ek_conv_shape *const s = g->s;
    const ek_places beside = {(ptrdiff_t)s->out_h * s->out_w, s->out_w, 1}, *const to = g->to ? g->to : &beside;
    for (int32_t r = 0; r < rows; r++, sums += EK_SUMS_POSITIONS) {
        ek_eight e;
        ek_set_eight(g->scales, c + r, 1, &e);
        const ek_limits limits = ek_limits_of(&e);
        EK_Y *const y = g->y + (c + r) * to->plane, made[EK_SUMS_POSITIONS];
        int32_t oy = first / s->out_w, ox = first - oy * s->out_w;
        for (int32_t j = 0; j < n; j += 4) {
            const int32x4_t four = vld1q_s32(sums + j);
            ek_vector_outputs(&four, 1, ek_factor_of(&e, 0), &limits, 0, made + j);
        }
        for (int32_t j = 0; j < n; j++) {
            y[(ptrdiff_t)oy * to->down + ox * to->right] = made[j];
            if (++ox == s->out_w) {
                ox = 0, oy++;
            }
        }
    }
}

/* `rows` outputs from number o of the group on at the `n` positions of a band from (oy, ox) on, piece by piece. */
static __attribute__((noinline)) void ek_outputs_by_pieces(const ek_group *g, ek_piece piece, ek_band *b, int32_t oy,
                                                           int32_t ox, int32_t n, int32_t across, int32_t o, int32_t rows,
                                                           int8_t *laid)
{
    const int32_t panels = (g->s->out_c / g->s->groups + 3) / 4;
    int32_t sums[EK_SUMS_OUTPUTS * EK_SUMS_POSITIONS];
    const int8_t *w = g->w;
    for (int32_t r = 0; r < EK_SUMS_OUTPUTS; r++) {
        for (int32_t j = 0; j < n; j += 4) {
            vst1q_s32(sums + r * EK_SUMS_POSITIONS + j, vdupq_n_s32(r < rows ? g->scales->bias[g->c + o + r] : 0));
        }
    }
    do {
        ek_lay_out(g->s, &piece, b);
        ek_lay_band(g->x, g->scales->x_zero, g->s, &piece, b, oy, ox, across, laid);
        for (int32_t r = 0; r < rows; r += EK_AT_ONCE) {
            const ptrdiff_t panel = ek_panel_bytes(b);
            const ek_tiling t = {laid, w + (o + r) / 4 * panel, b, rows - r > 4 ? panel : 0, g->is_narrow};
            ek_add_tiles(&t, n, sums + r * EK_SUMS_POSITIONS);
        }
        w += panels * ek_panel_bytes(b);
    } while (ek_next_piece(g->s, &piece));
    ek_place_outputs(g, sums, g->c + o, rows, oy * g->s->out_w + ox, n);
}

/* All outputs of a group at its only position. */
static inline void ek_outputs_of_one(const ek_group *g, const ek_band *b, const int8_t *laid)
{
    const int32_t outputs = g->s->out_c / g->s->groups;
    const ek_scales *const s = g->scales;
    const int8_t *w = g->w;
    for (int32_t o = 0; o < outputs; o += 4, w += ek_panel_bytes(b)) {
        const int32_t rows = ek_min(4, outputs - o), c = g->c + o;
        int32x4_t four = vdupq_n_s32(0);
        int32_t sums[4];
        ek_fours_of_one(laid, w, b->taps * b->fours, 1, &four);
        vst1q_s32(sums, four);
        for (int32_t r = 0; r < rows; r++) {
            sums[r] += s->bias[c + r];
        }
        if (sizeof(EK_Y) == 1) {
            ek_outputs_s32_s8(sums, s->mult + c, s->shift + c, s->y_zero, s->y_min, s->y_max, (int8_t *)(void *)(g->y + c),
                              rows);
        } else {
            ek_outputs_s32_s16(sums, s->mult + c, s->shift + c, s->y_zero, s->y_min, s->y_max,
                               (int16_t *)(void *)(g->y + c), rows);
        }
    }
}

/* All outputs of a group. */
static inline void ek_group_outputs(const ek_group *g, const ek_piece *piece, int32_t is_whole, ek_band *b, int8_t *laid)
{
    const ek_conv_shape *const s = g->s;
    const int32_t outputs = s->out_c / s->groups;
    for (int32_t oy = 0; oy < s->out_h; oy += b->down) {
        for (int32_t ox = 0; ox < s->out_w; ox += b->across) {
            const int32_t across = ek_min(b->across, s->out_w - ox), n = ek_min(b->down, s->out_h - oy) * across;
            if (is_whole && (n >= 4 || s->out_h * s->out_w == 1)) {
                ek_lay_band(g->x, g->scales->x_zero, s, piece, b, oy, ox, across, laid);
                if (n >= 4) {
                    ek_whole_outputs(g, b, laid, oy * s->out_w + ox, n);
                } else {
                    ek_outputs_of_one(g, b, laid);
                }
                continue;
            }
            for (int32_t o = 0; o < outputs; o += EK_SUMS_OUTPUTS) {
                ek_outputs_by_pieces(g, *piece, b, oy, ox, n, across, o, ek_min(EK_SUMS_OUTPUTS, outputs - o), laid);
            }
        }
    }
}

/* All groups; outputs lie side by side where `to` is NULL. */
static __attribute__((noinline)) void ek_conv_tiles(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                    const ek_conv_shape *shape, const ek_places *to, int32_t strips)
{
    const ek_conv_shape s = to ? *shape : ek_conv_flatten(shape);
    const ek_piece piece = ek_first_piece(&s, strips);
    const ptrdiff_t bytes = ek_group_bytes(&s, piece);
    const int32_t plane = s.out_h * s.out_w;
    ek_piece next = piece;
    const int32_t is_whole = !ek_next_piece(&s, &next) && !to;
    ek_group g = {x, w, scales, &s, to, y, 0, plane >= EK_MANY_POSITIONS && ek_fours_are_narrow(w, s.groups * bytes)};
    int8_t laid[EK_LAID + EK_LAID_BEHIND];
    ek_band b;
    ek_band_of(&s, &piece, is_whole ? plane : EK_SUMS_POSITIONS, EK_WIDE, &b);
    for (int32_t i = 0; i < s.groups; i++) {
        ek_group_outputs(&g, &piece, is_whole, &b, laid);
        g.c += s.out_c / s.groups, g.w += bytes;
        g.x += (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    }
}

#endif
