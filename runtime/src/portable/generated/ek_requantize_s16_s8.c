#define EK_NAME ek_requantize_s16_s8
#define EK_X int16_t
#define EK_Y int8_t
#include "ek_requantize_int.h"
