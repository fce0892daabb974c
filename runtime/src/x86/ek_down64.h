/* What the integer kernels with four lanes of 64 bits share. */
#include "ek_x86.h"

/* v >> s of 64 bits, arithmetic: logical on v + 2^63, which is taken away again. */
static inline __m256i ek_down64(__m256i v, int32_t s)
{
    const __m256i top = _mm256_set1_epi64x(INT64_MIN);
    const __m128i by = _mm_cvtsi32_si128(s);
    return _mm256_sub_epi64(_mm256_srl_epi64(_mm256_xor_si256(v, top), by), _mm256_srl_epi64(top, by));
}
