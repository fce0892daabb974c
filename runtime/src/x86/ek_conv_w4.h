/* Integer convolution with int4 weights over EK_NAME: weights of some outputs are widened once in a call, in the order and
 * with the bias that ek_conv_w8.h takes, which then takes those outputs. */
#define EK_CONV static void ek_conv_wide
#define EK_ROWS_PACKED 0
#include "ek_conv_w8.h"
#define EK_W int8_t
#include "ek_conv_taps.h"

#define EK_WIDE_BYTES 65536 /* weights of some outputs */
#define EK_WIDE_ROWS 64     /* outputs at once: a multiple of what a tile takes */

/* What is added to operands before an instruction takes them, and so to the bias. */
static inline int64_t ek_w4_fold(int32_t x_zero)
{
    return sizeof(EK_X) == 1 && EK_OPERAND_ZERO(1) == 0 ? x_zero + EK_BESIDE_OFFSET : 0;
}

/* wide [n] = a row of int4 weights; returns their sum. */
static int32_t ek_w4_row(const int8_t *restrict w, int32_t n, int8_t *restrict wide)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n / 2; i++) {
        wide[2 * i] = ek_int4_low(w[i]);
        wide[2 * i + 1] = ek_int4_high(w[i]);
    }
    if (n % 2 == 1) {
        wide[n - 1] = ek_int4_low(w[n / 2]);
    }
    for (int32_t i = 0; i < n; i++) {
        sum += wide[i];
    }
    return sum;
}

/* to [inputs / EK_BESIDE][kernel][EK_BESIDE] = wide [inputs][kernel], filled up with zeros. */
static void ek_w4_beside(const int8_t *restrict wide, int32_t inputs, int32_t kernel, int8_t *restrict to)
{
    for (int32_t c = 0; c < inputs; c += EK_BESIDE, to += EK_BESIDE * kernel) {
        for (int32_t i = 0; i < EK_BESIDE; i++) {
            for (int32_t t = 0; t < kernel; t++) {
                to[EK_BESIDE * t + i] = c + i < inputs ? wide[(c + i) * kernel + t] : 0;
            }
        }
    }
}

/* Outputs one by one, for kernels of which a row is longer than a panel. */
static void ek_w4_each(const EK_X *x, int32_t x_zero, const int8_t *w, const EK_ACC *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                       const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups;
    const ptrdiff_t bytes = EK_BYTES_W4(inputs * s->k_h * s->k_w), x_group = (ptrdiff_t)inputs * s->in_h * s->in_w;
    for (int32_t o = 0; o < s->out_c; o++) {
        for (int32_t oy = 0; oy < s->out_h; oy++) {
            for (int32_t ox = 0; ox < s->out_w; ox++) {
                const EK_ACC sum
                    = ek_conv_pixel(x + o / outputs * x_group, x_zero, w + o * bytes, s, oy, ox, bias[o]);
                *y++ = (EK_Y)ek_output(sum, mult[o], shift[o], y_zero, y_min, y_max);
            }
        }
    }
}

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t inputs = s.in_c / s.groups, outputs = s.out_c / s.groups, kernel = s.k_h * s.k_w;
    const int32_t taps = inputs * kernel, beside = sizeof(EK_X) == 1 && EK_W4_FOURS(&s);
    const int32_t span = beside ? (inputs + EK_BESIDE - 1) / EK_BESIDE * EK_BESIDE * kernel : taps;
    const int32_t most = ek_min(EK_WIDE_ROWS, EK_WIDE_BYTES / ek_max(span, 1));
    const ptrdiff_t x_group = (ptrdiff_t)inputs * s.in_h * s.in_w, plane = (ptrdiff_t)s.out_h * s.out_w;
    int8_t panel[EK_WIDE_BYTES], row[EK_WIDE_BYTES];
    EK_ACC folded[EK_WIDE_ROWS];
    if (most == 0) {
        ek_w4_each(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s);
        return;
    }
    for (int32_t o = 0, n; o < s.out_c; o += n) { /* of whole groups, or of a part of one */
        const int32_t whole = most / outputs, group = o / outputs;
        ek_conv_shape part = s;
        part.groups = whole > 0 ? ek_min(whole, s.groups - group) : 1;
        n = whole > 0 ? part.groups * outputs : ek_min(most, outputs - o % outputs);
        part.in_c = part.groups * inputs;
        part.out_c = n;
        for (int32_t r = 0; r < n; r++) {
            int8_t *const wide = beside ? row : panel + r * span;
            const int32_t sum = ek_w4_row(w + (o + r) * EK_BYTES_W4(taps), taps, wide);
            folded[r] = (EK_ACC)((int64_t)bias[o + r] - ek_w4_fold(x_zero) * sum);
            if (beside) {
                ek_w4_beside(row, inputs, kernel, panel + r * span);
            }
        }
        ek_conv_wide(x + group * x_group, x_zero, panel, folded, mult + o, shift + o, y_zero, y_min, y_max,
                     y + o * plane, &part);
    }
}
