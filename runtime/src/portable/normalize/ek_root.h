/* Integer square roots; instruction sets have others. */
#include "edgekit.h"

/* Largest r with r * r <= v, v < 2^63. */
static inline uint32_t ek_root64(uint64_t v)
{
    return ek_isqrt64(v);
}
