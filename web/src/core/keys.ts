/** What is pressed while an input method composes is the input method's; some browsers say so by the code 229 alone. */
export const composing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;
