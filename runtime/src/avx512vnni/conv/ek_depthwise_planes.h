/* Depthwise 3x3 float convolution of planes 4 or 8 columns wide, padded so that the width is kept or halved: a vector takes
 * whole rows of the output, and each row of x is loaded once for the three taps of a row of the kernel, which are
 * permutations of it. */
#include "ek_depthwise_flat.h"
#include "ek_depthwise_halves.h"
#include "ek_depthwise_rows.h"
#include "ek_epilogue_lanes.h"
#include "ek_tap_lanes.h"

#define EK_PLANE_VECTORS 16 /* of one channel's output */
#define EK_PLANES(...) \
    (ek_depthwise_planes(__VA_ARGS__) || ek_depthwise_by_halves(__VA_ARGS__) || ek_depthwise_rows(__VA_ARGS__) \
     || ek_depthwise_flat(__VA_ARGS__))

/* Of output vector v and row ky of the kernel: lanes of x that are inside, of a second vector too with strides 2. */
typedef struct {
    __mmask16 in[EK_PLANE_VECTORS][3][2];
} ek_plane_lanes;

static void ek_plane_lanes_of(const ek_conv_shape *s, int32_t vectors, ek_plane_lanes *to)
{
    const int32_t rows = EK_LANES / s->out_w, width = s->stride_w == 1 ? s->out_w : ek_min(s->in_w, EK_LANES);
    for (int32_t v = 0; v < vectors; v++) {
        for (int32_t ky = 0; ky < 3; ky++) {
            __mmask16 *const in = to->in[v][ky];
            in[0] = in[1] = 0;
            for (int32_t lane = 0; lane < s->stride_w * EK_LANES; lane += ek_min(width, 8)) {
                const int32_t oy = v * rows + lane / (s->stride_w * s->out_w);
                const int32_t iy = oy * s->stride_h + ky - s->pad_top;
                const int32_t piece = (1 << ek_min(width, 8)) - 1;
                if (iy >= 0 && iy < s->in_h) {
                    in[lane / EK_LANES] |= (__mmask16)(piece << lane % EK_LANES);
                }
            }
        }
    }
}

/* taps [3] = the columns that the taps of a row of the kernel read, x [..][width] being the first row of x, as many
 * rows as a vector of outputs has. */
static inline __attribute__((always_inline)) void ek_plane_rows(const float *x, const __mmask16 *in, int32_t width,
                                                                int32_t stride, ek_v *taps)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i one = _mm512_set1_epi32(1), even = _mm512_add_epi32(lane, lane);
    const __mmask16 starts = width == 4 ? 0x1111 : 0x0101, ends = width == 4 ? 0x8888 : 0x8080;
    if (stride == 1) {
        taps[1] = _mm512_maskz_loadu_ps(in[0], x);
        taps[0] = _mm512_maskz_permutexvar_ps((__mmask16)~starts, _mm512_sub_epi32(lane, one), taps[1]);
        taps[2] = _mm512_maskz_permutexvar_ps((__mmask16)~ends, _mm512_add_epi32(lane, one), taps[1]);
    } else {
        __m512 low, high;
        if (width == 4) {
            low = _mm512_maskz_loadu_ps((__mmask16)(in[0] & 0xff), x);
            low = _mm512_mask_loadu_ps(low, (__mmask16)(in[0] & 0xff00), x + 8);
            high = _mm512_maskz_loadu_ps((__mmask16)(in[1] & 0xff), x + 32);
            high = _mm512_mask_loadu_ps(high, (__mmask16)(in[1] & 0xff00), x + 40);
        } else {
            low = _mm512_maskz_loadu_ps(in[0], x);
            high = _mm512_maskz_loadu_ps(in[1], x + 32);
        }
        taps[0] = _mm512_maskz_permutex2var_ps((__mmask16)~starts, low, _mm512_sub_epi32(even, one), high);
        taps[1] = _mm512_permutex2var_ps(low, even, high);
        taps[2] = _mm512_permutex2var_ps(low, _mm512_add_epi32(even, one), high);
    }
}

static inline __attribute__((always_inline)) void ek_plane_channels(const float *x, const float *w, const float *bias,
                                                                    const ek_bounds *bounds, float *y, const ek_conv_shape *s,
                                                                    const ek_plane_lanes *lanes, int32_t width,
                                                                    int32_t stride)
{
    const int32_t n = s->out_h * width, per_group = s->out_c / s->groups, row = stride * width;
    const int32_t step = EK_LANES / width * stride * row; /* floats of x from one vector of outputs to the next */
    for (int32_t o = 0; o < s->out_c; o++, w += 9, y += n) {
        const float *xv = x + (ptrdiff_t)(per_group == 1 ? o : o / per_group) * s->in_h * row - s->pad_top * row;
        for (int32_t v = 0; v * EK_LANES < n; v++, xv += step) {
            ek_v acc = ek_v_all(bias ? bias[o] : 0.0f), taps[3];
            for (int32_t ky = 0; ky < 3; ky++) {
                ek_plane_rows(xv + ky * row, lanes->in[v][ky], width, stride, taps);
                for (int32_t kx = 0; kx < 3; kx++) {
                    acc = ek_v_fma(ek_v_all(w[3 * ky + kx]), taps[kx], acc);
                }
            }
            ek_v_store_some(y + v * EK_LANES, ek_bounded(acc, bounds), n - v * EK_LANES);
        }
    }
}

#define EK_PLANE_CHANNELS(width, stride) ek_plane_channels(x, w, bias, bounds, y, s, &lanes, width, stride)

/* Returns 0 where the planes are others, and does nothing then. */
static int ek_depthwise_planes(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                               const ek_conv_shape *s)
{
    const int32_t width = s->out_w, stride = s->stride_w, most = EK_PLANE_VECTORS * EK_LANES / width;
    const int32_t square = s->k_h == 3 && s->k_w == 3 && s->stride_h == stride && s->dil_h == 1 && s->dil_w == 1;
    ek_plane_lanes lanes;
    if (!square || s->pad_left != 1 || stride > 2 || s->in_w != stride * width || s->out_h > most
        || (width != 4 && width != 8)) {
        return 0;
    }
    ek_plane_lanes_of(s, (s->out_h * width + EK_LANES - 1) / EK_LANES, &lanes);
    if (stride == 1) {
        if (width == 4) {
            EK_PLANE_CHANNELS(4, 1);
        } else {
            EK_PLANE_CHANNELS(8, 1);
        }
    } else if (width == 4) {
        EK_PLANE_CHANNELS(4, 2);
    } else {
        EK_PLANE_CHANNELS(8, 2);
    }
    return 1;
}
