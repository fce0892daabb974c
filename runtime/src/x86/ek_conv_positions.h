/* Convolution with few output positions and many channels, over EK_X, EK_ACC and EK_Y: for each position the taps are
 * gathered in the order of the weights, which are packed as those of ek_fc, and the products taken by ek_rows.h. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_COLUMN_TAPS 4096 /* a multiple of every group; what is gathered at a time */
#ifdef EK_TOGETHER
#define EK_COLUMNS_AT_ONCE (sizeof(EK_X) == 1 ? EK_TOGETHER : 1)
#else
#define EK_COLUMNS_AT_ONCE 1
#endif

/* As `few_positions` of edgekit.targets.c.packing, which packs for it. */
static inline int ek_conv_has_few_positions(const ek_conv_shape *s)
{
    return s->groups == 1 && s->out_h * s->out_w <= 8 && s->out_c >= 16;
}

/* column [count] = taps number.. of output (oy, ox) in the order of the weights; fill where they are outside. */
static inline void ek_column(const EK_X *x, EK_X fill, const ek_conv_shape *s, int32_t oy, int32_t ox, int32_t number,
                             int32_t count, EK_X *column)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int32_t lo = ek_min(ek_first(-left, s->dil_w), s->k_w);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - left, s->dil_w), s->k_w), lo);
    int32_t kx = number % s->k_w, ky = number / s->k_w % s->k_h, c = number / s->k_w / s->k_h;
    for (int32_t at = 0; at < count; kx = 0) {
        const int32_t iy = top + ky * s->dil_h, end = ek_min(s->k_w, kx + count - at);
        const int inside = iy >= 0 && iy < s->in_h;
        const EK_X *const from = x + ((ptrdiff_t)c * s->in_h + (inside ? iy : 0)) * s->in_w + left;
        const int32_t first = inside ? lo : s->k_w, last = inside ? hi : s->k_w;
        for (; kx < ek_min(first, end); kx++) {
            column[at++] = fill;
        }
        for (; kx < ek_min(last, end); kx++) {
            column[at++] = from[kx * s->dil_w];
        }
        for (; kx < end; kx++) {
            column[at++] = fill;
        }
        if (++ky == s->k_h) {
            ky = 0;
            c++;
        }
    }
}

/* acc [n][EK_ROWS] += columns [n][EK_COLUMN_TAPS], k of each, times w, packed rows. */
static inline void ek_column_rows(const EK_X *column, const int8_t *w, int32_t k, int32_t rows, int32_t n, EK_ACC *acc)
{
#ifdef EK_TOGETHER
    if (EK_COLUMNS_AT_ONCE > 1 && n > 1) {
        const int8_t *const bytes = (const int8_t *)(const void *)column;
        ek_rows_together_s8(bytes, EK_COLUMN_TAPS, w, k, rows, (int32_t *)(void *)acc);
        return;
    }
#endif
    (void)n;
    if (sizeof(EK_X) == 1) {
        ek_rows_s8((const int8_t *)(const void *)column, w, k, rows, (int32_t *)(void *)acc);
    } else {
        ek_rows_s16((const int16_t *)(const void *)column, w, k, rows, (int64_t *)(void *)acc);
    }
}

static inline void ek_column_outputs(const EK_ACC *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,
                                     int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const int32_t *const narrow = (const int32_t *)(const void *)acc;
    const int64_t *const wide = (const int64_t *)(const void *)acc;
    int8_t *const bytes = (int8_t *)(void *)y;
    int16_t *const words = (int16_t *)(void *)y;
    if (sizeof(EK_ACC) == 4 && sizeof(EK_Y) == 1) {
        ek_outputs_s32_s8(narrow, mult, shift, y_zero, y_min, y_max, bytes, n);
    } else if (sizeof(EK_ACC) == 4) {
        ek_outputs_s32_s16(narrow, mult, shift, y_zero, y_min, y_max, words, n);
    } else if (sizeof(EK_Y) == 1) {
        ek_outputs_s64_s8(wide, mult, shift, y_zero, y_min, y_max, bytes, n);
    } else {
        ek_outputs_s64_s16(wide, mult, shift, y_zero, y_min, y_max, words, n);
    }
}

static void ek_conv_positions(const EK_X *x, int32_t x_zero, const int8_t *w, const EK_ACC *bias, const int32_t *mult,
                              const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                              const ek_conv_shape *s)
{
    const int32_t taps = s->in_c * s->k_h * s->k_w, plane = s->out_h * s->out_w;
    const ptrdiff_t bytes = sizeof(EK_X) == 1 ? EK_BYTES_S8(taps) : EK_BYTES_S16(taps);
    EK_X column[EK_COLUMNS_AT_ONCE * EK_COLUMN_TAPS];
    EK_ACC acc[EK_COLUMNS_AT_ONCE * EK_ROWS] = {0};
    EK_Y row[EK_ROWS];
    for (int32_t p = 0, n; p < plane; p += n) {
        int32_t gathered = -1;
        n = ek_min(EK_COLUMNS_AT_ONCE, plane - p);
        for (int32_t o = 0; o < s->out_c; o += EK_ROWS) {
            const int32_t rows = ek_min(EK_ROWS, s->out_c - o);
            for (int32_t i = 0; i < n; i++) {
                memcpy(acc + i * EK_ROWS, bias + o, (size_t)rows * sizeof(acc[0]));
            }
            for (int32_t t = 0; t < taps; t += EK_COLUMN_TAPS) {
                const int32_t count = ek_min(EK_COLUMN_TAPS, taps - t);
                for (int32_t i = 0; i < n && gathered != t; i++) {
                    ek_column(x, (EK_X)x_zero, s, (p + i) / s->out_w, (p + i) % s->out_w, t, count,
                              column + i * EK_COLUMN_TAPS);
                }
                gathered = t;
                ek_column_rows(column, w + o * bytes + (ptrdiff_t)t * EK_PACKED(rows), count, rows, n, acc);
            }
            for (int32_t i = 0; i < n; i++) {
                ek_column_outputs(acc + i * EK_ROWS, mult + o, shift + o, y_zero, y_min, y_max, row, rows);
                for (int32_t r = 0; r < rows; r++) {
                    y[(o + r) * plane + p + i] = row[r];
                }
            }
        }
    }
}
