/* The function EK_FUNCTION of vectors, over arrays; x may be y. */
void EK_NAME(const float *x, float *y, int32_t n)
{
    for (int32_t i = 0; i < n; i += EK_LANES) {
        const int32_t count = n - i;
        ek_gate_store(y + i, EK_FUNCTION(ek_gate_load(x + i, count)), count);
    }
}
