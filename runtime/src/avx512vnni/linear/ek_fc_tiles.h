/* Products of some rows of operands EK_X with blocks of packed rows of weights, whose sums stay in registers, and their
 * outputs EK_Y. Rows of operands are held once for all blocks; int8 gains 128. */
#ifndef EK_FC_TILES_GUARD
#define EK_FC_TILES_GUARD

#include "ek_bits.h"
#include "ek_rows.h"

#define EK_FC_ROWS 6     /* of operands at once: 24 sums, 4 vectors of weights, and one of operands */
#define EK_FC_TAPS 2048  /* bytes of a row that are held; a multiple of 64 */
#define EK_FC_INLINE static inline __attribute__((always_inline))
#if EK_BITS(EK_X) == 8
#define EK_FC_BLOCK EK_FC_TAPS /* taps at once */
#define EK_FC_DOT _mm512_dpbusd_epi32
#define EK_FC_LOAD(w) _mm512_loadu_si512(w)
typedef __m512i ek_fc_taps; /* four of 16 rows */
#else
#define EK_FC_BLOCK 510 /* whose products of 2^22 fit an int32 sum */
#define EK_FC_DOT _mm512_dpwssd_epi32
#define EK_FC_LOAD(w) _mm512_cvtepi8_epi16(_mm256_loadu_si256(w))
typedef __m256i ek_fc_taps; /* two of 16 rows */
#endif

/* A call, of whose n outputs to a row `outputs` are taken; `is_down`: no shift is below 33. */
typedef struct {
    const int8_t *w;
    const EK_BIAS *bias;
    const int32_t *start, *mult; /* start: biases where int16 operands have int32 sums, else NULL */
    const uint8_t *shift;
    int32_t y_zero, y_min, y_max, k, n, outputs, is_down;
} ek_fc_layer;

/* held [rows][EK_FC_TAPS] = `count` taps of rows `step` apart, int8 and 128; what fills up a group has weights of 0. */
static inline void ek_fc_hold(const EK_X *x, ptrdiff_t step, int32_t count, int32_t rows, uint8_t *held)
{
    const __m512i top = EK_BITS(EK_X) == 8 ? _mm512_set1_epi8(-128) : _mm512_setzero_si512();
    const int32_t bytes = count * (int32_t)sizeof(EK_X);
    for (int32_t r = 0; r < rows; r++, x += step, held += EK_FC_TAPS) {
        const int8_t *const row = (const int8_t *)(const void *)x;
        for (int32_t i = 0; i < bytes; i += 64) {
            const __mmask64 lanes = bytes - i >= 64 ? ~0ull : (1ull << (bytes - i)) - 1;
            _mm512_storeu_si512(held + i, _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, row + i), top));
        }
    }
}

/* What a tile of sums is of: held rows of `count` bytes, vectors of weights, groups of taps `step` vectors apart, and what
 * rows begin with, `apart` from one to the next; of the last panel only the lanes `last` are read there. */
typedef struct {
    const uint8_t *held;
    const ek_fc_taps *w;
    const int32_t *begin;
    ptrdiff_t apart;
    int32_t count, step;
    __mmask16 last;
} ek_fc_part;

/* sums [rows][panels]. */
EK_FC_INLINE void ek_fc_sums(const ek_fc_part *part, int32_t rows, int32_t panels, int32_t *sums)
{
    const uint8_t *held = part->held;
    const ek_fc_taps *w = part->w;
    const int32_t count = part->count, step = part->step;
    ek_i acc[EK_FC_ROWS * 4];
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLLED
        for (int32_t p = 0; p < panels; p++) {
            const __mmask16 in = p + 1 < panels ? 0xffff : part->last;
            acc[r * panels + p] = _mm512_maskz_loadu_epi32(in, part->begin + r * part->apart + p * EK_PANEL);
        }
    }
    for (int32_t i = 0; i < count; i += 4, held += 4, w += step) {
        ek_i own[4];
        EK_UNROLLED
        for (int32_t p = 0; p < panels; p++) {
            own[p] = EK_FC_LOAD(w + p);
        }
        EK_UNROLLED
        for (int32_t r = 0; r < rows; r++) {
            int32_t taps;
            memcpy(&taps, held + r * EK_FC_TAPS, 4);
            const ek_i x = ek_i_all(taps);
            EK_UNROLLED
            for (int32_t p = 0; p < panels; p++) {
                acc[r * panels + p] = EK_FC_DOT(acc[r * panels + p], x, own[p]);
            }
        }
    }
    EK_UNROLLED
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLLED
        for (int32_t p = 0; p < panels; p++) {
            ek_i_store_s32(sums + (r * panels + p) * EK_PANEL, acc[r * panels + p]);
        }
    }
}

