export { default as ManualText } from './ManualText.svelte';
