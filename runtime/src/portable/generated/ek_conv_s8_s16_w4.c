#define EK_NAME ek_conv_s8_s16_w4
#define EK_X int8_t
#define EK_ACC int32_t
#define EK_Y int16_t
#define EK_PATH(path) ek_conv_##path##_s8_s16_w4
#define EK_DOTS ek_dots_s8_w4
#define EK_TERM(x, zero, w) ((int16_t)((int16_t)((x) - (zero)) * (w)))
#define EK_AT(w, i) ek_int4((w), (i))
#define EK_SPAN(n) EK_BYTES_W4(n)
#include "ek_int4.h"
#include "ek_conv_w4.h"
