/* Sums of convolutions by the tiles of ek_amx.h: weights of 16 outputs are the left operand, a strip of positions is the
 * right one. Weights are packed for it (edgekit.targets.c.packing.conv_weights): [groups of the convolution][outputs / 16]
 * [groups of four / 16][16 outputs][16 groups of four], filled up with zeros. */
#ifndef EK_CONV_AMX_GUARD
#define EK_CONV_AMX_GUARD

#include "ek_amx.h"
#include "ek_conv_shape.h"
#include "ek_lanes.h"

#define EK_AMX_LEAST 3000 /* products of vectors in the time that begins and ends the use of tiles */
#define EK_AMX_TILE 1024    /* bytes */
#define EK_AMX_VECTORS 4    /* of positions at most */
#define EK_AMX_OUTPUTS 256  /* whose sums are held */
#define EK_AMX_NEAR 24576   /* bytes of a strip that stay in the first cache */

/* Whether weights of so many groups of four, outputs and positions are packed for tiles, which take less time then. */
static inline int ek_amx_takes(int32_t groups, int32_t outputs, ptrdiff_t positions)
{
    return groups >= 4 && outputs >= 8 && (int64_t)((positions + 15) / 16) * groups * outputs >= EK_AMX_LEAST;
}

/* Tiles of one row of 16 outputs. */
static inline int32_t ek_amx_tiles(int32_t groups)
{
    return (groups + EK_AMX_GROUPS - 1) / EK_AMX_GROUPS;
}

/* Bytes of the weights of `outputs` outputs, of `row` bytes each before they are packed. */
static inline ptrdiff_t ek_amx_group(int32_t outputs, int32_t row, ptrdiff_t positions)
{
    const ptrdiff_t tiles = (ptrdiff_t)ek_amx_tiles(row / 4) * ((outputs + 15) / 16);
    return ek_amx_takes(row / 4, outputs, positions) ? tiles * EK_AMX_TILE : (ptrdiff_t)outputs * row;
}

/* Around a layer that takes tiles of 16 rows. */
static inline void ek_amx_begin(int32_t groups, int32_t outputs, ptrdiff_t positions)
{
    if (ek_amx_takes(groups, outputs, positions) && ek_amx_ready()) {
        ek_amx_configure(16);
    }
}

static inline void ek_amx_end(int32_t groups, int32_t outputs, ptrdiff_t positions)
{
    if (ek_amx_takes(groups, outputs, positions) && ek_amx_ready()) {
        EK_AMX_RELEASE();
    }
}

/* sums [16][vectors] of 16 outputs = what they were, unless `is_first`, and weights w times a part of a strip. */
EK_INLINE void ek_amx_sums(const int8_t *w, const __m512i *strip, int32_t tiles, int32_t vectors, int is_first, __m512i *sums)
{
#define EK_AMX_BEGIN(v)                             \
    if (is_first) {                                 \
        EK_AMX_ZERO(v);                             \
    } else {                                        \
        EK_AMX_LOAD(v, sums + (v), 64 * vectors);   \
    }
    EK_AMX_BEGIN(0)
    if (vectors > 1) {
        EK_AMX_BEGIN(1)
    }
    if (vectors > 2) {
        EK_AMX_BEGIN(2)
    }
    if (vectors > 3) {
        EK_AMX_BEGIN(3)
    }
    for (int32_t i = 0; i < tiles; i++, w += EK_AMX_TILE, strip += EK_AMX_GROUPS * vectors) {
        EK_AMX_LOAD(4, w, 64);
        EK_AMX_LOAD(5, strip, 64 * vectors);
        EK_AMX_RIGHT_UNSIGNED(0, 4, 5);
        if (vectors > 1) {
            EK_AMX_LOAD(6, strip + 1, 64 * vectors);
            EK_AMX_RIGHT_UNSIGNED(1, 4, 6);
        }
        if (vectors > 2) {
            EK_AMX_LOAD(7, strip + 2, 64 * vectors);
            EK_AMX_RIGHT_UNSIGNED(2, 4, 7);
        }
        if (vectors > 3) {
            EK_AMX_LOAD(5, strip + 3, 64 * vectors);
            EK_AMX_RIGHT_UNSIGNED(3, 4, 5);
        }
    }
    EK_AMX_STORE(0, sums, 64 * vectors);
    if (vectors > 1) {
        EK_AMX_STORE(1, sums + 1, 64 * vectors);
    }
    if (vectors > 2) {
        EK_AMX_STORE(2, sums + 2, 64 * vectors);
    }
    if (vectors > 3) {
        EK_AMX_STORE(3, sums + 3, 64 * vectors);
    }
}

