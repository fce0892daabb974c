#define EK_NAME ek_instancenorm_s16_s8
#define EK_Y int8_t
#include "ek_instancenorm_int.h"
