/* Outputs of int16 channels, within ek_conv_fours.h. Weights of some outputs are widened to words, which vpdpwssd takes. Sums
 * of so many pairs as fit into int32 whatever the weights are stay in registers; those of more are added in int64. */
#ifndef EK_TWOS_OUTPUTS_GUARD
#define EK_TWOS_OUTPUTS_GUARD

#include "ek_rows.h"

#define EK_TWOS_PAIRS 255      /* of products of 2^22 at most */
#define EK_TWOS_PRODUCTS (1 << 23) /* the largest sum of a pair */
#define EK_TWOS_ROW 256        /* pairs from one output to the next */
#define EK_TWOS_ROOM 8192      /* pairs, of all outputs, that are widened once */
#define EK_TWOS_OUTPUTS 512

/* wide [rows][row] = pairs of weights, rows `step` bytes apart; row is a multiple of 16. */
EK_INLINE void ek_twos_widen(const int8_t *w, ptrdiff_t step, int32_t pairs, int32_t rows, int32_t row, int32_t *wide)
{
    for (int32_t i = 0; i < pairs; i += 16) {
        const __mmask32 in = (__mmask32)ek_span(0, 2 * (pairs - i));
        for (int32_t r = 0; r < rows; r++) {
            const __m256i bytes = _mm256_maskz_loadu_epi8(in, w + r * step + 2 * i);
            _mm512_storeu_si512(wide + r * row + i, _mm512_cvtepi8_epi16(bytes));
        }
    }
}

/* The factors of outputs o.., doubled while the shift is below 33 and they stay int32: those of int64 sums are small. */
EK_INLINE int ek_twos_factors(const ek_fours *f, int32_t o, int32_t rows, int32_t *mult, uint8_t *shift)
{
    int is_down = 1;
    for (int32_t r = 0; r < rows; r++) {
        const int32_t m = f->mult[o + r], less = f->shift[o + r];
        const int32_t room = __builtin_clz((uint32_t)(m ^ (m >> 31)) | 1u) - 1, up = ek_min(ek_max(33 - less, 0), room);
        mult[r] = (int32_t)((uint32_t)m << up);
        shift[r] = (uint8_t)(less + up);
        is_down &= shift[r] >= 33;
    }
    return is_down;
}

/* Whether sums of outputs o.. stay int32. */
EK_INLINE int ek_twos_fit(const ek_fours *f, int32_t o, int32_t rows)
{
    const int32_t pairs = f->count * f->kernel;
    int fit = pairs <= EK_TWOS_PAIRS;
    for (int32_t r = 0; r < rows && fit; r++) {
        const int64_t bias = f->bias[o + r], most = INT32_MAX - pairs * EK_TWOS_PRODUCTS;
        fit &= bias <= most && bias >= -most;
    }
    return fit;
}

/* acc [n][16] = sums [n], and where they are not the first what it was. */
EK_INLINE void ek_twos_add(const ek_i *sums, int32_t n, int first, int64_t *acc)
{
    EK_UNROLLED
    for (int32_t i = 0; i < n; i++, acc += 16) {
        __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums[i]));
        __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums[i], 1));
        if (!first) {
            low = _mm512_add_epi64(low, _mm512_loadu_si512(acc));
            high = _mm512_add_epi64(high, _mm512_loadu_si512(acc + 8));
        }
        _mm512_storeu_si512(acc, low);
        _mm512_storeu_si512(acc + 8, high);
    }
}

