// The engine on buses: AXI4-Lite to its registers, one AXI4 port to memory, which has the program, the input and DRAM. Bursts
// are INCR, of BUS_BYTES a beat, with one ID, inside of a line of LINE_BYTES. Results stand in memory when `busy` falls.
`default_nettype none
module ek_top #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int DMAX = 7,
  parameter int ROWS = 16,
  parameter int LINE_BEATS = 512,
  parameter int WEIGHT_BEATS = 512,
  parameter int GROUPS = 16,
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16,
  parameter int PLANE_ROWS = 512,
  parameter int BUFFER_BEATS = 512,
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64
) (
  input  wire logic                   clk,
  input  wire logic                   rst,
  output      logic                   irq,
  input  wire logic                   s_awvalid,
  output      logic                   s_awready,
  input  wire logic [5:0]             s_awaddr,
  input  wire logic                   s_wvalid,
  output      logic                   s_wready,
  input  wire logic [31:0]            s_wdata,
  output      logic                   s_bvalid,
  input  wire logic                   s_bready,
  output      logic [1:0]             s_bresp,
  input  wire logic                   s_arvalid,
  output      logic                   s_arready,
  input  wire logic [5:0]             s_araddr,
  output      logic                   s_rvalid,
  input  wire logic                   s_rready,
  output      logic [31:0]            s_rdata,
  output      logic [1:0]             s_rresp,
  output      logic                   m_arvalid,
  input  wire logic                   m_arready,
  output      logic [31:0]            m_araddr,
  output      logic [7:0]             m_arlen,
  output      logic [2:0]             m_arsize,
  output      logic [1:0]             m_arburst,
  input  wire logic                   m_rvalid,
  output      logic                   m_rready,
  input  wire logic [8*BUS_BYTES-1:0] m_rdata,
  input  wire logic [1:0]             m_rresp,
  input  wire logic                   m_rlast,
  output      logic                   m_awvalid,
  input  wire logic                   m_awready,
  output      logic [31:0]            m_awaddr,
  output      logic [7:0]             m_awlen,
  output      logic [2:0]             m_awsize,
  output      logic [1:0]             m_awburst,
  output      logic                   m_wvalid,
  input  wire logic                   m_wready,
  output      logic [8*BUS_BYTES-1:0] m_wdata,
  output      logic [BUS_BYTES-1:0]   m_wstrb,
  output      logic                   m_wlast,
  input  wire logic                   m_bvalid,
  output      logic                   m_bready,
  input  wire logic [1:0]             m_bresp
);
  logic start, abort, busy, stalled, lines_idle, read_error;
  logic [3:0] error;
  logic [15:0] layer, first_layer, layers;
  logic [31:0] program_base, image_base, dram_base;
  logic [1:0] line_ask, line_given, line_forget, line_beat;
  logic [63:0] line_address;
  logic [8*BUS_BYTES-1:0] line_data;
  assign s_bresp = 2'b00;
  assign s_rresp = 2'b00;
  assign m_arsize = 3'($clog2(BUS_BYTES));
  assign m_awsize = 3'($clog2(BUS_BYTES));
  assign m_arburst = 2'b01;
  assign m_awburst = 2'b01;
  ek_control #(
    .LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .DMAX(DMAX), .LINE_BYTES(LINE_BYTES)
  ) control (
    .clk, .rst, .awvalid(s_awvalid), .awready(s_awready), .awaddr(s_awaddr), .wvalid(s_wvalid), .wready(s_wready),
    .wdata(s_wdata), .bvalid(s_bvalid), .bready(s_bready), .arvalid(s_arvalid), .arready(s_arready),
    .araddr(s_araddr), .rvalid(s_rvalid), .rready(s_rready), .rdata(s_rdata), .irq, .start, .abort, .busy,
    .stalled, .error, .layer, .first_layer, .layers, .program_base, .image_base, .dram_base
  );
  ek_engine #(
    .LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .DMAX(DMAX), .ROWS(ROWS), .LINE_BEATS(LINE_BEATS),
    .WEIGHT_BEATS(WEIGHT_BEATS), .GROUPS(GROUPS), .ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS),
    .PLANE_ROWS(PLANE_ROWS), .BUFFER_BEATS(BUFFER_BEATS), .BUS_BYTES(BUS_BYTES), .LINE_BYTES(LINE_BYTES)
  ) engine (
    .clk, .rst, .start, .abort, .first_layer, .layers, .program_base, .image_base, .dram_base, .busy, .stalled, .error,
    .layer, .line_ask, .line_given, .line_address, .line_forget, .line_beat, .line_data, .lines_idle, .read_error,
    .awvalid(m_awvalid), .awready(m_awready), .awaddr(m_awaddr), .awlen(m_awlen), .wvalid(m_wvalid),
    .wready(m_wready), .wdata(m_wdata), .wstrb(m_wstrb), .wlast(m_wlast), .bvalid(m_bvalid), .bready(m_bready),
    .bresp(m_bresp)
  );
  ek_lines #(.BUS_BYTES(BUS_BYTES), .LINE_BYTES(LINE_BYTES)) lines (
    .clk, .rst, .ask(line_ask), .given(line_given), .address(line_address), .forget(line_forget), .beat(line_beat),
    .data(line_data), .idle(lines_idle), .error(read_error), .arvalid(m_arvalid), .arready(m_arready),
    .araddr(m_araddr), .arlen(m_arlen), .rvalid(m_rvalid), .rready(m_rready), .rdata(m_rdata), .rresp(m_rresp),
    .rlast(m_rlast)
  );
`ifndef SYNTHESIS
  ek_axi_rules #(.BUS_BYTES(BUS_BYTES)) rules (
    .clk, .rst, .arvalid(m_arvalid), .arready(m_arready), .araddr(m_araddr), .arlen(m_arlen), .rvalid(m_rvalid),
    .rready(m_rready), .rdata(m_rdata), .rlast(m_rlast), .awvalid(m_awvalid), .awready(m_awready), .awaddr(m_awaddr),
    .awlen(m_awlen), .wvalid(m_wvalid), .wready(m_wready), .wdata(m_wdata), .wstrb(m_wstrb), .wlast(m_wlast),
    .bvalid(m_bvalid), .bready(m_bready)
  );
`endif
endmodule
`default_nettype wire
