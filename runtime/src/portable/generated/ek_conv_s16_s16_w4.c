#define EK_NAME ek_conv_s16_s16_w4
#define EK_X int16_t
#define EK_ACC int64_t
#define EK_Y int16_t
#define EK_PATH(path) ek_conv_##path##_s16_s16_w4
#define EK_DOTS ek_dots_s16_w4
#define EK_TERM(x, zero, w) ((int64_t)((int32_t)((x) - (zero)) * (w)))
#define EK_AT(w, i) ek_int4((w), (i))
#define EK_SPAN(n) EK_BYTES_W4(n)
#include "ek_int4.h"
#include "ek_conv_w4.h"
