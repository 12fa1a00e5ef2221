import { readDraft, writeDraft } from '$state/storage';

/** Takes the frame of index.html away; what was written there before the program ran is the draft of a new chat. */
export function takeFrame(user: string): void {
  const frame = document.getElementById('frame');
  const text = frame?.querySelector('textarea')?.value.trim();
  const { frame: kind } = document.documentElement.dataset;
  if (text && kind === 'new') writeDraft(user, null, [readDraft(user, null), text].filter(Boolean).join('\n'));
  frame?.remove();
}
