// The read port of two clients: each asks for lines of memory, LINE_BYTES at a multiple of LINE_BYTES, and gets their beats
// one behind another in the order in which it asked. A line is one AXI burst, so none crosses 4 KiB. All have one ID.
// The client that was served last waits where both ask. `forget` drops what a client has asked for; it asks for nothing
// in that cycle. `error`: memory answered with an error that a client still waits for.
`default_nettype none
module ek_lines #(
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64,
  parameter int PENDING_LOG2 = 4  // of the lines that are under way at once
) (
  input  wire logic                   clk,
  input  wire logic                   rst,
  input  wire logic [1:0]             ask,
  output      logic [1:0]             given,
  input  wire logic [63:0]            address,  // of either
  input  wire logic [1:0]             forget,
  output      logic [1:0]             beat,
  output      logic [8*BUS_BYTES-1:0] data,
  output      logic                   idle,
  output      logic                   error,
  output      logic                   arvalid,
  input  wire logic                   arready,
  output      logic [31:0]            araddr,
  output      logic [7:0]             arlen,
  input  wire logic                   rvalid,
  output      logic                   rready,
  input  wire logic [8*BUS_BYTES-1:0] rdata,
  input  wire logic [1:0]             rresp,
  input  wire logic                   rlast
);
  localparam int CW = PENDING_LOG2 + 1;
  localparam int LW = $clog2(LINE_BYTES);
  genvar i;
  generate
    if (BUS_BYTES < 4 || BUS_BYTES > LINE_BYTES || (BUS_BYTES & (BUS_BYTES - 1)) != 0) begin : g_bad_bus
      $error("ek_lines: BUS_BYTES is a power of two, 4 or more");
    end
    if (LINE_BYTES > 4096 || (LINE_BYTES & (LINE_BYTES - 1)) != 0 || LINE_BYTES > 256 * BUS_BYTES) begin : g_bad_line
      $error("ek_lines: LINE_BYTES is a power of two, at most 4096 and 256 beats");
    end
  endgenerate
  logic served, owner, room, none, known;
  wire next = &ask ? !served : ask[1];
  wire accept = |ask && (!arvalid || arready) && room;
  assign given = accept ? (next ? 2'b10 : 2'b01) : 2'b00;
  assign arlen = 8'(LINE_BYTES / BUS_BYTES - 1);
  always_ff @(posedge clk) begin
    if (rst) begin
      arvalid <= 1'b0; served <= 1'b0;
    end else begin
      if (accept) arvalid <= 1'b1;
      else if (arready) arvalid <= 1'b0;
      if (accept) served <= next;
    end
    if (accept) araddr <= {next ? address[63:32+LW] : address[31:LW], LW'(0)};
  end

  // ---- whose each line is
  wire ends = rvalid && rlast;
  ek_results #(.BITS(1), .DEPTH_LOG2(PENDING_LOG2)) owners (
    .clk, .rst, .take(accept), .room, .idle(none), .put(accept), .put_data(next), .out_valid(known), .out_ready(ends),
    .out_data(owner)
  );
  assign rready = 1'b1;
  assign data = rdata;
  assign idle = none;
  wire [1:0] dropped;
  generate
    for (i = 0; i < 2; i++) begin : g_client
      logic [CW-1:0] waiting, drop;  // lines under way, and how many of them nobody wants
      wire own = known && owner == 1'(i);
      wire [CW-1:0] left = waiting + CW'(given[i]) - CW'(ends && own);
      assign dropped[i] = own && (forget[i] || drop != '0);
      assign beat[i] = rvalid && own && !dropped[i];
      always_ff @(posedge clk) begin
        waiting <= rst ? '0 : left;
        if (rst) drop <= '0;
        else if (forget[i]) drop <= left;
        else if (ends && own && drop != '0) drop <= drop - 1'b1;
      end
    end
  endgenerate
  assign error = rvalid && rresp[1] && dropped == '0;
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    assert (!rvalid || known) else $fatal(1, "ek_lines: a beat that nobody asked for");
    assert ((ask & forget) == '0) else $fatal(1, "ek_lines: a client asks while it forgets");
  end
`endif
endmodule
`default_nettype wire
