import { copyText } from '$core/clipboard';
import type { Key } from '$core/i18n/i18n.svelte';

/** One listener for the buttons inside rendered text, which is no component: copying a code block, wrapping its lines. */
export const codeButtons = (t: (key: Key) => string) => (node: HTMLElement) => {
  const click = async (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLButtonElement>('button[data-code]');
    const box = button?.closest('.md-code');
    if (!button || !box) return;
    if (button.dataset.code === 'wrap') {
      button.ariaPressed = String(box.classList.toggle('md-wrap'));
      return;
    }
    const copied = await copyText(box.querySelector('code')?.textContent ?? '');
    button.textContent = t(copied ? 'toast.copied' : 'toast.copyDenied');
    setTimeout(() => (button.textContent = t('action.copy')), 1600);
  };
  node.addEventListener('click', click);
  return () => node.removeEventListener('click', click);
};
