#define EK_NAME ek_instancenorm_s16
#define EK_Y int16_t
#include "ek_instancenorm_int.h"
