export { default as LimitBar } from './LimitBar.svelte';
