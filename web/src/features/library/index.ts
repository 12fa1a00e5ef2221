export { default as ShareDialog } from './ShareDialog.svelte';
export { default as VersionsDialog } from './VersionsDialog.svelte';
