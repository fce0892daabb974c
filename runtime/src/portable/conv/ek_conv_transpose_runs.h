/* Transposed convolution of int8 inputs with few taps to an output, over EK_PATH, EK_X, EK_ACC and EK_Y, without dilation along
 * the row: the outputs of a block, which read the same inputs, are neighbours, and so are their weights. Each run of them is a sum of a few rows of weights, each
 * times one input. Weights are [in_c][out_c / groups][k_h][k_w], int8. */
#ifndef EK_CONV_TRANSPOSE_RUNS_GUARD
#define EK_CONV_TRANSPOSE_RUNS_GUARD

#include "edgekit.h"

#define EK_RUN_TAPS 8 /* of an output at most */
#define EK_RUN_AT_ONCE 64

/* Of one output row of a channel: rows of inputs and of weights, whose products it sums. */
typedef struct {
    const EK_X *x[EK_RUN_TAPS];
    const int8_t *w[EK_RUN_TAPS];
    int32_t rows;
} ek_run_rows;

/* The rows of output row oy; x is the group's, w the channel's, whose kernels are w_step apart. */
static inline ek_run_rows ek_run_rows_of(const EK_X *x, const int8_t *w, ptrdiff_t w_step, const ek_conv_shape *s, int32_t oy)
{
    ek_run_rows found;
    found.rows = 0;
    for (int32_t c = 0; c < s->in_c / s->groups; c++) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t up = oy + s->pad_top - ky * s->dil_h, iy = up / s->stride_h;
            if (up >= 0 && up % s->stride_h == 0 && iy < s->in_h) {
                found.x[found.rows] = x + ((ptrdiff_t)c * s->in_h + iy) * s->in_w;
                found.w[found.rows] = w + c * w_step + (ptrdiff_t)ky * s->k_w;
                found.rows++;
            }
        }
    }
    return found;
}

/* acc [n] = start + the sum over t of x [t] * w [t][n]. */
static inline void ek_run_sums(const int32_t *x, const int8_t *const *w, int32_t taps, int32_t start, int32_t *restrict acc,
                               int32_t n)
{
    int32_t t = taps & 1;
    if (t == 1) {
        const int8_t *restrict const a = w[0];
        const int32_t xa = x[0];
        for (int32_t j = 0; j < n; j++) {
            acc[j] = start + xa * a[j];
        }
    } else if (taps == 0) {
        for (int32_t j = 0; j < n; j++) {
            acc[j] = start;
        }
    } else {
        const int8_t *restrict const a = w[0], *restrict const b = w[1];
        const int32_t xa = x[0], xb = x[1];
        for (int32_t j = 0; j < n; j++) {
            acc[j] = start + xa * a[j] + xb * b[j];
        }
        t = 2;
    }
    for (; t < taps; t += 2) {
        const int8_t *restrict const a = w[t], *restrict const b = w[t + 1];
        const int32_t xa = x[t], xb = x[t + 1];
        for (int32_t j = 0; j < n; j++) {
            acc[j] += xa * a[j] + xb * b[j];
        }
    }
}

/* y [n] = outputs of sums with one factor. */
static inline void ek_run_outputs(const int32_t *restrict acc, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, EK_Y *restrict y, int32_t n)
{
    if (shift < 33) {
        for (int32_t j = 0; j < n; j++) {
            y[j] = (EK_Y)ek_output(acc[j], mult, shift, y_zero, y_min, y_max);
        }
        return;
    }
    const int32_t down = shift - 33; /* the upper half of the product is enough */
    for (int32_t j = 0; j < n; j++) {
        const int32_t high = (int32_t)(((int64_t)acc[j] * mult) >> 32);
        y[j] = (EK_Y)ek_clamp((((high >> down) + 1) >> 1) + y_zero, y_min, y_max);
    }
}

/* One output row of a channel: blocks of outputs, in each those that read the last input of the window, and others. */
static inline void ek_run_row(const ek_run_rows *rows, int32_t x_zero, const ek_conv_shape *s, int32_t start, int32_t mult,
                              int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y)
{
    int32_t acc[EK_RUN_AT_ONCE], x[EK_RUN_TAPS];
    const int8_t *w[EK_RUN_TAPS];
    const int32_t end = (s->k_w - 1) % s->stride_w + 1; /* phases behind it have a tap less */
    for (int32_t ox = 0, n; ox < s->out_w; ox += n) {
        const int32_t at = ox + s->pad_left, block = at / s->stride_w, phase = at % s->stride_w;
        int32_t taps = 0;
        n = (phase < end ? end : s->stride_w) - phase;
        n = n < s->out_w - ox ? n : s->out_w - ox;
        n = n < EK_RUN_AT_ONCE ? n : EK_RUN_AT_ONCE;
        for (int32_t kx = phase, ix = block; kx < s->k_w && ix >= 0; kx += s->stride_w, ix--) {
            for (int32_t r = 0; ix < s->in_w && r < rows->rows; r++, taps++) {
                x[taps] = rows->x[r][ix] - x_zero;
                w[taps] = rows->w[r] + kx;
            }
        }
        ek_run_sums(x, w, taps, start, acc, n);
        ek_run_outputs(acc, mult, shift, y_zero, y_min, y_max, y + ox, n);
    }
}

void EK_PATH(runs)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                   const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                   int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const int32_t inputs = s.in_c / s.groups, outputs = s.out_c / s.groups, kernel = s.k_h * s.k_w;
    for (int32_t o = 0; o < s.out_c; o++) {
        const int32_t g = o / outputs;
        const EK_X *const xg = x + (ptrdiff_t)g * inputs * s.in_h * s.in_w;
        const int8_t *const wo = w + ((ptrdiff_t)g * inputs * outputs + o % outputs) * kernel;
        for (int32_t oy = 0; oy < s.out_h; oy++, y += s.out_w) {
            const ek_run_rows rows = ek_run_rows_of(xg, wo, (ptrdiff_t)outputs * kernel, &s, oy);
            ek_run_row(&rows, x_zero, &s, (int32_t)bias[o], mult[o], shift[o], y_zero, y_min, y_max, y);
        }
    }
}

#endif
