#define EK_NAME ek_magnitude_s16_s8
#define EK_Y int8_t
#include "ek_magnitude_int.h"
