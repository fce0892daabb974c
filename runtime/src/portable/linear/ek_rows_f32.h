/* What the float kernels ask of an instruction set: products with a constant matrix. This is the portable form, in
 * one scalar order; runtime/src/<isa>/ek_rows_f32.h are others, for float networks only, in any order.
 *
 * A matrix [k][n] is packed at export (edgekit.targets.c.packing): EK_COLUMNS columns side by side, filled up with
 * zeros. */
#ifndef EK_ROWS_F32_GUARD
#define EK_ROWS_F32_GUARD

#include "edgekit.h"

#define EK_COLUMNS 1

/* y [rows][count] += x [rows][k] . columns from.. of w [k][n]. A matrix that is taken in parts is packed in parts. */
static inline void ek_rows_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t n,
                               int32_t from, int32_t count)
{
    for (int32_t row = 0; row < rows; row++) {
        ek_accumulate_f32(x + (ptrdiff_t)row * k, w + from, y + (ptrdiff_t)row * count, k, count, n);
    }
}

/* The same of all columns, for the turn'th time. */
static inline void ek_rows_again_f32(const float *x, const float *w, float *y, int32_t rows, int32_t k, int32_t n,
                                     int32_t turn)
{
    (void)turn;
    ek_rows_f32(x, w, y, rows, k, n, 0, n);
}

#endif
