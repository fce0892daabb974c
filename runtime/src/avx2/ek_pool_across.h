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
#else
if (ek_pool_by_lines(&s)) {
    const int32_t reach = (s.k_w - 1) * s.dil_w, most = (EK_POOL_ROW - 1 - reach) / s.stride_w + 1;
    ek_pool_e lines[EK_POOL_ROOM + 4 * EK_POOL_E], joined[EK_POOL_ROOM + EK_POOL_E];
    for (int32_t ox = 0; ox < s.out_w; ox += most) {
        const int32_t n = ek_min(most, s.out_w - ox), bx = ox * s.stride_w - s.pad_left;
        const int32_t span = (n - 1) * s.stride_w + reach + 1, high = ek_min(EK_POOL_ROOM / span, s.out_h);
        const int32_t lo = ek_min(ek_max(0, -bx), span), hi = ek_max(ek_min(s.in_w - bx, span), lo);
        for (int32_t j = 0; j < high * span + 4 * EK_POOL_E; j++) {
            lines[j] = EK_START;
        }
#ifdef EK_POOL_SUM
        int32_t mults[EK_POOL_ROW + EK_WIDTH] = {0}, of = 0, alike = 0; /* of windows with `of` rows */
        uint8_t shifts[EK_POOL_ROW + EK_WIDTH] = {0};
#endif
        for (int32_t c = 0; c < s.out_c; c++) {
            for (int32_t oy = 0; oy < s.out_h; oy += high) {
                const int32_t rows = ek_min(high, s.out_h - oy);
                EK_Y *to = y + ((ptrdiff_t)c * s.out_h + oy) * s.out_w + ox;
                /* what is written behind a whole row is overwritten by the next */
                ptrdiff_t room = n == s.out_w ? y + (ptrdiff_t)s.out_c * s.out_h * s.out_w - to : 0;
                for (int32_t r = 0; r < rows; r++) {
                    const int32_t by = (oy + r) * s.stride_h - s.pad_top, top = ek_first_tap(by, s.dil_h);
                    const int32_t taps = ek_end_tap(by, s.dil_h, s.k_h, s.in_h) - top;
                    const ptrdiff_t first = (ptrdiff_t)c * s.in_h + by + top * s.dil_h;
                    ek_pool_beneath(x + first * s.in_w + bx + lo, (ptrdiff_t)s.dil_h * s.in_w, taps, EK_POOL_ZERO, hi - lo,
                                    lines + r * span + lo);
                }
#ifdef EK_POOL_SUM
                for (int32_t r = 0; r < rows; r++) {
                    ek_pool_columns(lines + r * span, s.k_w, s.dil_w, s.stride_w, n, joined + r * n);
                }
                for (int32_t r = 0, next, down; r < rows; r = next) {
                    down = EK_POOL_TAPS_OF(oy + r, s.stride_h, s.pad_top, s.dil_h, s.k_h, s.in_h, pad_bottom);
                    if (of != down) {
                        int32_t least = INT32_MAX, largest = 0;
                        for (int32_t j = 0; j < n; j++) {
                            const int32_t count
                                = down * EK_POOL_TAPS_OF(ox + j, s.stride_w, s.pad_left, s.dil_w, s.k_w, s.in_w, pad_right);
                            mults[j] = mult[count - count_min];
                            shifts[j] = shift[count - count_min];
                            least = ek_min(least, count);
                            largest = ek_max(largest, count);
                        }
                        of = down, alike = least == largest && n >= EK_WIDTH;
                    }
                    next = r + 1;
                    while (alike && n == s.out_w && next < rows
                           && EK_POOL_TAPS_OF(oy + next, s.stride_h, s.pad_top, s.dil_h, s.k_h, s.in_h, pad_bottom) == down) {
                        next++;
                    }
                    ek_pool_means(joined + r * n, mults, shifts, alike ? 0 : 1, y_zero, y_min, y_max,
                                  (int8_t *)(void *)(to + (ptrdiff_t)r * s.out_w), (next - r) * n, room - r * n);
                }
#else
                for (int32_t r = 0; r < rows; r++, to += s.out_w, room -= n) {
                    ek_pool_e *const at = room >= n + EK_POOL_E ? to : joined;
                    ek_pool_columns(lines + r * span, s.k_w, s.dil_w, s.stride_w, n, at);
                    if (at == joined) {
                        memcpy(to, joined, (size_t)n * sizeof(EK_Y));
                    }
                }
#endif
            }
        }
    }
    return;
}
#endif
