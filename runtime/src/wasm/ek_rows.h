/* WebAssembly: rows are not packed. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"
#include "ek_outputs_wasm.h"

#define EK_PANEL 1
#define EK_BYTES_S8(k) ((ptrdiff_t)(k))
#define EK_BYTES_S16(k) ((ptrdiff_t)(k))
#define EK_PACKED(n) (n)

/* acc [rows] += x [k] . w. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    ek_dots_s8(x, 0, w, k, k, rows, acc);
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16(x, 0, w, k, k, rows, acc);
}

#endif
