// y = clamp(y_zero + ((acc * mult + 2^(shift - 1)) >> shift)), one lane, three registers; shift in 1..62.
// The rounding addend is half of the last bit: (p >> (shift - 1)) + 1, halved.
module ek_requantize #(
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16
) (
  input  logic                       clk,
  input  logic                       en,
  input  logic signed [ACC_BITS-1:0] acc,
  input  logic [MULT_BITS-1:0]       mult,
  input  logic [5:0]                 shift,
  input  logic signed [7:0]          y_zero,
  input  logic signed [7:0]          y_min,
  input  logic signed [7:0]          y_max,
  output logic signed [7:0]          y
);
  localparam int P = ACC_BITS + MULT_BITS + 1;
  logic signed [P-1:0] product, halves;
  logic [5:0] places;
  wire signed [P:0] rounded = (P + 1)'(halves) + (P + 1)'(1);
  wire signed [P:0] value = (rounded >>> 1) + (P + 1)'(y_zero);
  always_ff @(posedge clk) if (en) begin
    product <= acc * $signed({1'b0, mult});
    places <= shift - 6'd1;
    halves <= product >>> places;
    y <= value < (P + 1)'(y_min) ? y_min : value > (P + 1)'(y_max) ? y_max : value[7:0];
  end
endmodule
