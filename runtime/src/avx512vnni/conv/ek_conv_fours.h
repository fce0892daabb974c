/* Convolution over EK_X and EK_Y, as that of floats in ek_conv_bands.h: an element of a band is a position of four int8
 * channels side by side, which vpdpbusd takes at once; they gain 128; or of two int16 channels for vpdpwssd. The band has all
 * channels, so that the sums of some outputs and some vectors of positions stay in registers to their end. The weights are
 * packed so (edgekit.targets.c.packing.conv_paths): [out_c][channels / n][k_h][k_w][n]. */
#include "ek_bits.h"
#include "ek_bytes_of.h"
#include "ek_conv_bands.h"
#include "ek_fours_from.h"

#if EK_BITS(EK_X) == 8
#include "ek_fours_fill.h"
#define EK_BESIDE 4 /* channels */
#define EK_BESIDE_OFFSET 128 /* what operands gain, which is taken from the bias with the zero point */
#define EK_DOT_BESIDE _mm512_dpbusd_epi32
#define EK_DOT_HALF _mm256_dpbusd_epi32
#else
#include "ek_twos_fill.h"
#define EK_BESIDE 2
#define EK_BESIDE_OFFSET 0
#define EK_DOT_BESIDE _mm512_dpwssd_epi32
#define EK_DOT_HALF _mm256_dpwssd_epi32
#endif
#define EK_FOURS_BAND 32768
#define EK_FOURS_ROOM (EK_FOURS_BAND - EK_BANDS_SLACK)
#define EK_FOURS_NEAR (EK_FOURS_BAND / 2 - EK_BANDS_SLACK) /* that bands have where more saves no time */
#define EK_FOURS_FILL 512 /* products in the time that 32 elements of a band take */
#define EK_FOURS_ROWS 8 /* of so many vectors each: their sums stay in registers */
#define EK_FOURS_TAPS 32 /* from which on outputs are rather taken twice than one by one */
#define EK_FOURS_MANY 4 /* fours of channels from which on narrow rows are filled some at a time */

/* What a call has in common, for one group of channels; `count` elements `step` apart, each of `kernel` taps at their
 * offsets; weights of outputs are `w_step` bytes apart. */
typedef struct {
    const int32_t *band, *offset;
    const int8_t *w;
    const EK_ACC *bias;
    const int32_t *mult;
    const uint8_t *shift;
    int32_t count, kernel, step, outputs, is_down, y_zero, y_min, y_max;
    ptrdiff_t plane, w_step;
    int32_t ready; /* of int16 inputs: weights are words, and factors shifted up */
} ek_fours;

EK_INLINE ek_i ek_fours_scaled(ek_i sum, const ek_fours *f, int32_t o)
{
    return f->is_down ? ek_i_requantize_down(sum, f->mult[o], f->shift[o])
                      : ek_i_requantize_all(sum, f->mult[o], f->shift[o]);
}

/* Outputs of four vectors as int16, packed in pairs. */
EK_INLINE void ek_fours_place(ek_i low, ek_i high, const ek_fours *f, const ek_byte_runs *p, int8_t *y)
{
    const ek_i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const ek_i least = _mm512_set1_epi8((char)f->y_min), most = _mm512_set1_epi8((char)f->y_max);
    const ek_i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
    const ek_i within = _mm512_min_epi8(_mm512_max_epi8(bytes, least), most);
    for (int32_t i = 0; i < p->count; i++) {
        _mm512_mask_storeu_epi8(y + p->at[i], p->in[i], within);
    }
}

/* Outputs of output channel o of some vectors of sums. Saturating to int16 first is exact for int8. */
EK_INLINE void ek_fours_bytes(const ek_i *sums, int32_t vectors, const ek_fours *f, int32_t o, const ek_byte_runs *p,
                              int8_t *y)
{
    const ek_i second = sums[vectors > 1], third = sums[vectors - 1];
    ek_i low, high;
    if (f->is_down) {
        const ek_i mult = ek_i_all(f->mult[o]), behind = ek_i_all(f->shift[o] - 33);
        const ek_i zero = _mm512_set1_epi16((int16_t)(2 * f->y_zero + 1));
        low = ek_scaled_pair(sums[0], second, mult, behind, zero);
        high = vectors > 2 ? ek_scaled_pair(third, third, mult, behind, zero) : low;
    } else {
        const ek_i mult = ek_i_all(f->mult[o]), shift = ek_i_all(f->shift[o]);
        const ek_i zero = _mm512_set1_epi16((int16_t)f->y_zero), last = ek_i_requantize(third, mult, shift);
        low = _mm512_packs_epi32(ek_i_requantize(sums[0], mult, shift), ek_i_requantize(second, mult, shift));
        low = _mm512_adds_epi16(low, zero);
        high = _mm512_adds_epi16(_mm512_packs_epi32(last, last), zero);
    }
    ek_fours_place(low, high, f, p, y);
}

