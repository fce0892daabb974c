/* Rows of N:M sparse weights for vectors that pick bytes of 16: EK_PANEL rows side by side, panels in turns as whole rows
 * lie. Private to runtime/src.
 *
 * Head, EK_WINDOWS_HEAD bytes: N, M (0: rows that are stored whole follow). For each window of inputs and each panel come
 * vectors of EK_PANEL times 4 weights, each before its vector of indices. A window is 16 inputs, from which indices count;
 * of 1:8 it is 32, and weights 2 and 3 of a row are of the second 16. What fills up is a weight 0 with index 0
 * (edgekit.targets.c.sparse). */
#ifndef EK_WINDOWS_GUARD
#define EK_WINDOWS_GUARD

#include "ek_rows.h"

#define EK_WINDOWS_HEAD 64

typedef struct {
    int32_t vectors, halves, windows;
} ek_windows;

static inline ek_windows ek_windows_of(const int8_t *w, int32_t k)
{
    const int32_t kept = w[0], group = w[1], groups = (k + group - 1) / group;
    const int32_t vectors = group == 4 && kept == 2 ? 2 : 1, values = 4 * vectors;
    const ek_windows made = {vectors, group == 8 && kept == 1, (groups * kept + values - 1) / values};
    return made;
}

/* Bytes of one row. */
static inline ptrdiff_t ek_windows_bytes(const ek_windows *t)
{
    return (ptrdiff_t)t->windows * t->vectors * 8;
}

/* acc [rows] += x [k] . w, rows from row `from` on, which begins a block, of the weights whose head w is. */
static inline void ek_sparse_s16(const int16_t *x, const int8_t *w, int32_t from, int32_t k, int32_t rows, int64_t *acc)
{
    if (w[1] == 0) {
        ek_rows_s16(x, w + EK_WINDOWS_HEAD + from * EK_BYTES_S16(k), k, rows, acc);
        return;
    }
    const ek_windows t = ek_windows_of(w, k);
    const int8_t *at = w + EK_WINDOWS_HEAD + from * ek_windows_bytes(&t);
    const int32_t panels = EK_PACKED(rows) / EK_PANEL, span = t.halves ? 32 : 16;
    for (int32_t i = 0; i < t.windows * panels * t.vectors; i++, at += 8 * EK_PANEL) {
        const int32_t first = i / t.vectors % panels * EK_PANEL, left = rows - first;
        const int32_t count = left < EK_PANEL ? left : EK_PANEL;
        const int16_t *const xi = x + i / (panels * t.vectors) * span;
        for (int32_t j = 0; j < 4 * count; j++) {
            if (at[j] != 0) {
                const int32_t half = t.halves && (j & 2) ? 16 : 0;
                acc[first + j / 4] += xi[half + at[4 * EK_PANEL + j]] * at[j];
            }
        }
    }
}

/* EK_WINDOWS_ROWS: acc [rows] += x [k] . w as above, by ek_window(x, at, panels, vectors, halves, sum), which adds the
 * products of a window to the sums of so many panels, ek_panel_sum each. */
#define EK_WINDOWS_ROWS                                                                                          \
    static inline __attribute__((always_inline)) void ek_windows_panels(                                        \
        const int8_t *x, const int8_t *at, int32_t k, int32_t windows, int32_t panels, int32_t vectors, int32_t halves, \
        int32_t rows, int32_t *acc)                                                                              \
    {                                                                                                            \
        const int32_t span = halves ? 32 : 16;                                                                   \
        ek_panel_sum sum[4];                                                                                     \
        int8_t rest[32] = {0};                                                                                   \
        for (int32_t p = 0; p < panels; p++) {                                                                   \
            sum[p] = ek_panel_start();                                                                           \
        }                                                                                                        \
        for (int32_t i = 0; i < windows - 1; i++, x += span, k -= span, at += 8 * EK_PANEL * panels * vectors) { \
            ek_window(x, at, panels, vectors, halves, sum);                                                      \
        }                                                                                                        \
        memcpy(rest, x, (size_t)(k < span ? k : span));                                                          \
        ek_window(rest, at, panels, vectors, halves, sum);                                                       \
        for (int32_t p = 0; p < panels; p++) {                                                                   \
            ek_panel_add(acc + p * EK_PANEL, sum[p], rows - p * EK_PANEL);                                       \
        }                                                                                                        \
    }                                                                                                            \
    static inline __attribute__((always_inline)) void ek_windows_rows(                                          \
        const int8_t *x, const int8_t *at, int32_t k, int32_t windows, int32_t vectors, int32_t halves, int32_t rows, \
        int32_t *acc)                                                                                            \
    {                                                                                                            \
        switch (EK_PACKED(rows) / EK_PANEL) {                                                                    \
        case 4: ek_windows_panels(x, at, k, windows, 4, vectors, halves, rows, acc); break;                      \
        case 3: ek_windows_panels(x, at, k, windows, 3, vectors, halves, rows, acc); break;                      \
        case 2: ek_windows_panels(x, at, k, windows, 2, vectors, halves, rows, acc); break;                      \
        default: ek_windows_panels(x, at, k, windows, 1, vectors, halves, rows, acc); break;                     \
        }                                                                                                        \
    }                                                                                                            \
    static inline void ek_sparse_s8(const int8_t *x, const int8_t *w, int32_t from, int32_t k, int32_t rows,     \
                                    int32_t *acc)                                                                \
    {                                                                                                            \
        if (w[1] == 0) {                                                                                         \
            ek_rows_s8(x, w + EK_WINDOWS_HEAD + from * EK_BYTES_S8(k), k, rows, acc);                            \
            return;                                                                                              \
        }                                                                                                        \
        const ek_windows t = ek_windows_of(w, k);                                                                \
        const int8_t *const at = w + EK_WINDOWS_HEAD + from * ek_windows_bytes(&t);                              \
        if (t.halves) {                                                                                          \
            ek_windows_rows(x, at, k, t.windows, 1, 1, rows, acc);                                               \
        } else if (t.vectors == 2) {                                                                             \
            ek_windows_rows(x, at, k, t.windows, 2, 0, rows, acc);                                               \
        } else {                                                                                                 \
            ek_windows_rows(x, at, k, t.windows, 1, 0, rows, acc);                                               \
        }                                                                                                        \
    }

#endif