/* Each by itself: inlined, gcc 12 keeps sums of the loop in memory. */
#define EK_FC_SUMS(rows, panels)                                                                               \
    static __attribute__((noinline)) void ek_fc_sums_##rows##_##panels(const ek_fc_part *part, int32_t *sums)   \
    {                                                                                                            \
        ek_fc_sums(part, rows, panels, sums);                                                                    \
    }
EK_FC_SUMS(6, 4)
EK_FC_SUMS(6, 2)
EK_FC_SUMS(6, 1)
EK_FC_SUMS(3, 4)
EK_FC_SUMS(3, 2)
EK_FC_SUMS(3, 1)

static inline void ek_fc_sums_of(const ek_fc_part *part, int32_t rows, int32_t panels, int32_t *sums)
{
    if (rows == 6) {
        (panels == 4 ? ek_fc_sums_6_4 : panels == 2 ? ek_fc_sums_6_2 : ek_fc_sums_6_1)(part, sums);
    } else {
        (panels == 4 ? ek_fc_sums_3_4 : panels == 2 ? ek_fc_sums_3_2 : ek_fc_sums_3_1)(part, sums);
    }
}

/* Requantized sums of outputs o.., n of 16. */
EK_FC_INLINE ek_i ek_fc_scaled(ek_i sum, const ek_fc_layer *l, int32_t o, int32_t n)
{
    const ek_i mult = ek_i_load_s32(l->mult + o, n), shift = ek_i_load_u8(l->shift + o, n);
    if (l->is_down) {
        const ek_i behind = ek_i_sub(shift, ek_i_all(33));
        return ek_i_shr(ek_i_add(ek_i_high(sum, mult), ek_i_shl(ek_i_all(1), behind)), ek_i_add(behind, ek_i_all(1)));
    }
    return ek_i_requantize(sum, mult, shift);
}

/* y [n] = outputs o.. of one row. Saturating to int16 first is exact for int8. */
EK_FC_INLINE void ek_fc_outputs(const int32_t *sums, const ek_fc_layer *l, int32_t o, int32_t panels, EK_Y *y, int32_t n)
{
    ek_i q[4];
    for (int32_t p = 0; p < panels; p++) {
        q[p] = ek_fc_scaled(_mm512_loadu_si512(sums + p * EK_PANEL), l, o + p * EK_PANEL, n - p * EK_PANEL);
    }
    if (sizeof(EK_Y) == 1 && panels == 4) {
        const ek_i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const ek_i zero = _mm512_set1_epi16((int16_t)l->y_zero);
        const ek_i low = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero);
        const ek_i high = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero);
        const ek_i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
        const ek_i above = _mm512_max_epi8(bytes, _mm512_set1_epi8((char)l->y_min));
        const ek_i within = _mm512_min_epi8(above, _mm512_set1_epi8((char)l->y_max));
        if (n >= 64) {
            _mm512_storeu_si512(y, within);
        } else {
            _mm512_mask_storeu_epi8(y, (1ull << n) - 1, within);
        }
        return;
    }
    for (int32_t p = 0; p < panels; p++) {
        const ek_i v = ek_i_clamp(ek_i_add(q[p], ek_i_all(l->y_zero)), ek_i_all(l->y_min), ek_i_all(l->y_max));
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)(y + p * EK_PANEL), v, n - p * EK_PANEL);
        } else {
            ek_i_store_s16((int16_t *)(void *)(y + p * EK_PANEL), v, n - p * EK_PANEL);
        }
    }
}

/* y [rows], l->n apart, [n] = int8 outputs o.. where no shift is below 33, of four panels of sums. Twice the outputs are
 * rounded as int16: those that saturate stay beyond what int8 holds. */
EK_FC_INLINE void ek_fc_outputs_down(const int32_t *sums, const ek_fc_layer *l, int32_t o, int32_t rows, int8_t *y, int32_t n)
{
    const ek_i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const ek_i zero = _mm512_set1_epi16((int16_t)(2 * l->y_zero + 1));
    const ek_i least = _mm512_set1_epi8((char)l->y_min), most = _mm512_set1_epi8((char)l->y_max);
    const __mmask64 lanes = n >= 64 ? ~0ull : (1ull << n) - 1;
    ek_i mult[4], behind[4];
    EK_UNROLLED
    for (int32_t p = 0; p < 4; p++) {
        mult[p] = ek_i_load_s32(l->mult + o + p * EK_PANEL, n - p * EK_PANEL);
        behind[p] = ek_i_sub(ek_i_load_u8(l->shift + o + p * EK_PANEL, n - p * EK_PANEL), ek_i_all(33));
    }
    for (int32_t r = 0; r < rows; r++, sums += 4 * EK_PANEL, y += l->n) {
        ek_i q[4];
        EK_UNROLLED
        for (int32_t p = 0; p < 4; p++) {
            q[p] = _mm512_srav_epi32(ek_i_high(_mm512_loadu_si512(sums + p * EK_PANEL), mult[p]), behind[p]);
        }
        const ek_i low = _mm512_srai_epi16(_mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero), 1);
        const ek_i high = _mm512_srai_epi16(_mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero), 1);
        const ek_i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
        _mm512_mask_storeu_epi8(y, lanes, _mm512_min_epi8(_mm512_max_epi8(bytes, least), most));
    }
}