/* Lanes that are in, side by side, as int16. */
EK_INLINE void ek_fours_store(ek_i v, uint32_t in, EK_Y *y)
{
    int32_t n = 16;
    if (in != EK_ALL_IN) {
        v = _mm512_maskz_compress_epi32((__mmask16)in, v);
        n = _mm_popcnt_u32(in);
    }
    ek_i_store_s16((int16_t *)(void *)y, v, n);
}

/* sums [rows][vectors] of outputs from number o on; of the last vector half, if `narrow`, which takes half the time. */
EK_INLINE void ek_fours_sums(const ek_fours *f, const ek_fours_from *p, int32_t o, int32_t rows, int32_t vectors,
                             int32_t apart, int32_t narrow, ek_i *sums)
{
    const int32_t *x = p->at[0];
    const ptrdiff_t gap = p->gap, second = apart && vectors > 1 ? p->at[1] - x : 16;
    const ptrdiff_t third = apart && vectors > 2 ? p->at[2] - x : 32;
    const __mmask16 next[3] = {p->next[0], p->next[vectors > 1], p->next[vectors - 1]};
    const ptrdiff_t step = f->w_step;
    const int8_t *w = f->w + o * step;
    ek_i acc[EK_FOURS_ROWS * EK_FOURS_VECTORS];
    __m256i half[EK_FOURS_ROWS];
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        half[r] = _mm256_set1_epi32((int32_t)f->bias[o + r]);
        EK_UNROLLED
        for (int32_t v = 0; v < vectors; v++) {
            acc[r * vectors + v] = ek_i_all((int32_t)f->bias[o + r]);
        }
    }
    for (int32_t c = 0; c < f->count; c++, x += f->step) {
        for (int32_t t = 0; t < f->kernel; t++, w += 4) {
            const int32_t *const xt = x + f->offset[t];
            ek_i taken[EK_FOURS_VECTORS];
            EK_UNROLLED
            for (int32_t v = 0; v < vectors; v++) {
                const int32_t *const xv = xt + (v == 0 ? 0 : v == 1 ? second : third);
                taken[v] = _mm512_loadu_si512(xv);
                taken[v] = apart ? _mm512_mask_loadu_epi32(taken[v], next[v], xv + gap) : taken[v];
            }
            EK_UNROLLED
            for (int32_t r = 0; r < rows; r++) {
                int32_t taps;
                memcpy(&taps, w + r * step, 4);
                EK_UNROLLED
                for (int32_t v = 0; v < vectors - narrow; v++) {
                    acc[r * vectors + v] = EK_DOT_BESIDE(acc[r * vectors + v], taken[v], ek_i_all(taps));
                }
                if (narrow) {
                    const __m256i some = _mm512_castsi512_si256(taken[vectors - 1]);
                    half[r] = EK_DOT_HALF(half[r], some, _mm512_castsi512_si256(ek_i_all(taps)));
                }
            }
        }
    }
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLLED
        for (int32_t v = 0; v < vectors; v++) {
            sums[r * vectors + v] = narrow && v == vectors - 1 ? _mm512_castsi256_si512(half[r]) : acc[r * vectors + v];
        }
    }
}

/* Each by itself: inlined, gcc 12 keeps sums of the loop in memory. */
#define EK_FOURS_SUMS(rows, vectors, apart, narrow)                                                               \
    static __attribute__((noinline)) void ek_fours_sums_##rows##_##vectors##_##apart##_##narrow(                  \
        const ek_fours *f, const ek_fours_from *p, int32_t o, ek_i *sums)                                         \
    {                                                                                                             \
        ek_fours_sums(f, p, o, rows, vectors, apart, narrow, sums);                                               \
    }
