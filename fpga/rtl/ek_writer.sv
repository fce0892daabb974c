// Beats on their way to DRAM. Writes of the same line are gathered in one of LINES slots, a slot for each plane that a layer
// writes in turn, and leave as one AXI burst of the beats of the bus that were written: when another line wants the
// slot, or at `flush`. A slot has two lines: one is gathered while the other leaves. No burst leaves its line, so none crosses 4 KiB. `idle`: memory has answered for all that was taken.
// `drop` forgets what has not left; a burst that has begun ends as it must. `error`: memory answered with one.
`default_nettype none
module ek_writer #(
  parameter int LANES = 16,
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64,
  parameter int LINES = 16
) (
  input  wire logic                     clk,
  input  wire logic                     rst,
  input  wire logic                     drop,
  input  wire logic                     flush,
  output      logic                     idle,
  output      logic                     error,
  input  wire logic [31:0]              base,
  input  wire logic                     in_valid,
  output      logic                     in_ready,
  input  wire logic [$clog2(LINES)-1:0] in_slot,
  input  wire logic [27:0]              in_address,
  input  wire logic [LANES-1:0]         in_lanes,
  input  wire logic [8*LANES-1:0]       in_data,
  output      logic                     awvalid,
  input  wire logic                     awready,
  output      logic [31:0]              awaddr,
  output      logic [7:0]               awlen,
  output      logic                     wvalid,
  input  wire logic                     wready,
  output      logic [8*BUS_BYTES-1:0]   wdata,
  output      logic [BUS_BYTES-1:0]     wstrb,
  output      logic                     wlast,
  input  wire logic                     bvalid,
  output      logic                     bready,
  input  wire logic [1:0]               bresp
);
  localparam int BEATS = LINE_BYTES / BUS_BYTES;
  localparam int WIDE = LANES > BUS_BYTES ? LANES : BUS_BYTES;
  localparam int SW = $clog2(LINES);
  localparam int OW = $clog2(LINE_BYTES);
  localparam int TW = 32 - OW;
  localparam int KW = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int XW = $clog2(2 * LINES * LINE_BYTES / WIDE);
  localparam int UW = 8;  // of the bursts without an answer
  generate
    if (LINES < 2 || (LINES & (LINES - 1)) != 0) begin : g_bad_lines
      $error("ek_writer: LINES is a power of two, 2 or more");
    end
  endgenerate

  // ---- what comes, through a queue of two beats, so that `in_ready` is a register; and the slot that it goes to
  localparam int IW = SW + 32 + LANES + 8 * LANES;
  logic waits, none_waits, c_ready;
  logic [SW-1:0] next_slot;
  logic [31:0] next_byte;
  logic [LANES-1:0] next_lanes;
  logic [8*LANES-1:0] next_data;
  wire takes = in_valid && in_ready;
  ek_results #(.BITS(IW), .DEPTH_LOG2(1)) waiting (
    .clk, .rst(rst || drop), .take(takes), .room(in_ready), .idle(none_waits), .put(takes),
    .put_data({in_slot, base + (32'(in_address) << $clog2(LANES)), in_lanes, in_data}), .out_valid(waits), .out_ready(c_ready),
    .out_data({next_slot, next_byte, next_lanes, next_data})
  );
  logic c_valid, same, flushing, evicting;  // `same`: the slot's line is that of c, where it holds something
  logic [SW-1:0] c_slot, flush_slot, out_slot;
  logic [31:0] c_byte;
  logic [LANES-1:0] c_lanes;
  logic [8*LANES-1:0] c_data;
  logic [LINES-1:0] dirty, halves;  // whether a slot holds something, and in which of its lines
  logic out_half;
  logic [LINE_BYTES-1:0] out_mask;
  (* ram_style = "distributed", syn_ramstyle = "distributed" *)
  logic [TW+2*KW-1:0] tags [LINES];  // first and last beat of the bus that was written, the line
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [LINE_BYTES-1:0] masks [LINES];
  wire [SW-1:0] slot = c_valid ? c_slot : flush_slot;
  wire [TW+2*KW-1:0] tag = tags[slot];
  wire [KW-1:0] first = tag[TW +: KW], last = tag[TW+KW +: KW];
  wire [LINE_BYTES-1:0] mask = masks[slot];
  wire [TW+2*KW-1:0] next_tag = tags[next_slot];
  wire merges = c_valid && (!dirty[slot] || same);
  logic [UW-1:0] unanswered;
  wire starts = !evicting && !drop && (!awvalid || awready) && !(&unanswered) && dirty[slot]
    && (c_valid ? !same : flushing && none_waits);
  wire moves = flushing && !c_valid && none_waits && !dirty[slot];
  wire [KW-1:0] from = KW'(c_byte[OW-1:0] / OW'(BUS_BYTES));
  wire [KW-1:0] to = KW'((c_byte[OW-1:0] + OW'(LANES - 1)) / OW'(BUS_BYTES));
  wire [LINE_BYTES-1:0] own = LINE_BYTES'(c_lanes) << c_byte[OW-1:0];
  assign c_ready = !c_valid || merges;
  always_ff @(posedge clk) begin
    c_valid <= !rst && !drop && (c_ready ? waits : c_valid);
    if (c_ready) begin
      c_slot <= next_slot; c_lanes <= next_lanes; c_data <= next_data;
      c_byte <= next_byte;
      same <= (c_valid && c_slot == next_slot ? c_byte[31:OW] : next_tag[TW-1:0]) == next_byte[31:OW];
    end
    if (merges) begin
      masks[slot] <= dirty[slot] ? mask | own : own;
      tags[slot] <= {dirty[slot] && last > to ? last : to, dirty[slot] && first < from ? first : from, c_byte[31:OW]};
    end
    if (rst || drop) dirty <= '0;
    else if (merges) dirty[slot] <= 1'b1;
    else if (starts) dirty[slot] <= 1'b0;
    if (rst) halves <= '0;
    else if (starts) halves[slot] <= !halves[slot];
    if (rst || drop) flushing <= 1'b0;
    else if (flush) flushing <= 1'b1;
    else if (moves && &flush_slot) flushing <= 1'b0;
    flush_slot <= !flushing ? '0 : flush_slot + SW'(moves);
  end

  // ---- a slot that leaves: its address, and its beats through a queue
  logic [KW-1:0] out_beat, out_end;
  logic room, none, reads, q_valid, q_last;
  logic [BUS_BYTES-1:0] q_strobes;
  logic [8*WIDE-1:0] q;
  logic [OW-1:0] q_offset;
  wire [OW-1:0] out_offset = OW'(out_beat) * OW'(BUS_BYTES);
  assign reads = evicting && room;
  always_ff @(posedge clk) begin
    if (rst) evicting <= 1'b0;
    else if (starts) evicting <= 1'b1;
    else if (reads && out_beat == out_end) evicting <= 1'b0;
    if (starts) begin
      out_slot <= slot; out_half <= halves[slot]; out_mask <= mask; out_beat <= first; out_end <= last;
      awaddr <= {tag[TW-1:0], OW'(first) * OW'(BUS_BYTES)}; awlen <= 8'(last - first);
    end else if (reads) out_beat <= out_beat + 1'b1;
    if (rst) awvalid <= 1'b0;
    else if (starts) awvalid <= 1'b1;
    else if (awready) awvalid <= 1'b0;
    unanswered <= rst ? '0 : unanswered + UW'(starts) - UW'(bvalid);
    q_valid <= reads && !rst; q_last <= out_beat == out_end; q_offset <= out_offset;
    q_strobes <= BUS_BYTES'(out_mask >> out_offset);
  end
  assign bready = 1'b1;
  assign error = bvalid && bresp[1];
  assign idle = none_waits && !c_valid && !flushing && !evicting && dirty == '0 && unanswered == '0;
  wire [XW-1:0] write_row = XW'({slot, halves[slot], c_byte[OW-1:0]} >> $clog2(WIDE));
  wire [XW-1:0] read_row = XW'({out_slot, out_half, out_offset} >> $clog2(WIDE));
  wire [WIDE-1:0] enables = WIDE'(c_lanes) << (c_byte[OW-1:0] & OW'(WIDE - 1));
  (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*WIDE-1:0] lines [2*LINES*LINE_BYTES/WIDE];
  always_ff @(posedge clk) begin
    for (int i = 0; i < WIDE; i++)
      if (merges && enables[i]) lines[write_row][8*i +: 8] <= c_data[8*(i%LANES) +: 8];
    q <= lines[read_row];
  end
  wire [31:0] shift = (32'(q_offset) & 32'(WIDE - 1)) * 32'd8;
  ek_results #(.BITS(9 * BUS_BYTES + 1)) leaving (
    .clk, .rst, .take(reads), .room, .idle(none), .put(q_valid),
    .put_data({q_last, q_strobes, (8 * BUS_BYTES)'(q >> shift)}), .out_valid(wvalid), .out_ready(wready),
    .out_data({wlast, wstrb, wdata})
  );
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    assert (!bvalid || unanswered != '0) else $fatal(1, "ek_writer: an answer to no burst");
    assert (!flush || !in_valid) else $fatal(1, "ek_writer: a flush while beats come");
  end
`endif
endmodule
`default_nettype wire
