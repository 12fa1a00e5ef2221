export interface DiffLine {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

/** The lines of one text that became another: what went before what came, as few of both as can be. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split('\n');
  const b = after.split('\n');
  // How many lines both have in common from there on.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let k = b.length - 1; k >= 0; k--)
      common[i]![k] = a[i] === b[k] ? common[i + 1]![k + 1]! + 1 : Math.max(common[i + 1]![k]!, common[i]![k + 1]!);
  const result: DiffLine[] = [];
  for (let i = 0, k = 0; i < a.length || k < b.length; ) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      result.push({ kind: 'same', text: a[i]! });
      i++;
      k++;
    } else if (k >= b.length || (i < a.length && common[i + 1]![k]! >= common[i]![k + 1]!)) result.push({ kind: 'gone', text: a[i++]! });
    else result.push({ kind: 'new', text: b[k++]! });
  }
  return result;
}
