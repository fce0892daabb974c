/* One step of the integer GRU over ek_lanes.h and the macros of the portable one. */
#include "ek_gates.h"
#include "ek_gru_small.h"

/* operand [n] = h as the recurrent product takes it. */
static inline void ek_operand_store(EK_H *operand, ek_i h, int32_t n)
{
    if (sizeof(EK_H) == 1) {
        const ek_i q = ek_i_shr(ek_i_add(h, ek_i_all(128)), ek_i_all(8));
        ek_i_store_s8((int8_t *)(void *)operand, ek_i_clamp(q, ek_i_all(-128), ek_i_all(127)), n);
    } else {
        ek_i_store_s16((int16_t *)(void *)operand, h, n);
    }
}

void EK_NAME(const EK_X *restrict x, int16_t *restrict h, const int8_t *restrict w, const int8_t *restrict r,
             const EK_W_SUM *restrict w_bias, const EK_R_SUM *restrict r_bias, const int32_t *restrict w_mult,
             const uint8_t *restrict w_shift, const int32_t *restrict r_mult, const uint8_t *restrict r_shift,
             const int16_t *restrict sigmoid, const int16_t *restrict tanh_, int32_t inputs, int32_t units,
             int32_t linear_before_reset, int16_t *restrict scratch)
{
    const int32_t n = units, now = linear_before_reset ? 3 * n : 2 * n;
    int16_t *const gx = scratch, *const gh = scratch + 3 * n;
    EK_H *const operand = (EK_H *)(scratch + 6 * n);
    const ek_i one = ek_i_all(32768);
    EK_GRU_SMALL
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        ek_operand_store(operand + j, ek_i_load_s16(h + j, n - j), n - j);
    }
    EK_GATE_PRODUCT(EK_W, EK_W_SUM, x, w, inputs, w_bias, w_mult, w_shift, 0, 3 * n, gx)
    EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, r, n, r_bias, r_mult, r_shift, 0, now, gh)
    for (int32_t j = 0; j < 2 * n; j += EK_WIDTH) {
        const ek_i sum = ek_i_add(ek_i_load_s16(gx + j, 2 * n - j), ek_i_load_s16(gh + j, 2 * n - j));
        ek_i_store_s16(gx + j, ek_i_lut_s16(ek_i_saturate16(sum), sigmoid), 2 * n - j);
    }
    if (!linear_before_reset) {
        for (int32_t j = 0; j < n; j += EK_WIDTH) {
            const ek_i reset = ek_i_load_s16(gx + n + j, n - j);
            ek_operand_store(operand + j, ek_i_q15(ek_i_mul(reset, ek_i_load_s16(h + j, n - j))), n - j);
        }
        EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, r, n, r_bias, r_mult, r_shift, now, 3 * n, gh)
    }
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        const int32_t count = n - j;
        const ek_i z = ek_i_load_s16(gx + j, count), reset = ek_i_load_s16(gx + n + j, count);
        ek_i recurrent = ek_i_load_s16(gh + 2 * n + j, count);
        if (linear_before_reset) {
            recurrent = ek_i_q15(ek_i_mul(reset, recurrent));
        }
        const ek_i sum = ek_i_saturate16(ek_i_add(ek_i_load_s16(gx + 2 * n + j, count), recurrent));
        const ek_i candidate = ek_i_mul(ek_i_sub(one, z), ek_i_lut_s16(sum, tanh_));
        const ek_i kept = ek_i_mul(z, ek_i_load_s16(h + j, count));
        ek_i_store_s16(h + j, ek_i_q15(ek_i_add(candidate, kept)), count);
    }
}
