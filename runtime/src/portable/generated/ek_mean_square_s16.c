#define EK_NAME ek_mean_square_s16
#define EK_Y int16_t
#include "ek_mean_square_int.h"
