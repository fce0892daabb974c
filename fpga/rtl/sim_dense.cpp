// Runs ek_dense over the cases of a file: sim_dense CASES RESULTS. Both are int32 numbers. There is one reset, before
// the first case, and one in the middle of each case that asks for it.
// A case: beats pixels groups y_zero y_min y_max stall_seed reset_after, weights [groups * beats][COLUMNS][LANES], 3
// rows of scaling [groups][COLUMNS], then the beats [groups * pixels * beats][LANES]. With reset_after it is begun,
// reset after so many cycles, and begun again.
// Its results: cycles from the first beat taken to the last one given, then the beats [groups * pixels][COLUMNS]; -1
// cycles where beats are missing, left over, or leave or are taken behind the end.
#include "Vek_dense.h"
#include "sim.h"

int main(int argc, char **argv)
{
    if (argc != 3) { return 2; }
    Numbers in(argv[1]);
    std::FILE *const out = std::fopen(argv[2], "wb");
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(1);
    Vek_dense top{&context};
    Noise noise;
    auto tick = [&] { top.clk = 0; top.eval(); top.clk = 1; top.eval(); };
    auto reset = [&] { top.rst = 1; tick(); top.rst = 0; };
    top.start = top.in_valid = top.weight_valid = top.out_ready = 0;
    reset();
    while (in.more()) {
        const auto head = in.next(8);
        const std::size_t beats = head[0], pixels = head[1], groups = head[2];
        const auto weights = in.next(groups * beats * COLUMNS * LANES);
        const auto scaling = in.next(3 * groups * COLUMNS);
        const auto x = in.next(groups * pixels * beats * LANES);
        int32_t cycles = 0;
        bool right = true;
        std::vector<int32_t> results;
        for (int attempt = head[7] ? 0 : 1; attempt < 2; attempt++) {
            Stalls stalls{static_cast<uint32_t>(head[6])};
            std::size_t given = 0, row = 0;
            int32_t now = 0, quiet = 0;
            results.clear();
            cycles = 0;
            top.beats = beats; top.pixels = pixels; top.groups = groups;
            top.y_zero = head[3]; top.y_min = head[4]; top.y_max = head[5];
            top.in_valid = top.weight_valid = 0;
            top.start = 1; tick(); top.start = 0;
            top.beats = noise.next(); top.pixels = noise.next(); top.groups = noise.next();
            top.y_zero = noise.next(); top.y_min = noise.next(); top.y_max = noise.next();
            while (quiet < QUIET && ++now < LIMIT && (attempt || now <= head[7])) {
                top.clk = 0;
                const bool done = !top.busy; // what is offered then must stay
                top.in_valid = done || (given * LANES < x.size() && !stalls.now());
                top.weight_valid = done || (row < groups * beats && !stalls.now());
                top.out_ready = !stalls.now();
                for (int lane = 0; lane < LANES; lane++) {
                    put(top.in_data, 8 * lane, 8, top.in_valid && !done ? x[given * LANES + lane] : noise.next());
                }
                for (int i = 0; i < COLUMNS * LANES; i++) {
                    const bool there = top.weight_valid && !done;
                    put(top.weight_data, WEIGHT_BITS * i, WEIGHT_BITS,
                        there ? weights[row * COLUMNS * LANES + i] : noise.next());
                }
                const bool scales = top.weight_valid && !done && row % beats == beats - 1;
                const int bits[3] = {32, MULT_BITS, 6};
                for (int r = 0, at = 0; r < 3; at += bits[r++] * COLUMNS) {
                    for (int c = 0; c < COLUMNS; c++) {
                        put(top.weight_scaling, at + bits[r] * c, bits[r],
                            scales ? scaling[(r * groups + row / beats) * COLUMNS + c] : noise.next());
                    }
                }
                top.eval();
                const bool takes = top.in_valid && top.in_ready, loads = top.weight_valid && top.weight_ready;
                right = right && !(done && (takes || loads || top.out_valid));
                if (top.out_valid && top.out_ready) {
                    for (int c = 0; c < COLUMNS; c++) { results.push_back(byte_of(top.out_data, c)); }
                }
                cycles += !done && (given > 0 || takes);
                quiet += done;
                top.clk = 1; top.eval();
                given += takes; row += loads;
            }
            if (!attempt) { reset(); }
            right = right && (!attempt || (quiet == QUIET && given * LANES == x.size() && row == groups * beats));
        }
        right = right && results.size() == groups * pixels * COLUMNS;
        results.insert(results.begin(), right ? cycles : -1);
        results.resize(1 + groups * pixels * COLUMNS);
        std::fwrite(results.data(), sizeof(int32_t), results.size(), out);
    }
    std::fclose(out);
    return 0;
}
