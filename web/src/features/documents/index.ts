export { default as ChatFiles } from './ChatFiles.svelte';
export { default as DocumentView } from './DocumentView.svelte';
export { default as PlacePicker } from './PlacePicker.svelte';
