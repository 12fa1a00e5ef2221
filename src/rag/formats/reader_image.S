/* reader_image.S - the program `reader` as constant data: the server starts it and never loads what it is linked with. */
	.section .rodata
	.balign 16
	.globl reader_image, reader_image_end
reader_image:
	.incbin READER
reader_image_end:
	.byte 0

	.section .note.GNU-stack, "", @progbits
