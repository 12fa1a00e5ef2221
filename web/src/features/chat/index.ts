export { default as ConversationList } from './ConversationList.svelte';
