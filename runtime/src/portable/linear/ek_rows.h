/* What the integer kernels ask of an instruction set: products of a vector with rows of weights, and outputs of
 * their sums. This is the portable form; runtime/src/<isa>/ek_rows.h are others, with the same results.
 *
 * Rows are packed at export (edgekit.targets.c.packing): EK_PANEL rows side by side, in groups of taps, both filled
 * up with zeros. A block of at most EK_ROWS rows starts at a multiple of EK_PANEL. acc holds the bias before, which
 * contains what a packing has folded into it. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"
#include "ek_outputs_each.h"

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

EK_OUTPUTS_EACH(ek_outputs_s32_s8, int32_t, int8_t)
EK_OUTPUTS_EACH(ek_outputs_s32_s16, int32_t, int16_t)

#endif
