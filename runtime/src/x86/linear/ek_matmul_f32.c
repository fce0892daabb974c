/* Float product of two matrices over ek_vector.h: sums of some rows and vectors of columns are in registers. */
#include "ek_epilogue_lanes.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_WIDE 4 /* vectors of a row or two */
#define EK_SUMS (2 * EK_TILE_ROWS > 2 * EK_WIDE ? 2 * EK_TILE_ROWS : 2 * EK_WIDE)

/* y [rows][n], `vectors` vectors of columns, of which the last has `last`. The products of a single row are those of several
 * sums in turn, so that as many are under way as the units take. */
EK_INLINE void ek_matmul_tile(const float *a, const float *b, float *y, int32_t k, int32_t n, int32_t rows,
                              int32_t vectors, int32_t last)
{
    const int32_t chains = rows > 1 ? 1 : vectors > 1 ? 2 : 4;
    ek_v sums[EK_SUMS];
    for (int32_t i = 0; i < chains * rows * vectors; i++) {
        sums[i] = ek_v_zero();
    }
    for (int32_t i = 0; i < k; i += chains) {
        for (int32_t c = 0; c < chains && (c == 0 || i + c < k); c++) {
            const float *const row = b + (ptrdiff_t)(i + c) * n;
            ek_v own[EK_WIDE];
            for (int32_t v = 0; v < vectors; v++) {
                own[v] = v + 1 < vectors || last == EK_LANES ? ek_v_load(row + v * EK_LANES)
                                                             : ek_v_load_some(row + v * EK_LANES, last);
            }
            for (int32_t r = 0; r < rows; r++) {
                const ek_v tap = ek_v_all(a[(ptrdiff_t)r * k + i + c]);
                for (int32_t v = 0; v < vectors; v++) {
                    ek_v *const sum = sums + (c * rows + r) * vectors + v;
                    *sum = ek_v_fma(tap, own[v], *sum);
                }
            }
        }
    }
    for (int32_t c = chains / 2; c > 0; c /= 2) {
        for (int32_t v = 0; v < c * vectors; v++) {
            sums[v] = ek_v_add(sums[v], sums[c * vectors + v]);
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t v = 0; v < vectors; v++) {
            ek_v_store_some(y + (ptrdiff_t)r * n + v * EK_LANES, sums[r * vectors + v], v + 1 < vectors ? EK_LANES : last);
        }
    }
}

/* Some rows: so many vectors at a time, then one. */
EK_INLINE void ek_matmul_rows(const float *a, const float *b, float *y, int32_t k, int32_t n, int32_t rows, int32_t vectors)
{
    int32_t at = 0;
    for (; n - at >= vectors * EK_LANES; at += vectors * EK_LANES) {
        ek_matmul_tile(a, b + at, y + at, k, n, rows, vectors, EK_LANES);
    }
    for (; n - at >= EK_LANES; at += EK_LANES) {
        ek_matmul_tile(a, b + at, y + at, k, n, rows, 1, EK_LANES);
    }
    if (at < n) {
        ek_matmul_tile(a, b + at, y + at, k, n, rows, 1, n - at);
    }
}

void ek_matmul_f32(const float *restrict a, const float *restrict b, float *restrict y, int32_t m, int32_t k, int32_t n)
{
    for (int32_t some; m > 0; m -= some, a += (ptrdiff_t)some * k, y += (ptrdiff_t)some * n) {
        some = m >= EK_TILE_ROWS ? EK_TILE_ROWS : m >= 4 ? 4 : m >= 2 ? 2 : 1;
        switch (some) {
        case 1: ek_matmul_rows(a, b, y, k, n, 1, EK_WIDE); break;
        case 2: ek_matmul_rows(a, b, y, k, n, 2, EK_WIDE); break;
        case 4: ek_matmul_rows(a, b, y, k, n, 4, 2); break;
        default: ek_matmul_rows(a, b, y, k, n, EK_TILE_ROWS, 2); break;
        }
    }
}
