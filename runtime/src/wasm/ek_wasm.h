/* What an engine must have for the kernels of this folder. */
#ifndef EK_WASM_GUARD
#define EK_WASM_GUARD

#include "edgekit.h"

#ifndef __wasm_simd128__
#error "This build is for WebAssembly with SIMD: compile with -msimd128; or export for c99."
#endif

#include <wasm_simd128.h>

#endif
