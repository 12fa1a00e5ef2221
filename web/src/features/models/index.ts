export { default as JobRow } from './JobRow.svelte';
export { Jobs } from './jobs.svelte';
