// The system on the bench: what its UART sends is printed, until a line that begins with PASS or FAIL ends, or LIMIT cycles.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "Vulx3s_sim.h"

int main(int argc, char **argv)
{
    const long limit = argc > 1 ? std::atol(argv[1]) : 1000000;
    Vulx3s_sim top;
    std::string line;
    top.serial_source_ready = 1;
    for (long cycles = 0; cycles < limit; cycles++) {
        top.sys_clk = 0;
        top.eval();
        const bool sends = top.serial_source_valid;
        const char c = char(top.serial_source_data);
        top.sys_clk = 1;
        top.eval();
        if (!sends) { continue; }
        if (c != '\n') { line += c; continue; }
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
        const std::string begin = line.substr(0, 4);
        if (begin == "PASS" || begin == "FAIL") { return begin == "FAIL"; }
        line.clear();
    }
    std::fprintf(stderr, "no end after %ld cycles\n", limit);
    return 3;
}
