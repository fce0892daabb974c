#define EK_NAME ek_magnitude_s16
#define EK_Y int16_t
#include "ek_magnitude_int.h"
