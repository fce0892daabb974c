/* Sums of rows of int16 operands, within ek_fc_tiles.h: int32 where all taps together fit whatever the weights are, else
 * added in int64. */
#ifndef EK_FC_WORDS_GUARD
#define EK_FC_WORDS_GUARD

/* wide [n] += sums [n], a multiple of 16. */
EK_FC_INLINE void ek_fc_add(const int32_t *sums, int32_t n, int64_t *wide)
{
    for (int32_t i = 0; i < n; i += 8) {
        const __m512i v = _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)(sums + i)));
        _mm512_storeu_si512(wide + i, _mm512_add_epi64(_mm512_loadu_si512(wide + i), v));
    }
}

/* Outputs o.. of some rows, n of so many panels whose first weights are w, in groups of `step` vectors; `held` has taps
 * from `first` on. */
EK_FC_INLINE void ek_fc_panels(const EK_X *x, uint8_t *held, int32_t *first, const ek_fc_layer *l, const ek_fc_taps *w,
                               int32_t step, int32_t o, int32_t rows, int32_t panels, EK_Y *y, int32_t n)
{
    static const int32_t none[EK_ROWS] = {0};
    const int32_t width = panels * EK_PANEL, many = n < width ? n : width;
    int32_t sums[EK_FC_ROWS * EK_ROWS];
    int64_t wide[EK_FC_ROWS * EK_ROWS];
    ek_fc_part part = {held, w, l->start ? l->start + o : none, 0, 0, step, ek_lanes(n - width + EK_PANEL)};
    for (int32_t r = 0; r < rows && !l->start; r++) {
        memset(wide + r * width, 0, (size_t)width * sizeof(wide[0]));
        memcpy(wide + r * width, l->bias + o, (size_t)many * sizeof(wide[0]));
    }
    for (int32_t from = 0; from < l->k; from += EK_FC_BLOCK, part.w += step * (EK_FC_BLOCK / 2)) {
        const int32_t taps = l->k - from < EK_FC_BLOCK ? l->k - from : EK_FC_BLOCK;
        part.count = 2 * taps;
        if (*first != from) {
            ek_fc_hold(x + from, l->k, taps, rows, held);
            *first = from;
        }
        ek_fc_sums_of(&part, rows, panels, sums);
        if (!l->start) {
            ek_fc_add(sums, rows * width, wide);
        }
    }
    for (int32_t r = 0; r < rows; r++, y += l->n) {
        if (l->start) {
            ek_fc_outputs(sums + r * width, l, o, panels, y, n);
            continue;
        }
#if EK_BITS(EK_Y) == 8
        ek_outputs_s64_s8(wide + r * width, l->mult + o, l->shift + o, l->y_zero, l->y_min, l->y_max, y, many);
#else
        ek_outputs_s64_s16(wide + r * width, l->mult + o, l->shift + o, l->y_zero, l->y_min, l->y_max, y, many);
#endif
    }
}

#endif
