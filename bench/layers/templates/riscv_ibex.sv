// Ibex as its ibex_top has it by default, without what guards against faults: a fast multiplier, no cache.
module riscv_core (
    input  logic        clk, reset_n,
    output logic        instr_req, data_req, data_we,
    output logic [31:0] instr_addr, data_addr, data_wdata,
    output logic [3:0]  data_be,
    input  logic        instr_gnt, instr_rvalid, data_gnt, data_rvalid,
    input  logic [31:0] instr_rdata, data_rdata
);
    import ibex_pkg::*;
    logic [4:0] read_a, read_b, written;
    logic [31:0] value_a, value_b, value_written;
    logic writes;
    logic [IC_TAG_SIZE-1:0] tags [IC_NUM_WAYS];
    logic [IC_LINE_SIZE-1:0] lines [IC_NUM_WAYS];
    assign tags = '{default: '0};
    assign lines = '{default: '0};
    ibex_register_file_ff registers (
        .clk_i(clk), .rst_ni(reset_n), .test_en_i(1'b0), .dummy_instr_id_i(1'b0), .dummy_instr_wb_i(1'b0),
        .raddr_a_i(read_a), .rdata_a_o(value_a), .raddr_b_i(read_b), .rdata_b_o(value_b),
        .waddr_a_i(written), .wdata_a_i(value_written), .we_a_i(writes), .err_o()
    );
    ibex_core u_ibex_core (
        .clk_i(clk), .rst_ni(reset_n), .hart_id_i('0), .boot_addr_i(32'h80000000),
        .instr_req_o(instr_req), .instr_gnt_i(instr_gnt), .instr_rvalid_i(instr_rvalid), .instr_addr_o(instr_addr),
        .instr_rdata_i(instr_rdata), .instr_err_i(1'b0),
        .data_req_o(data_req), .data_gnt_i(data_gnt), .data_rvalid_i(data_rvalid), .data_we_o(data_we),
        .data_be_o(data_be), .data_addr_o(data_addr), .data_wdata_o(data_wdata), .data_rdata_i(data_rdata),
        .data_err_i(1'b0),
        .dummy_instr_id_o(), .dummy_instr_wb_o(), .rf_raddr_a_o(read_a), .rf_raddr_b_o(read_b),
        .rf_waddr_wb_o(written), .rf_we_wb_o(writes), .rf_wdata_wb_ecc_o(value_written),
        .rf_rdata_a_ecc_i(value_a), .rf_rdata_b_ecc_i(value_b),
        .ic_tag_req_o(), .ic_tag_write_o(), .ic_tag_addr_o(), .ic_tag_wdata_o(), .ic_tag_rdata_i(tags),
        .ic_data_req_o(), .ic_data_write_o(), .ic_data_addr_o(), .ic_data_wdata_o(), .ic_data_rdata_i(lines),
        .ic_scr_key_valid_i(1'b0), .ic_scr_key_req_o(),
        .irq_software_i(1'b0), .irq_timer_i(1'b0), .irq_external_i(1'b0), .irq_fast_i('0), .irq_nm_i(1'b0),
        .irq_pending_o(), .debug_req_i(1'b0), .crash_dump_o(), .double_fault_seen_o(),
        .fetch_enable_i(IbexMuBiOn), .alert_minor_o(), .alert_major_internal_o(), .alert_major_bus_o(),
        .core_busy_o()
    );
endmodule
