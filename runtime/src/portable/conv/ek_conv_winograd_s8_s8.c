#include "ek_conv_shape.h"

#define EK_SIDE 6 /* of the inputs of a tile */
#define EK_NINTH 954437177 /* times 9 is 1 modulo 2^32 */

/* to [6], `step` apart, = B^T d for points 0, 1, -1, 2, -2 and infinity. */
static void ek_spread(const int32_t *d, int32_t step, int32_t *to)
{
    const int32_t a = d[4 * step] - 4 * d[2 * step], b = d[3 * step] - 4 * d[step];
    const int32_t c = d[4 * step] - d[2 * step], e = d[3 * step] - d[step];
    to[0] = c + 4 * (d[0] - d[2 * step]);
    to[step] = a + b;
    to[2 * step] = a - b;
    to[3 * step] = c + 2 * e;
    to[4 * step] = c - 2 * e;
    to[5 * step] = d[5 * step] - d[3 * step] - 4 * e;
}

/* to [4] = A^T m, m `step` apart. */
static void ek_gathered(const uint32_t *m, int32_t step, uint32_t *to)
{
    const uint32_t a = m[step] + m[2 * step], b = m[step] - m[2 * step];
    const uint32_t c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
    to[0] = m[0] + a + c;
    to[1] = b + 2 * d;
    to[2] = a + 4 * c;
    to[3] = b + 8 * d + 3 * m[5 * step];
}

/* sums [36] += the places of a tile of a plane x from row iy and column ix on, times w, `step` apart. */
static void ek_tile_sums(const int8_t *x, int32_t x_zero, const int16_t *w, ptrdiff_t step, const ek_conv_shape *s,
                         int32_t iy, int32_t ix, uint32_t *sums)
{
    int32_t d[EK_SIDE * EK_SIDE], v[EK_SIDE * EK_SIDE];
    for (int32_t i = 0; i < EK_SIDE; i++) {
        for (int32_t j = 0; j < EK_SIDE; j++) {
            const int32_t row = iy + i, column = ix + j;
            const int inside = row >= 0 && row < s->in_h && column >= 0 && column < s->in_w;
            d[EK_SIDE * i + j] = inside ? x[(ptrdiff_t)row * s->in_w + column] : x_zero;
        }
    }
    for (int32_t j = 0; j < EK_SIDE; j++) {
        ek_spread(d + j, EK_SIDE, v + j);
    }
    for (int32_t i = 0; i < EK_SIDE; i++) {
        ek_spread(v + EK_SIDE * i, 1, d + EK_SIDE * i);
    }
    for (int32_t p = 0; p < EK_SIDE * EK_SIDE; p++) {
        sums[p] += (uint32_t)(d[p] * w[p * step]);
    }
}

/* int8 convolution of one group by 3x3 taps without strides and dilations, with the bits of ek_conv_s8_s8: tiles of 4x4
 * outputs by the minimal filtering F(4x4, 3x3) of Lavin and Gray, arXiv 1509.09308, which multiplies 36 times where the taps
 * are 144, here in int16. w [36][out_c / 16][in_c / 2][16][2] = G g G^T of the taps g of an input and an output, 24 times
 * along each axis, but 8 times at infinity. bias [out_c] is 64 times that of sums of w * x, x_zero being what x is outside;
 * sums with their bias are below 2^25. shift >= 27, in_c <= 256; other arguments are those of ek_conv_s8_s8. */
void ek_conv_winograd_s8_s8(const int8_t *restrict x, int32_t x_zero, const int16_t *restrict w,
                            const int32_t *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift,
                            int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ptrdiff_t x_plane = (ptrdiff_t)s.in_h * s.in_w, plane = (ptrdiff_t)s.out_h * s.out_w;
    const ptrdiff_t panel = (ptrdiff_t)(s.in_c + 1) / 2 * 32, place = (s.out_c + 15) / 16 * panel;
    for (int32_t o = 0; o < s.out_c; o++) {
        const int16_t *const wo = w + o / 16 * panel + o % 16 * 2;
        for (int32_t t = 0; t < (s.out_h + 3) / 4 * ((s.out_w + 3) / 4); t++) {
            const int32_t across = (s.out_w + 3) / 4, oy = t / across * 4, ox = t % across * 4;
            uint32_t sums[EK_SIDE * EK_SIDE] = {0}, down[4 * EK_SIDE], out[4];
            for (int32_t c = 0; c < s.in_c; c++) {
                ek_tile_sums(x + c * x_plane, x_zero, wo + c / 2 * 32 + c % 2, place, &s, oy - s.pad_top, ox - s.pad_left,
                             sums);
            }
            for (int32_t j = 0; j < EK_SIDE; j++) {
                ek_gathered(sums + j, EK_SIDE, out);
                for (int32_t i = 0; i < 4; i++) {
                    down[EK_SIDE * i + j] = out[i];
                }
            }
            for (int32_t i = 0; i < ek_min(4, s.out_h - oy); i++) {
                int8_t *const to = y + o * plane + (ptrdiff_t)(oy + i) * s.out_w + ox;
                ek_gathered(down + EK_SIDE * i, 1, out);
                for (int32_t j = 0; j < ek_min(4, s.out_w - ox); j++) {
                    const int32_t sum = (int32_t)(out[j] * EK_NINTH + (uint32_t)bias[o]) >> 6;
                    to[j] = (int8_t)ek_output(sum, mult[o], shift[o], y_zero, y_min, y_max);
                }
            }
        }
    }
}
