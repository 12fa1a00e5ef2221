export { default as Login } from './Login.svelte';
export { default as NewPassword } from './NewPassword.svelte';
export { default as Setup } from './Setup.svelte';
export { default as SignInAgain } from './SignInAgain.svelte';
