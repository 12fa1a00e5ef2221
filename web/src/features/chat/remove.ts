import { t } from '$core/i18n/i18n.svelte';
import { notices } from '$design/notices.svelte';
import { chats } from '$state/chats.svelte';
import { conversations } from '$state/conversations.svelte';
import { router } from '$state/route.svelte';

/** Deletes a conversation, leaving it first when it is the open one: the change feed would take it for somebody else's doing. */
export async function removeConversation(id: string): Promise<void> {
  const open = router.current.page === 'chat' && router.current.id === id;
  if (open) router.go('/', true);
  if (await conversations.remove(id)) {
    chats.forget(id);
    notices.show(t('chat.deleted'));
  } else if (open) router.go('/c/' + id, true);
}
