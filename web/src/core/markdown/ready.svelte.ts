import { loadHighlighter, highlighterReady } from './highlight';

/** Tells the page when the highlighter has come in. */
class Highlighter {
  ready = $state(highlighterReady());

  load(): void {
    if (!this.ready) void loadHighlighter().then(() => (this.ready = highlighterReady()));
  }
}

export const highlighter = new Highlighter();
