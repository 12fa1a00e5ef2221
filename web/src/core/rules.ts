/** The server's rules for names and passwords, told before anything is sent. '' when all is well. */
export function userNameProblem(name: string): string {
  if (!name) return 'Choose a user name.';
  if (name.length > 64) return 'At most 64 characters.';
  return /^[A-Za-z0-9._@-]+$/.test(name) ? '' : 'Only letters, digits and . _ - @';
}

export function passwordProblem(password: string): string {
  const size = new TextEncoder().encode(password).length;
  if (size < 8) return 'At least 8 characters.';
  return size > 1024 ? 'This password is too long.' : '';
}
