// ek_results, of four places: what is put leaves once, in order; no place is given twice; `room`, `idle` and `out_valid` say how it is.
`default_nettype none
module queue (
  input wire logic       clk,
  input wire logic       asks,
  input wire logic       gives,
  input wire logic       out_ready,
  input wire logic       data
);
  logic [5:0] since = '0, taken = '0, puts = '0, pops = '0;
  logic watched = '0;
  wire rst = since == '0;
  (* anyconst *) logic [5:0] which;
  logic room, idle, out_valid;
  logic out_data;
  wire take = asks && room && !rst, put = gives && puts != taken && !rst;
  ek_results #(.BITS(1), .DEPTH_LOG2(2)) dut (
    .clk, .rst, .take, .room, .idle, .put, .put_data(data), .out_valid, .out_ready, .out_data
  );
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    if (take) taken <= taken + 1'b1;
    if (put) puts <= puts + 1'b1;
    if (put && puts == which) watched <= data;
    if (out_valid && out_ready && !rst) pops <= pops + 1'b1;
    if (!rst) begin
      assert (taken - pops <= 6'd4);
      assert (room == (taken - pops < 6'd4));
      assert (idle == (taken == pops));
      assert (out_valid == (puts != pops));
      if (out_valid && pops == which) assert (out_data == watched);
      cover (taken - pops == 6'd4 && pops == 6'd2);
    end
  end
endmodule
`default_nettype wire
