/* Convolution over EK_X and EK_Y, as that of floats in ek_conv_bands.h: an element of a band is a pair of int16, which
 * vpmaddwd takes at once: a position of two channels, or of one int8 channel two neighbouring taps of a row. The band has all
 * channels, so that the sums of some outputs and some vectors of positions stay in registers to their end. Weights of
 * channels are packed so (edgekit.targets.c.packing.conv_paths): [out_c][channels / 2][k_h][k_w][2]. */
#ifndef EK_CONV_PAIRS_GUARD
#define EK_CONV_PAIRS_GUARD

#include "ek_bits.h"
#include "ek_conv_bands.h"
#include "ek_pairs_fill.h"
#include "ek_rows.h"

#define EK_PAIRS_BAND 12288
#define EK_PAIRS_ROOM (EK_PAIRS_BAND - EK_BANDS_SLACK)
#define EK_PAIRS_POSITIONS 2048 /* of a band, at most */
#define EK_PAIRS_TILES (EK_PAIRS_POSITIONS / (EK_PAIRS_VECTORS * EK_WIDTH) + 3)
#define EK_PAIRS_ROWS 4 /* of so many vectors each: their sums stay in registers */
#define EK_PAIRS_VECTORS 3
#define EK_PAIRS_WEIGHTS 8192 /* bytes of those of one channel */

/* What a call has in common, for one group of channels; `pairs` [count] elements `step` apart, each of `kernel` taps at
 * their offsets. */
typedef struct {
    const int32_t *band, *offset;
    const int8_t *w;
    const EK_ACC *bias;
    const int32_t *mult;
    const uint8_t *shift;
    int32_t count, kernel, step, outputs, y_zero, y_min, y_max;
    ptrdiff_t plane;
} ek_pair_layer;

/* Lanes of v that are in, side by side. */
EK_INLINE void ek_pairs_place(ek_i v, uint32_t in, EK_Y *y)
{
    int32_t n = EK_WIDTH;
    if (in != EK_ALL_IN) {
        const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
        v = _mm256_permutevar8x32_epi32(v, _mm256_srlv_epi32(_mm256_set1_epi32((int32_t)ek_lanes_in[in]), shifts));
        n = ek_count_in(in);
    }
    if (sizeof(EK_Y) == 2) {
        ek_i_store_s16((int16_t *)(void *)y, v, n);
        return;
    }
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packs_epi16(words, words));
    if (n == EK_WIDTH) {
        memcpy(y, &bytes, 8);
    } else if (n >= 4) { /* the first four, and the last four */
        memcpy(y, &bytes, 4);
        bytes >>= 8 * (n - 4);
        memcpy(y + n - 4, &bytes, 4);
    } else {
        for (int32_t i = 0; i < n; i++, bytes >>= 8) {
            y[i] = (EK_Y)(int8_t)(uint8_t)bytes;
        }
    }
}

/* The same of requantized sums. */
EK_INLINE void ek_pairs_store(ek_i sum, const ek_pair_layer *f, int32_t mult, int32_t shift, uint32_t in, EK_Y *y)
{
    const ek_i q = ek_i_add(ek_i_requantize_all(sum, mult, shift), ek_i_all(f->y_zero));
    ek_pairs_place(ek_i_clamp(q, ek_i_all(f->y_min), ek_i_all(f->y_max)), in, y);
}

