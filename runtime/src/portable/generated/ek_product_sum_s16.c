#define EK_NAME ek_product_sum_s16
#define EK_Y int16_t
#include "ek_product_sum_int.h"
