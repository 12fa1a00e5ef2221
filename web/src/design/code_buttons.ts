import { copyText } from '$core/clipboard';
import type { Key } from '$core/i18n/i18n.svelte';
import { pictureOf } from '$core/markdown/diagrams';
import { save } from '$core/save';
import { csvOf, markdownOf } from '$core/markdown/tables';

/** What a file with code is called behind its dot, where it is not the language's own name. */
const ENDS: Record<string, string> = {
  bash: 'sh', shell: 'sh', zsh: 'sh', console: 'txt', csharp: 'cs', javascript: 'js', kotlin: 'kt', latex: 'tex', makefile: 'mk',
  markdown: 'md', matlab: 'm', perl: 'pl', powershell: 'ps1', python: 'py', ruby: 'rb', rust: 'rs', typescript: 'ts', haskell: 'hs',
};

const fileOf = (lang: string) => `code.${ENDS[lang] ?? (/^[a-z0-9]{1,8}$/.test(lang) ? lang : 'txt')}`;

/** One listener for the buttons inside rendered text, which is no component. */
export const codeButtons = (t: (key: Key) => string) => (node: HTMLElement) => {
  const copy = async (button: HTMLElement, text: string) => {
    const label = button.textContent;
    button.textContent = t((await copyText(text)) ? 'toast.copied' : 'toast.copyDenied');
    setTimeout(() => (button.textContent = label), 1600);
  };
  const click = (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLButtonElement>('button[data-code]');
    const box = button?.closest('.md-code, .md-tablebox');
    if (!button || !box) return;
    const code = box.querySelector<HTMLElement>('code');
    const table = box.querySelector('table');
    const what = button.dataset.code;
    if (what === 'wrap') button.ariaPressed = String(box.classList.toggle('md-wrap'));
    else if (what === 'source') button.ariaPressed = String(box.classList.toggle('md-open'));
    else if (what === 'save') save(code?.textContent ?? '', fileOf((code?.dataset.lang ?? '').toLowerCase()));
    else if (what === 'svg') save(pictureOf(box) ?? '', 'diagram.svg', 'image/svg+xml');
    else if (what === 'copy') void copy(button, code?.textContent ?? '');
    else if (what === 'csv' && table) void copy(button, csvOf(table));
    else if (what === 'markdown' && table) void copy(button, markdownOf(table));
  };
  node.addEventListener('click', click);
  return () => node.removeEventListener('click', click);
};

/** From a footnote's mark to its text, and back to the first mark. */
export const noteLinks = (node: HTMLElement) => {
  const click = (event: MouseEvent) => {
    const { ref, back } = (event.target as Element).closest<HTMLElement>('[data-ref], [data-back]')?.dataset ?? {};
    const wanted = ref ?? back;
    if (wanted === undefined) return;
    const places = node.querySelectorAll<HTMLElement>(ref === undefined ? '[data-ref]' : '.md-note');
    const place = [...places].find((p) => (p.dataset.ref ?? p.dataset.note) === wanted);
    place?.scrollIntoView({ block: 'nearest' });
    place?.focus({ preventScroll: true });
  };
  node.addEventListener('click', click);
  return () => node.removeEventListener('click', click);
};
