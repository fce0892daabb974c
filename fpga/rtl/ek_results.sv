// Results on their way out of a pipeline that never waits: a place is reserved before a result enters the pipeline,
// and filled when it arrives. `take` reserves one, while there is `room`; `put` fills the next. `idle`: none is reserved.
// `take` and `put` at once make it a plain queue. 16 places hold what a pipeline of up to 14 registers has under way at full speed.
`default_nettype none
module ek_results #(
  parameter int BITS = 8,
  parameter int DEPTH_LOG2 = 4
) (
  input  wire logic            clk,
  input  wire logic            rst,
  input  wire logic            take,
  output      logic            room,
  output      logic            idle,
  input  wire logic            put,
  input  wire logic [BITS-1:0] put_data,
  output      logic            out_valid,
  input  wire logic            out_ready,
  output      logic [BITS-1:0] out_data
);
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [BITS-1:0] places [1 << DEPTH_LOG2];
  logic [DEPTH_LOG2:0] reserved, filled;
  logic [DEPTH_LOG2-1:0] head, tail;
  wire pop = out_valid && out_ready;
  assign room = !reserved[DEPTH_LOG2];
  assign idle = reserved == '0;
  assign out_valid = filled != '0;
  assign out_data = places[head];
  always_ff @(posedge clk) begin
    if (put) places[tail] <= put_data;
    if (rst) begin
      reserved <= '0; filled <= '0; head <= '0; tail <= '0;
    end else begin
      reserved <= reserved + (DEPTH_LOG2 + 1)'(take) - (DEPTH_LOG2 + 1)'(pop);
      filled <= filled + (DEPTH_LOG2 + 1)'(put) - (DEPTH_LOG2 + 1)'(pop);
      head <= head + DEPTH_LOG2'(pop);
      tail <= tail + DEPTH_LOG2'(put);
    end
  end
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    assert (!take || room) else $fatal(1, "a place is taken where there is none");
    assert (!put || take || filled < reserved) else $fatal(1, "a result has no place");
  end
`endif
endmodule
`default_nettype wire