/* acc [rows][vectors] += products of taps.., `kernel` of them, of `count` pairs of channels from number `first` on. */
EK_INLINE void ek_pairs_sums(const ek_pair_layer *f, const int32_t *const *x, int32_t o, int32_t rows, int32_t vectors,
                             int32_t first, int32_t count, int32_t tap, int32_t kernel, ek_i *acc)
{
    const ptrdiff_t step = 2 * (ptrdiff_t)f->count * f->kernel;
    const int8_t *w = f->w + o * step + 2 * ((ptrdiff_t)first * f->kernel + tap);
    for (int32_t c = first; c < first + count; c++, w += 2 * (f->kernel - kernel)) {
        for (int32_t t = tap; t < tap + kernel; t++, w += 2) {
            const ptrdiff_t at = (ptrdiff_t)c * f->step + f->offset[t];
            ek_i taken[EK_MOST_VECTORS];
            for (int32_t v = 0; v < vectors; v++) {
                taken[v] = _mm256_loadu_si256((const __m256i *)(const void *)(x[v] + at));
            }
            for (int32_t r = 0; r < rows; r++) {
                int16_t both;
                memcpy(&both, w + r * step, 2);
                const ek_i taps = _mm256_cvtepi8_epi16(_mm_set1_epi16(both));
                for (int32_t v = 0; v < vectors; v++) {
                    ek_i *const sum = acc + r * vectors + v;
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(taken[v], taps));
                }
            }
        }
    }
}

#if EK_BITS(EK_X) == 16
#include "ek_pairs_wide.h"
#endif

/* Outputs from number o on, `rows` of them, of `vectors` vectors of positions. */
EK_INLINE void ek_pairs_tile(const ek_pair_layer *f, const ek_places *p, int32_t o, int32_t rows, int32_t vectors, EK_Y *y)
{
    const int32_t *x[EK_MOST_VECTORS];
    ek_i acc[EK_PAIRS_ROWS * EK_PAIRS_VECTORS];
    for (int32_t v = 0; v < vectors; v++) {
        x[v] = f->band + p->from[v];
    }
#if EK_BITS(EK_X) == 16
    if (!ek_pairs_fit(f, o, rows)) {
        ek_pairs_wide(f, x, p, o, rows, vectors, acc, y);
        return;
    }
#endif
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t v = 0; v < vectors; v++) {
            acc[r * vectors + v] = ek_i_all((int32_t)f->bias[o + r]);
        }
    }
    ek_pairs_sums(f, x, o, rows, vectors, 0, f->count, 0, f->kernel, acc);
    for (int32_t r = 0; r < rows; r++) {
        int32_t mult = f->mult[o + r], shift = f->shift[o + r];
#if EK_BITS(EK_X) == 16
        shift = ek_pairs_lift(shift, &mult);
#endif
        for (int32_t v = 0; v < vectors; v++) {
            ek_pairs_store(acc[r * vectors + v], f, mult, shift, p->in[v], y + (o + r) * f->plane + p->at[v]);
        }
    }
}

/* The same of all outputs. */
EK_INLINE void ek_pairs_column(const ek_pair_layer *own, const ek_places *p, int32_t vectors, EK_Y *y)
{
    const ek_pair_layer f = *own; /* which stores cannot change */
    const int32_t most = vectors == 2 ? EK_PAIRS_ROWS * 3 / 2 : EK_PAIRS_ROWS;
    int32_t o = 0;
    for (; o + most <= f.outputs; o += most) {
        ek_pairs_tile(&f, p, o, most, vectors, y);
    }
    for (; most > 4 && o + 4 <= f.outputs; o += 4) {
        ek_pairs_tile(&f, p, o, 4, vectors, y);
    }
    for (; o < f.outputs; o++) {
        ek_pairs_tile(&f, p, o, 1, vectors, y);
    }
}

static __attribute__((noinline)) void ek_pairs_1(const ek_pair_layer *f, const ek_places *p, EK_Y *y)
{
    ek_pairs_column(f, p, 1, y);
}

static __attribute__((noinline)) void ek_pairs_2(const ek_pair_layer *f, const ek_places *p, EK_Y *y)
{
    ek_pairs_column(f, p, 2, y);
}

static __attribute__((noinline)) void ek_pairs_3(const ek_pair_layer *f, const ek_places *p, EK_Y *y)
{
    ek_pairs_column(f, p, EK_PAIRS_VECTORS, y);
}

static __attribute__((noinline)) void ek_pairs_alone(const ek_pair_layer *f, const ek_places *p, EK_Y *y)
{
    ek_pairs_tile(f, p, 0, 1, EK_MOST_VECTORS, y);
}

