#define EK_NAME ek_mean_square_s16_s8
#define EK_Y int8_t
#include "ek_mean_square_int.h"