#define EK_FOURS_SUMS_OF(rows)                                                                                    \
    EK_FOURS_SUMS(rows, 1, 0, 0)                                                                                  \
    EK_FOURS_SUMS(rows, 2, 0, 0)                                                                                  \
    EK_FOURS_SUMS(rows, 3, 0, 0)                                                                                  \
    EK_FOURS_SUMS(rows, 1, 1, 0)                                                                                  \
    EK_FOURS_SUMS(rows, 2, 1, 0)                                                                                  \
    EK_FOURS_SUMS(rows, 3, 1, 0)
EK_FOURS_SUMS_OF(1)
EK_FOURS_SUMS_OF(2)
EK_FOURS_SUMS_OF(4)
EK_FOURS_SUMS_OF(8)
EK_FOURS_SUMS(8, 1, 0, 1)
EK_FOURS_SUMS(8, 2, 0, 1)
EK_FOURS_SUMS(8, 3, 0, 1)
EK_FOURS_SUMS(8, 2, 1, 1)
EK_FOURS_SUMS(8, 3, 1, 1)
typedef void ek_fours_sums_of(const ek_fours *, const ek_fours_from *, int32_t, ek_i *);

/* The same of 2 to the power `kind` outputs. */
EK_INLINE void ek_fours_sums_of_kind(const ek_fours *f, const ek_fours_from *from, int32_t o, int32_t kind, int32_t vectors,
                                     ek_i *sums)
{
    static ek_fours_sums_of *const by[4][2][3] = {
        {{ek_fours_sums_1_1_0_0, ek_fours_sums_1_2_0_0, ek_fours_sums_1_3_0_0},
         {ek_fours_sums_1_1_1_0, ek_fours_sums_1_2_1_0, ek_fours_sums_1_3_1_0}},
        {{ek_fours_sums_2_1_0_0, ek_fours_sums_2_2_0_0, ek_fours_sums_2_3_0_0},
         {ek_fours_sums_2_1_1_0, ek_fours_sums_2_2_1_0, ek_fours_sums_2_3_1_0}},
        {{ek_fours_sums_4_1_0_0, ek_fours_sums_4_2_0_0, ek_fours_sums_4_3_0_0},
         {ek_fours_sums_4_1_1_0, ek_fours_sums_4_2_1_0, ek_fours_sums_4_3_1_0}},
        {{ek_fours_sums_8_1_0_0, ek_fours_sums_8_2_0_0, ek_fours_sums_8_3_0_0},
         {ek_fours_sums_8_1_1_0, ek_fours_sums_8_2_1_0, ek_fours_sums_8_3_1_0}},
    };
    static ek_fours_sums_of *const narrow[2][3] = {
        {ek_fours_sums_8_1_0_1, ek_fours_sums_8_2_0_1, ek_fours_sums_8_3_0_1},
        {ek_fours_sums_8_1_1_0, ek_fours_sums_8_2_1_1, ek_fours_sums_8_3_1_1},
    };
    const int is_narrow = kind == 3 && from->narrow;
    (is_narrow ? narrow[from->apart] : by[kind][from->apart])[vectors - 1](f, from, o, sums);
}

/* Outputs from number o on, `rows` of them, with these sums; y is that of the first. */
EK_INLINE void ek_fours_outputs(const ek_i *sums, int32_t rows, int32_t vectors, const ek_fours *f, int32_t o,
                                const ek_fours_at *p, EK_Y *y)
{
    for (int32_t r = 0; r < rows; r++, y += f->plane) {
        if (sizeof(EK_Y) == 1) {
            ek_fours_bytes(sums + r * vectors, vectors, f, o + r, &p->bytes, (int8_t *)(void *)y);
            continue;
        }
        for (int32_t v = 0; v < vectors; v++) {
            const ek_i q = ek_i_add(ek_fours_scaled(sums[r * vectors + v], f, o + r), ek_i_all(f->y_zero));
            ek_fours_store(ek_i_clamp(q, ek_i_all(f->y_min), ek_i_all(f->y_max)), p->words.in[v], y + p->words.at[v]);
        }
    }
}

#if EK_BITS(EK_X) == 16
#include "ek_twos_outputs.h"
#else
#define EK_FOURS_ROWS_OF(f, from, o, kind, rows, vectors, sums, p, y)    \
    ek_fours_sums_of_kind(f, from, o, kind, vectors, sums);              \
    ek_fours_outputs(sums, rows, vectors, f, o, p, y)
