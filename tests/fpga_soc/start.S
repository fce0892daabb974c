# The core begins at address 0, with memory that holds anything behind the program.
    .section .start, "ax"
    la sp, 0x00100000
    la a0, bss_start
    la a1, bss_end
1:  bgeu a0, a1, 2f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 1b
2:  call main
    li a1, 0x80000000
    sw a0, 0(a1)
3:  j 3b

    .section .rodata
    .balign 4
    .globl program, program_end, pictures, pictures_end
program:
    .incbin "program.bin"
program_end:
pictures:
    .incbin "pictures.bin"
pictures_end:
