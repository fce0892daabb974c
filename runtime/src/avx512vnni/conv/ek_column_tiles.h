/* Some positions of int16 inputs at once, within ek_conv_positions.h, as rows of ek_fc_tiles.h. */
#include "ek_bits.h"
#if EK_BITS(EK_X) == 16 && !defined(EK_ROWS_W4_GUARD)
#define EK_BIAS EK_ACC
#define EK_BYTES EK_COLUMN_BYTES
#include "ek_fc_blocks.h"

/* Says whether it takes the shape, and does nothing where not. `turned` is x with its channels last, or NULL. */
static int ek_column_tiles(const EK_X *x, const EK_X *turned, EK_X fill, const int8_t *w, const EK_ACC *bias,
                           const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                           const ek_conv_shape *s)
{
    const int32_t taps = s->in_c * s->k_h * s->k_w, plane = s->out_h * s->out_w;
    EK_X columns[EK_FC_ROWS * EK_COLUMN_TAPS];
    EK_Y outputs[EK_FC_ROWS * EK_ROWS];
    if (plane < 2 || taps > EK_COLUMN_TAPS) {
        return 0;
    }
    for (int32_t p = 0, n; p < plane; p += n) {
        n = ek_min(EK_FC_ROWS, plane - p);
        const int32_t rows = n > 3 ? EK_FC_ROWS : 3; /* of which the last position fills up */
        for (int32_t i = 0; i < rows; i++) {
            const int32_t at = p + ek_min(i, n - 1);
            ek_column(x, turned, fill, s, at / s->out_w, at % s->out_w, 0, taps, columns + i * taps);
        }
        for (int32_t o = 0; o < s->out_c; o += EK_ROWS) {
            const int32_t count = ek_min(EK_ROWS, s->out_c - o);
            const ek_fc_layer layer = {w + o * EK_COLUMN_BYTES(taps), bias + o, NULL, mult + o, shift + o, y_zero, y_min,
                                       y_max, taps, count, count, 0};
            (void)ek_fc_blocks(columns, &layer, outputs, rows);
            for (int32_t r = 0; r < count; r++) {
                for (int32_t i = 0; i < n; i++) {
                    y[(ptrdiff_t)(o + r) * plane + p + i] = outputs[i * count + r];
                }
            }
        }
    }
    return 1;
}
#define EK_COLUMN_TILES ek_column_tiles
#else
#define EK_COLUMN_TILES(...) 0
#endif
