// The window of a pixel, a register later: where the columns of its taps at distance d lie in a row of the line buffer,
// which rows they are, and which of them are inside of the picture. `beat` is the pixel's own place, x * groups + group.
`default_nettype none
module ek_window #(
  parameter int AW = 9,  // bits of a place in a row
  parameter int RB = 4,  // of a row of the line buffer
  parameter int SIZE_BITS = 12
) (
  input  wire logic                 clk,
  input  wire logic [AW-1:0]        beat,
  input  wire logic [SIZE_BITS:0]   y,
  input  wire logic [SIZE_BITS-1:0] x,
  input  wire logic [3:0]           d,
  input  wire logic [SIZE_BITS-1:0] height,
  input  wire logic [SIZE_BITS-1:0] width,
  input  wire logic [SIZE_BITS-1:0] groups,
  output      logic [AW-1:0]        left,
  output      logic [AW-1:0]        right,
  output      logic [RB-1:0]        top,
  output      logic [RB-1:0]        bottom,
  output      logic [3:0]           in_range  // {bottom, top, right, left}
);
  localparam int SB = SIZE_BITS + 5;  // a signed place, with d around it
  logic [AW-1:0] own_beat, reach;
  logic [SIZE_BITS:0] own_y;
  logic [SIZE_BITS-1:0] own_x;
  logic [3:0] own_d;
  always_ff @(posedge clk) begin
    own_beat <= beat; own_y <= y; own_x <= x; own_d <= d;
    reach <= AW'(d) * AW'(groups);
  end
  wire signed [SB-1:0] y0 = $signed(SB'(own_y)) - $signed(SB'(own_d));
  wire signed [SB-1:0] y2 = $signed(SB'(own_y)) + $signed(SB'(own_d));
  wire signed [SB-1:0] x0 = $signed(SB'(own_x)) - $signed(SB'(own_d));
  wire signed [SB-1:0] x2 = $signed(SB'(own_x)) + $signed(SB'(own_d));
  assign left = own_beat - reach;
  assign right = own_beat + reach;
  assign top = y0[RB-1:0];
  assign bottom = y2[RB-1:0];
  assign in_range = {y2 < $signed(SB'(height)), !y0[SB-1], x2 < $signed(SB'(width)), !x0[SB-1]};
endmodule
`default_nettype wire
