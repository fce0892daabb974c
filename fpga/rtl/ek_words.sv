// The program's words one behind another: from `address` on, where `start` says so, up to word `limit`. What was read
// ahead is forgotten at `start`. The memory gives a word in the cycle after it is asked for it.
`default_nettype none
module ek_words (
  input  wire logic        clk,
  input  wire logic        rst,
  input  wire logic        start,
  input  wire logic [31:0] address,
  input  wire logic [31:0] limit,
  output      logic        program_read,
  output      logic [31:0] program_address,
  input  wire logic [31:0] program_data,
  output      logic        word_valid,
  input  wire logic        word_ready,
  output      logic [31:0] word
);
  logic active, room, idle, arrives;
  logic [31:0] next;
  wire forget = rst || start;
  assign program_read = active && !forget && room && next < limit;
  assign program_address = next;
  always_ff @(posedge clk) begin
    active <= !rst && (active || start);
    arrives <= program_read;
    if (start) next <= address;
    else if (program_read) next <= next + 1;
  end
  ek_results #(.BITS(32)) ahead (
    .clk, .rst(forget), .take(program_read), .room, .idle, .put(arrives), .put_data(program_data),
    .out_valid(word_valid), .out_ready(word_ready), .out_data(word)
  );
endmodule
`default_nettype wire