#if EK_BITS(EK_X) == 16
#include "ek_fc_words.h"
#else
/* Outputs o.. of some rows, n of so many panels whose first weights are w, in groups of `step` vectors; `held` has taps
 * from `first` on. */
EK_FC_INLINE void ek_fc_panels(const EK_X *x, uint8_t *held, int32_t *first, const ek_fc_layer *l, const ek_fc_taps *w,
                               int32_t step, int32_t o, int32_t rows, int32_t panels, EK_Y *y, int32_t n)
{
    int32_t sums[EK_FC_ROWS * EK_ROWS];
    ek_fc_part part = {held, w, l->bias + o, 0, 0, step, ek_lanes(n - (panels - 1) * EK_PANEL)};
    for (int32_t from = 0; from < l->k; from += EK_FC_BLOCK, part.w += step * (EK_FC_BLOCK / 4)) {
        part.count = l->k - from < EK_FC_BLOCK ? l->k - from : EK_FC_BLOCK;
        if (*first != from) {
            ek_fc_hold(x + from, l->k, part.count, rows, held);
            *first = from;
        }
        ek_fc_sums_of(&part, rows, panels, sums);
        part.begin = sums;
        part.apart = panels * EK_PANEL;
        part.last = 0xffff;
    }
    if (sizeof(EK_Y) == 1 && panels == 4 && l->is_down) {
        ek_fc_outputs_down(sums, l, o, rows, (int8_t *)(void *)y, n);
        return;
    }
    for (int32_t r = 0; r < rows; r++) {
        ek_fc_outputs(sums + r * panels * EK_PANEL, l, o, panels, y + (ptrdiff_t)r * l->n, n);
    }
}
#endif

/* All outputs of some rows. */
EK_FC_INLINE void ek_fc_tile(const EK_X *x, const ek_fc_layer *own, int32_t rows, EK_Y *y)
{
    const ek_fc_layer l = *own; /* which stores cannot change */
    uint8_t held[EK_FC_ROWS * EK_FC_TAPS];
    int32_t first = -1;
    for (int32_t o = 0; o < l.outputs; o += EK_ROWS) {
        const int32_t n = l.outputs - o < EK_ROWS ? l.outputs - o : EK_ROWS, step = EK_PACKED(n) / EK_PANEL;
        const ek_fc_taps *const w = (const ek_fc_taps *)(const void *)(l.w + o * EK_BYTES(l.k));
        if (step == 4) {
            ek_fc_panels(x, held, &first, &l, w, step, o, rows, 4, y + o, n);
            continue;
        }
        if (step >= 2) {
            ek_fc_panels(x, held, &first, &l, w, step, o, rows, 2, y + o, n);
        }
        if (step != 2) {
            const int32_t behind = step == 3 ? 2 * EK_PANEL : 0;
            ek_fc_panels(x, held, &first, &l, w + step - 1, step, o + behind, rows, 1, y + o + behind, n - behind);
        }
    }
}

static __attribute__((noinline)) void ek_fc_six(const EK_X *x, const ek_fc_layer *l, EK_Y *y)
{
    ek_fc_tile(x, l, EK_FC_ROWS, y);
}

static __attribute__((noinline)) void ek_fc_three(const EK_X *x, const ek_fc_layer *l, EK_Y *y)
{
    ek_fc_tile(x, l, 3, y);
}

#if EK_BITS(EK_X) == 8
#include "ek_fc_products.h"
#else
#define EK_FC_PRODUCTS(...) 0
#endif

/* Outputs of the first rows of x [rows][k]; returns how many: those that remain are less than 3. */
static inline int32_t ek_fc_tiles(const EK_X *x, const ek_fc_layer *own, EK_Y *y, int32_t rows)
{
    ek_fc_layer l = *own;
    int32_t row = 0;
    l.is_down = 1;
    for (int32_t o = 0; o < l.outputs && rows >= 3; o++) {
        l.is_down &= l.shift[o] >= 33;
    }
    row = EK_FC_PRODUCTS(x, &l, y, rows);
    for (; row + EK_FC_ROWS <= rows; row += EK_FC_ROWS) {
        ek_fc_six(x + (ptrdiff_t)row * l.k, &l, y + (ptrdiff_t)row * l.n);
    }
    for (; row + 3 <= rows; row += 3) {
        ek_fc_three(x + (ptrdiff_t)row * l.k, &l, y + (ptrdiff_t)row * l.n);
    }
    return row;
}

#endif
