import { highlighterReady, loadHighlighter, onLanguage } from './highlight';

/** Tells the page when the highlighter or one of its languages has come in. */
class Highlighter {
  /** Counts what has come in; 0: not the highlighter itself. */
  version = $state(highlighterReady() ? 1 : 0);

  constructor() {
    onLanguage(() => this.version++);
  }

  load(): void {
    if (!this.version) void loadHighlighter().then(() => (this.version = highlighterReady() ? 1 : 0));
  }
}

export const highlighter = new Highlighter();
