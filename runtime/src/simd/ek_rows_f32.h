/* Float products with a constant matrix over ek_vector.h. */
#ifndef EK_ROWS_F32_GUARD
#define EK_ROWS_F32_GUARD

#include "ek_vector.h"

#define EK_COLUMNS EK_LANES
#define EK_INLINE static inline __attribute__((always_inline))

/* y [rows][count] += x [rows][k] . w: `panels` panels of columns, of which the last has `last`. Even and odd taps have
 * sums of their own, so that as many are under way as the units take. */
EK_INLINE void ek_tile_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t count,
                           int32_t panels, int32_t last)
{
    const ptrdiff_t step = (ptrdiff_t)k * EK_COLUMNS;
    ek_v even[2 * EK_TILE_ROWS], odd[2 * EK_TILE_ROWS];
    int32_t i = 0;
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t p = 0; p < panels; p++) {
            float *const to = y + (ptrdiff_t)r * count + p * EK_COLUMNS;
            even[r * panels + p] = p + 1 < panels ? ek_v_load(to) : ek_v_load_some(to, last);
            odd[r * panels + p] = ek_v_zero();
        }
    }
    for (; i + 2 <= k; i += 2) {
        for (int32_t p = 0; p < panels; p++) {
            const float *const at = w + p * step + (ptrdiff_t)i * EK_COLUMNS;
            const ek_v w0 = ek_v_load(at), w1 = ek_v_load(at + EK_COLUMNS);
            for (int32_t r = 0; r < rows; r++) {
                const float *const xr = x + (ptrdiff_t)r * k + i;
                even[r * panels + p] = ek_v_fma(ek_v_all(xr[0]), w0, even[r * panels + p]);
                if (rows == 1) {
                    odd[r * panels + p] = ek_v_fma(ek_v_all(xr[1]), w1, odd[r * panels + p]);
                } else {
                    even[r * panels + p] = ek_v_fma(ek_v_all(xr[1]), w1, even[r * panels + p]);
                }
            }
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t p = 0; p < panels; p++) {
            float *const to = y + (ptrdiff_t)r * count + p * EK_COLUMNS;
            ek_v sum = rows == 1 ? ek_v_add(even[p], odd[p]) : even[r * panels + p];
            if (i < k) {
                const ek_v wi = ek_v_load(w + p * step + (ptrdiff_t)i * EK_COLUMNS);
                sum = ek_v_fma(ek_v_all(x[(ptrdiff_t)r * k + i]), wi, sum);
            }
            if (p + 1 < panels) {
                ek_v_store(to, sum);
            } else {
                ek_v_store_some(to, sum, last);
            }
        }
    }
}

/* One row over all columns, four panels at a time. */
EK_INLINE void ek_row_f32(const float *x, const float *w, float *y, int32_t k, int32_t count)
{
    int32_t at = 0;
    for (; count - at >= 4 * EK_COLUMNS; at += 4 * EK_COLUMNS) {
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, 1, k, count, 4, EK_COLUMNS);
    }
    for (; count - at >= 2 * EK_COLUMNS; at += 2 * EK_COLUMNS) {
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, 1, k, count, 2, EK_COLUMNS);
    }
    for (; at < count; at += EK_COLUMNS) {
        const int32_t last = count - at < EK_COLUMNS ? count - at : EK_COLUMNS;
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, 1, k, count, 1, last);
    }
}

/* Some rows over all columns, two panels at a time. */
EK_INLINE void ek_few_rows_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t count)
{
    int32_t at = 0;
    for (; count - at > EK_COLUMNS; at += 2 * EK_COLUMNS) {
        const int32_t last = count - at < 2 * EK_COLUMNS ? count - at - EK_COLUMNS : EK_COLUMNS;
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, rows, k, count, 2, last);
    }
    if (at < count) {
        ek_tile_f32(x, w + (ptrdiff_t)at * k, y + at, rows, k, count, 1, count - at);
    }
}

/* y [rows][count] += x [rows][k] . columns from.. of w [k][n]. A matrix that is taken in parts is packed in parts. */
static inline void ek_rows_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t n,
                               int32_t from, int32_t count)
{
    int32_t row = 0;
    (void)n;
    w += (ptrdiff_t)((from + EK_COLUMNS - 1) / EK_COLUMNS * EK_COLUMNS) * k;
    for (; row + EK_TILE_ROWS <= rows; row += EK_TILE_ROWS) {
        ek_few_rows_f32(x + (ptrdiff_t)row * k, w, y + (ptrdiff_t)row * count, EK_TILE_ROWS, k, count);
    }
    for (; row + 4 <= rows; row += 4) {
        ek_few_rows_f32(x + (ptrdiff_t)row * k, w, y + (ptrdiff_t)row * count, 4, k, count);
    }
    for (; row < rows; row++) {
        ek_row_f32(x + (ptrdiff_t)row * k, w, y + (ptrdiff_t)row * count, k, count);
    }
}

#endif
