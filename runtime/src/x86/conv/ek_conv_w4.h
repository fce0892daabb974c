/* Integer convolution with int4 weights over EK_NAME and EK_PATH: weights of some outputs are widened once in a call for
 * ek_conv_w8.h, which then takes those outputs; weights and bias are packed for it (edgekit.targets.c.packing.conv_paths).
 * Position by position, int4 rows are taken as they are. */
#undef EK_ROW_BYTES_W4 /* of rows as they are, ek_int4.h; here they are packed */
#undef EK_PACKED_W4
#include "ek_rows_w4.h"
#define EK_COLUMN_BYTES EK_ROW_BYTES_W4
#define EK_COLUMN_S8 ek_rows_s8_w4
#define EK_COLUMN_S16 ek_rows_s16_w4
#define EK_COLUMNS_S8 ek_rows_together_s8_w4
#include "ek_conv_positions.h"
#define EK_CONV static void ek_conv_wide
#define EK_CONV_BANDS static void ek_conv_wide_bands
#define EK_CONV_POINTS static void ek_conv_wide_points
#include "ek_conv_w8.h"
#define EK_W int8_t
#include "ek_conv_taps.h"

#define EK_WIDE_BYTES 65536 /* weights of some outputs */
#define EK_WIDE_ROWS 64     /* outputs at once: a multiple of what a tile takes */

/* What the bias has less for each unit of a row's sum. */
static inline int64_t ek_w4_fold(int32_t x_zero)
{
    return EK_BITS(EK_X) == 8 && EK_BESIDE_OFFSET > 0 ? x_zero + EK_BESIDE_OFFSET : 0;
}

/* The bias of an output without that. */
static EK_ACC ek_w4_bias(const int8_t *w, int32_t n, int32_t x_zero, EK_ACC bias)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += ek_int4(w, i);
    }
    return (EK_ACC)(bias + ek_w4_fold(x_zero) * sum);
}

/* wide [32] = 16 bytes of int4 weights. */
static inline void ek_w4_bytes(const int8_t *w, int8_t *wide)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i values = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7,
                                            -8, -7, -6, -5, -4, -3, -2, -1);
    const __m256i pairs = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
    const __m256i apart = _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi16(pairs, 4)), nibble);
    _mm256_storeu_si256((__m256i *)(void *)wide, _mm256_shuffle_epi8(values, apart));
}

/* wide [n] = a row of int4 weights; one more may be written. */
static void ek_w4_row(const int8_t *restrict w, int32_t n, int8_t *restrict wide)
{
    const int32_t bytes = (n + 1) / 2;
    int32_t i = 0;
    for (; i + 16 <= bytes; i += 16) {
        ek_w4_bytes(w + i, wide + 2 * i);
    }
    if (i < bytes && bytes >= 16) { /* the last 16 once more */
        ek_w4_bytes(w + bytes - 16, wide + 2 * (bytes - 16));
        return;
    }
    for (i *= 2; i < n; i++) {
        wide[i] = ek_int4(w, i);
    }
}

/* Outputs one by one, for kernels of which a row is longer than a panel. */
static void ek_w4_each(const EK_X *x, int32_t x_zero, const int8_t *w, const EK_ACC *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                       const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups;
    const int32_t taps = inputs * s->k_h * s->k_w;
    const ptrdiff_t bytes = EK_BYTES_W4(taps), x_group = (ptrdiff_t)inputs * s->in_h * s->in_w;
    for (int32_t o = 0; o < s->out_c; o++) {
        const EK_ACC start = ek_w4_bias(w + o * bytes, taps, x_zero, bias[o]);
        for (int32_t oy = 0; oy < s->out_h; oy++) {
            for (int32_t ox = 0; ox < s->out_w; ox++) {
                const EK_ACC sum
                    = ek_conv_pixel(x + o / outputs * x_group, x_zero, w + o * bytes, s, oy, ox, start);
                *y++ = (EK_Y)ek_output(sum, mult[o], shift[o], y_zero, y_min, y_max);
            }
        }
    }
}

/* Whole groups of outputs, or a part of one, whose widened weights are a panel: `span` bytes to an output. */
static int32_t ek_w4_part(const ek_conv_shape *s, int32_t span, int32_t o, ek_conv_shape *part)
{
    const int32_t outputs = s->out_c / s->groups, most = ek_min(EK_WIDE_ROWS, EK_WIDE_BYTES / span), whole = most / outputs;
    *part = *s;
    part->groups = whole > 0 ? ek_min(whole, s->groups - o / outputs) : 1;
    part->in_c = part->groups * (s->in_c / s->groups);
    part->out_c = whole > 0 ? part->groups * outputs : ek_min(most, outputs - o % outputs);
    return part->out_c;
}

typedef void ek_conv_of(const EK_X *restrict, int32_t, const int8_t *restrict, const EK_ACC *restrict,
                        const int32_t *restrict, const uint8_t *restrict, int32_t, int32_t, int32_t, EK_Y *restrict,
                        const ek_conv_shape *);

/* All outputs by a kernel that has `span` weights of each. */
static void ek_w4_panels(ek_conv_of *kernel, int32_t span, const EK_X *x, int32_t x_zero, const int8_t *w, const EK_ACC *bias,
                         const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                         const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups;
    const ptrdiff_t x_group = (ptrdiff_t)inputs * s->in_h * s->in_w, plane = (ptrdiff_t)s->out_h * s->out_w;
    int8_t panel[EK_WIDE_BYTES + 1];
    ek_conv_shape part;
    for (int32_t o = 0, n; o < s->out_c; o += n) {
        n = ek_w4_part(s, span, o, &part);
        for (int32_t r = 0; r < n; r++) {
            ek_w4_row(w + (o + r) * EK_BYTES_W4(span), span, panel + r * span);
        }
        kernel(x + o / outputs * x_group, x_zero, panel, bias + o, mult + o, shift + o, y_zero, y_min, y_max, y + o * plane,
               &part);
    }
}

void EK_PATH(bands)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                    const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                    int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t inputs = s.in_c / s.groups;
    const int32_t span = (inputs + EK_BESIDE - 1) / EK_BESIDE * EK_BESIDE * s.k_h * s.k_w;
    ek_w4_panels(ek_conv_wide_bands, span, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s);
}

#ifdef EK_HAS_POINTS
void EK_PATH(points)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                     const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                     int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const int32_t span = ek_point_row(shape);
    ek_w4_panels(ek_conv_wide_points, span, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, shape);
}
#endif

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t taps = s.in_c / s.groups * s.k_h * s.k_w;
    if (taps > EK_WIDE_BYTES) {
        ek_w4_each(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s);
    } else {
        ek_w4_panels(ek_conv_wide, taps, x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s);
    }
}
