export { default as ChatFiles } from './ChatFiles.svelte';
export { default as DocumentText } from './DocumentText.svelte';
export { default as PlacePicker } from './PlacePicker.svelte';
