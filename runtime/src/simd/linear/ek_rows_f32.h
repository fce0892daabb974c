/* Float products with a constant matrix over ek_vector.h. */
#ifndef EK_ROWS_F32_GUARD
#define EK_ROWS_F32_GUARD

#include "ek_vector.h"

#define EK_COLUMNS EK_LANES
#define EK_INLINE static inline __attribute__((always_inline))
#ifndef EK_V_FMA_ALL
#define EK_V_FMA_ALL(a, b, c) ek_v_fma(ek_v_all(a), b, c)
#endif
#ifndef EK_ROW_PANELS
#define EK_ROW_PANELS 4  /* at once, of one row */
#define EK_PAIR_PANELS 4 /* of two */
#define EK_ROWS_PANELS 2 /* of more */
#define EK_ROW_SUMS 2    /* of a single row: even and odd taps */
#endif
#define EK_UNROLL _Pragma("GCC unroll 16") /* sums stay in registers only where compilers unroll every loop over them */
#ifndef EK_ROWS_TOGETHER
#define EK_ROWS_TOGETHER EK_TILE_ROWS /* of two vectors each: their sums stay in registers */
#endif

static inline int32_t ek_lower(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* sum [rows][panels] += one tap of each row of x, `step` apart, times panels of w, `w_step` apart. */
EK_INLINE void ek_tap_f32(const float *x, ptrdiff_t step, const float *w, ptrdiff_t w_step, int32_t rows, int32_t panels,
                          ek_v *sum)
{
    ek_v own[4];
    EK_UNROLL
    for (int32_t p = 0; p < panels; p++) {
        own[p] = ek_v_load(w + p * w_step);
    }
    EK_UNROLL
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLL
        for (int32_t p = 0; p < panels; p++) {
            sum[r * panels + p] = EK_V_FMA_ALL(x[r * step], own[p], sum[r * panels + p]);
        }
    }
}

#ifdef EK_FMA_LANE
/* sum [rows][panels] += tap number `lane` of those of each row times panels of w, `w_step` apart. */
#define EK_TAP_OF_LANE(lane, sum)                                                                     \
    _Pragma("GCC unroll 4") for (int32_t p = 0; p < panels; p++)                                      \
    {                                                                                                 \
        const ek_v own = ek_v_load(w + p * step + (ptrdiff_t)(i + lane) * EK_COLUMNS);                \
        _Pragma("GCC unroll 8") for (int32_t r = 0; r < rows; r++)                                    \
        {                                                                                             \
            sum[r * panels + p] = EK_FMA_LANE(own, taps[r], lane, sum[r * panels + p]);               \
        }                                                                                             \
    }
#endif

/* y [rows][count] += x [rows][k] . w: `panels` panels of columns, of which the last has `last`. Even and odd taps of a
 * single row have sums of their own, so that as many are under way as the units take. */
EK_INLINE void ek_tile_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t count,
                           int32_t panels, int32_t last)
{
    const ptrdiff_t step = (ptrdiff_t)k * EK_COLUMNS;
    ek_v even[2 * EK_ROWS_TOGETHER], odd[4];
    const int is_split = rows == 1 && EK_ROW_SUMS == 2;
    int32_t i = 0;
    EK_UNROLL
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLL
        for (int32_t p = 0; p < panels; p++) {
            float *const to = y + (ptrdiff_t)r * count + p * EK_COLUMNS;
            even[r * panels + p] = p + 1 < panels ? ek_v_load(to) : ek_v_load_some(to, last);
        }
    }
    EK_UNROLL
    for (int32_t p = 0; is_split && p < panels; p++) {
        odd[p] = ek_v_zero();
    }
