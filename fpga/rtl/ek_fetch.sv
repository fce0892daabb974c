// What a layer reads, beat by beat, wherever its planes are: for each of `outers` groups, for each pixel of `rows` times
// `columns`, for each tap of the kernel, for each of `planes` planes from `first_plane` on. A pool's plane is its group.
// With `deform`, d of pixel (row - lead, column) comes before the first beat of pixel (row, column); rows behind the
// picture's last have d alone. Taps outside of the picture are `padding`.
// Addresses: docs/fpga-program.md. What it asks ek_reader for leaves by a queue, whose places are reserved before. A slot
// says which of the layer's rows and planes an address follows: those of one slot lie one behind another, mostly.
`default_nettype none
module ek_fetch #(
  parameter int PLANE_ROWS = 512,
  parameter int LINES = 64
) (
  input  wire logic               clk,
  input  wire logic               rst,
  input  wire logic               table_en,
  input  wire logic [15:0]        table_at,
  input  wire logic [31:0]        table_word,
  input  wire logic               start,
  output      logic               busy,
  input  wire logic [15:0]        height,
  input  wire logic [15:0]        width,
  input  wire logic [31:0]        outers,
  input  wire logic [15:0]        rows,
  input  wire logic [15:0]        columns,
  input  wire logic [7:0]         kernel,
  input  wire logic [1:0]         stride_log2,
  input  wire logic [15:0]        planes,
  input  wire logic [15:0]        first_plane,
  input  wire logic               pool,
  input  wire logic               deform,
  input  wire logic [4:0]         lead,
  input  wire logic [31:0]        d_address,
  input  wire logic [27:0]        buffer_limit,
  input  wire logic [27:0]        dram_limit,
  input  wire logic [27:0]        image_limit,
  output      logic               outside,  // an address is not in its memory; padding is read there
  output      logic               asked_valid,
  input  wire logic               asked_ready,
  output      logic               asked_d,
  output      logic [1:0]         asked_region,  // 3: padding
  output      logic [$clog2(LINES)-1:0] asked_slot,
  output      logic [27:0]        asked_address
);
  `include "ek_program.svh"
  localparam int PW = PLANE_ROWS > 1 ? $clog2(PLANE_ROWS) : 1;
  localparam int SW = $clog2(LINES);
  localparam int YW = 19;  // a signed place around the picture
  generate
    if (PLANE_ROWS < 1 || PLANE_ROWS > 65536) begin : g_bad_rows
      $error("ek_fetch: PLANE_ROWS is 1 to 65536");
    end
  endgenerate

  // ---- where the scan is
  logic active, d_done, room, idle;
  logic [31:0] outer;
  logic [15:0] oy, ox, p;
  logic [7:0] ky, kx;
  logic [SW-1:0] slot, row_slot;  // of the plane, and of the row's first
  logic [15:0] end_p, end_ox, end_oy, end_height, end_lead;  // the last of each
  logic [7:0] end_k;
  logic [31:0] end_outer;
  logic pictured_row, behind_lead;  // whether the row is one of the picture's, and one that has d
  wire wants_d = deform && p == '0 && behind_lead && !d_done;
  wire wants_x = !wants_d && pictured_row;
  wire asks_d = active && wants_d && room;
  wire asks_x = active && wants_x && room;
  wire step = asks_x || (active && !wants_d && !wants_x);
  wire last_p = p == end_p;
  wire last_kx = last_p && kx == end_k;
  wire last_ky = last_kx && ky == end_k;
  wire last_ox = last_ky && ox == end_ox;
  wire last_oy = last_ox && oy == end_oy;
  wire last = last_oy && outer == end_outer;
  always_ff @(posedge clk) begin
    if (rst) active <= 1'b0;
    else if (start) active <= 1'b1;
    else if (step && last) active <= 1'b0;
    if (start) begin
      outer <= '0; oy <= '0; ox <= '0; ky <= '0; kx <= '0; p <= '0; d_done <= 1'b0;
      slot <= '0; row_slot <= '0; pictured_row <= 1'b1; behind_lead <= 1'b0;
      end_p <= planes - 1'b1; end_k <= kernel - 1'b1; end_ox <= columns - 1'b1; end_oy <= rows - 1'b1;
      end_outer <= outers - 1; end_height <= height - 1'b1; end_lead <= 16'(lead) - 1'b1;
    end else begin
      if (asks_d) d_done <= 1'b1;
      if (step) begin
        d_done <= 1'b0;
        p <= last_p ? '0 : p + 1'b1;
        if (last_p) kx <= last_kx ? '0 : kx + 1'b1;
        if (last_kx) ky <= last_ky ? '0 : ky + 1'b1;
        if (last_ky) ox <= last_ox ? '0 : ox + 1'b1;
        if (last_ox) oy <= last_oy ? '0 : oy + 1'b1;
        if (last_ox) pictured_row <= last_oy || (pictured_row && oy != end_height);
        if (last_ox) behind_lead <= !last_oy && (behind_lead || oy == end_lead);
        if (last_oy) outer <= outer + 1;
        if (last_ky) begin
          slot <= '0; row_slot <= '0;
        end else if (last_kx) begin
          slot <= slot + 1'b1; row_slot <= slot + 1'b1;
        end else slot <= last_p ? row_slot : slot + 1'b1;
      end
    end
  end

  // ---- A: pixel and plane
  (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [31:0] words [PLANE_ROWS];
  logic [4:0] valid, is_d;  // of A, P, B, C, D
  logic signed [YW-1:0] a_y, a_x;
  logic [31:0] a_plane;
  logic [SW-1:0] slot_at [5];
  wire [15:0] index = pool ? outer[15:0] : first_plane + p;
  wire signed [YW-1:0] half = (YW'(kernel) - YW'(1)) >> 1;
  always_ff @(posedge clk) begin
    valid <= rst ? '0 : {valid[3:0], asks_d || asks_x};
    is_d <= {is_d[3:0], asks_d};
    a_y <= asks_d ? YW'(oy) - YW'(lead) : (YW'(oy) << stride_log2) + YW'(ky) - half;
    a_x <= asks_d ? YW'(ox) : (YW'(ox) << stride_log2) + YW'(kx) - half;
    if (table_en) words[table_at[PW-1:0]] <= table_word;
    a_plane <= words[index[PW-1:0]];
    slot_at[0] <= asks_d ? '1 : slot;
    slot_at[1] <= slot_at[0]; slot_at[2] <= slot_at[1]; slot_at[3] <= slot_at[2]; slot_at[4] <= slot_at[3];
  end

  // ---- P: its plane, whose memory has given it;  B: the stored pixel;  C: its row times the row's length;  D: its address
  logic [3:0] pictured;  // from P on
  logic [31:0] plane;
  logic [15:0] p_y, p_x;
  logic [1:0] b_region, c_region, d_region;
  logic [15:0] b_row, b_column, b_width;
  logic [27:0] b_beat, c_beat, c_product, d_at;
  wire [1:0] up = plane[ADDRESS_UP_LOW +: 2];
  wire in_picture = !a_y[YW-1] && a_y[15:0] < height && !a_x[YW-1] && a_x[15:0] < width;
  always_ff @(posedge clk) begin
    pictured <= {pictured[2:0], is_d[0] || in_picture};
    plane <= is_d[0] ? d_address : a_plane; p_y <= a_y[15:0]; p_x <= a_x[15:0];
    b_row <= p_y >> up; b_column <= p_x >> up; b_width <= width >> up;
    b_beat <= plane[ADDRESS_BEAT_LOW +: ADDRESS_BEAT_BITS];
    b_region <= plane[ADDRESS_REGION_LOW +: 2];
    c_product <= 28'(b_row) * 28'(b_width); c_beat <= b_beat + 28'(b_column); c_region <= b_region;
    d_at <= c_product + c_beat; d_region <= c_region;
  end
  wire [27:0] limit = d_region == IN_BUFFER ? buffer_limit : d_region == IN_DRAM ? dram_limit
    : d_region == IN_IMAGE ? image_limit : 28'd0;
  wire wanted = valid[4] && pictured[3];
  assign outside = wanted && d_at >= limit;
  wire [1:0] region = pictured[3] && !outside ? d_region : 2'd3;
  ek_results #(.BITS(1 + 2 + SW + 28)) asked (
    .clk, .rst, .take(asks_d || asks_x), .room, .idle, .put(valid[4]),
    .put_data({is_d[4], region, slot_at[4], d_at}), .out_valid(asked_valid), .out_ready(asked_ready),
    .out_data({asked_d, asked_region, asked_slot, asked_address})
  );
  assign busy = active || !idle;
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    if (start) begin
      assert (!busy) else $fatal(1, "ek_fetch: start while busy");
      assert (planes != '0 && rows != '0 && columns != '0 && kernel != '0 && outers != '0)
        else $fatal(1, "ek_fetch: nothing to read");
    end
    if (table_en) assert (32'(table_at) < PLANE_ROWS) else $fatal(1, "ek_fetch: plane %0d", table_at);
  end
`endif
endmodule
`default_nettype wire
