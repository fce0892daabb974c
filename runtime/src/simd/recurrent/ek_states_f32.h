/* The gates and states of the float recurrent cells over ek_vector.h. */
#ifndef EK_STATES_F32_GUARD
#define EK_STATES_F32_GUARD

#include "ek_vector.h"

static inline ek_v ek_gate_load(const float *x, int32_t n)
{
    return n >= EK_LANES ? ek_v_load(x) : ek_v_load_some(x, n);
}

static inline void ek_gate_store(float *x, ek_v v, int32_t n)
{
    if (n >= EK_LANES) {
        ek_v_store(x, v);
    } else {
        ek_v_store_some(x, v, n);
    }
}

/* 2^t - 1, t within 126 of 0: 2^n * 2^f of the nearest integer n, by the polynomial of Cephes exp2f. Near 0 as exact as
 * elsewhere. */
static inline ek_v ek_v_exp2_less_one(ek_v t)
{
    const ek_v within = ek_v_clip(t, ek_v_all(-126.0f), ek_v_all(126.0f));
    const ek_v magic = ek_v_add(within, ek_v_all(12582912.0f)); /* 1.5 * 2^23: behind it stands n */
    const ek_v f = ek_v_fma(ek_v_add(magic, ek_v_all(-12582912.0f)), ek_v_all(-1.0f), within);
    const ek_v power = ek_v_pow2(magic);
    ek_v p = ek_v_all(1.535336188e-4f);
    p = ek_v_fma(p, f, ek_v_all(1.339887440e-3f));
    p = ek_v_fma(p, f, ek_v_all(9.618437357e-3f));
    p = ek_v_fma(p, f, ek_v_all(5.550332471e-2f));
    p = ek_v_fma(p, f, ek_v_all(2.402264791e-1f));
    p = ek_v_fma(p, f, ek_v_all(6.931472028e-1f));
    return ek_v_fma(ek_v_mul(p, f), power, ek_v_add(power, ek_v_all(-1.0f)));
}

static inline ek_v ek_v_sigmoid(ek_v x)
{
    const ek_v e = ek_v_exp2_less_one(ek_v_mul(x, ek_v_all(-1.44269504f)));
    return ek_v_div(ek_v_all(1.0f), ek_v_add(e, ek_v_all(2.0f)));
}

static inline ek_v ek_v_tanh(ek_v x)
{
    const ek_v e = ek_v_exp2_less_one(ek_v_mul(x, ek_v_all(2.88539008f)));
    return ek_v_div(e, ek_v_add(e, ek_v_all(2.0f)));
}

/* h and c [n] = the next states, of gates g [4 n] whose products are there. */
static inline void ek_lstm_state_f32(const float *restrict g, float *restrict h, float *restrict c, int32_t n)
{
    for (int32_t j = 0; j < n; j += EK_LANES) {
        const int32_t count = n - j;
        const ek_v in = ek_v_sigmoid(ek_gate_load(g + j, count)), out = ek_v_sigmoid(ek_gate_load(g + n + j, count));
        const ek_v forget = ek_v_sigmoid(ek_gate_load(g + 2 * n + j, count));
        const ek_v candidate = ek_v_tanh(ek_gate_load(g + 3 * n + j, count));
        const ek_v cell = ek_v_fma(forget, ek_gate_load(c + j, count), ek_v_mul(in, candidate));
        ek_gate_store(c + j, cell, count);
        ek_gate_store(h + j, ek_v_mul(out, ek_v_tanh(cell)), count);
    }
}

/* gx [2 n] = z and reset, of their pre-activations gx + gh. */
static inline void ek_gru_gates_f32(float *restrict gx, const float *restrict gh, int32_t n)
{
    for (int32_t j = 0; j < 2 * n; j += EK_LANES) {
        const int32_t count = 2 * n - j;
        const ek_v sum = ek_v_add(ek_gate_load(gx + j, count), ek_gate_load(gh + j, count));
        ek_gate_store(gx + j, ek_v_sigmoid(sum), count);
    }
}

/* h [n] = the next state, of gx [3 n] and the recurrent product, which is still to be multiplied by reset where
 * linear_before_reset says so. */
static inline void ek_gru_state_f32(const float *restrict gx, const float *restrict recurrent, float *restrict h, int32_t n,
                                    int32_t linear_before_reset)
{
    for (int32_t j = 0; j < n; j += EK_LANES) {
        const int32_t count = n - j;
        const ek_v reset = linear_before_reset ? ek_gate_load(gx + n + j, count) : ek_v_all(1.0f);
        const ek_v sum = ek_v_fma(reset, ek_gate_load(recurrent + j, count), ek_gate_load(gx + 2 * n + j, count));
        const ek_v candidate = ek_v_tanh(sum), z = ek_gate_load(gx + j, count);
        const ek_v change = ek_v_fma(ek_v_all(-1.0f), candidate, ek_gate_load(h + j, count));
        ek_gate_store(h + j, ek_v_fma(z, change, candidate), count);
    }
}

#endif
