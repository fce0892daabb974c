/* Convolution of one group position by position, over EK_PATH, EK_X, EK_ACC and EK_Y: for each the taps are gathered in the
 * order of the weights, channels last, which are packed as those of ek_fc, and the products taken by ek_rows.h. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_TURNED 16384     /* elements of x that are turned for several positions */
#define EK_COLUMN_TAPS 4096 /* a multiple of every group; what is gathered at a time */
#ifndef EK_COLUMN_BYTES /* of a packed row, and its products */
#define EK_COLUMN_BYTES(k) (sizeof(EK_X) == 1 ? EK_BYTES_S8(k) : EK_BYTES_S16(k))
#define EK_COLUMN_S8 ek_rows_s8
#define EK_COLUMN_S16 ek_rows_s16
#define EK_COLUMNS_S8 ek_rows_together_s8
#endif
#ifdef EK_TOGETHER
#define EK_COLUMNS_AT_ONCE (sizeof(EK_X) == 1 ? EK_TOGETHER : 1)
#else
#define EK_COLUMNS_AT_ONCE 1
#endif

/* to [plane][channels] = x [channels][plane]. */
static inline void ek_turn(const EK_X *restrict x, int32_t channels, int32_t plane, EK_X *restrict to)
{
    for (int32_t p = 0; p < plane; p++) {
        for (int32_t c = 0; c < channels; c++) {
            to[p * channels + c] = x[(ptrdiff_t)c * plane + p];
        }
    }
}

/* column [count] = taps number.. of output (oy, ox) in the order of the weights, [k_h][k_w][in_c]; fill where they are
 * outside. `turned` is x with its channels last, or NULL. */
static inline void ek_column(const EK_X *x, const EK_X *turned, EK_X fill, const ek_conv_shape *s, int32_t oy,
                             int32_t ox, int32_t number, int32_t count, EK_X *column)
{
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    int32_t tap = number / s->in_c, c = number % s->in_c;
    for (int32_t at = 0, run; at < count; at += run, c = 0, tap++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + tap / s->k_w * s->dil_h;
        const int32_t ix = ox * s->stride_w - s->pad_left + tap % s->k_w * s->dil_w;
        const int inside = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
        const ptrdiff_t place = inside ? (ptrdiff_t)iy * s->in_w + ix : 0;
        run = ek_min(s->in_c - c, count - at);
        if (inside && turned) {
            memcpy(column + at, turned + place * s->in_c + c, (size_t)run * sizeof(EK_X));
            continue;
        }
        for (int32_t i = 0; i < run; i++) {
            column[at + i] = inside ? x[(c + i) * plane + place] : fill;
        }
    }
}

/* acc [n][EK_ROWS] += columns [n][EK_COLUMN_TAPS], k of each, times w, packed rows. */
static inline void ek_column_rows(const EK_X *column, const int8_t *w, int32_t k, int32_t rows, int32_t n, EK_ACC *acc)
{
#ifdef EK_TOGETHER
    if (EK_COLUMNS_AT_ONCE > 1 && n > 1) {
        const int8_t *const bytes = (const int8_t *)(const void *)column;
        EK_COLUMNS_S8(bytes, EK_COLUMN_TAPS, w, k, rows, (int32_t *)(void *)acc);
        return;
    }
#endif
    (void)n;
    if (sizeof(EK_X) == 1) {
        EK_COLUMN_S8((const int8_t *)(const void *)column, w, k, rows, (int32_t *)(void *)acc);
    } else {
        EK_COLUMN_S16((const int16_t *)(const void *)column, w, k, rows, (int64_t *)(void *)acc);
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

#include "ek_column_tiles.h"

void EK_PATH(positions)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                        const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                        int32_t y_max, EK_Y *restrict y, const ek_conv_shape *s)
{
    const int32_t taps = s->in_c * s->k_h * s->k_w, plane = s->out_h * s->out_w;
    const ptrdiff_t bytes = EK_COLUMN_BYTES(taps);
    const int turns = plane > 1 && (ptrdiff_t)s->in_c * s->in_h * s->in_w <= EK_TURNED;
    EK_X column[EK_COLUMNS_AT_ONCE * EK_COLUMN_TAPS], turned[EK_TURNED];
    EK_ACC acc[EK_COLUMNS_AT_ONCE * EK_ROWS] = {0};
    EK_Y row[EK_ROWS];
    if (turns) {
        ek_turn(x, s->in_c, s->in_h * s->in_w, turned);
    }
    if (EK_COLUMN_TILES(x, turns ? turned : NULL, (EK_X)x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)) {
        return;
    }
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
                    ek_column(x, turns ? turned : NULL, (EK_X)x_zero, s, (p + i) / s->out_w, (p + i) % s->out_w, t, count,
                              column + i * EK_COLUMN_TAPS);
                }
                gathered = t;
                ek_column_rows(column, w + o * bytes + EK_COLUMN_BYTES(t) * EK_PACKED(rows), count, rows, n, acc);
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