#define EK_FOURS_ROOM_OF int32_t
#define EK_FOURS_READY(f, room) ((void)(room), (f))
#endif

/* How many outputs from one on of which `left` are left are taken at once: 8, 4, 2 or 1. */
EK_INLINE int32_t ek_fours_kind(int32_t left)
{
    return left >= 8 ? 3 : left >= 4 ? 2 : left >= 2 ? 1 : 0;
}

/* By how many outputs to go back, which are taken once more, where that takes less time than the last three or seven by
 * fours, twos and ones. */
EK_INLINE int32_t ek_fours_back(const ek_fours *f, int32_t left)
{
    const int32_t whole = left == 7 ? 8 : 4;
    return (left == 7 || left == 3) && f->outputs >= whole && f->count * f->kernel >= EK_FOURS_TAPS;
}

/* All outputs of `vectors` vectors of positions. */
EK_INLINE void ek_fours_column(const ek_fours *own, const ek_fours_from *from, const ek_fours_at *p, int32_t vectors,
                               EK_Y *y)
{
    const ek_fours f = *own; /* which stores cannot change */
    ek_i sums[EK_FOURS_ROWS * EK_FOURS_VECTORS];
    for (int32_t o = 0, rows; o < f.outputs; o += rows) {
        o -= ek_fours_back(&f, f.outputs - o);
        const int32_t kind = ek_fours_kind(f.outputs - o);
        EK_Y *const to = y + o * f.plane;
        rows = 1 << kind;
        EK_FOURS_ROWS_OF(&f, from, o, kind, rows, vectors, sums, p, to);
    }
}

static __attribute__((noinline)) void ek_fours_1(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p,
                                                 EK_Y *y)
{
    ek_fours_column(f, from, p, 1, y);
}

static __attribute__((noinline)) void ek_fours_2(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p,
                                                 EK_Y *y)
{
    ek_fours_column(f, from, p, 2, y);
}

static __attribute__((noinline)) void ek_fours_3(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p,
                                                 EK_Y *y)
{
    ek_fours_column(f, from, p, 3, y);
}

#include "ek_fours_products.h"
#ifndef EK_FOURS_PRODUCTS
#define EK_FOURS_PRODUCTS(...) 0
#define EK_FOURS_BEGIN(groups, outputs, positions) ((void)0)
#define EK_FOURS_END(groups, outputs, positions) ((void)0)
#define EK_FOURS_GROUP(outputs, row, positions) ((outputs) * (row)) /* bytes of weights of a group of the convolution */
#endif

/* All outputs of n positions of a band, of which only those of EK_FOURS_IN_A_ROW are not all outputs; rows of y are
 * `across` apart. */
static void ek_fours_positions(const ek_fours *own, const ek_bands *b, int32_t across, int32_t n, ek_fours_way way,
                               EK_Y *y)
{
    const int32_t dense = b->columns == across ? n : b->columns; /* whole rows of y lie side by side */
    const int32_t pitch = way == EK_FOURS_IN_A_ROW ? b->pitch : dense;
    const int32_t wide = way == EK_FOURS_IN_A_ROW ? b->columns : dense;
    int32_t taken[EK_FOURS_STRIP], offset[EK_STRIP_TAPS];
    ek_fours f = *own;
    ek_fours_at places;
    for (int32_t at = 0, now; at < n; at += 16 * now) {
        const int32_t left = (n - at + 15) / 16;
        ek_fours_from from = {{own->band + at}, {0}, 0, 0, 0};
        now = left == 4 ? 2 : ek_min(left, EK_FOURS_VECTORS);
        from.narrow = n - at <= 16 * now - 8;
        ek_fours_at_of(at, n, pitch, wide, across, now, &places);
        if (way == EK_FOURS_APART) {
            ek_fours_from_of(own->band, b, at, n, now, &from);
        } else if (way == EK_FOURS_STRIPS) {
            ek_strip strip;
            ek_strip_of(b, at, now, &strip);
            for (int32_t c = 0; c < f.count; c++) {
                ek_strip_fill(&strip, own->band + (ptrdiff_t)c * own->step, own->offset, f.kernel, now,
                              taken + (ptrdiff_t)c * f.kernel * now * 16);
            }
            for (int32_t t = 0; t < f.kernel; t++) {
                offset[t] = t * now * 16;
            }
            f.offset = offset;
            f.step = f.kernel * now * 16;
            from.at[0] = taken;
        }
        if (EK_FOURS_PRODUCTS(&f, &from, &places, now, y)) {
            continue;
        }
        if (now == 3) {
            ek_fours_3(&f, &from, &places, y);
        } else if (now == 2) {
            ek_fours_2(&f, &from, &places, y);
        } else {
            ek_fours_1(&f, &from, &places, y);
        }
    }
}

