/* Outputs of one channel of 64 sums over EK_Y. The four vectors of sums have, in 128-bit lane l of vector v, positions
 * 16 * l + 4 * v .. + 3, as unpacking leaves them, so that packing restores their order. */
#ifndef EK_BYTES_OF_GUARD
#define EK_BYTES_OF_GUARD

#include "ek_conv_shape.h"
#include "ek_rows.h"

/* Some vectors of positions as bytes: lanes of a run lie side by side, lane 0 of it at its place in y. */
typedef struct {
    int32_t count;
    int32_t at[64];
    uint64_t in[64];
} ek_byte_runs;

/* Runs of `lanes` positions, 64 at most, from number `first` on, of n in rows `pitch` apart of which `columns` are
 * outputs; rows of y are `across` apart. */
static inline void ek_byte_runs_of(int32_t first, int32_t n, int32_t pitch, int32_t columns, int32_t across, int32_t lanes,
                                   ek_byte_runs *p)
{
    int32_t row = first / pitch, column = first % pitch;
    lanes = ek_min(lanes, n - first);
    p->count = 0;
    for (int32_t j = 0; j < lanes; column = 0, row++) {
        const int32_t inside = ek_min(columns - column, lanes - j);
        if (inside > 0) {
            p->at[p->count] = row * across + column - j;
            p->in[p->count++] = ek_span(j, j + inside);
        }
        j += pitch - column;
    }
}

/* What becomes of a channel's sums. */
typedef struct {
    int32_t mult, shift, y_zero, y_min, y_max;
} ek_scaling;

/* Twice the requantized sums, not yet rounded; shift >= 33. */
static inline __m512i ek_twice_scaled(__m512i sum, __m512i mult, __m512i behind)
{
    return _mm512_srav_epi32(ek_i_high(sum, mult), behind);
}

/* The same of two vectors as int16, rounded, with the zero point. Saturated sums stay beyond what int8 holds. */
static inline __m512i ek_scaled_pair(__m512i a, __m512i b, __m512i mult, __m512i behind, __m512i zero)
{
    const __m512i both = _mm512_packs_epi32(ek_twice_scaled(a, mult, behind), ek_twice_scaled(b, mult, behind));
    return _mm512_srai_epi16(_mm512_adds_epi16(both, zero), 1);
}

/* int8 outputs of four vectors of sums. */
static inline __m512i ek_bytes_of_four(const __m512i *sums, const ek_scaling *s, int is_down)
{
    __m512i a, b;
    if (is_down) {
        const __m512i mult = _mm512_set1_epi32(s->mult), behind = _mm512_set1_epi32(s->shift - 33);
        const __m512i zero = _mm512_set1_epi16((int16_t)(2 * s->y_zero + 1));
        a = ek_scaled_pair(sums[0], sums[1], mult, behind, zero);
        b = ek_scaled_pair(sums[2], sums[3], mult, behind, zero);
    } else {
        const __m512i mult = _mm512_set1_epi32(s->mult), shift = _mm512_set1_epi32(s->shift);
        const __m512i zero = _mm512_set1_epi16((int16_t)s->y_zero);
        a = _mm512_packs_epi32(ek_i_requantize(sums[0], mult, shift), ek_i_requantize(sums[1], mult, shift));
        b = _mm512_packs_epi32(ek_i_requantize(sums[2], mult, shift), ek_i_requantize(sums[3], mult, shift));
        a = _mm512_adds_epi16(a, zero);
        b = _mm512_adds_epi16(b, zero);
    }
    const __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(a, b), _mm512_set1_epi8((char)s->y_min));
    return _mm512_min_epi8(bytes, _mm512_set1_epi8((char)s->y_max));
}

/* The same as int16, the first 32 positions and the others. */
static inline void ek_words_of_four(const __m512i *sums, const ek_scaling *s, int is_down, __m512i *to)
{
    const __m512i mult = _mm512_set1_epi32(s->mult), shift = _mm512_set1_epi32(s->shift);
    const __m512i zero = _mm512_set1_epi32(s->y_zero);
    const __m512i low = _mm512_set1_epi16((int16_t)s->y_min), high = _mm512_set1_epi16((int16_t)s->y_max);
    __m512i q[4];
    for (int32_t v = 0; v < 4; v++) {
        const __m512i scaled = is_down ? ek_i_requantize_down(sums[v], s->mult, s->shift)
                                       : ek_i_requantize(sums[v], mult, shift);
        q[v] = ek_i_add(scaled, zero);
    }
    const __m512i a = _mm512_packs_epi32(q[0], q[1]), b = _mm512_packs_epi32(q[2], q[3]);
    const __m512i first = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), b);
    const __m512i last = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), b);
    to[0] = _mm512_min_epi16(_mm512_max_epi16(first, low), high);
    to[1] = _mm512_min_epi16(_mm512_max_epi16(last, low), high);
}

/* Outputs of four vectors of sums, in runs. */
static inline __attribute__((always_inline)) void ek_store_runs(const __m512i *sums, const ek_scaling *s, int is_down,
                                                                const ek_byte_runs *p, EK_Y *y)
{
    if (sizeof(EK_Y) == 1) {
        const __m512i bytes = ek_bytes_of_four(sums, s, is_down);
        for (int32_t i = 0; i < p->count; i++) {
            _mm512_mask_storeu_epi8(y + p->at[i], p->in[i], bytes);
        }
        return;
    }
    __m512i words[2];
    ek_words_of_four(sums, s, is_down, words);
    for (int32_t i = 0; i < p->count; i++) {
        _mm512_mask_storeu_epi16(y + p->at[i], (__mmask32)p->in[i], words[0]);
        _mm512_mask_storeu_epi16(y + p->at[i] + 32, (__mmask32)(p->in[i] >> 32), words[1]);
    }
}

#endif
