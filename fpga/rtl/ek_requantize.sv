// y = clamp(y_zero + ((acc * mult + 2^(shift - 1)) >> shift)), one lane, five registers; shift in 1..62.
// The rounding addend is half of the last bit: (p >> (shift - 1)) + 1, halved.
`default_nettype none
module ek_requantize #(
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16
) (
  input  wire logic                       clk,
  input  wire logic signed [ACC_BITS-1:0] acc,
  input  wire logic [MULT_BITS-1:0]       mult,
  input  wire logic [5:0]                 shift,
  input  wire logic signed [7:0]          y_zero,
  input  wire logic signed [7:0]          y_min,
  input  wire logic signed [7:0]          y_max,
  output      logic signed [7:0]          y
);
  localparam int P = ACC_BITS + MULT_BITS;  // mult has no sign
  logic signed [P-1:0] product, coarse, halves;
  logic [5:0] places;
  logic [2:0] fine;
  wire signed [P:0] rounded = (P + 1)'(halves) + (P + 1)'(1);
  logic signed [P:0] value;
  always_ff @(posedge clk) begin
    product <= P'(acc) * P'($signed({1'b0, mult}));
    places <= shift - 6'd1;
    coarse <= product >>> {places[5:3], 3'b000};
    fine <= places[2:0];
    halves <= coarse >>> fine;
    value <= (rounded >>> 1) + (P + 1)'(y_zero);
    y <= value < (P + 1)'(y_min) ? y_min : value > (P + 1)'(y_max) ? y_max : value[7:0];
  end
endmodule
`default_nettype wire
