/* Functions for each type of outputs: ..._s8 and ..._s16, by EK_Y. */
#include "ek_bits.h"

#define EK_OF_Y(name, s, c, y, n, ...)                                           \
    (sizeof(EK_Y) == 1 ? name##_s8(__VA_ARGS__, s, c, (int8_t *)(void *)(y), n) \
                       : name##_s16(__VA_ARGS__, s, c, (int16_t *)(void *)(y), n))
#define EK_TILE_OUTPUTS_OF(acc, apart, rows, plane, s, c, y, n) EK_OF_Y(ek_tile_outputs, s, c, y, n, acc, apart, rows, plane)
#define EK_PUT_APART(from, n, y, apart)                                                                                \
    (sizeof(EK_Y) == 1 ? ek_put_apart_s8((const int8_t *)(const void *)(from), n, (int8_t *)(void *)(y), apart)        \
                       : ek_put_apart_s16((const int16_t *)(const void *)(from), n, (int16_t *)(void *)(y), apart))
