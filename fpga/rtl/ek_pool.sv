// The largest of every `beats` beats, lane by lane.
`default_nettype none
module ek_pool #(
  parameter int LANES = 16
) (
  input  wire logic               clk,
  input  wire logic               rst,
  input  wire logic               start,
  input  wire logic [15:0]        beats,
  input  wire logic               in_valid,
  output      logic               in_ready,
  input  wire logic [8*LANES-1:0] in_data,
  output      logic               out_valid,
  input  wire logic               out_ready,
  output      logic [8*LANES-1:0] out_data
);
  genvar l;
  logic [15:0] k;
  wire last = k == beats - 16'd1;
  wire step = in_valid && in_ready;
  assign in_ready = !out_valid || out_ready;
  always_ff @(posedge clk) begin
    if (rst || start) k <= '0;
    else if (step) k <= last ? '0 : k + 1'b1;
    if (rst || start) out_valid <= 1'b0;
    else if (step && last) out_valid <= 1'b1;
    else if (out_ready) out_valid <= 1'b0;
  end
  generate
    for (l = 0; l < LANES; l++) begin : g_lane
      wire signed [7:0] x = in_data[8*l +: 8];
      logic signed [7:0] most;
      wire signed [7:0] larger = k == '0 || x > most ? x : most;
      always_ff @(posedge clk) begin
        if (step) most <= larger;
        if (step && last) out_data[8*l +: 8] <= larger;
      end
    end
  endgenerate
endmodule
`default_nettype wire
