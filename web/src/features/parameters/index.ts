export { ParameterForm } from './form.svelte';
export { default as ParameterFields } from './ParameterFields.svelte';
export { default as PatternField } from './PatternField.svelte';
