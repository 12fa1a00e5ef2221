export { default as JobRow } from './JobRow.svelte';
export { jobs } from './jobs.svelte';
