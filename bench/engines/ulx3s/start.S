# LiteX's boot loader jumps to the first word of SDRAM.
    .section .start, "ax"
    la sp, stack
    la a0, bss_start
    la a1, bss_end
1:  bgeu a0, a1, 2f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 1b
2:  call main
3:  j 3b

    .section .rodata
    .balign 4
    .globl program, program_end, pictures, expected
program:
    .incbin "program.bin"
program_end:
pictures:
    .incbin "pictures.bin"
expected:
    .incbin "expected.bin"