/* Lay out the band of `rows` rows of outputs with (oy, ox) first; x is the group's. */
static inline void ek_fours_fill(const EK_X *x, EK_X fill, const ek_conv_shape *s, const ek_bands *b, int32_t oy,
                                 int32_t ox, int32_t rows, const ek_spread *spread, int32_t *band)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int32_t inputs = s->in_c / s->groups, height = b->height - b->rows + rows;
    for (int32_t c = 0; c < inputs; c += EK_BESIDE, x += EK_BESIDE * (ptrdiff_t)s->in_h * s->in_w) {
        const int32_t channels = ek_min(EK_BESIDE, inputs - c);
        for (int32_t t = 0; t < s->k_h * s->k_w && b->layout == EK_BY_TAPS; t++, band += b->rows * b->pitch) {
            ek_rows_beside(x, channels, fill, s, top + t / s->k_w * s->dil_h, left + t % s->k_w * s->dil_w, rows,
                           b->pitch, band);
        }
        if (spread) {
            ek_spread_beside(spread, x, channels, fill, (ptrdiff_t)s->in_h * s->in_w, band);
            band += b->height * b->pitch;
            continue;
        }
        for (int32_t i = 0; i < s->stride_h && b->layout == EK_BY_PLANES; i++) {
            for (int32_t j = 0; j < s->stride_w; j++) {
                if (b->down[i] >= 0 && b->right[j] >= 0) {
                    ek_rows_beside(x, channels, fill, s, top + i, left + j, height, b->pitch, band);
                    band += b->height * b->pitch;
                }
            }
        }
    }
    for (int32_t j = 0; j < EK_BANDS_SLACK; j += 16) {
        _mm512_storeu_si512(band + j, _mm512_setzero_si512());
    }
}

/* How bands are laid out: planes of whole rows, if they fit. Those of few rows lay most of x out again for the next, so some
 * columns of more rows may take less. Returns 0 where every tap by itself does. */
static inline int ek_fours_bands_of(const ek_conv_shape *s, int32_t room, int32_t count, ek_bands *b)
{
    const int32_t reach_h = (s->k_h - 1) * s->dil_h / s->stride_h, reach_w = (s->k_w - 1) * s->dil_w / s->stride_w;
    b->layout = EK_BY_TAPS;
    const int fits = ek_by_planes(s, room, count, count, EK_LANES, b);
    if (b->layout == EK_BY_TAPS || sizeof(EK_Y) > 1 || (fits && b->height <= 2 * b->rows)) {
        return fits;
    }
    int64_t least = fits ? (int64_t)b->height * b->pitch : s->k_h * s->k_w; /* elements of so many outputs: */
    int64_t outputs = fits ? b->rows * b->columns : b->planes;
    for (int32_t parts = 1; s->out_w / parts >= 2 * EK_LANES; parts++) {
        const int32_t columns = (s->out_w + parts - 1) / parts;
        const int32_t rows = ek_min(room / (count * b->planes) / (columns + reach_w) - reach_h, s->out_h);
        const int64_t elements = (int64_t)(rows + reach_h) * (columns + reach_w);
        if (rows > 0 && elements * outputs < least * rows * columns) {
            least = elements;
            outputs = rows * columns;
            b->rows = rows;
            b->columns = columns;
        }
    }
    b->pitch = b->columns + reach_w;
    b->height = b->rows + reach_h;
    return fits || outputs > b->planes;
}

/* Bands of equal rows. Near ones, unless they hold many elements twice, and it takes a part of their products' time to lay
 * those out. */
