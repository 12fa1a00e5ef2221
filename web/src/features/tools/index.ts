export { default as ApprovalCard } from './ApprovalCard.svelte';
export { default as MemoryNote } from './MemoryNote.svelte';
export { default as QuestionForm } from './QuestionForm.svelte';
export { default as ToolFiles } from './ToolFiles.svelte';
export { default as ToolResult } from './ToolResult.svelte';
export { noted, pretty, summary, taskOf } from './results';
export { default as ToolPicker } from './ToolPicker.svelte';
