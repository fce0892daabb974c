// The system from its reset on: the boot loader begins, and takes firmware over the wires of the UART, as litex_term gives
// it. sim_cold CYCLES FIRMWARE CYCLES_PER_BIT prints what the system sends, until a line that begins with PASS or FAIL.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "Vulx3s_sim.h"

const char *const ASK = "sL5DdSMmkekro", *const ANSWER = "z6IHG7cYDID6o\n"; // of litex/soc/software/bios/sfl.h
const uint32_t BEGIN = 0x40000000;
const std::size_t PIECE = 60; // bytes of a frame, its address left out: as litex_term begins
enum { LOAD = 1, JUMP = 2 };

struct Sender { // bytes on a wire: a start bit, eight bits, a stop bit
    std::string bytes;
    std::size_t at = 0;
    double bit, since = 0;
    int wire()
    {
        if (at == bytes.size()) { return 1; }
        const int number = int(since++ / bit);
        if (number == 0) { return 0; }
        if (number <= 8) { return bytes[at] >> (number - 1) & 1; }
        if (since >= 10 * bit) { at++; since = 0; }
        return 1;
    }
};

struct Receiver {
    double bit, since = -1;
    int count = 0, value = 0;
    int take(int wire) // a byte when its stop bit has come, or -1
    {
        if (since < 0) {
            if (!wire) { since = 0; count = value = 0; }
            return -1;
        }
        if (++since < (count + 1.5) * bit) { return -1; }
        if (count == 8) { since = -1; return wire ? value : -1; }
        value |= wire << count++;
        return -1;
    }
};

static uint16_t crc16(const std::string &bytes)
{
    uint16_t crc = 0;
    for (const char c : bytes) {
        crc ^= uint16_t(uint8_t(c) << 8);
        for (int i = 0; i < 8; i++) { crc = uint16_t(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1); }
    }
    return crc;
}

static std::string frame(int command, uint32_t address, const std::string &content)
{
    std::string body(1, char(command));
    for (int shift = 24; shift >= 0; shift -= 8) { body += char(address >> shift); }
    body += content;
    const uint16_t crc = crc16(body);
    return std::string{char(body.size() - 1), char(crc >> 8), char(crc)} + body;
}

int main(int argc, char **argv)
{
    std::FILE *const file = argc == 4 ? std::fopen(argv[2], "rb") : nullptr;
    if (!file) { std::fprintf(stderr, "sim_cold CYCLES FIRMWARE CYCLES_PER_BIT\n"); return 2; }
    std::vector<std::string> frames;
    char piece[PIECE];
    uint32_t address = BEGIN;
    while (const std::size_t count = std::fread(piece, 1, PIECE, file)) {
        frames.push_back(frame(LOAD, address, std::string(piece, count)));
        address += uint32_t(count);
    }
    std::fclose(file);
    frames.push_back(frame(JUMP, BEGIN, ""));
    Vulx3s_sim top;
    Sender sender{"", 0, std::atof(argv[3]), 0};
    Receiver receiver{std::atof(argv[3])};
    std::size_t next = 0; // frame
    bool loads = false;
    std::string line;
    const long limit = std::atol(argv[1]);
    for (long cycles = 0; cycles < limit; cycles++) {
        top.serial_rx = uint8_t(sender.wire());
        top.sys_clk = 0;
        top.eval();
        top.sys_clk = 1;
        top.eval();
        const int byte = receiver.take(top.serial_tx);
        if (byte < 0) { continue; }
        if (loads) { // each frame is answered
            if (byte != 'K') { std::printf("frame %zu is answered by %c\n", next, byte); return 1; }
            loads = next < frames.size();
            if (loads) { sender.bytes += frames[next++]; }
            else { std::printf("[%ld cycles: the boot loader has %zu frames, %u bytes]\n", cycles, next, address - BEGIN); }
            continue;
        }
        if (byte == '\r') { continue; }
        if (byte != '\n') { line += char(byte); continue; }
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
        if (line == ASK) { sender.bytes += ANSWER + frames[next++]; loads = true; }
        if (line.substr(0, 4) == "PASS" || line.substr(0, 4) == "FAIL") { return line[0] == 'F'; }
        line.clear();
    }
    std::fprintf(stderr, "no end after %ld cycles\n", limit);
    return 3;
}