static inline int ek_fours_bands(const ek_conv_shape *s, int32_t count, ek_bands *b)
{
    int fits = ek_fours_bands_of(s, EK_FOURS_NEAR, count, b);
    const int64_t elements = (int64_t)b->height * b->pitch, outputs = (int64_t)b->rows * b->columns;
    const int64_t products = (int64_t)s->k_h * s->k_w * s->out_c * outputs;
    if (!fits || (4 * elements > 5 * outputs && EK_FOURS_FILL * b->planes * elements > products)) {
        fits = ek_fours_bands_of(s, EK_FOURS_ROOM, count, b);
    }
    if (fits) {
        const int32_t parts = (s->out_h + b->rows - 1) / b->rows, reach = b->height - b->rows;
        b->rows = (s->out_h + parts - 1) / parts;
        b->height = b->rows + reach;
    }
    return fits;
}

/* All groups. */
static void ek_conv_fours(const EK_X *x, EK_X fill, const int8_t *w, const EK_ACC *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                          const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups, count = (inputs + EK_BESIDE - 1) / EK_BESIDE;
    const int32_t kernel = s->k_h * s->k_w, most = EK_FOURS_NEAR;
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    ek_conv_shape one = *s;
    ek_fours f = {NULL, NULL, w, bias, mult, shift, count, kernel, 0, outputs, 1, y_zero, y_min, y_max, plane,
                  EK_BESIDE * (ptrdiff_t)count * kernel, 0};
    int32_t band[EK_FOURS_BAND], offset[2 * EK_BLOCK_TAPS] = {0};
    EK_FOURS_ROOM_OF room;
    ek_bands b;
    ek_fours_way way = EK_FOURS_IN_A_ROW;
    one.in_c = count;
    one.out_c = outputs;
    one.groups = 1;
    for (int32_t o = 0; o < s->out_c; o++) {
        f.is_down &= shift[o] >= 33;
    }
    if (ek_fours_bands(&one, count, &b)) {
        ek_tap_offsets(&one, &b, 0, kernel, offset);
        f.step = b.planes * b.height * b.pitch;
    } else { /* every tap by itself, as if it were a channel */
        b.layout = EK_BY_TAPS;
        b.columns = ek_min(s->out_w, most / (count * kernel));
        b.rows = b.columns < s->out_w ? 1 : ek_min(s->out_h, most / (count * kernel) / s->out_w);
        b.pitch = b.columns;
        f.step = b.rows * b.pitch;
        f.count = count * kernel;
        f.kernel = 1;
    }
    if (ek_fours_go_apart(&b)) {
        way = EK_FOURS_APART;
    } else if (b.columns == s->out_w && kernel <= EK_STRIP_TAPS && ek_fours_strips_pay(&b, count * kernel, outputs)) {
        way = EK_FOURS_STRIPS;
    }
    f.band = band;
    f.offset = offset;
    EK_FOURS_BEGIN(count * kernel, outputs, plane);
    for (int32_t g = 0; g < s->groups; g++, f.bias += outputs, f.mult += outputs, f.shift += outputs) {
        const ek_fours *const own = EK_FOURS_READY(&f, &room);
        for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
            for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
                const int32_t rows = ek_min(b.rows, s->out_h - oy), columns = ek_min(b.columns, s->out_w - ox);
                EK_Y *const to = y + (ptrdiff_t)oy * s->out_w + ox;
                ek_bands part = b;
                ek_spread spread;
                part.columns = columns;
                const ek_fours_way now = way == EK_FOURS_APART && !ek_fours_go_apart(&part) ? EK_FOURS_IN_A_ROW : way;
                const int spreads = (way == EK_FOURS_STRIPS || (count >= EK_FOURS_MANY && b.pitch != s->in_w))
                                    && ek_spread_of(s, &b, oy - s->pad_top, ox - s->pad_left, &spread);
                ek_fours_fill(x, fill, s, &b, oy, ox, rows, spreads ? &spread : NULL, band);
                const int32_t between = now == EK_FOURS_IN_A_ROW ? (rows - 1) * (b.pitch - columns) : 0;
                ek_fours_positions(own, &part, s->out_w, rows * columns + between, now, to);
            }
        }
        x += (ptrdiff_t)inputs * s->in_h * s->in_w;
        y += outputs * plane;
        f.w += EK_FOURS_GROUP(outputs, EK_BESIDE * count * kernel, plane);
    }
    EK_FOURS_END(count * kernel, outputs, plane);
}

#define EK_CONV_BESIDE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s) \
    ek_conv_fours(x, (EK_X)(x_zero), w, bias, mult, shift, y_zero, y_min, y_max, y, s)
