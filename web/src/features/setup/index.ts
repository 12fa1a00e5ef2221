export { default as Connect } from './Connect.svelte';