/* The same of one vector of positions for 64 outputs, whose weights are `apart` bytes from those of 16 to the next. */
EK_INLINE void ek_amx_sums_of_many(const int8_t *w, ptrdiff_t apart, const __m512i *strip, int32_t tiles, int is_first,
                                   __m512i *sums)
{
    if (is_first) {
        EK_AMX_ZERO(0);
        EK_AMX_ZERO(1);
        EK_AMX_ZERO(2);
        EK_AMX_ZERO(3);
    } else {
        EK_AMX_LOAD(0, sums, 64);
        EK_AMX_LOAD(1, sums + 16, 64);
        EK_AMX_LOAD(2, sums + 32, 64);
        EK_AMX_LOAD(3, sums + 48, 64);
    }
    for (int32_t i = 0; i < tiles; i++, w += EK_AMX_TILE, strip += EK_AMX_GROUPS) {
        EK_AMX_LOAD(5, strip, 64);
        EK_AMX_LOAD(4, w, 64);
        EK_AMX_RIGHT_UNSIGNED(0, 4, 5);
        EK_AMX_LOAD(4, w + apart, 64);
        EK_AMX_RIGHT_UNSIGNED(1, 4, 5);
        EK_AMX_LOAD(4, w + 2 * apart, 64);
        EK_AMX_RIGHT_UNSIGNED(2, 4, 5);
        EK_AMX_LOAD(4, w + 3 * apart, 64);
        EK_AMX_RIGHT_UNSIGNED(3, 4, 5);
    }
    EK_AMX_STORE(0, sums, 64);
    EK_AMX_STORE(1, sums + 16, 64);
    EK_AMX_STORE(2, sums + 32, 64);
    EK_AMX_STORE(3, sums + 48, 64);
}

/* The same as `ek_amx_sums` without tiles. */
EK_INLINE void ek_amx_sums_without(const int8_t *w, const __m512i *strip, int32_t tiles, int32_t vectors, int is_first,
                                   __m512i *sums)
{
    for (int32_t r = 0; r < 16; r++, sums += vectors, w += 4 * EK_AMX_GROUPS) {
        const __m512i *x = strip;
        for (int32_t v = 0; v < vectors && is_first; v++) {
            sums[v] = _mm512_setzero_si512();
        }
        for (int32_t i = 0; i < tiles; i++) {
            for (int32_t g = 0; g < EK_AMX_GROUPS; g++, x += vectors) {
                int32_t taps;
                memcpy(&taps, w + i * EK_AMX_TILE + 4 * g, 4);
                for (int32_t v = 0; v < vectors; v++) {
                    sums[v] = _mm512_dpbusd_epi32(sums[v], x[v], _mm512_set1_epi32(taps));
                }
            }
        }
    }
}

/* What a call has in common: tiles of weights, bias, sizes; `call` is for `part` and `make`. `part` returns a part of the
 * strip [groups][vectors], of `count` groups from number `first` on, filled up to whole tiles; it may use `room` for it.
 * `make` makes an output of its sums [vectors] with bias. */
typedef struct {
    const int8_t *w;
    const EK_ACC *bias;
    int32_t groups, outputs, vectors;
    const void *call;
    const __m512i *(*part)(const void *call, int32_t first, int32_t count, __m512i *room);
    void (*make)(const void *call, int32_t output, const __m512i *sums);
} ek_amx_layer;

/* Outputs o..end - 1, of sums [end - o][vectors] without their bias. */
EK_INLINE void ek_amx_outputs(const ek_amx_layer *l, const __m512i *sums, int32_t o, int32_t end)
{
    for (; o < end; o++, sums += l->vectors) {
        __m512i own[EK_AMX_VECTORS];
        EK_UNROLLED
        for (int32_t v = 0; v < l->vectors; v++) {
            own[v] = _mm512_add_epi32(sums[v], _mm512_set1_epi32((int32_t)l->bias[o]));
        }
        l->make(l->call, o, own);
    }
}

/* Zeros behind a part [groups][vectors], up to whole tiles. */
static inline void ek_amx_fill_up(__m512i *part, int32_t groups, int32_t vectors)
{
    for (int32_t i = groups * vectors; i % (EK_AMX_GROUPS * vectors); i++) {
        part[i] = _mm512_setzero_si512();
    }
}

/* All outputs of a strip. A part of it stays near while all outputs take it; outputs are made while the next sums are. */
EK_INLINE void ek_amx_strip(const ek_amx_layer *l)
{
    const int32_t tiles = ek_amx_tiles(l->groups), vectors = l->vectors, together = EK_AMX_NEAR / (EK_AMX_TILE * vectors);
    const int32_t has_tiles = ek_amx_ready();
    __m512i sums[EK_AMX_OUTPUTS * EK_AMX_VECTORS], room[EK_AMX_NEAR / 64];
    for (int32_t first = 0; first < l->outputs; first += EK_AMX_OUTPUTS) {
        const int32_t last = ek_min(first + EK_AMX_OUTPUTS, l->outputs);
        for (int32_t t = 0; t < tiles; t += together) {
            const int32_t now = ek_min(together, tiles - t), is_end = t + now == tiles, group = t * EK_AMX_GROUPS;
            const __m512i *const part = l->part(l->call, group, ek_min(now * EK_AMX_GROUPS, l->groups - group), room);
            int32_t before = first;
            for (int32_t o = first, rows; o < last; o += rows) {
                const int8_t *const w = l->w + ((ptrdiff_t)(o / 16) * tiles + t) * EK_AMX_TILE;
                __m512i *const to = sums + (o - first) * vectors;
                rows = has_tiles && vectors == 1 && last - o > 48 ? 64 : 16;
                if (rows == 64) {
                    ek_amx_sums_of_many(w, (ptrdiff_t)tiles * EK_AMX_TILE, part, now, t == 0, to);
                } else if (has_tiles) {
                    ek_amx_sums(w, part, now, vectors, t == 0, to);
                } else {
                    ek_amx_sums_without(w, part, now, vectors, t == 0, to);
                }
                if (is_end) {
                    ek_amx_outputs(l, sums + (before - first) * vectors, before, o);
                    before = o;
                }
            }
            if (is_end) {
                ek_amx_outputs(l, sums + (before - first) * vectors, before, last);
            }
        }
    }
}

#endif
