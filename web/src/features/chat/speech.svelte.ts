import { i18n } from '$core/i18n/i18n.svelte';

/** Browsers break off what is long: it is read sentence by sentence. */
const MOST = 220;

/** Some sentences at a time, none longer than `MOST` where there is any place to part it. */
export function phrases(text: string): string[] {
  const result: string[] = [];
  for (const sentence of text.match(/[^.!?。！？\n]+[.!?。！？]*\s*/g) ?? []) {
    let rest = sentence.trim();
    while (rest.length > MOST) {
      const at = Math.max(rest.lastIndexOf(' ', MOST), rest.lastIndexOf('、', MOST), rest.lastIndexOf('，', MOST));
      result.push(rest.slice(0, at > 0 ? at + 1 : MOST).trim());
      rest = rest.slice(at > 0 ? at + 1 : MOST).trim();
    }
    if (/[\p{L}\p{N}]/u.test(rest)) result.push(rest);
  }
  return result;
}

/** The language for the voice: of scripts that say it, else that of the page. */
export const voiceOf = (text: string) => (/[\u3040-\u30ff]/.test(text) ? 'ja' : /[\u4e00-\u9fff]/.test(text) ? 'zh-CN' : i18n.language);

/** Reads one message at a time, by the voice of the browser. */
export class Speech {
  readonly possible = 'speechSynthesis' in window;
  /** The message that is read. */
  message = $state<string | null>(null);

  read(message: string, text: string): void {
    this.stop();
    const parts = phrases(text);
    if (parts.length === 0) return;
    this.message = message;
    const lang = voiceOf(text);
    parts.forEach((part, i) => {
      const said = new SpeechSynthesisUtterance(part);
      said.lang = lang;
      const over = () => this.message === message && (this.message = null);
      if (i === parts.length - 1) said.onend = over;
      said.onerror = over;
      speechSynthesis.speak(said);
    });
  }

  end(): void {
    this.stop();
  }

  stop(): void {
    if (this.possible) speechSynthesis.cancel();
    this.message = null;
  }
}
