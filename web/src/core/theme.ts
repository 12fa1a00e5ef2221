/** Calls `again` when the page gets other colours: a picture keeps those that it was drawn with. The answer ends it. */
export function onTheme(again: () => void): () => void {
  const watch = new MutationObserver(again);
  watch.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => watch.disconnect();
}
