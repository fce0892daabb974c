/* The gates and states of the float recurrent cells, one step of one sequence. This is the portable form, in one scalar
 * order; runtime/src/simd/ek_states_f32.h is another, for float networks only. */
#ifndef EK_STATES_F32_GUARD
#define EK_STATES_F32_GUARD

#include "edgekit.h"

/* h and c [n] = the next states, of gates g [4 n] whose products are there. */
static inline void ek_lstm_state_f32(float *restrict g, float *restrict h, float *restrict c, int32_t n)
{
    for (int32_t j = 0; j < 3 * n; j++) {
        g[j] = ek_sigmoidf1(g[j]);
    }
    for (int32_t j = 0; j < n; j++) {
        c[j] = g[2 * n + j] * c[j] + g[j] * ek_tanhf1(g[3 * n + j]);
    }
    for (int32_t j = 0; j < n; j++) {
        h[j] = g[n + j] * ek_tanhf1(c[j]);
    }
}

/* gx [2 n] = z and reset, of their pre-activations gx + gh. */
static inline void ek_gru_gates_f32(float *restrict gx, const float *restrict gh, int32_t n)
{
    for (int32_t j = 0; j < 2 * n; j++) {
        gx[j] = ek_sigmoidf1(gx[j] + gh[j]);
    }
}

/* h [n] = the next state, of gx [3 n] and the recurrent product, which is still to be multiplied by reset where
 * linear_before_reset says so. */
static inline void ek_gru_state_f32(const float *restrict gx, float *restrict recurrent, float *restrict h, int32_t n,
                                    int32_t linear_before_reset)
{
    for (int32_t j = 0; linear_before_reset && j < n; j++) {
        recurrent[j] = gx[n + j] * recurrent[j];
    }
    for (int32_t j = 0; j < n; j++) {
        const float z = gx[j];
        const float candidate = ek_tanhf1(gx[2 * n + j] + recurrent[j]);
        h[j] = (1.0f - z) * candidate + z * h[j];
    }
}

#endif
