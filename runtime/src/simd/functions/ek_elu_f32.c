#include "ek_functions_f32.h"

#define EK_NAME ek_elu_f32
#define EK_FUNCTION ek_v_elu
#include "ek_function_f32.h"
