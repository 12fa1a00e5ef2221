const field = (value: string | number) => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A name that somebody chose, as one that spreadsheets do not take for a formula. */
export const plainName = (name: string) => (/^[=+\-@\t\r]/.test(name) ? `'${name}` : name);

/** Rows as RFC 4180 has them. */
export const csvText = (rows: readonly (readonly (string | number)[])[]) => rows.map((row) => row.map(field).join(',') + '\r\n').join('');
