// The engine: it reads a program, docs/fpga-program.md, and runs its layers one after another through its data paths: the
// dense array, the depthwise path and the pool.
// `start`, while not `busy`, runs `layers` layers from `first_layer` on. `busy` falls when their last result is stored,
// or with an `error`, one of the ERRORs of ek_program.svh, in layer `layer`.
// Memories are ideal: each gives what it is asked for in the next cycle. Results go to the buffer, which is in here, or to
// the memory outside, which also has the input: `memory_image` says that its beat is meant.
`default_nettype none
module ek_engine #(
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
  parameter int BUFFER_BEATS = 512
) (
  input  wire logic               clk,
  input  wire logic               rst,
  input  wire logic               start,
  input  wire logic [15:0]        first_layer,
  input  wire logic [15:0]        layers,
  output      logic               busy,
  output      logic [2:0]         error,
  output      logic [15:0]        layer,
  output      logic               program_read,
  output      logic [31:0]        program_address,
  input  wire logic [31:0]        program_data,
  output      logic               memory_read,
  output      logic               memory_image,
  output      logic [27:0]        memory_address,
  input  wire logic [8*LANES-1:0] memory_data,
  output      logic               memory_write,
  output      logic [27:0]        memory_write_address,
  output      logic [LANES-1:0]   memory_write_lanes,
  output      logic [8*LANES-1:0] memory_write_data
);
  `include "ek_program.svh"
  localparam int BW = BUFFER_BEATS > 1 ? $clog2(BUFFER_BEATS) : 1;
  generate
    if (BUFFER_BEATS < 1 || BUFFER_BEATS > 1 << 28) begin : g_bad_buffer
      $error("ek_engine: BUFFER_BEATS is 1 to 2^28");
    end
    if (DMAX < 1 || 2 * DMAX + 2 > ROWS) begin : g_bad_dmax
      $error("ek_engine: ROWS is 2 * DMAX + 2 or more");
    end
  endgenerate
  genvar i;

  // ---- the program: words that `take` takes; `number` counts them
  localparam logic [3:0] IDLE = 4'd0, HEADER = 4'd1, RECORD = 4'd2, PLANES = 4'd3, BLOCKS = 4'd4, TABLES = 4'd5,
                         WAIT = 4'd6, PASS = 4'd7, RUN = 4'd8, NEXT = 4'd9;
  logic [3:0] state;
  logic [2:0] refused;
  logic begins, seeks, word_valid, word_ready, blocks_word;
  logic [31:0] word, seek_address, number, record_at, program_words;
  logic [15:0] first_own, left;  // layers
  logic fetch_outside, store_outside;
  wire fails = refused != ERROR_NONE;
  wire stop = rst || fails;  // of everything that runs
  wire [15:0] planes;
  wire take = word_valid && word_ready;
  wire reads = state == HEADER || state == RECORD || state == PLANES;
  wire last_header = take && state == HEADER && number == 32'(HEADER_WORDS - 1);
  wire last_field = take && state == RECORD && number == 32'(LAYER_WORDS - 1);
  wire last_plane = take && state == PLANES && number == 32'(planes) - 1;
  assign begins = start && state == IDLE;
  assign word_ready = reads || blocks_word;
  ek_words words (
    .clk, .rst(stop), .start(begins || seeks), .address(begins ? 32'd0 : seek_address),
    .limit(state == IDLE || state == HEADER ? 32'(HEADER_WORDS) : program_words), .program_read, .program_address,
    .program_data, .word_valid, .word_ready, .word
  );

  // ---- the header: what it says that this engine is not
  logic [27:0] buffer_limit, dram_limit, image_limit;
  wire [31:0] own_array = {8'(DMAX), 8'(WEIGHT_BITS), 8'(COLUMNS), 8'(LANES)};
  always_comb begin
    refused = ERROR_NONE;
    if (take && state == HEADER)
      case (number)
        PROGRAM_MAGIC_WORD: if (word != MAGIC) refused = ERROR_MAGIC;
        PROGRAM_VERSION_WORD: if (word != VERSION) refused = ERROR_VERSION;
        PROGRAM_LANES_WORD: if (word != own_array) refused = ERROR_ENGINE;
        PROGRAM_LINE_BEATS_WORD:
          if (32'(word[15:0]) > LINE_BEATS || 32'(word[31:16]) > GROUPS) refused = ERROR_MEMORY;
        PROGRAM_BANK_ROWS_WORD:
          if (32'(word[15:0]) > WEIGHT_BEATS / 2 || 32'(word[31:16]) > PLANE_ROWS) refused = ERROR_MEMORY;
        PROGRAM_ACCUMULATOR_BITS_WORD: if (word > ACC_BITS) refused = ERROR_MEMORY;
        PROGRAM_BUFFER_BEATS_WORD: if (word > BUFFER_BEATS) refused = ERROR_MEMORY;
        PROGRAM_DRAM_BEATS_WORD, PROGRAM_IMAGE_BEATS_WORD: if (word[31:28] != '0) refused = ERROR_MEMORY;
        PROGRAM_LAYERS_WORD:
          if (word < 32'(first_own) + 32'(left) || left == '0) refused = ERROR_LAYERS;
        default: ;
      endcase
    else if (take && state == RECORD && number == 32'(LAYER_PLANES_WORD) && 32'(word[15:0]) > PLANE_ROWS)
      refused = ERROR_MEMORY;
    else if (fetch_outside || store_outside) refused = ERROR_ADDRESS;
  end
  always_ff @(posedge clk)
    if (take && state == HEADER)
      case (number)
        PROGRAM_WORDS_WORD: program_words <= word;
        PROGRAM_BUFFER_BEATS_WORD: buffer_limit <= word[27:0];
        PROGRAM_DRAM_BEATS_WORD: dram_limit <= word[27:0];
        PROGRAM_IMAGE_BEATS_WORD: image_limit <= word[27:0];
        default: ;
      endcase

  // ---- the layer's record
  logic [31:0] record [LAYER_WORDS];
  always_ff @(posedge clk) if (take && state == RECORD) record[number[3:0]] <= word;
  wire [1:0] path = record[LAYER_PATH_WORD][LAYER_PATH_LOW +: LAYER_PATH_BITS];
  wire deform = record[LAYER_DEFORM_WORD][LAYER_DEFORM_LOW];
  wire [1:0] stride_log2 = record[LAYER_STRIDE_LOG2_WORD][LAYER_STRIDE_LOG2_LOW +: LAYER_STRIDE_LOG2_BITS];
  wire [7:0] kernel = record[LAYER_KERNEL_WORD][LAYER_KERNEL_LOW +: LAYER_KERNEL_BITS];
  wire [15:0] height = record[LAYER_HEIGHT_WORD][LAYER_HEIGHT_LOW +: LAYER_HEIGHT_BITS];
  wire [15:0] width = record[LAYER_WIDTH_WORD][LAYER_WIDTH_LOW +: LAYER_WIDTH_BITS];
  assign planes = record[LAYER_PLANES_WORD][LAYER_PLANES_LOW +: LAYER_PLANES_BITS];
  wire [15:0] out_planes = record[LAYER_OUT_PLANES_WORD][LAYER_OUT_PLANES_LOW +: LAYER_OUT_PLANES_BITS];
  wire signed [7:0] x_zero = record[LAYER_X_ZERO_WORD][LAYER_X_ZERO_LOW +: LAYER_X_ZERO_BITS];
  wire signed [7:0] y_zero = record[LAYER_Y_ZERO_WORD][LAYER_Y_ZERO_LOW +: LAYER_Y_ZERO_BITS];
  wire signed [7:0] y_min = record[LAYER_Y_MIN_WORD][LAYER_Y_MIN_LOW +: LAYER_Y_MIN_BITS];
  wire signed [7:0] y_max = record[LAYER_Y_MAX_WORD][LAYER_Y_MAX_LOW +: LAYER_Y_MAX_BITS];
  wire [31:0] y = record[LAYER_Y_WORD], d = record[LAYER_D_WORD];
  wire [31:0] first_plane = record[LAYER_FIRST_PLANE_WORD], first_block = record[LAYER_FIRST_BLOCK_WORD];
  wire [31:0] plane_beats = record[LAYER_PLANE_BEATS_WORD], beats = record[LAYER_BEATS_WORD];
  wire [31:0] groups = record[LAYER_GROUPS_WORD], groups_per_pass = record[LAYER_GROUPS_PER_PASS_WORD];
  wire is_dense = path == PATH_DENSE, is_depthwise = path == PATH_DEPTHWISE, is_pool = path == PATH_POOL;
  wire [15:0] out_height = ((height - 16'd1) >> stride_log2) + 16'd1;
  wire [15:0] out_width = ((width - 16'd1) >> stride_log2) + 16'd1;
  wire [4:0] lead = deform ? 5'(DMAX + 1) : 5'd2;

  // ---- the sequence
  logic [15:0] pass_first, pass_left;
  wire [15:0] pass_planes = 32'(pass_left) > groups_per_pass ? groups_per_pass[15:0] : pass_left;
  logic dense_busy, depthwise_busy, fetch_busy, store_busy, blocks_busy;
  wire opens = state == BLOCKS;
  wire loads = (state == BLOCKS && is_dense) || state == TABLES;
  wire runs = (state == BLOCKS && !is_depthwise) || state == PASS;
  wire still = !dense_busy && !depthwise_busy && !fetch_busy && !store_busy && !blocks_busy;
  wire more_passes = is_depthwise && pass_left != pass_planes;
  assign busy = state != IDLE;
  assign seeks = last_header || last_field || last_plane || (state == NEXT && left != 16'd1);
  assign seek_address = state == PLANES ? first_block : state == RECORD ? first_plane : record_at;
  always_ff @(posedge clk) begin
    if (rst || fails) state <= IDLE;
    else
      case (state)
        IDLE: if (start) state <= HEADER;
        HEADER: if (last_header) state <= RECORD;
        RECORD: if (last_field) state <= PLANES;
        PLANES: if (last_plane) state <= BLOCKS;
        BLOCKS: state <= is_depthwise ? TABLES : RUN;
        TABLES: state <= WAIT;
        WAIT: if (!blocks_busy) state <= PASS;
        PASS: state <= RUN;
        RUN: if (still) state <= more_passes ? TABLES : NEXT;
        NEXT: state <= left == 16'd1 ? IDLE : RECORD;
        default: state <= IDLE;
      endcase
    if (rst || begins) error <= ERROR_NONE;
    else if (fails) error <= refused;
    if (begins) begin
      first_own <= first_layer; layer <= first_layer; left <= layers; number <= '0;
      record_at <= 32'(HEADER_WORDS) + 32'(LAYER_WORDS) * 32'(first_layer);
    end else begin
      if (last_header || last_field || last_plane) number <= '0;
      else if (take && reads) number <= number + 1;
      if (last_header) record_at <= record_at + 32'(LAYER_WORDS);
      if (state == NEXT) begin
        record_at <= record_at + 32'(LAYER_WORDS);
        left <= left - 16'd1;
        if (left != 16'd1) layer <= layer + 16'd1;
      end
    end
    if (opens) begin
      pass_first <= '0; pass_left <= planes;
    end else if (state == RUN && still && more_passes) begin
      pass_first <= pass_first + pass_planes; pass_left <= pass_left - pass_planes;
    end
  end

  // ---- blocks of weights, to the array while it runs, to the depthwise path before
  logic weight_valid, weight_ready, table_en;
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weight_data;
  logic [(38+MULT_BITS)*COLUMNS-1:0] weight_scaling;
  logic [3:0] table_row;
  logic [15:0] table_group;
  logic [32*LANES-1:0] table_data;
  ek_blocks #(.LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .MULT_BITS(MULT_BITS)) loader (
    .clk, .rst(stop), .start(loads), .busy(blocks_busy), .dense(is_dense),
    .blocks(is_dense ? groups : 32'(pass_planes)), .rows(is_dense ? beats : 32'd9),
    .word_valid(word_valid && !reads), .word_ready(blocks_word), .word, .weight_valid, .weight_ready, .weight_data,
    .weight_scaling, .table_en, .table_row, .table_group, .table_data
  );

  // ---- what layers read
  logic read, x_valid, x_ready, d_valid, d_ready;
  logic [1:0] read_region;
  logic [27:0] read_address;
  logic [8*LANES-1:0] buffer_data, x_data;
  logic [3:0] d_data;
  ek_fetch #(.LANES(LANES), .PLANE_ROWS(PLANE_ROWS)) fetch (
    .clk, .rst(stop), .table_en(take && state == PLANES), .table_at(number[15:0]), .table_word(word),
    .start(runs), .busy(fetch_busy), .height, .width, .outers(is_dense ? groups : is_pool ? 32'(planes) : 32'd1),
    .rows(is_depthwise ? height + (deform ? 16'(lead) : 16'd0) : out_height),
    .columns(is_depthwise ? width : out_width), .kernel(is_depthwise ? 8'd1 : kernel),
    .stride_log2(is_depthwise ? 2'd0 : stride_log2), .planes(is_dense ? planes : is_pool ? 16'd1 : pass_planes),
    .first_plane(is_depthwise ? pass_first : 16'd0), .pool(is_pool), .deform(is_depthwise && deform), .lead,
    .d_address(d), .padding(is_pool ? -8'sd128 : x_zero), .buffer_limit, .dram_limit, .image_limit, .read,
    .read_region, .read_address, .outside(fetch_outside), .buffer_data, .memory_data, .x_valid, .x_ready, .x_data,
    .d_valid, .d_ready, .d_data
  );

  // ---- the data paths
  logic dense_ready, depthwise_ready, pool_ready;
  logic dense_valid, dense_taken, depthwise_valid, pool_valid, beat_taken;
  logic [8*COLUMNS-1:0] dense_data;
  logic [8*LANES-1:0] depthwise_data, pool_data;
  assign x_ready = is_dense ? dense_ready : is_depthwise ? depthwise_ready : pool_ready;
  ek_dense #(
    .LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_BEATS(WEIGHT_BEATS), .ACC_BITS(ACC_BITS),
    .MULT_BITS(MULT_BITS)
  ) dense (
    .clk, .rst(stop), .start(runs && is_dense), .busy(dense_busy), .beats(beats[19:0]), .pixels(plane_beats[19:0]),
    .groups(groups[19:0]), .y_zero, .y_min, .y_max, .weight_valid, .weight_ready, .weight_data, .weight_scaling,
    .in_valid(x_valid && is_dense), .in_ready(dense_ready), .in_data(x_data), .out_valid(dense_valid),
    .out_ready(dense_taken), .out_data(dense_data)
  );
  ek_depthwise #(
    .LANES(LANES), .WEIGHT_BITS(WEIGHT_BITS), .ROWS(ROWS), .LINE_BEATS(LINE_BEATS), .GROUPS(GROUPS),
    .ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)
  ) depthwise (
    .clk, .rst(stop), .start(runs && is_depthwise), .busy(depthwise_busy), .height(height[11:0]),
    .width(width[11:0]), .groups(pass_planes[11:0]), .lead, .deform, .stride_log2, .x_zero, .y_zero, .y_min, .y_max,
    .table_en, .table_row, .table_group(table_group[11:0]), .table_data, .in_valid(x_valid && is_depthwise),
    .in_ready(depthwise_ready), .in_data(x_data), .d_valid, .d_ready, .d_data, .out_valid(depthwise_valid),
    .out_ready(beat_taken), .out_data(depthwise_data)
  );
  ek_pool #(.LANES(LANES)) pool (
    .clk, .rst(stop), .start(runs), .beats(16'(kernel) * 16'(kernel)), .in_valid(x_valid && is_pool),
    .in_ready(pool_ready), .in_data(x_data), .out_valid(pool_valid), .out_ready(beat_taken && is_pool),
    .out_data(pool_data)
  );

  // ---- results
  logic write;
  logic [27:0] write_address;
  logic [LANES-1:0] write_lanes;
  logic [8*LANES-1:0] write_data;
  wire to_buffer = y[ADDRESS_REGION_LOW +: 2] == IN_BUFFER, to_dram = y[ADDRESS_REGION_LOW +: 2] == IN_DRAM;
  ek_store #(.LANES(LANES), .COLUMNS(COLUMNS)) store (
    .clk, .rst(stop), .open(opens), .start(runs), .busy(store_busy), .dense(is_dense),
    .first(y[ADDRESS_BEAT_LOW +: ADDRESS_BEAT_BITS]), .plane_beats(plane_beats[27:0]), .out_planes,
    .parts(is_depthwise ? pass_planes : 16'd1),
    .outers(is_dense ? groups : is_pool ? 32'(planes) : 32'd1), .limit(to_buffer ? buffer_limit : to_dram ? dram_limit : 28'd0),
    .dense_valid, .dense_ready(dense_taken), .dense_data, .beat_valid(is_pool ? pool_valid : depthwise_valid),
    .beat_ready(beat_taken), .beat_data(is_pool ? pool_data : depthwise_data), .write, .write_address, .write_lanes,
    .write_data, .outside(store_outside)
  );

  // ---- the buffer: a port to write lanes, a port to read
  (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*LANES-1:0] buffer [BUFFER_BEATS];
  generate
    for (i = 0; i < LANES; i++) begin : g_lane
      always_ff @(posedge clk)
        if (write && to_buffer && write_lanes[i]) buffer[write_address[BW-1:0]][8*i +: 8] <= write_data[8*i +: 8];
    end
  endgenerate
  always_ff @(posedge clk) buffer_data <= buffer[read_address[BW-1:0]];
  assign memory_read = read && read_region != IN_BUFFER;
  assign memory_image = read_region == IN_IMAGE;
  assign memory_address = read_address;
  assign memory_write = write && !to_buffer;
  assign memory_write_address = write_address;
  assign memory_write_lanes = write_lanes;
  assign memory_write_data = write_data;
endmodule
`default_nettype wire
