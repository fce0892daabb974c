// Beats of the buffer, of DRAM and of the input, in the order in which ek_fetch asks for them, a beat a cycle.
// DRAM and the input are read by lines, which are kept: each place that a layer's taps and planes read from has a slot of two
// lines, one in use while the next is filled. What is asked for is looked up at once, and a line that is not there
// asked for at once; the beats follow as many requests later as are pending, when the line has come.
// A slot's older line is overwritten when the first beat of its newer one has left: nobody behind that wants it.
// `clear`, between layers, forgets all lines; `clearing` while it does.
`default_nettype none
module ek_reader #(
  parameter int LANES = 16,
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64,
  parameter int LINES = 64,
  parameter int BUFFER_BEATS = 512,
  parameter int PENDING_LOG2 = 6,
  parameter int ARRIVING_LOG2 = 3  // of the lines that are under way at once
) (
  input  wire logic                                   clk,
  input  wire logic                                   rst,
  input  wire logic                                   clear,
  output      logic                                   clearing,
  output      logic                                   busy,
  input  wire logic                                   image_whole,  // beats of the input have LANES bytes
  input  wire logic signed [7:0]                      padding,
  input  wire logic [31:0]                            dram_base,
  input  wire logic [31:0]                            image_base,
  input  wire logic                                   asked_valid,
  output      logic                                   asked_ready,
  input  wire logic                                   asked_d,
  input  wire logic [1:0]                             asked_region,  // 3: padding
  input  wire logic [$clog2(LINES)-1:0]               asked_slot,
  input  wire logic [27:0]                            asked_address,
  output      logic                                   line_ask,
  input  wire logic                                   line_given,
  output      logic [31:0]                            line_address,
  input  wire logic                                   line_beat,
  input  wire logic [8*BUS_BYTES-1:0]                 line_data,
  output      logic [$clog2(BUFFER_BEATS > 1 ? BUFFER_BEATS : 2)-1:0] buffer_address,
  input  wire logic [8*LANES-1:0]                     buffer_data,  // of two cycles before
  output      logic                                   x_valid,
  input  wire logic                                   x_ready,
  output      logic [8*LANES-1:0]                     x_data,
  output      logic                                   d_valid,
  input  wire logic                                   d_ready,
  output      logic [3:0]                             d_data
);
  `include "ek_program.svh"
  localparam int BEATS = LINE_BYTES / BUS_BYTES;
  localparam int WIDE = LANES > BUS_BYTES ? LANES : BUS_BYTES;  // bytes of a row of the lines' memory
  localparam int BANKS = WIDE / BUS_BYTES;
  localparam int ROWS = LINE_BYTES / WIDE;
  localparam int GRAIN = LANES < 4 ? LANES : 4;  // bytes of a beat of the input, where it is not whole
  localparam int SW = $clog2(LINES);
  localparam int OW = $clog2(LINE_BYTES);
  localparam int TW = 32 - OW;
  localparam int KW = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int BW = $clog2(BUFFER_BEATS > 1 ? BUFFER_BEATS : 2);
  localparam int PW = BW > SW + 1 + OW ? BW : SW + 1 + OW;
  localparam int XW = $clog2(LINES * 2 * ROWS);
  genvar i;
  generate
    if ((LANES & (LANES - 1)) != 0 || LANES > LINE_BYTES) begin : g_bad_lanes
      $error("ek_reader: LANES is a power of two, at most LINE_BYTES");
    end
    if (LINES < 4 || (LINES & (LINES - 1)) != 0) begin : g_bad_lines
      $error("ek_reader: LINES is a power of two, 4 or more");
    end
  endgenerate

  // ---- E: what is asked for, in bytes of memory;  F: is its line there?
  logic e_valid, e_d;
  logic [1:0] e_region;
  logic [SW-1:0] e_slot;
  logic [31:0] e_byte;
  logic [BW-1:0] e_beat;
  logic f_valid, f_d, f_memory, f_miss, f_half;
  logic [1:0] f_region;
  logic [SW-1:0] f_slot;
  logic [31:0] f_byte;
  logic [BW-1:0] f_beat;
  (* ram_style = "distributed", syn_ramstyle = "distributed" *)
  logic [TW+1:0] tags [LINES];  // valid, which of the slot's lines is the newer, its address
  logic [SW-1:0] clear_slot;
  logic pending_room, fills_room;
  wire e_memory = e_region == IN_DRAM || e_region == IN_IMAGE;
  logic [TW+1:0] tag;  // of E's slot, before F
  wire renewed = f_miss && f_slot == e_slot;  // F makes the slot's tag while E looks at it
  wire hit = renewed ? f_byte[31:OW] == e_byte[31:OW] : tag[TW+1] && tag[TW-1:0] == e_byte[31:OW];
  wire newest = renewed ? f_half : tag[TW];
  wire looks = f_valid && pending_room && !rst;
  wire go = looks && (!f_miss || line_given);
  wire miss = go && f_miss;
  assign line_ask = looks && f_miss && fills_room;
  assign line_address = {f_byte[31:OW], OW'(0)};
  wire e_goes = !f_valid || go;
  assign asked_ready = (!e_valid || e_goes) && !clearing;
  wire whole = asked_region == IN_DRAM || image_whole;
  wire [31:0] asked_byte = 32'(asked_address) << (whole ? $clog2(LANES) : $clog2(GRAIN));
  always_ff @(posedge clk) begin
    if (rst || e_goes) e_valid <= 1'b0;
    if (asked_ready && !rst) e_valid <= asked_valid;
    if (asked_ready) begin
      tag <= miss && f_slot == asked_slot ? {1'b1, f_half, f_byte[31:OW]} : tags[asked_slot];
      e_d <= asked_d; e_region <= asked_region; e_slot <= asked_slot; e_beat <= asked_address[BW-1:0];
      e_byte <= asked_byte + (asked_region == IN_IMAGE ? image_base : dram_base);
    end
    if (e_goes) begin
      f_valid <= e_valid; f_miss <= e_valid && e_memory && !hit;
      f_memory <= e_memory; f_half <= hit ? newest : !newest;
      f_d <= e_d; f_region <= e_region; f_slot <= e_slot; f_byte <= e_byte; f_beat <= e_beat;
    end
    if (rst) begin
      f_valid <= 1'b0; f_miss <= 1'b0;
    end
    if (rst) clearing <= 1'b0;
    else if (clear) clearing <= 1'b1;
    else if (&clear_slot) clearing <= 1'b0;
    clear_slot <= clear || !clearing ? '0 : clear_slot + 1'b1;
    if (clearing) tags[clear_slot] <= '0;
    else if (miss) tags[f_slot] <= {1'b1, f_half, f_byte[31:OW]};
  end

  // ---- what is pending, in order
  logic head_valid, head_d, head_miss, serve, pending_idle;
  logic [1:0] head_region;
  logic [PW-1:0] head_place;
  ek_results #(.BITS(PW + 4), .DEPTH_LOG2(PENDING_LOG2)) pending (
    .clk, .rst, .take(go), .room(pending_room), .idle(pending_idle), .put(go),
    .put_data({f_d, f_region, f_miss, f_memory ? PW'({f_slot, f_half, f_byte[OW-1:0]}) : PW'(f_beat)}),
    .out_valid(head_valid), .out_ready(serve), .out_data({head_d, head_region, head_miss, head_place})
  );

  // ---- lines that come, and where they go
  logic fill_valid, fill_half, fills_idle, beat_there, beats_room, beats_idle;
  logic [SW-1:0] fill_slot;
  logic [8*BUS_BYTES-1:0] fill_data;
  logic [KW-1:0] fill_beat;
  logic [LINES-1:0] newer;  // slots of which a line was filled that nobody has read
  logic [ARRIVING_LOG2+1:0] filled;  // how many lines these are
  wire fills = fill_valid && beat_there && !newer[fill_slot];
  wire last_fill = fills && fill_beat == KW'(BEATS - 1);
  ek_results #(.BITS(SW + 1), .DEPTH_LOG2(ARRIVING_LOG2)) arriving (
    .clk, .rst, .take(miss), .room(fills_room), .idle(fills_idle), .put(miss), .put_data({f_slot, f_half}),
    .out_valid(fill_valid), .out_ready(last_fill), .out_data({fill_slot, fill_half})
  );
  ek_results #(.BITS(8 * BUS_BYTES), .DEPTH_LOG2(ARRIVING_LOG2 + $clog2(BEATS))) beats (
    .clk, .rst, .take(line_beat), .room(beats_room), .idle(beats_idle), .put(line_beat), .put_data(line_data),
    .out_valid(beat_there), .out_ready(fills), .out_data(fill_data)
  );
  wire [SW-1:0] head_slot = head_place[OW+1 +: SW];
  wire pops_line = serve && head_miss;
  always_ff @(posedge clk) begin
    if (rst) begin
      newer <= '0; filled <= '0; fill_beat <= '0;
    end else begin
      if (fills) fill_beat <= last_fill ? '0 : fill_beat + 1'b1;
      if (last_fill) newer[fill_slot] <= 1'b1;
      if (pops_line) newer[head_slot] <= 1'b0;
      filled <= filled + (ARRIVING_LOG2 + 2)'(last_fill) - (ARRIVING_LOG2 + 2)'(pops_line);
    end
  end

  // ---- the lines
  wire [WIDE*8-1:0] row;
  wire [OW-1:0] fill_offset = OW'(fill_beat) * OW'(BUS_BYTES);
  wire [XW-1:0] write_row = XW'({fill_slot, fill_half, fill_offset} >> $clog2(WIDE));
  wire [XW-1:0] read_row = XW'(head_place[SW+OW:0] >> $clog2(WIDE));
  generate
    for (i = 0; i < BANKS; i++) begin : g_bank
      (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*BUS_BYTES-1:0] lines [LINES*2*ROWS];
      logic [8*BUS_BYTES-1:0] q, own;
      always_ff @(posedge clk) begin
        if (fills && (BANKS == 1 || fill_beat[(BANKS > 1 ? $clog2(BANKS) : 1)-1:0] == (BANKS > 1 ? $clog2(BANKS) : 1)'(i)))
          lines[write_row] <= fill_data;
        q <= lines[read_row];
        own <= q;
      end
      assign row[8*BUS_BYTES*i +: 8*BUS_BYTES] = own;
    end
  endgenerate

  // ---- beats that leave: their memories are asked in one cycle, R, and have given two later, S
  logic x_room, d_room, x_idle, d_idle, r_valid, r_d, s_valid, s_d;
  logic [1:0] r_region, s_region;
  logic [OW-1:0] r_offset, s_offset;
  assign buffer_address = head_place[BW-1:0];
  assign serve = head_valid && (!head_miss || filled != '0) && (head_d ? d_room : x_room) && !rst;
  always_ff @(posedge clk) begin
    r_valid <= serve;
    r_d <= head_d; r_region <= head_region; r_offset <= head_place[OW-1:0];
    s_valid <= r_valid && !rst;
    s_d <= r_d; s_region <= r_region; s_offset <= r_offset;
  end
  wire [31:0] shift = (32'(s_offset) & 32'(WIDE - 1)) / 32'(GRAIN) * 32'(8 * GRAIN);
  wire [8*LANES-1:0] from_line = (8 * LANES)'(row >> shift);
  wire [8*LANES-1:0] from_memory = s_region == IN_IMAGE && !image_whole ? (8 * LANES)'(from_line[8*GRAIN-1:0]) : from_line;
  wire [8*LANES-1:0] found = s_region == IN_BUFFER ? buffer_data
    : s_region == 2'd3 ? {LANES{padding}} : from_memory;
  ek_results #(.BITS(8 * LANES)) xs (
    .clk, .rst, .take(serve && !head_d), .room(x_room), .idle(x_idle), .put(s_valid && !s_d && !rst), .put_data(found),
    .out_valid(x_valid), .out_ready(x_ready), .out_data(x_data)
  );
  ek_results #(.BITS(4)) ds (
    .clk, .rst, .take(serve && head_d), .room(d_room), .idle(d_idle), .put(s_valid && s_d && !rst),
    .put_data(found[3:0]), .out_valid(d_valid), .out_ready(d_ready), .out_data(d_data)
  );
  assign busy = e_valid || f_valid || !pending_idle || !x_idle || !d_idle;
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    assert (!clear || !busy) else $fatal(1, "ek_reader: lines are forgotten while they are read");
    assert (!line_beat || beats_room) else $fatal(1, "ek_reader: a beat has no place");
    assert (!(fills && fill_beat == '0) || fill_valid) else $fatal(1, "ek_reader: a line that nobody asked for");
  end
`endif
endmodule
`default_nettype wire
