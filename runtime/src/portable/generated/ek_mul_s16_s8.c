#define EK_NAME ek_mul_s16_s8
#define EK_X int16_t
#define EK_Y int8_t
#include "ek_mul_int.h"
