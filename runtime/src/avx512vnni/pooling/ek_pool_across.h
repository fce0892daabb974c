/* Within EK_NAME of ek_pool.h: windows by the rows of ek_pool_rows.h, where that takes the shape. The divisor of a mean is
 * a count of rows times one of columns, of which only those near an edge differ. */
#ifdef EK_POOL_MAX
if (sizeof(EK_T) == 4 && ek_pool_by_halves((const float *)(const void *)x, (float *)(void *)y, &s)) {
    return;
}
if (ek_pool_paired(&s) && ek_pool_by_pairs_s8((const int8_t *)(const void *)x, (int8_t *)(void *)y, &s)) {
    return;
}
#else
#ifdef EK_POOL_PAIRS
if (EK_POOL_PAIRS) {
    return;
}
#endif
if (sizeof(EK_T) == 4 && s.stride_w <= 2 && s.k_w > s.stride_w && s.out_w >= EK_POOL_NARROW
    && ek_down_wide(&s) <= EK_DOWN_WIDEST) {
    float rows[2][EK_DOWN_WIDEST + 2 * EK_LANES]; /* they take turns: one is stored while the other is read */
    float scales[EK_DOWN_WIDEST + EK_LANES];
    float *to = (float *)(void *)y;
    const float *const planes = (const float *)(const void *)x;
    int32_t counted = -1;
    for (int32_t i = 0; i < ek_down_wide(&s) + 2 * EK_LANES; i++) {
        rows[0][i] = rows[1][i] = 0.0f;
    }
    for (int32_t row = 0, c = 0, oy = 0, above = 0; row <= s.out_c * s.out_h; row++, above = oy, oy++) {
        if (oy == s.out_h) {
            oy = 0;
            c++;
        }
        if (c < s.out_c) {
            const int32_t by = oy * s.stride_h - s.pad_top, first = ek_first_tap(by, s.dil_h);
            const int32_t top = c * s.in_h + by + first * s.dil_h;
            ek_pool_sum_rows(planes + (ptrdiff_t)top * s.in_w, (ptrdiff_t)s.dil_h * s.in_w,
                         ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - first, s.in_w, rows[row & 1] + s.pad_left);
        }
        const int32_t by = above * s.stride_h - s.pad_top;
        const int32_t high = include_pad ? ek_end_tap(by, s.dil_h, s.k_h, s.in_h + pad_bottom)
                                         : ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - ek_first_tap(by, s.dil_h);
        for (int32_t ox = 0; ox < s.out_w && high != counted; ox++) {
            const int32_t bx = ox * s.stride_w - s.pad_left;
            const int32_t wide = include_pad ? ek_end_tap(bx, s.dil_w, s.k_w, s.in_w + pad_right)
                                             : ek_end_tap(bx, s.dil_w, s.k_w, s.in_w) - ek_first_tap(bx, s.dil_w);
            scales[ox] = 1.0f / (float)(high * wide);
        }
        counted = high;
        if (row > 0) {
            ek_pool_means(rows[~row & 1], &s, scales, to);
            to += s.out_w;
        }
    }
    return;
}
#endif
if (ek_pool_by_rows(&s)) {
    const __m512i start = ek_pool_filled((EK_T)(EK_START)), outside = ek_pool_filled((EK_T)(EK_OUTSIDE));
    const int32_t reach = (s.k_h - 1) * s.dil_h, most = (EK_POOL_KEPT - 1 - reach) / s.stride_h + 1;
    for (int32_t ox = 0; ox < s.out_w; ox += EK_POOL_LINE) {
        const int32_t n = ek_min(EK_POOL_LINE, s.out_w - ox);
        __m512i kept[EK_POOL_KEPT];
        ek_pool_tap taps[EK_POOL_WIDEST];
        ek_pool_taps_of(&s, ox, n, taps);
#ifdef EK_POOL_SUM
        int32_t across[EK_POOL_LINE] = {0};
        const int32_t fits = s.k_h * s.k_w <= EK_POOL_WORD_TAPS;
        ek_pool_factors factors[EK_POOL_HEIGHTS];
        for (int32_t i = 0; i < EK_POOL_HEIGHTS; i++) {
            factors[i].down = -1;
        }
        for (int32_t j = 0; j < EK_POOL_LINE; j++) {
            const int32_t bx = (ox + ek_min(j, n - 1)) * s.stride_w - s.pad_left;
            across[j] = include_pad ? ek_end_tap(bx, s.dil_w, s.k_w, s.in_w + pad_right)
                                    : ek_end_tap(bx, s.dil_w, s.k_w, s.in_w) - ek_first_tap(bx, s.dil_w);
        }
#endif
        for (int32_t c = 0; c < s.out_c; c++) {
            const EK_T *const plane = x + (ptrdiff_t)c * s.in_h * s.in_w;
            EK_Y *to = y + (ptrdiff_t)c * s.out_h * s.out_w + ox;
            for (int32_t oy = 0, first = 0, behind = 0; oy < s.out_h; oy++, to += s.out_w) {
                const int32_t by = oy * s.stride_h - s.pad_top;
                if (EK_POOL_SHARES && oy == behind) {
                    const int32_t rows = ek_min(most, s.out_h - oy);
                    ek_pool_keep_rows(plane, &s, taps, by, (rows - 1) * s.stride_h + reach + 1, start, outside, kept);
                    first = oy;
                    behind = oy + rows;
                }
                const __m512i acc
                    = ek_pool_taken_window(plane, &s, taps, by, kept + (oy - first) * s.stride_h, start);
#ifdef EK_POOL_SUM
                const int32_t high = ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - ek_first_tap(by, s.dil_h);
                const int32_t down = include_pad ? ek_end_tap(by, s.dil_h, s.k_h, s.in_h + pad_bottom) : high;
                (void)high, (void)factors, (void)fits;
                EK_POOL_SUM;
#else
                ek_pool_store(to, acc, n);
#endif
            }
        }
    }
    return;
}
