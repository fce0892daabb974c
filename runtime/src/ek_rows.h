/* What the integer kernels ask of an instruction set: products of a vector with rows of weights, and outputs of
 * their sums. This is the portable form; runtime/src/<isa>/ek_rows.h are others, with the same results.
 *
 * Rows are packed at export (edgekit.targets.c.packing): EK_PANEL rows side by side, in groups of taps, both filled
 * up with zeros. A block of at most EK_ROWS rows starts at a multiple of EK_PANEL. acc holds the bias before, which
 * contains what a packing has folded into it. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"

#define EK_PANEL 1
#define EK_BYTES_S8(k) ((ptrdiff_t)(k)) /* of one packed row of k taps, for int8 operands */
#define EK_BYTES_S16(k) ((ptrdiff_t)(k))

/* Rows of a packed matrix of n. */
#define EK_PACKED(n) (((n) + EK_PANEL - 1) / EK_PANEL * EK_PANEL)

/* acc [rows] += x [k] . w, packed rows. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    ek_dots_s8(x, 0, w, k, k, rows, acc);
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16(x, 0, w, k, k, rows, acc);
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS(name, acc_type, y_type)                                                                       \
    static inline void name(const acc_type *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,      \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        for (int32_t j = 0; j < n; j++) {                                                                        \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS(ek_outputs_s32_s8, int32_t, int8_t)
EK_OUTPUTS(ek_outputs_s32_s16, int32_t, int16_t)
EK_OUTPUTS(ek_outputs_s64_s8, int64_t, int8_t)
EK_OUTPUTS(ek_outputs_s64_s16, int64_t, int16_t)

/* y [n] = the table's values at x [n], see ek_lut_s16_at; y may be x. */
static inline void ek_lut_row_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        y[j] = ek_lut_s16_at(table, x[j]);
    }
}

#endif
