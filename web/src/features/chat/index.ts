export { default as ConversationList } from './ConversationList.svelte';
export { default as ListMenu } from './ListMenu.svelte';
export { organizer } from './organize.svelte';
