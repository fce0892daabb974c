#define EK_NAME ek_fc_s16_s8
#define EK_X int16_t
#define EK_BIAS int64_t
#define EK_Y int8_t
#define EK_DOTS ek_dots_s16
#include "ek_fc_int.h"
