/* One step of one sequence in the integer recurrent cells over ek_lanes.h. */
#include "ek_gates.h"

static inline void ek_operand_store(EK_H *operand, ek_i h, int32_t n)
{
    if (sizeof(EK_H) == 1) {
        const ek_i q = ek_i_shr(ek_i_add(h, ek_i_all(128)), ek_i_all(8));
        ek_i_store_s8((int8_t *)(void *)operand, ek_i_clamp(q, ek_i_all(-128), ek_i_all(127)), n);
    } else {
        ek_i_store_s16((int16_t *)(void *)operand, h, n);
    }
}

/* operand [n] = h as the recurrent product takes it. */
static inline void ek_operands(const int16_t *h, EK_H *operand, int32_t n)
{
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        ek_operand_store(operand + j, ek_i_load_s16(h + j, n - j), n - j);
    }
}

/* The first n of a pre-activation. */
static inline ek_i ek_gate_sum(const int16_t *gx, const int16_t *gh, int32_t n)
{
    return ek_i_saturate16(ek_i_add(ek_i_load_s16(gx, n), ek_i_load_s16(gh, n)));
}

/* gx [2 units] = z and reset, of their pre-activations gx + gh. */
static inline void ek_gru_gates(int16_t *restrict gx, const int16_t *restrict gh, const int16_t *sigmoid, int32_t n)
{
    for (int32_t j = 0; j < 2 * n; j += EK_WIDTH) {
        ek_i_store_s16(gx + j, ek_i_lut_s16(ek_gate_sum(gx + j, gh + j, 2 * n - j), sigmoid), 2 * n - j);
    }
}

/* operand [n] = reset * h. */
static inline void ek_gru_reset(const int16_t *restrict gx, const int16_t *restrict h, EK_H *restrict operand, int32_t n)
{
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        const ek_i reset = ek_i_load_s16(gx + n + j, n - j);
        ek_operand_store(operand + j, ek_i_q15(ek_i_mul(reset, ek_i_load_s16(h + j, n - j))), n - j);
    }
}

/* h [n] = the next state; gh [2 n..3 n) is still to be multiplied by reset where linear_before_reset says so. */
static inline void ek_gru_state(const int16_t *restrict gx, const int16_t *restrict gh, int16_t *restrict h,
                                const int16_t *tanh_, int32_t n, int32_t linear_before_reset)
{
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        const int32_t count = n - j;
        const ek_i z = ek_i_load_s16(gx + j, count), reset = ek_i_load_s16(gx + n + j, count);
        ek_i recurrent = ek_i_load_s16(gh + 2 * n + j, count);
        if (linear_before_reset) {
            recurrent = ek_i_q15(ek_i_mul(reset, recurrent));
        }
        const ek_i sum = ek_i_saturate16(ek_i_add(ek_i_load_s16(gx + 2 * n + j, count), recurrent));
        const ek_i candidate = ek_i_mul(ek_i_sub(ek_i_all(32768), z), ek_i_lut_s16(sum, tanh_));
        const ek_i kept = ek_i_mul(z, ek_i_load_s16(h + j, count));
        ek_i_store_s16(h + j, ek_i_q15(ek_i_add(candidate, kept)), count);
    }
}

/* c of scale 2^-bits as an operand of the gates' tanh: scale 2^-11, saturating. */
static inline ek_i ek_cells_q11(ek_i c, int32_t bits)
{
    const int32_t down = bits - 11;
    if (down <= 0) {
        return ek_i_saturate16(ek_i_shl(ek_i_saturate16(c), ek_i_all(-down)));
    }
    const ek_i most = ek_i_all(1 << 30); /* with one bit to drop, more than saturates */
    const ek_i twice = ek_i_clamp(ek_i_shr(c, ek_i_all(down - 1)), ek_i_sub(ek_i_all(0), most), most);
    return ek_i_saturate16(ek_i_shr(ek_i_add(twice, ek_i_all(1)), ek_i_all(1)));
}

/* h and c [n] = the next states, of pre-activations gx + gh [4 n]. */
static inline void ek_lstm_state(const int16_t *restrict gx, const int16_t *restrict gh, int16_t *restrict h,
                                 int32_t *restrict c, const int16_t *sigmoid, const int16_t *tanh_, int32_t n,
                                 int32_t c_bits)
{
    const int32_t up = c_bits < 15 ? 15 - c_bits : 0, more = c_bits > 15 ? c_bits - 15 : 0;
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        const int32_t count = n - j;
        const ek_i in = ek_i_lut_s16(ek_gate_sum(gx + j, gh + j, count), sigmoid);
        const ek_i out = ek_i_lut_s16(ek_gate_sum(gx + n + j, gh + n + j, count), sigmoid);
        const ek_i forget = ek_i_sub(ek_i_all(0), ek_gate_sum(gx + 2 * n + j, gh + 2 * n + j, count));
        const ek_i keep = ek_i_sub(ek_i_all(32768), ek_i_lut_s16(ek_i_saturate16(forget), sigmoid));
        const ek_i candidate = ek_i_lut_s16(ek_gate_sum(gx + 3 * n + j, gh + 3 * n + j, count), tanh_);
        const ek_i cell = ek_i_scaled_sum(keep, ek_i_load_s32(c + j, count), up, ek_i_mul(in, candidate), more, 15 + up);
        ek_i_store_first_s32(c + j, cell, count);
        ek_i_store_s16(h + j, ek_i_q15(ek_i_mul(out, ek_i_lut_s16(ek_cells_q11(cell, c_bits), tanh_))), count);
    }
}
