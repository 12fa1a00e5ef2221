/** What every field one types into looks like. */
export const inputLook =
  'w-full min-w-0 rounded-md border border-control bg-bg px-3 text-ink placeholder:text-muted transition focus-visible:outline-offset-0 aria-invalid:border-danger disabled:opacity-60';
