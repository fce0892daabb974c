# vitis_hls -f run_hls.tcl [PART]: simulates the engine on the golden vectors of data/, then synthesises it.
set part [expr {[llength $argv] > 2 ? [lindex $argv end] : "xczu3eg-sbva484-1-e"}]
set flags "-std=c++17 -DEK_VENDOR_STREAM -I."
open_project -reset engine
set_top ek_engine
foreach file {ek_program.cpp ek_fetch.cpp ek_dense.cpp ek_depthwise.cpp ek_pool.cpp ek_store.cpp ek_engine.cpp} {
    add_files $file -cflags $flags
}
add_files -tb {ek_host.cpp ek_tb.cpp} -cflags $flags
open_solution -reset solution
set_part $part
create_clock -period @PERIOD_NS@
csim_design -argv [file normalize data]
csynth_design
exit
