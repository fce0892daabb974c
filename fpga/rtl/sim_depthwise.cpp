// Runs ek_depthwise over the cases of a file: sim_depthwise CASES RESULTS. Both are int32 numbers. There is one reset,
// before the first case, and one in the middle of each case that asks for it.
// A case: height width groups lead deform stride_log2 x_zero y_zero y_min y_max stall_seed reset_after frames outputs,
// then 12 table rows [groups][LANES], then of each frame its beats [height * width * groups][LANES] and, with deform,
// d. `outputs` are those of a frame. With reset_after its first frame is begun, reset after so many cycles, and begun
// again.
// Its results: cycles of all frames, each from its first beat taken to its last one given, then the beats
// [frames * outputs][LANES]; -1 cycles where beats are missing, left over, or leave or are taken behind the end.
#include "Vek_depthwise.h"
#include "sim.h"

int main(int argc, char **argv)
{
    if (argc != 3) { return 2; }
    Numbers in(argv[1]);
    std::FILE *const out = std::fopen(argv[2], "wb");
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(1);
    Vek_depthwise top{&context};
    Noise noise;
    const int element_bits[3] = {32, MULT_BITS, 6};
    auto tick = [&] { top.clk = 0; top.eval(); top.clk = 1; top.eval(); };
    auto reset = [&] { top.rst = 1; tick(); top.rst = 0; };
    top.start = top.table_en = top.in_valid = top.d_valid = top.out_ready = 0;
    reset();
    while (in.more()) {
        const auto head = in.next(14);
        const int height = head[0], width = head[1], groups = head[2], deform = head[4], frames = head[12];
        const std::size_t outputs = head[13];
        top.in_valid = top.d_valid = 0;
        for (int row = 0; row < 12; row++) {
            const int bits = row < 9 ? WEIGHT_BITS : element_bits[row - 9];
            for (int g = 0; g < groups; g++) {
                top.table_en = 1; top.table_row = row; top.table_group = g;
                for (int lane = 0; lane < LANES; lane++) { put(top.table_data, bits * lane, bits, in.next()); }
                tick();
            }
        }
        top.table_en = 0;
        int32_t cycles = 0;
        bool right = true;
        std::vector<int32_t> results;
        for (int frame = 0; frame < frames; frame++) {
            const auto x = in.next(static_cast<std::size_t>(height) * width * groups * LANES);
            const auto ds = in.next(deform ? static_cast<std::size_t>(height) * width : 0);
            for (int attempt = frame == 0 && head[11] ? 0 : 1; attempt < 2; attempt++) {
                Stalls stalls{static_cast<uint32_t>(head[10])};
                std::size_t given = 0, d_given = 0;
                int32_t now = 0, quiet = 0;
                top.height = height; top.width = width; top.groups = groups; top.lead = head[3];
                top.deform = deform; top.stride_log2 = head[5]; top.x_zero = head[6];
                top.y_zero = head[7]; top.y_min = head[8]; top.y_max = head[9];
                top.in_valid = top.d_valid = 0;
                top.start = 1; tick(); top.start = 0;
                top.height = noise.next(); top.width = noise.next(); top.groups = noise.next();
                top.lead = noise.next() % 32; top.deform = noise.next() % 2; top.stride_log2 = noise.next() % 4;
                top.x_zero = noise.next(); top.y_zero = noise.next(); top.y_min = noise.next();
                top.y_max = noise.next();
                const int limit = frame + 1 < frames ? 1 : QUIET; // frames follow each other at once
                while (quiet < limit && ++now < LIMIT && (attempt || now <= head[11])) {
                    top.clk = 0;
                    const bool done = !top.busy; // what is offered then must stay
                    top.in_valid = done || (given * LANES < x.size() && !stalls.now());
                    top.d_valid = done || (d_given < ds.size() && !stalls.now());
                    top.out_ready = !stalls.now();
                    for (int lane = 0; lane < LANES; lane++) {
                        put(top.in_data, 8 * lane, 8, top.in_valid && !done ? x[given * LANES + lane] : noise.next());
                    }
                    top.d_data = top.d_valid && !done ? ds[d_given] : noise.next() % 16;
                    top.eval();
                    const bool takes = top.in_valid && top.in_ready, takes_d = top.d_valid && top.d_ready;
                    right = right && !(done && (takes || takes_d || top.out_valid));
                    if (top.out_valid && top.out_ready && attempt) {
                        for (int lane = 0; lane < LANES; lane++) { results.push_back(byte_of(top.out_data, lane)); }
                    }
                    cycles += attempt && !done && (given > 0 || takes);
                    quiet += done;
                    top.clk = 1; top.eval();
                    given += takes; d_given += takes_d;
                }
                if (!attempt) { reset(); }
                const bool whole = quiet == limit && given * LANES == x.size() && d_given == ds.size();
                right = right && (!attempt || whole);
            }
            right = right && results.size() == (frame + 1) * outputs * LANES;
            results.resize((frame + 1) * outputs * LANES);
        }
        results.insert(results.begin(), right ? cycles : -1);
        std::fwrite(results.data(), sizeof(int32_t), results.size(), out);
    }
    std::fclose(out);
    return 0;
}
