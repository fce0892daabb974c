// Streams between the processes of a dataflow region. A synthesis tool takes its own hls_stream.h, and so does a
// simulation with EK_VENDOR_STREAM. For other compilers this is a stand-in: a region's processes run one after another,
// and a stream holds all that was written. With EK_THREADS each process is a thread, and a stream blocks at its depth.
#ifndef EDGEKIT_STREAM_H
#define EDGEKIT_STREAM_H

#if defined(__SYNTHESIS__) || defined(EK_VENDOR_STREAM)
#include <hls_stream.h>
#define EK_REGION
#define EK_PROCESS(call) call
#elif defined(EK_THREADS)
#include "sim_threads.h"
#define EK_REGION ek_region region_of_threads;
#define EK_PROCESS(call) region_of_threads.start([&] { call; })
#else
#include "sim_stream.h"
#ifndef EK_PROCESS
#define EK_REGION
#define EK_PROCESS(call) call
#endif
#endif
#endif
