// Results on their way to memory. Pixels come in order, of each `parts` beats, which go to planes one behind another;
// then all pixels of the next outer group, `outers` times. `open` begins a layer at `first`, `start` a pass of it that
// goes on where the last one ended. A beat waits until memory takes it. COLUMNS results of the dense array are several beats, or a part of one.
`default_nettype none
module ek_store #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16
) (
  input  wire logic                 clk,
  input  wire logic                 rst,
  input  wire logic                 open,
  input  wire logic                 start,
  output      logic                 busy,
  input  wire logic                 dense,
  input  wire logic [27:0]          first,
  input  wire logic [27:0]          plane_beats,
  input  wire logic [15:0]          out_planes,
  input  wire logic [15:0]          parts,   // of a pixel; the dense array's are constant
  input  wire logic [31:0]          outers,
  input  wire logic [27:0]          limit,   // beats of the memory
  input  wire logic                 dense_valid,
  output      logic                 dense_ready,
  input  wire logic [8*COLUMNS-1:0] dense_data,
  input  wire logic                 beat_valid,  // of the other paths
  output      logic                 beat_ready,
  input  wire logic [8*LANES-1:0]   beat_data,
  output      logic                 write,
  input  wire logic                 write_ready,
  output      logic [15:0]          write_part,
  output      logic [27:0]          write_address,
  output      logic [LANES-1:0]     write_lanes,
  output      logic [8*LANES-1:0]   write_data,
  output      logic                 outside  // an address is not in the memory; nothing is written there
);
  localparam int PARTS = COLUMNS > LANES ? COLUMNS / LANES : 1;  // beats of a dense result
  localparam int SHARE = COLUMNS < LANES ? LANES / COLUMNS : 1;  // dense results of a beat
  localparam int SW = SHARE > 1 ? $clog2(SHARE) : 1;
  localparam int QW = PARTS > 1 ? $clog2(PARTS) : 1;
  genvar g;
  generate
    if (PARTS * LANES != COLUMNS && SHARE * COLUMNS != LANES) begin : g_bad
      $error("ek_store: COLUMNS is a multiple or a divisor of LANES");
    end
  endgenerate
  logic running;
  logic [15:0] part, plane, group_plane;
  logic [27:0] pixel, group_base, base;
  logic [31:0] outer;
  logic [SW-1:0] sub;
  logic [15:0] end_part;  // the last of each
  logic [27:0] end_pixel;
  logic [31:0] end_outer;
  // a result that has its address, which is not compared with the limit yet
  logic placed, a_used;
  logic [15:0] a_part;
  logic [27:0] a_address;
  logic [LANES-1:0] a_lanes;
  logic [8*LANES-1:0] a_data;
  wire leaves = !write || write_ready;
  wire free = !placed || leaves;
  wire step = running && free && (dense ? dense_valid : beat_valid);
  wire last_part = part == end_part;
  wire last_pixel = last_part && pixel == end_pixel;
  wire last_sub = !dense || sub == SW'(SHARE - 1);
  wire last = last_pixel && outer == end_outer;
  wire [27:0] own_base = part == '0 ? group_base : base;
  wire [15:0] own_plane = part == '0 ? group_plane : plane;
  wire [27:0] next_base = own_base + plane_beats;
  wire [15:0] next_plane = own_plane + 16'd1;
  wire fits = a_address < limit;
  assign busy = running || placed || write;
  assign dense_ready = running && free && dense && last_part;
  assign beat_ready = running && free && !dense;
  wire [8*LANES-1:0] dense_beat;
  wire [LANES-1:0] dense_lanes;
  generate
    if (PARTS > 1) begin : g_several
      assign dense_beat = dense_data[8*LANES*part[QW-1:0] +: 8*LANES];
      assign dense_lanes = '1;
    end else begin : g_shared
      for (g = 0; g < SHARE; g++) begin : g_sub
        assign dense_beat[8*COLUMNS*g +: 8*COLUMNS] = dense_data;
        assign dense_lanes[COLUMNS*g +: COLUMNS] = {COLUMNS{SHARE == 1 || sub == SW'(g)}};
      end
    end
  endgenerate
  always_ff @(posedge clk) begin
    if (rst) running <= 1'b0;
    else if (start) running <= 1'b1;
    else if (step && last) running <= 1'b0;
    if (open) begin
      group_base <= first; group_plane <= '0; sub <= '0;
    end
    if (start) begin
      part <= '0; pixel <= '0; outer <= '0;
      end_part <= (dense ? 16'(PARTS) : parts) - 1'b1; end_pixel <= plane_beats - 1'b1; end_outer <= outers - 1;
    end else if (step) begin
      part <= last_part ? '0 : part + 1'b1;
      base <= next_base;
      plane <= next_plane;
      if (last_part) pixel <= last_pixel ? '0 : pixel + 1'b1;
      if (last_pixel) begin
        outer <= outer + 1;
        sub <= last_sub ? '0 : sub + 1'b1;
        if (last_sub) begin
          group_base <= next_base; group_plane <= next_plane;
        end
      end
    end
    if (rst) placed <= 1'b0;
    else if (free) placed <= step;
    if (free) begin
      a_used <= own_plane < out_planes; a_part <= part; a_address <= own_base + pixel;
      a_lanes <= dense ? dense_lanes : '1; a_data <= dense ? dense_beat : beat_data;
    end
    if (rst) write <= 1'b0;
    else if (leaves) write <= placed && a_used && fits;
    outside <= !rst && leaves && placed && a_used && !fits;
    if (leaves) begin
      write_part <= a_part; write_address <= a_address; write_lanes <= a_lanes; write_data <= a_data;
    end
  end
endmodule
`default_nettype wire
