#include "ek_conv_shape.h"
#include "ek_epilogue.h"
#include "ek_rows_f32.h"

#define EK_PLACES 16

/* to [4][4] = a tile of a plane x from row iy and column ix on, 0 outside: B^T x B. */
static void ek_tile_inputs(const float *x, const ek_conv_shape *s, int32_t iy, int32_t ix, float to[EK_PLACES])
{
    float h[EK_PLACES];
    for (int32_t i = 0; i < 4; i++) {
        float v[4];
        for (int32_t j = 0; j < 4; j++) {
            const int32_t row = iy + i, column = ix + j;
            const int inside = row >= 0 && row < s->in_h && column >= 0 && column < s->in_w;
            v[j] = inside ? x[(ptrdiff_t)row * s->in_w + column] : 0.0f;
        }
        h[4 * i] = v[0] - v[2];
        h[4 * i + 1] = v[1] + v[2];
        h[4 * i + 2] = v[2] - v[1];
        h[4 * i + 3] = v[1] - v[3];
    }
    for (int32_t j = 0; j < 4; j++) {
        to[j] = h[j] - h[8 + j];
        to[4 + j] = h[4 + j] + h[8 + j];
        to[8 + j] = h[8 + j] - h[4 + j];
        to[12 + j] = h[4 + j] - h[12 + j];
    }
}

/* Float convolution of one group by 3x3 taps without strides and dilations: tiles of 2x2 outputs by the minimal filtering
 * F(2x2, 3x3) of Lavin and Gray, arXiv 1509.09308, section 4.1, which multiplies 16 times where the taps are 36. w
 * [16][in_c][out_c] = G g G^T of the taps g of an input and an output, each of the 16 packed as for ek_fc_f32. The tiles are
 * taken in strips of `rows` by `columns`, at most 64 columns; of `work` are 16 * (in_c * n + 32 * n + 64) floats needed, where
 * a strip has n tiles. At most 1,024 inputs. Other arguments are those of ek_conv_f32. What is not finite makes all outputs
 * of its tile infinite or NaN. */
void ek_conv_winograd_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act,
                          float a, float b, const float *restrict add, float *restrict y, float *restrict work, int32_t rows,
                          int32_t columns, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ek_epilogue then = {act, a, b, add, y};
    const ptrdiff_t x_plane = (ptrdiff_t)s.in_h * s.in_w, plane = (ptrdiff_t)s.out_h * s.out_w;
    const int32_t across = EK_COLUMNS == 1 ? s.out_c : EK_COLUMNS; /* side by side in w */
    const ptrdiff_t panel = (ptrdiff_t)s.in_c * across, place = (s.out_c + across - 1) / across * panel;
    (void)rows;
    (void)columns;
    for (int32_t oy = 0; oy < s.out_h; oy += 2) {
        for (int32_t ox = 0; ox < s.out_w; ox += 2) {
            for (int32_t c = 0; c < s.in_c; c++) {
                ek_tile_inputs(x + c * x_plane, &s, oy - s.pad_top, ox - s.pad_left, work + c * EK_PLACES);
            }
            for (int32_t o = 0; o < s.out_c; o++) {
                const float *const wo = w + o / across * panel + o % across;
                float m[EK_PLACES], v[8];
                for (int32_t p = 0; p < EK_PLACES; p++) {
                    m[p] = bias && p == 5 ? bias[o] : 0.0f; /* which all outputs have once */
                    for (int32_t c = 0; c < s.in_c; c++) {
                        m[p] += work[c * EK_PLACES + p] * wo[p * place + (ptrdiff_t)c * across];
                    }
                }
                for (int32_t j = 0; j < 4; j++) {
                    v[j] = m[j] + m[4 + j] + m[8 + j];
                    v[4 + j] = m[4 + j] - m[8 + j] - m[12 + j];
                }
                for (int32_t i = 0; i < 2 && oy + i < s.out_h; i++) {
                    float *const to = y + o * plane + (ptrdiff_t)(oy + i) * s.out_w + ox;
                    to[0] = v[4 * i] + v[4 * i + 1] + v[4 * i + 2];
                    if (ox + 1 < s.out_w) {
                        to[1] = v[4 * i + 1] - v[4 * i + 2] - v[4 * i + 3];
                    }
                }
            }
        }
    }
    ek_epilogue_row(&then, y, (ptrdiff_t)s.out_c * plane);
}
