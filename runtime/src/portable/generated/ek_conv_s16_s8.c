#define EK_NAME ek_conv_s16_s8
#define EK_X int16_t
#define EK_ACC int64_t
#define EK_Y int8_t
#define EK_PATH(path) ek_conv_##path##_s16_s8
#define EK_DOTS ek_dots_s16
#define EK_TERM(x, zero, w) ((int64_t)((int32_t)((x) - (zero)) * (w)))
#include "ek_conv_w8.h"
