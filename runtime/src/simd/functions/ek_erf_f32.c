#include "ek_functions_f32.h"

#define EK_NAME ek_erf_f32
#define EK_FUNCTION ek_v_erf
#include "ek_function_f32.h"