/* Vectors of a tile, and where they are. */
typedef struct {
    int32_t count, vectors[EK_PAIRS_TILES];
    ek_places places[EK_PAIRS_TILES];
} ek_pairs_tiles;

/* The tiles of a band of which all groups have as many. */
static inline void ek_pairs_tiles_of(const ek_bands *b, int32_t rows, int32_t columns, int32_t outputs, ek_pairs_tiles *t)
{
    const int32_t in_rows = columns % EK_LANES == 0, n = (rows - 1) * b->pitch + columns;
    const int32_t vectors = in_rows ? rows * columns / EK_LANES : (n + EK_LANES - 1) / EK_LANES;
    t->count = 0;
    for (int32_t at = 0, now; at < vectors; at += now, t->count++) {
        const int32_t left = vectors - at;
        now = left == EK_PAIRS_VECTORS + 1 ? 2 : ek_min(left, EK_PAIRS_VECTORS);
        now = outputs == 1 && left >= EK_MOST_VECTORS ? EK_MOST_VECTORS : now;
        t->vectors[t->count] = now;
        if (in_rows) {
            ek_places_in_rows(at, b->pitch, columns, now, t->places + t->count);
        } else {
            ek_places_of(at * EK_LANES, n, b->pitch, columns, now, t->places + t->count);
        }
    }
}

static void ek_pairs_outputs(const ek_pair_layer *f, const ek_pairs_tiles *tiles, EK_Y *y)
{
    for (int32_t i = 0; i < tiles->count; i++) {
        switch (tiles->vectors[i]) {
        case 1: ek_pairs_1(f, tiles->places + i, y); break;
        case 2: ek_pairs_2(f, tiles->places + i, y); break;
        case 3: ek_pairs_3(f, tiles->places + i, y); break;
        default: ek_pairs_alone(f, tiles->places + i, y); break;
        }
    }
}

/* Lay out `count` pairs of the band with output (oy, ox) first, the sources of which are `apart`. */
static inline void ek_pairs_fill(ek_pair_source from, int32_t count, ptrdiff_t apart, const ek_conv_shape *s,
                                 const ek_bands *b, int32_t oy, int32_t ox, int32_t odd, int32_t *band)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    for (int32_t c = 0; c < count; c++, from.x += apart) {
        from.next = odd && c + 1 == count ? 0 : from.next; /* the weights of a channel that is missing are 0 */
        for (int32_t t = 0; t < s->k_h * s->k_w && b->layout == EK_BY_TAPS; t++, band += b->rows * b->pitch) {
            ek_rows_of_pairs(&from, s, top + t / s->k_w * s->dil_h, left + t % s->k_w * s->dil_w, b->rows, b->pitch, band);
        }
        for (int32_t i = 0; i < s->stride_h && b->layout == EK_BY_PLANES; i++) {
            for (int32_t j = 0; j < s->stride_w; j++) {
                if (b->down[i] >= 0 && b->right[j] >= 0) {
                    ek_rows_of_pairs(&from, s, top + i, left + j, b->height, b->pitch, band);
                    band += b->height * b->pitch;
                }
            }
        }
    }
    for (int32_t j = 0; j < EK_BANDS_SLACK; j++) {
        band[j] = 0;
    }
}

