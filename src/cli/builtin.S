// The built-in model's file, as it is.
    .section .rodata
    .balign 64
    .global prumo_builtin_begin
    .global prumo_builtin_end
prumo_builtin_begin:
    .incbin PRUMO_BUILTIN_FILE
prumo_builtin_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
