export { default as ShareDialog } from './ShareDialog.svelte';
export { default as VersionsDialog } from './VersionsDialog.svelte';
export { default as UnsavedBar } from './UnsavedBar.svelte';
