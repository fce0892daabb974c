/* Within EK_NAME of ek_pool.h: channels of one output are summed side by side, since a sum waits for the one before; all
 * outputs of a band of a channel are one long row. */
if (s.out_h == 1 && s.out_w == 1 && s.k_h == s.in_h && s.k_w == s.in_w && s.pad_top == 0 && s.pad_left == 0
    && s.dil_h == 1 && s.dil_w == 1) {
    const int32_t taps = s.k_h * s.k_w, by = 0, bx = 0, inside = taps;
    (void)by, (void)bx, (void)inside;
    for (int32_t c = 0; c < s.out_c; c += EK_POOL_BESIDE) {
        const EK_T *const planes = x + (ptrdiff_t)c * taps;
        const int32_t n = ek_min(EK_POOL_BESIDE, s.out_c - c);
        EK_ACC acc[EK_POOL_BESIDE];
        for (int32_t i = 0; i < EK_POOL_BESIDE; i++) {
            acc[i] = EK_START;
        }
        for (int32_t t = 0; n == EK_POOL_BESIDE && t < taps; t++) {
            for (int32_t i = 0; i < EK_POOL_BESIDE; i++) {
                acc[i] = EK_ADD(acc[i], planes[i * taps + t]);
            }
        }
        for (int32_t i = 0; n < EK_POOL_BESIDE && i < n; i++) {
            for (int32_t t = 0; t < taps; t++) {
                acc[i] = EK_ADD(acc[i], planes[i * taps + t]);
            }
        }
        for (int32_t i = 0; i < n; i++) {
            y[c + i] = EK_RESULT(acc[i]);
        }
    }
    return;
}
#if defined(EK_POOL_MAX) || defined(EK_POOL_SUM)
#include "ek_pool_across.h"
#endif
ek_conv_shape one = s;
ek_bands b;
one.in_c = one.groups;
if (s.out_h * s.out_w >= 16 && ek_by_planes(&one, EK_BANDS_ROOM, 1, 1, 4 * EK_LANES, &b)) {
    EK_T band[EK_BANDS];
    EK_ACC acc[EK_POOL_LANES];
    int32_t offset[2 * EK_BLOCK_TAPS];
    /* columns whose windows lie within the rows of x: their taps are of one number */
    const int32_t first = ek_first(s.pad_left, s.stride_w);
    const int32_t last = ek_first(s.in_w + s.pad_left - (s.k_w - 1) * s.dil_w, s.stride_w);
    ek_tap_offsets(&one, &b, 0, s.k_h * s.k_w, offset);
    for (int32_t c = 0; c < s.out_c; c++, y += s.out_h * s.out_w) {
        for (int32_t oy = 0; oy < s.out_h; oy += b.rows) {
            for (int32_t ox = 0; ox < s.out_w; ox += b.columns) {
                const int32_t rows = ek_min(b.rows, s.out_h - oy), columns = ek_min(b.columns, s.out_w - ox);
                const int32_t positions = (rows - 1) * b.pitch + columns;
                ek_pool_fill(x + (ptrdiff_t)c * s.in_h * s.in_w, &s, &b, oy, ox, (EK_T)(EK_OUTSIDE), band);
                for (int32_t at = 0; at < positions; at += EK_POOL_LANES) {
                    const int32_t n = ek_min(EK_POOL_LANES, positions - at);
                    int32_t row = at / b.pitch, column = at % b.pitch;
                    ek_pool_taps(band + at, offset, s.k_h * s.k_w, EK_WITH_VALUE, n, acc);
                    for (int32_t j = 0, run; j < n; j += run, row++, column = 0) {
                        const int32_t by = (oy + row) * s.stride_h - s.pad_top;
                        const int32_t high = ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - ek_first_tap(by, s.dil_h);
                        EK_Y *const to = y + (ptrdiff_t)(oy + row) * s.out_w + ox + column;
                        run = ek_min(b.pitch - column, n - j);
                        for (int32_t i = 0, end; i < ek_min(run, columns - column); i = end) {
                            const int32_t at_x = ox + column + i, bx = at_x * s.stride_w - s.pad_left;
                            const int32_t inside
                                = high * (ek_end_tap(bx, s.dil_w, s.k_w, s.in_w) - ek_first_tap(bx, s.dil_w));
                            const int one_count = at_x >= first && at_x < last;
                            (void)by, (void)inside;
                            end = one_count ? ek_min(ek_min(run, columns - column), i + last - at_x) : i + 1;
                            for (int32_t k = i; k < end; k++) {
                                to[k] = EK_RESULT(acc[j + k]);
                            }
                        }
                    }
                }
            }
        }
    }
    return;
}