#ifdef EK_FMA_LANE
    for (; i + EK_LANES <= k; i += EK_LANES) {
        ek_v taps[EK_ROWS_TOGETHER];
        _Pragma("GCC unroll 8") for (int32_t r = 0; r < rows; r++)
        {
            taps[r] = ek_v_load(x + (ptrdiff_t)r * k + i);
        }
        EK_TAP_OF_LANE(0, even)
        if (is_split) {
            EK_TAP_OF_LANE(1, odd)
            EK_TAP_OF_LANE(2, even)
            EK_TAP_OF_LANE(3, odd)
        } else {
            EK_TAP_OF_LANE(1, even)
            EK_TAP_OF_LANE(2, even)
            EK_TAP_OF_LANE(3, even)
        }
    }
#endif
    for (; is_split && i + 2 <= k; i += 2) {
        ek_tap_f32(x + i, k, w + (ptrdiff_t)i * EK_COLUMNS, step, rows, panels, even);
        ek_tap_f32(x + i + 1, k, w + (ptrdiff_t)(i + 1) * EK_COLUMNS, step, rows, panels, odd);
    }
    for (; i < k; i++) {
        ek_tap_f32(x + i, k, w + (ptrdiff_t)i * EK_COLUMNS, step, rows, panels, even);
    }
    EK_UNROLL
    for (int32_t r = 0; r < rows; r++) {
        EK_UNROLL
        for (int32_t p = 0; p < panels; p++) {
            float *const to = y + (ptrdiff_t)r * count + p * EK_COLUMNS;
            const ek_v sum = is_split ? ek_v_add(even[p], odd[p]) : even[r * panels + p];
            if (p + 1 < panels) {
                ek_v_store(to, sum);
            } else {
                ek_v_store_some(to, sum, last);
            }
        }
    }
}

/* Some rows over all columns, so many panels at a time; then one after the other. */
EK_INLINE void ek_few_rows_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t count,
                               int32_t panels)
{
    int32_t at = 0;
    for (; count - at > (panels - 1) * EK_COLUMNS; at += panels * EK_COLUMNS) {
        const int32_t last = ek_lower(count - at - (panels - 1) * EK_COLUMNS, EK_COLUMNS);
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, rows, k, count, panels, last);
    }
    for (; at < count; at += EK_COLUMNS) {
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, rows, k, count, 1, ek_lower(count - at, EK_COLUMNS));
    }
}

/* y [rows][count] += x [rows][k] . columns from.. of w [k][n]. A matrix that is taken in parts is packed in parts. */
static inline void ek_rows_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t n,
                               int32_t from, int32_t count)
{
    (void)n;
    w += (ptrdiff_t)((from + EK_COLUMNS - 1) / EK_COLUMNS * EK_COLUMNS) * k;
    for (int32_t some; rows > 0; rows -= some, x += (ptrdiff_t)some * k, y += (ptrdiff_t)some * count) {
        some = rows >= EK_ROWS_TOGETHER ? EK_ROWS_TOGETHER : rows >= 4 ? 4 : rows;
        switch (some) {
        case 1: ek_few_rows_f32(x, w, y, 1, k, count, EK_ROW_PANELS); break;
        case 2: ek_few_rows_f32(x, w, y, 2, k, count, EK_PAIR_PANELS); break;
        case 3: ek_few_rows_f32(x, w, y, 3, k, count, EK_ROWS_PANELS); break;
        case 4: ek_few_rows_f32(x, w, y, 4, k, count, EK_ROWS_PANELS); break;
        default: ek_few_rows_f32(x, w, y, EK_ROWS_TOGETHER, k, count, EK_ROWS_PANELS); break;
        }
    }
}

/* The same of all columns, for the turn'th time: of a single row every other time the last columns first, which a cache
 * that does not hold all weights still has. */
static inline void ek_rows_again_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t n,
                                     int32_t turn)
{
    const int32_t block = EK_ROW_PANELS * EK_COLUMNS;
    if (rows > 1 || turn % 2 == 0) {
        ek_rows_f32(x, w, y, rows, k, n, 0, n);
        return;
    }
    for (int32_t from = (n - 1) / block * block; from >= 0; from -= block) {
        ek_few_rows_f32(x, w + (ptrdiff_t)from * k, y + from, 1, k, ek_lower(n - from, block), EK_ROW_PANELS);
    }
}

#endif
