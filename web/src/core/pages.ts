/** The items with those of a later page behind them: what was told twice, since the list had changed between two looks, stands once. */
export function withPage<T extends { id: string }>(items: readonly T[], page: readonly T[]): T[];
export function withPage<T>(items: readonly T[], page: readonly T[], idOf: (one: T) => string): T[];
export function withPage<T>(items: readonly T[], page: readonly T[], idOf = (one: T) => (one as { id: string }).id): T[] {
  const known = new Set(items.map(idOf));
  return [...items, ...page.filter((one) => !known.has(idOf(one)))];
}
