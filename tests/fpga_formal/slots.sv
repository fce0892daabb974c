// ek_reader: each beat leaves in its turn with the bytes of its own address, whichever lines of a slot are asked for again;
// a line is asked for only where an asked beat lies; where nothing is busy all beats have left.
`default_nettype none
module slots #(
  parameter int LANES = 1,
  parameter bit ONE = 0  // all beats ask for one slot, and none is padding
) (
  input wire logic       clk,
  input wire logic       asks,
  input wire logic       padded,
  input wire logic       slot,
  input wire logic [2:0] address,
  input wire logic       watches,
  input wire logic       gives,
  input wire logic       comes
);
  `include "ek_program.svh"
  logic started = '0;
  wire rst = !started;
  logic asked_ready, clearing, busy, line_ask, x_valid, d_valid;
  logic [31:0] line_address;
  logic [8*LANES-1:0] x_data;
  logic [3:0] d_data;
  logic [0:0] buffer_address;
  wire asked_valid = asks && !rst, is_padding = padded && !ONE;
  // the memory: up to four lines of two bytes, each of which says its address
  logic [3:0] lines [4];
  logic [2:0] to = '0, at = '0;
  logic half = '0;
  wire line_given = line_ask && gives && to - at != 3'd4;
  wire line_beat = comes && to != at && !rst;
  wire [7:0] line_data = {4'd5, lines[at[1:0]][3:1], half};
  ek_reader #(
    .LANES(LANES), .BUS_BYTES(1), .LINE_BYTES(2), .LINES(4), .BUFFER_BEATS(1), .PENDING_LOG2(3), .ARRIVING_LOG2(2)
  ) dut (
    .clk, .rst, .clear(1'b0), .clearing, .busy, .image_whole(1'b1), .padding(8'sd3), .dram_base('0), .image_base('0),
    .asked_valid, .asked_ready, .asked_d(1'b0), .asked_region(is_padding ? 2'd3 : 2'(IN_DRAM)),
    .asked_slot({1'b0, slot && !ONE}), .asked_address({25'd0, address}), .line_ask, .line_given, .line_address,
    .line_beat, .line_data, .buffer_address, .buffer_data('0), .x_valid, .x_ready(1'b1), .x_data, .d_valid,
    .d_ready(1'b1), .d_data
  );
  // beats that were asked for and have not left, and any one of them: how many are before it, and what it is
  logic [4:0] pending = '0, before = '0;
  logic watched = '0, watched_padding;
  logic [3:0] place;
  wire asked = asked_valid && asked_ready, left = x_valid && !rst;
  wire [15:0] pair = {4'd5, place[3:1], 1'b1, 4'd5, place[3:1], 1'b0};
  wire [8*LANES-1:0] right = watched_padding ? {LANES{8'd3}} : LANES == 1 ? {4'd5, place} : pair[8*LANES-1:0];
  // the lines that memory was asked for, the last and the one before
  logic [3:0] newest = '0, older = '0;
  logic [1:0] known = '0;
  logic again = '0;  // the last is the one before the last
  always_ff @(posedge clk) begin
    started <= 1'b1;
    if (line_given) begin
      lines[to[1:0]] <= line_address[3:0]; to <= to + 1'b1;
      older <= newest; newest <= line_address[3:0]; known <= {known[0], 1'b1};
      again <= &known && older == line_address[3:0];
    end
    if (line_beat) begin
      half <= !half;
      if (half) at <= at + 1'b1;
    end
    pending <= pending + 5'(asked) - 5'(left);
    if (watched && left) before <= before - 1'b1;
    if (asked && watches && !watched) begin
      watched <= 1'b1; before <= pending - 5'(left); watched_padding <= is_padding;
      place <= LANES == 1 ? {1'b0, address} : {address, 1'b0};
    end
    if (!rst) begin
      if (line_ask) assert (line_address[31:4] == '0 && !line_address[0]);
      if (x_valid) assert (pending != '0);
      if (x_valid && watched && before == '0) assert (x_data == right);
      if (!busy) assert (pending == '0);
      assert (!d_valid);
      cover (x_valid && watched && before == '0 && again && to == at);
    end
  end
endmodule
`default_nettype wire
