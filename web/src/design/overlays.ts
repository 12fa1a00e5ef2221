/** Something is open above the page. What is closing looks as if it were there, but takes no keys any more. */
export const overlaid = (): boolean =>
  [...document.querySelectorAll('[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]')].some((e) => !e.closest('[data-state="closed"]'));
