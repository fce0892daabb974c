/* Within EK_NAME of ek_pool.h: all outputs of a band of a channel are one long row. */
ek_conv_shape one = s;
ek_bands b;
one.in_c = one.groups;
if (s.out_h * s.out_w >= 16 && ek_by_planes(&one, EK_BANDS_ROOM, 1, 1, 4 * EK_LANES, &b)) {
    EK_T band[EK_BANDS];
    EK_ACC acc[EK_POOL_LANES];
    int32_t offset[2 * EK_BLOCK_TAPS];
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
                    for (int32_t j = 0; j < n; j++) {
                        acc[j] = EK_START;
                    }
                    for (int32_t t = 0; t < s.k_h * s.k_w; t++) {
                        ek_pool_tap(band + offset[t] + at, EK_WITH_VALUE, n, acc);
                    }
                    for (int32_t j = 0, run; j < n; j += run, row++, column = 0) {
                        const int32_t by = (oy + row) * s.stride_h - s.pad_top;
                        const int32_t high = ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - ek_first_tap(by, s.dil_h);
                        EK_Y *const to = y + (ptrdiff_t)(oy + row) * s.out_w + ox + column;
                        run = ek_min(b.pitch - column, n - j);
                        for (int32_t i = 0; i < ek_min(run, columns - column); i++) {
                            const int32_t bx = (ox + column + i) * s.stride_w - s.pad_left;
                            const int32_t inside
                                = high * (ek_end_tap(bx, s.dil_w, s.k_w, s.in_w) - ek_first_tap(bx, s.dil_w));
                            (void)by, (void)inside;
                            to[i] = EK_RESULT(acc[j + i]);
                        }
                    }
                }
            }
        }
    }
    return;
}
