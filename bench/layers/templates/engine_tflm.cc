// A .tflite in the interpreter of TFLM, with the kernels that its operators need.
#include "engine.h"

#include <new>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"

__asm__(".pushsection .rodata.network_model, \"a\"\n.balign 16\n"
        "network_model:\n.incbin \"network.tflite\"\n.popsection");
extern "C" const unsigned char network_model[];

using Resolver = tflite::MicroMutableOpResolver<{count}>;

alignas(16) static uint8_t arena[{arena}];
alignas(Resolver) static unsigned char resolver_memory[sizeof(Resolver)];
alignas(tflite::MicroInterpreter) static unsigned char interpreter_memory[sizeof(tflite::MicroInterpreter)];
static tflite::MicroInterpreter *interpreter;

// No object is deleted, no pure function is called, and nothing aborts: the C library's own forms take memory.
void operator delete(void *) noexcept {{}}
void operator delete(void *, std::size_t) noexcept {{}}
extern "C" void __cxa_pure_virtual(void)
{{
    for (;;) {{
    }}
}}
extern "C" void abort(void)
{{
    for (;;) {{
    }}
}}

// A registration, whose operator ends with engine_layer where layers are counted.
template <int number>
struct Registered {{
    static inline TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
    static TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node)
    {{
        const TfLiteStatus status = invoke(context, node);
        engine_layer();
        return status;
    }}
    static TFLMRegistration From(TFLMRegistration registration)
    {{
        if (ENGINE_LAYERS) {{
            invoke = registration.invoke;
            registration.invoke = Invoke;
        }}
        return registration;
    }}
}};

int engine_open(void)
{{
    Resolver *const resolver = new (resolver_memory) Resolver();
    int problems = 0;
{operators}
    tflite::MicroAllocator *const allocator = tflite::MicroAllocator::Create(arena, sizeof arena);
    tflite::MicroResourceVariables *const variables =
        {variables} == 0 ? nullptr : tflite::MicroResourceVariables::Create(allocator, {variables});
    interpreter = new (interpreter_memory)
        tflite::MicroInterpreter(tflite::GetModel(network_model), *resolver, allocator, variables);
    return problems + (interpreter->AllocateTensors() != kTfLiteOk);
}}

void *engine_input(int number)
{{
    return interpreter->input(number)->data.raw;
}}

int engine_call(void)
{{
    return interpreter->Invoke() != kTfLiteOk;
}}

const void *engine_output(int number)
{{
    return interpreter->output(number)->data.raw;
}}

std::size_t engine_spare_bytes(void)
{{
    return sizeof arena - interpreter->arena_used_bytes();
}}