/* All groups of a convolution of `one`, whose channels are pairs: `count` of a group. */
static void ek_conv_pairs(const ek_pair_source *source, const int8_t *w, const ek_pair_layer *layer, const ek_conv_shape *s,
                          const ek_conv_shape *one, EK_Y *y)
{
    const int32_t inputs = s->in_c / s->groups, count = one->in_c, kernel = one->k_h * one->k_w;
    const int32_t room = ek_min(EK_PAIRS_ROOM, EK_PAIRS_POSITIONS * count);
    const ptrdiff_t x_plane = (ptrdiff_t)s->in_h * s->in_w, apart = 2 * x_plane;
    int32_t band[EK_PAIRS_BAND], offset[2 * EK_BLOCK_TAPS] = {0};
    ek_pairs_tiles tiles;
    ek_bands b;
    ek_pair_layer f = *layer;
    f.count = count;
    f.kernel = kernel;
    if (ek_by_planes(one, room, count, count, EK_LANES, &b)) {
        ek_tap_offsets(one, &b, 0, kernel, offset);
        f.step = b.planes * b.height * b.pitch;
    } else { /* every tap by itself, as if it were a channel */
        b.layout = EK_BY_TAPS;
        b.columns = ek_min(s->out_w, room / (count * kernel));
        b.rows = b.columns < s->out_w ? 1 : ek_min(s->out_h, room / (count * kernel) / s->out_w);
        b.pitch = b.columns;
        f.step = b.rows * b.pitch;
        f.count = count * kernel;
        f.kernel = 1;
    }
    f.band = band;
    f.offset = offset;
    for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
        for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
            const int32_t rows = ek_min(b.rows, s->out_h - oy), columns = ek_min(b.columns, s->out_w - ox);
            ek_pair_source from = *source;
            ek_pairs_tiles_of(&b, rows, columns, f.outputs, &tiles);
            for (int32_t g = 0; g < s->groups; g++, from.x += inputs * x_plane) {
                const int32_t o = g * f.outputs;
                f.w = w + 2 * (ptrdiff_t)o * count * kernel;
                f.bias = layer->bias + o;
                f.mult = layer->mult + o;
                f.shift = layer->shift + o;
                ek_pairs_fill(from, count, apart, one, &b, oy, ox, inputs % 2, band);
                ek_pairs_outputs(&f, &tiles, y + o * f.plane + (ptrdiff_t)oy * s->out_w + ox);
            }
        }
    }
}

#define EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s)                                                      \
    &(const ek_pair_layer){NULL, NULL, NULL, (const EK_ACC *)(const void *)(bias), mult, shift, 0, 0, 0,                    \
                      (s)->out_c / (s)->groups, y_zero, y_min, y_max, (ptrdiff_t)(s)->out_h * (s)->out_w}

#if EK_BITS(EK_X) == 8
/* Pairs of taps, of channels by themselves, as many at a time as weights fit; says whether it takes the shape, and does
 * nothing where not. */
static int ek_conv_columns(const int8_t *x, int32_t x_zero, const int8_t *w, const ek_pair_layer *layer, EK_Y *y,
                           const ek_conv_shape *s)
{
    const int32_t wide = (s->k_w + 1) / 2 * 2, outputs = s->out_c / s->groups;
    const int32_t at_once = EK_PAIRS_WEIGHTS / (outputs * s->k_h * wide);
    int8_t packed[EK_PAIRS_WEIGHTS];
    ek_conv_shape some = *s, one = *s;
    ek_pair_layer part = *layer;
    one.in_c = 1;
    one.groups = 1;
    one.k_w = wide / 2;
    one.dil_w = 2 * s->dil_w;
    if (s->in_c != s->groups || one.k_h * one.k_w > 2 * EK_BLOCK_TAPS || at_once == 0) {
        return 0;
    }
    for (int32_t g = 0; g < s->groups; g += at_once) {
        const ek_pair_source source = {x + (ptrdiff_t)g * s->in_h * s->in_w, 0, x_zero, s->dil_w};
        const int32_t o = g * outputs;
        some.groups = some.in_c = ek_min(at_once, s->groups - g);
        some.out_c = some.groups * outputs;
        for (int32_t i = 0; i < some.out_c * s->k_h; i++) {
            packed[(i + 1) * wide - 1] = 0;
            memcpy(packed + i * wide, w + ((ptrdiff_t)o * s->k_h + i) * s->k_w, (size_t)s->k_w);
        }
        part.bias = layer->bias + o;
        part.mult = layer->mult + o;
        part.shift = layer->shift + o;
        ek_conv_pairs(&source, packed, &part, &some, &one, y + o * layer->plane);
    }
    return 1;
}
#endif

#endif
