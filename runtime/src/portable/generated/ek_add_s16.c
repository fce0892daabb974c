#define EK_NAME ek_add_s16
#define EK_X int16_t
#define EK_Y int16_t
#include "ek_add_int.h"
