/* functions_py.S - the program that lists and runs functions (functions.py), as a text. */
	.section .rodata
	.balign 16
	.globl functions_py
functions_py:
	.incbin FUNCTIONS
	.byte 0

	.section .note.GNU-stack, "", @progbits