/* The outputs of 16 sums of output channel o; products modulo 2^64 are exact. */
EK_INLINE ek_i ek_twos_scaled(const int64_t *acc, const ek_fours *f, int32_t o)
{
    const __m512i bias = _mm512_set1_epi64(f->bias[o]), mult = _mm512_set1_epi64(f->mult[o]);
    const __m512i shift = _mm512_set1_epi64(f->shift[o]);
    const __m512i low = _mm512_mullo_epi64(_mm512_add_epi64(_mm512_loadu_si512(acc), bias), mult);
    const __m512i high = _mm512_mullo_epi64(_mm512_add_epi64(_mm512_loadu_si512(acc + 8), bias), mult);
    const __m256i a = _mm512_cvtepi64_epi32(ek_scaled(low, shift, f->y_zero, f->y_min, f->y_max));
    const __m256i b = _mm512_cvtepi64_epi32(ek_scaled(high, shift, f->y_zero, f->y_min, f->y_max));
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Outputs o.., `rows` of them, by blocks of pairs. */
EK_INLINE void ek_twos_blocks(const ek_fours *f, const ek_fours_from *from, int32_t o, int32_t kind, int32_t rows,
                              int32_t vectors, ek_fours *part, int32_t *wide, ek_i *sums, const ek_fours_at *p, EK_Y *y)
{
    static const EK_ACC none[EK_FOURS_ROWS] = {0};
    const int8_t *const w = f->w + o * f->w_step;
    int64_t acc[EK_FOURS_ROWS * EK_FOURS_VECTORS * 16];
    part->bias = none;
    for (int32_t c = 0; c < f->count; c += part->count) {
        ek_fours_from now = *from;
        part->count = ek_min(f->count - c, ek_max(1, EK_TWOS_PAIRS / f->kernel));
        for (int32_t v = 0; v < vectors; v++) {
            now.at[v] = from->at[v] ? from->at[v] + (ptrdiff_t)c * f->step : NULL;
        }
        for (int32_t t = 0; t < f->kernel; t += part->kernel) {
            part->kernel = ek_min(f->kernel - t, EK_TWOS_PAIRS);
            part->offset = f->offset + t;
            ek_twos_widen(w + 2 * ((ptrdiff_t)c * f->kernel + t), f->w_step, part->count * part->kernel, rows, EK_TWOS_ROW,
                          wide);
            ek_fours_sums_of_kind(part, &now, 0, kind, vectors, sums);
            ek_twos_add(sums, rows * vectors, c + t == 0, acc);
        }
    }
    for (int32_t r = 0; r < rows; r++, y += f->plane) {
        ek_i q[EK_FOURS_VECTORS];
        for (int32_t v = 0; v < vectors; v++) {
            q[v] = ek_twos_scaled(acc + (r * vectors + v) * 16, f, o + r);
            if (sizeof(EK_Y) == 2) {
                ek_fours_store(q[v], p->words.in[v], y + p->words.at[v]);
            }
        }
        if (sizeof(EK_Y) == 1) {
            const ek_i third = q[vectors - 1];
            ek_fours_place(_mm512_packs_epi32(q[0], q[vectors > 1]), _mm512_packs_epi32(third, third), f, &p->bytes,
                           (int8_t *)(void *)y);
        }
    }
}

/* Outputs from number o on, `rows` of them, of some vectors of positions; y is that of the first. */
EK_INLINE void ek_twos_rows(const ek_fours *f, const ek_fours_from *from, int32_t o, int32_t kind, int32_t rows,
                            int32_t vectors, ek_i *sums, const ek_fours_at *p, EK_Y *y)
{
    int32_t wide[EK_FOURS_ROWS * EK_TWOS_ROW], mult[EK_FOURS_ROWS];
    uint8_t shift[EK_FOURS_ROWS];
    ek_fours part = *f;
    if (f->ready) {
        ek_fours_sums_of_kind(f, from, o, kind, vectors, sums);
        ek_fours_outputs(sums, rows, vectors, f, o, p, y);
        return;
    }
    part.w = (const int8_t *)(const void *)wide;
    part.w_step = 4 * EK_TWOS_ROW;
    if (!ek_twos_fit(f, o, rows)) {
        ek_twos_blocks(f, from, o, kind, rows, vectors, &part, wide, sums, p, y);
        return;
    }
    part.is_down = ek_twos_factors(f, o, rows, mult, shift);
    part.bias = f->bias + o;
    part.mult = mult;
    part.shift = shift;
    ek_twos_widen(f->w + o * f->w_step, f->w_step, f->count * f->kernel, rows, EK_TWOS_ROW, wide);
    ek_fours_sums_of_kind(&part, from, 0, kind, vectors, sums);
    ek_fours_outputs(sums, rows, vectors, &part, 0, p, y);
}

/* Weights of all outputs as words, and their factors. */
typedef struct {
    int32_t wide[EK_TWOS_ROOM], mult[EK_TWOS_OUTPUTS];
    uint8_t shift[EK_TWOS_OUTPUTS];
    ek_fours f;
} ek_twos_room;

/* The layer with these, where they have room. */
static inline const ek_fours *ek_twos_ready(const ek_fours *f, ek_twos_room *to)
{
    const int32_t pairs = f->count * f->kernel, row = (pairs + 15) & ~15;
    if (f->outputs > EK_TWOS_OUTPUTS || row > EK_TWOS_ROOM / f->outputs || !ek_twos_fit(f, 0, f->outputs)) {
        return f;
    }
    ek_twos_widen(f->w, f->w_step, pairs, f->outputs, row, to->wide);
    to->f = *f;
    to->f.is_down = ek_twos_factors(f, 0, f->outputs, to->mult, to->shift);
    to->f.w = (const int8_t *)(const void *)to->wide;
    to->f.w_step = 4 * row;
    to->f.mult = to->mult;
    to->f.shift = to->shift;
    to->f.ready = 1;
    return &to->f;
}

#define EK_FOURS_ROWS_OF ek_twos_rows
#define EK_FOURS_ROOM_OF ek_twos_room
#define EK_FOURS_READY(f, room) ek_twos_ready(f, room)

#endif
