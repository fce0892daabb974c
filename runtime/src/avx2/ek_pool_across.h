/* Within EK_NAME of ek_pool.h: windows of floats by the rows of ek_pool_rows.h, where that takes the shape; the last lanes of a
 * row overlap those before. The divisor of a mean is a count of rows times one of columns, of which only those near an
 * edge differ. */
#ifdef EK_ADD_V
if (ek_pool_by_rows(&s)) {
    const int32_t reach = (s.k_h - 1) * s.dil_h, most = (EK_POOL_KEPT - 1 - reach) / s.stride_h + 1;
#ifdef EK_POOL_SUM
    const float share_w = 1.0f / (float)s.k_w, share_h = 1.0f / (float)s.k_h;
#endif
    for (int32_t c = 0; c < s.out_c; c++, x += (ptrdiff_t)s.in_h * s.in_w, y += (ptrdiff_t)s.out_h * s.out_w) {
        for (int32_t at = 0; at < s.out_w; at += EK_LANES) {
            const int32_t ox = ek_max(0, ek_min(at, s.out_w - EK_LANES));
            float *to = y + ox;
            ek_pool_block block;
            ek_pool_block_at(&s, ox, &block);
#ifdef EK_POOL_SUM
            float shares[EK_LANES]; /* of the columns of each output */
            for (int32_t j = 0; j < EK_LANES; j++) {
                const int32_t bx = (ox + ek_min(j, block.n - 1)) * s.stride_w - s.pad_left;
                const int32_t taps = block.whole   ? s.k_w
                                     : include_pad ? ek_end_tap(bx, s.dil_w, s.k_w, s.in_w + pad_right)
                                                   : ek_end_tap(bx, s.dil_w, s.k_w, s.in_w) - ek_first_tap(bx, s.dil_w);
                shares[j] = block.whole ? share_w : 1.0f / (float)taps;
            }
#endif
            for (int32_t first = 0; first < s.out_h; first += most) {
                ek_v kept[EK_POOL_KEPT];
                const int32_t rows = ek_min(most, s.out_h - first);
                ek_pool_keep_rows(x, &s, &block, first * s.stride_h - s.pad_top, (rows - 1) * s.stride_h + reach + 1, kept);
                for (int32_t r = 0; r < rows; r++, to += s.out_w) {
                    ek_v acc = ek_pool_window(&s, kept + r * s.stride_h);
#ifdef EK_POOL_SUM
                    const int32_t by = (first + r) * s.stride_h - s.pad_top, whole = by >= 0 && by + reach < s.in_h;
                    const int32_t taps = whole         ? s.k_h
                                         : include_pad ? ek_end_tap(by, s.dil_h, s.k_h, s.in_h + pad_bottom)
                                                       : ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - ek_first_tap(by, s.dil_h);
                    const float share = whole ? share_h : 1.0f / (float)taps;
                    acc = ek_v_mul(acc, ek_v_mul(ek_v_load(shares), ek_v_all(share)));
#endif
                    ek_v_store_some(to, acc, block.n);
                }
            }
        }
    }
    return;
}
#endif
