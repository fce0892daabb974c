// A system on one chip: a RISC-V core and the engine, on one memory of two ports. The core's addresses from 0x40000000 on are
// the engine's registers; all others leave through `c_`, AXI4-Lite, to memory. `m_` is the engine's AXI4 port to the same memory.
`default_nettype none
/* verilator lint_off PINCONNECTEMPTY */
module ek_soc #(
  parameter int BUS_BYTES = 8
) (
  input  wire logic                   clk,
  input  wire logic                   rst,
  output      logic                   trap,
  output      logic                   c_awvalid,
  input  wire logic                   c_awready,
  output      logic [31:0]            c_awaddr,
  output      logic                   c_wvalid,
  input  wire logic                   c_wready,
  output      logic [31:0]            c_wdata,
  output      logic [3:0]             c_wstrb,
  input  wire logic                   c_bvalid,
  output      logic                   c_bready,
  output      logic                   c_arvalid,
  input  wire logic                   c_arready,
  output      logic [31:0]            c_araddr,
  input  wire logic                   c_rvalid,
  output      logic                   c_rready,
  input  wire logic [31:0]            c_rdata,
  output      logic                   m_arvalid,
  input  wire logic                   m_arready,
  output      logic [31:0]            m_araddr,
  output      logic [7:0]             m_arlen,
  input  wire logic                   m_rvalid,
  output      logic                   m_rready,
  input  wire logic [8*BUS_BYTES-1:0] m_rdata,
  input  wire logic [1:0]             m_rresp,
  input  wire logic                   m_rlast,
  output      logic                   m_awvalid,
  input  wire logic                   m_awready,
  output      logic [31:0]            m_awaddr,
  output      logic [7:0]             m_awlen,
  output      logic                   m_wvalid,
  input  wire logic                   m_wready,
  output      logic [8*BUS_BYTES-1:0] m_wdata,
  output      logic [BUS_BYTES-1:0]   m_wstrb,
  output      logic                   m_wlast,
  input  wire logic                   m_bvalid,
  output      logic                   m_bready,
  input  wire logic [1:0]             m_bresp
);
  logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready, irq;
  logic e_awready, e_wready, e_bvalid, e_arready, e_rvalid;
  logic [31:0] awaddr, wdata, araddr, rdata, e_rdata;
  logic [3:0] wstrb;
  // The core holds an address until its answer is there.
  wire write_engine = awaddr[31:28] == 4'd4;
  wire read_engine = araddr[31:28] == 4'd4;
  assign c_awvalid = awvalid && !write_engine;
  assign c_wvalid = wvalid && !write_engine;
  assign c_bready = bready && !write_engine;
  assign c_arvalid = arvalid && !read_engine;
  assign c_rready = rready && !read_engine;
  assign {c_awaddr, c_wdata, c_wstrb, c_araddr} = {awaddr, wdata, wstrb, araddr};
  assign awready = write_engine ? e_awready : c_awready;
  assign wready = write_engine ? e_wready : c_wready;
  assign bvalid = write_engine ? e_bvalid : c_bvalid;
  assign arready = read_engine ? e_arready : c_arready;
  assign rvalid = read_engine ? e_rvalid : c_rvalid;
  assign rdata = read_engine ? e_rdata : c_rdata;
  picorv32_axi #(
    .BARREL_SHIFTER(1), .ENABLE_MUL(1), .ENABLE_DIV(1), .ENABLE_COUNTERS(0), .ENABLE_COUNTERS64(0)
  ) core (
    .clk, .resetn(!rst), .trap, .mem_axi_awvalid(awvalid), .mem_axi_awready(awready), .mem_axi_awaddr(awaddr),
    .mem_axi_awprot(), .mem_axi_wvalid(wvalid), .mem_axi_wready(wready), .mem_axi_wdata(wdata), .mem_axi_wstrb(wstrb),
    .mem_axi_bvalid(bvalid), .mem_axi_bready(bready), .mem_axi_arvalid(arvalid), .mem_axi_arready(arready),
    .mem_axi_araddr(araddr), .mem_axi_arprot(), .mem_axi_rvalid(rvalid), .mem_axi_rready(rready),
    .mem_axi_rdata(rdata), .pcpi_valid(), .pcpi_insn(), .pcpi_rs1(), .pcpi_rs2(), .pcpi_wr(1'b0), .pcpi_rd(32'd0),
    .pcpi_wait(1'b0), .pcpi_ready(1'b0), .irq({31'd0, irq}), .eoi(), .trace_valid(), .trace_data()
  );
  ek_top engine (
    .clk, .rst, .irq, .s_awvalid(awvalid && write_engine), .s_awready(e_awready), .s_awaddr(awaddr[5:0]),
    .s_wvalid(wvalid && write_engine), .s_wready(e_wready), .s_wdata(wdata), .s_bvalid(e_bvalid),
    .s_bready(bready && write_engine), .s_bresp(), .s_arvalid(arvalid && read_engine), .s_arready(e_arready),
    .s_araddr(araddr[5:0]), .s_rvalid(e_rvalid), .s_rready(rready && read_engine), .s_rdata(e_rdata), .s_rresp(),
    .m_arvalid, .m_arready, .m_araddr, .m_arlen, .m_arsize(), .m_arburst(), .m_rvalid, .m_rready, .m_rdata, .m_rresp,
    .m_rlast, .m_awvalid, .m_awready, .m_awaddr, .m_awlen, .m_awsize(), .m_awburst(), .m_wvalid, .m_wready, .m_wdata,
    .m_wstrb, .m_wlast, .m_bvalid, .m_bready, .m_bresp
  );
endmodule
`default_nettype wire
