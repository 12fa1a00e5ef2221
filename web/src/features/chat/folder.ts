import { listConversations } from '$core/api/conversations';
import type { Folder } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { notices } from '$design/notices.svelte';
import type { App } from '$state/app.svelte';

/** The chats of a folder, those that were put away among them. */
async function chatsIn(folder_id: string): Promise<string[]> {
  const ids: string[] = [];
  for (const state of [undefined, 'archived'] as const)
    for (let cursor: string | null = null; ; ) {
      const page: Awaited<ReturnType<typeof listConversations>> = await listConversations({ folder_id, state }, cursor, undefined, 200);
      ids.push(...page.items.map((c) => c.id));
      cursor = page.next ?? null;
      if (!cursor) break;
    }
  return ids;
}

/** Deletes a folder; its chats stay, and go back into it when that is undone. */
export async function removeFolder({ conversations, folders }: App, folder: Folder): Promise<void> {
  const undo = async (ids: string[]) => {
    const again = await folders.create(folder.name);
    if (folder.instructions) await folders.change(again.id, { instructions: folder.instructions });
    for (let i = 0; i < ids.length; i += 500) await conversations.changeMany({ ids: ids.slice(i, i + 500), action: 'move', folder_id: again.id });
    await folders.load();
  };
  try {
    const ids = await chatsIn(folder.id);
    await folders.remove(folder.id);
    if (conversations.view.folder_id === folder.id) conversations.show({});
    notices.show(t('done.folderDeleted'), 'info', { label: t('action.undo'), run: () => void undo(ids).catch((e) => notices.error(e)) });
  } catch (e) {
    notices.error(e);
  }
}
