#define EK_NAME ek_fc_s8_s8
#define EK_X int8_t
#define EK_BIAS int32_t
#define EK_Y int8_t
#define EK_DOTS ek_dots_s8
#include "ek_fc_int.h"
