// ek_writer: whatever is written, each burst lies in one line of memory, AW and W stand until they are taken, WLAST is its
// last beat; each byte that was written leaves once, with its value, at its address.
`default_nettype none
module bursts (
  input wire logic        clk,
  input wire logic        in_valid,
  input wire logic        flushes,
  input wire logic        in_slot,
  input wire logic [3:0]  in_address,
  input wire logic [1:0]  in_lanes,
  input wire logic [15:0] in_data,
  input wire logic        awready,
  input wire logic        wready
);
  logic [4:0] since = '0;
  wire rst = since == '0;
  (* anyconst *) logic [31:0] base;
  (* anyconst *) logic [3:0] watched;  // an address
  logic idle, error, in_ready, awvalid, wvalid, wlast, bready, was_aw = '0, was_w = '0;
  logic [31:0] awaddr, wdata, was_awaddr = '0, was_wdata = '0;
  logic [7:0] awlen;
  logic [3:0] wstrb;
  wire flush = flushes && !in_valid && !rst;
  ek_writer #(.LANES(2), .BUS_BYTES(4), .LINE_BYTES(8), .LINES(2)) dut (
    .clk, .rst, .drop(1'b0), .flush, .idle, .error, .base, .in_valid(in_valid && !rst), .in_ready, .in_slot,
    .in_address(28'(in_address)), .in_lanes, .in_data, .awvalid, .awready, .awaddr, .awlen, .wvalid, .wready, .wdata, .wstrb,
    .wlast, .bvalid(1'b0), .bready, .bresp(2'b00)
  );
  // the bursts under way, and the beat of the first
  logic [31:0] ats [4];
  logic [7:0] lens [4];
  logic [2:0] to = '0, from = '0;
  logic beat = '0, holds = '0;
  logic [7:0] value = '0;
  wire takes = in_valid && in_ready && !rst && in_address == watched && in_lanes[0];
  wire [31:0] own = base + {27'd0, watched, 1'b0};
  wire [31:0] address = ats[from[1:0]] + (beat ? 32'd4 : 32'd0);
  wire here = wvalid && wready && !rst && address[31:2] == own[31:2] && wstrb[own[1:0]];
  wire [7:0] byte_here = 8'(wdata >> {own[1:0], 3'd0});
  always_ff @(posedge clk) begin
    assume (base[2:0] == '0);
    if (since != '1) since <= since + 1'b1;
    was_aw <= awvalid && !awready && !rst; was_awaddr <= awaddr;
    was_w <= wvalid && !wready && !rst; was_wdata <= wdata;
    if (!rst && awvalid && awready) begin
      ats[to[1:0]] <= awaddr; lens[to[1:0]] <= awlen; to <= to + 1'b1;
    end
    if (!rst && wvalid && wready) begin
      beat <= wlast ? '0 : !beat;
      if (wlast) from <= from + 1'b1;
    end
    if (takes) begin
      assume (!holds || value == in_data[7:0]);  // a byte is written once, or again with its value
      holds <= 1'b1; value <= in_data[7:0];
    end
    assume (to - from < 3'd4);
    assume (!(wvalid && wready) || to != from);
    if (!rst) begin
      if (was_aw) assert (awvalid && awaddr == was_awaddr);
      if (was_w) assert (wvalid && wdata == was_wdata);
      if (awvalid) assert (awaddr[1:0] == '0 && 32'(awaddr[2:0]) + (32'(awlen) + 1) * 4 <= 8);
      if (wvalid && to != from) assert (wlast == (8'(beat) == lens[from[1:0]]));
      if (here) assert (holds && byte_here == value);
      cover (here);
      cover (wvalid && beat && wlast);
    end
  end
endmodule
`default_nettype wire
