/* Products of a vector with rows of int4 weights, which are not packed here; runtime/src/<isa>/ek_rows_w4.h are others, with
 * the same results. Where EK_PACKED_W4 says so, rows are packed at export: EK_PANEL side by side, 8 taps of each in a
 * lane of 32 bits, whose nibbles have the order of `nibbles` in edgekit.targets.instruction_sets. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"

/* acc [rows] += x [k] . w [rows][k]. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    ek_dots_s8_w4(x, 0, w, k, k, rows, acc);
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16_w4(x, 0, w, k, k, rows, acc);
}

#endif
