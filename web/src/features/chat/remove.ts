import { t } from '$core/i18n/i18n.svelte';
import { notices } from '$design/notices.svelte';
import { chats } from '$state/chats.svelte';
import { conversations } from '$state/conversations.svelte';
import { router } from '$state/route.svelte';

/** Deleted, but still to be brought back: gone for good when the offer lapses, or the page is closed. */
const pending = new Set<string>();

function purge(id: string): void {
  if (pending.delete(id)) conversations.purge(id);
}

window.addEventListener('pagehide', () => pending.forEach(purge));

/** Deletes a conversation, leaving it first when it is the open one: the change feed would take it for somebody else's doing. */
export async function removeConversation(id: string): Promise<void> {
  const open = router.current.page === 'chat' && router.current.id === id;
  if (open) router.go('/', true);
  if (!(await conversations.remove(id))) {
    if (open) router.go('/c/' + id, true);
    return;
  }
  chats.forget(id);
  pending.add(id);
  notices.show(t('chat.deleted'), 'info', {
    label: t('action.undo'),
    run: async () => {
      pending.delete(id);
      if ((await conversations.restore(id)) && open) router.go('/c/' + id);
    },
    lapsed: () => purge(id),
  });
}
