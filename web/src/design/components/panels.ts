/**
 * What opens above the page is half of the weight of its first scripts, and nobody sees it before something is pressed: it
 * is loaded a moment after the page is there (`bring`), or when it is wanted.
 */
export const panels = {
  menu: () => import('./MenuPanel.svelte'),
  popover: () => import('./PopoverPanel.svelte'),
  sheet: () => import('./Sheet.svelte'),
};

export const bring = () => Promise.all(Object.values(panels).map((load) => load()));
