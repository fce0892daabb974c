/* What a processor must have for the kernels of this folder. */
#ifndef EK_X86_GUARD
#define EK_X86_GUARD

#include "edgekit.h"

#if !(defined(__AVX2__) && defined(__FMA__))
#error "This build is for the processor of its host: compile with the options in CMakeLists.txt, -march=native; or export for c99."
#endif

#include <immintrin.h>

#endif
