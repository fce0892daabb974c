/* The 1x1 convolution of N:M sparse weights over EK_NAME, EK_X, EK_ACC and EK_Y, stored as ek_turns.h says. */
#include "ek_turns.h"

#define EK_POSITIONS 32

/* acc [n] += w times x [n]. */
static inline void ek_add_plane(const EK_X *restrict x, int32_t w, int32_t n, EK_ACC *restrict acc)
{
    for (int32_t i = 0; i < n; i++) {
        acc[i] += (EK_ACC)x[i] * w;
    }
}

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_turns t = ek_turns_of(w);
    const int32_t plane = shape->out_h * shape->out_w, groups = (shape->in_c + t.group - 1) / t.group;
    const ptrdiff_t step = ek_turns_bytes(&t, shape->in_c);
    (void)x_zero; /* it is folded into the bias */
    for (int32_t from = 0; from < plane; from += EK_POSITIONS) {
        const int32_t n = plane - from < EK_POSITIONS ? plane - from : EK_POSITIONS;
        const int8_t *row = w + EK_TURNS_HEAD;
        for (int32_t o = 0; o < shape->out_c; o++, row += step) {
            EK_ACC acc[EK_POSITIONS];
            const int8_t *at = row;
            for (int32_t i = 0; i < n; i++) {
                acc[i] = bias[o];
            }
            for (int32_t part = 0; part < t.kept; part++) {
                const EK_X *xi = x + from;
                for (int32_t turn = groups / EK_TURN; turn > 0; turn--, at += EK_TURN + 2 * t.bits) {
                    for (int32_t i = 0; i < EK_TURN; i++) {
                        ek_add_plane(xi + (ptrdiff_t)plane * ek_turn_index(&t, at + EK_TURN, i), at[i], n, acc);
                    }
                    xi += (ptrdiff_t)plane * EK_TURN * t.group;
                }
                const int32_t rest = groups % EK_TURN;
                for (int32_t i = 0; i < rest; i++) {
                    ek_add_plane(xi + (ptrdiff_t)plane * (uint8_t)at[rest + i], at[i], n, acc);
                }
                at += 2 * rest;
            }
            for (int32_t i = 0; i < n; i++) {
                y[(ptrdiff_t)o * plane + from + i] = (EK_Y)ek_output(acc[i], mult[o], shift[o], y_zero, y_min, y_max);
            }
        }
    }
}
