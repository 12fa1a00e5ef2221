export { default as ConversationList } from './ConversationList.svelte';
export { default as ListMenu } from './ListMenu.svelte';
export { Organizer } from './organize.svelte';
