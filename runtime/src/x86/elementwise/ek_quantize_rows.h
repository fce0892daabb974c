/* Quantization over EK_NAME, EK_Y, and EK_BLOCK, the most outputs of ek_quantize_block. That computes n outputs by products,
 * or returns 0 where products do not do. */

/* The same by divisions. */
static void ek_quantize_each(const float *x, float scale, int32_t zero, EK_Y *y, int32_t n)
{
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i q = ek_i_add(ek_quotients(ek_some_floats(x + i, n - i), scale), ek_i_all(zero));
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)(y + i), ek_i_clamp(q, ek_i_all(-128), ek_i_all(127)), n - i);
        } else {
            ek_i_store_s16((int16_t *)(void *)(y + i), ek_i_clamp(q, ek_i_all(-32768), ek_i_all(32767)), n - i);
        }
    }
}

void EK_NAME(const float *x, float scale, int32_t zero, EK_Y *y, int32_t n)
{
    const ek_divisor d = ek_divisor_of(scale);
    const int products = ek_products_do(scale);
    int32_t i = 0;
    for (; products && i + EK_BLOCK <= n; i += EK_BLOCK) {
        if (!ek_quantize_block(x + i, &d, zero, y + i, EK_BLOCK)) {
            ek_quantize_each(x + i, scale, zero, y + i, EK_BLOCK);
        }
    }
    if (i < n && !(products && ek_quantize_block(x + i, &d, zero, y + i, n - i))) {
        ek_quantize_each(x + i, scale, zero, y + i, n - i);
    }
}
