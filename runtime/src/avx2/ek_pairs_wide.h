/* Sums of pairs of int16 channels, within ek_conv_pairs.h. So many as fit into int32 whatever the weights are stay in
 * registers; those of more are added in int64. */
#ifndef EK_PAIRS_WIDE_GUARD
#define EK_PAIRS_WIDE_GUARD

#define EK_PAIRS_AT_ONCE 255         /* of products of 2^22 at most */
#define EK_PAIRS_PRODUCTS (1 << 23)  /* the largest sum of a pair */

/* Whether sums of outputs o.. stay int32. */
EK_INLINE int ek_pairs_fit(const ek_pair_layer *f, int32_t o, int32_t rows)
{
    const int32_t pairs = f->count * f->kernel;
    int fit = pairs <= EK_PAIRS_AT_ONCE;
    for (int32_t r = 0; r < rows && fit; r++) {
        const int64_t bias = f->bias[o + r], most = INT32_MAX - pairs * EK_PAIRS_PRODUCTS;
        fit &= bias <= most && bias >= -most;
    }
    return fit;
}

/* A factor doubled while its shift, which is returned, is below 33 and it stays int32: those of int64 sums are small. */
EK_INLINE int32_t ek_pairs_lift(int32_t shift, int32_t *mult)
{
    const int32_t room = __builtin_clz((uint32_t)(*mult ^ (*mult >> 31)) | 1u) - 1;
    const int32_t up = ek_min(ek_max(33 - shift, 0), room);
    *mult = (int32_t)((uint32_t)*mult << up);
    return shift + up;
}

/* wide [n][8] += sums [n]. */
EK_INLINE void ek_pairs_add(const ek_i *sums, int32_t n, int64_t *wide)
{
    for (int32_t i = 0; i < n; i++, wide += 8) {
        __m256i *const low = (__m256i *)(void *)wide, *const high = (__m256i *)(void *)(wide + 4);
        const __m256i a = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sums[i]));
        const __m256i b = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sums[i], 1));
        _mm256_storeu_si256(low, _mm256_add_epi64(_mm256_loadu_si256(low), a));
        _mm256_storeu_si256(high, _mm256_add_epi64(_mm256_loadu_si256(high), b));
    }
}

/* y [8] = outputs of sums of output channel o, as int32. */
EK_INLINE ek_i ek_pairs_scaled(const int64_t *sums, const ek_pair_layer *f, const int32_t *mult, const uint8_t *shift)
{
    EK_Y row[8];
#if EK_BITS(EK_Y) == 8
    ek_outputs_s64_s8(sums, mult, shift, f->y_zero, f->y_min, f->y_max, row, 8);
    return ek_i_load_s8(row, 8);
#else
    ek_outputs_s64_s16(sums, mult, shift, f->y_zero, f->y_min, f->y_max, row, 8);
    return ek_i_load_s16(row, 8);
#endif
}

/* Outputs from number o on, `rows` of them, by blocks of pairs. */
EK_INLINE void ek_pairs_wide(const ek_pair_layer *f, const int32_t *const *x, const ek_places *p, int32_t o, int32_t rows,
                             int32_t vectors, ek_i *acc, EK_Y *y)
{
    int64_t wide[EK_PAIRS_ROWS * EK_PAIRS_VECTORS * 8];
    for (int32_t i = 0; i < rows * vectors * 8; i++) {
        wide[i] = f->bias[o + i / (vectors * 8)];
    }
    for (int32_t c = 0, count; c < f->count; c += count) {
        count = ek_min(f->count - c, ek_max(1, EK_PAIRS_AT_ONCE / f->kernel));
        for (int32_t t = 0, kernel; t < f->kernel; t += kernel) {
            kernel = ek_min(f->kernel - t, EK_PAIRS_AT_ONCE);
            for (int32_t i = 0; i < rows * vectors; i++) {
                acc[i] = ek_i_all(0);
            }
            ek_pairs_sums(f, x, o, rows, vectors, c, count, t, kernel, acc);
            ek_pairs_add(acc, rows * vectors, wide);
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        int32_t mult[8];
        uint8_t shift[8];
        for (int32_t i = 0; i < 8; i++) {
            mult[i] = f->mult[o + r];
            shift[i] = f->shift[o + r];
        }
        for (int32_t v = 0; v < vectors; v++) {
            const ek_i outputs = ek_pairs_scaled(wide + (r * vectors + v) * 8, f, mult, shift);
            ek_pairs_place(outputs, p->in[v], y + (o + r) * f->plane + p->at[v]);
        }
    }
}

#endif
