const field = (value: string | number) => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Rows as RFC 4180 has them. */
export const csvText = (rows: readonly (readonly (string | number)[])[]) => rows.map((row) => row.map(field).join(',') + '\r\n').join('');
