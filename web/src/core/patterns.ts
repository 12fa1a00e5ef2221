/** Whether a pattern of the server's fits an id: * stands for any characters, ? for one. */
export const fits = (pattern: string, id: string): boolean =>
  new RegExp('^' + pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.') + '$', 'su').test(id);
